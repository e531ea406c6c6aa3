"""From a message to ids: load it, clean it, tokenize it, number its tokens.

`text.batches`, which makes tensors of them, loads PyTorch: import it by itself.
"""

from course_utils.text.facts import Fact, load_facts
from course_utils.text.messages import (
    Messages,
    Splits,
    load_sms,
    mask_numbers,
    showable_ids,
    template,
)
from course_utils.text.vocabulary import Vocabulary, bag_of_words, pad_batch
from course_utils.text.words import (
    PLACEHOLDERS,
    clean,
    remove_stop_words,
    stem,
    stop_words,
    tag,
    tokenize,
)

__all__ = [
    "PLACEHOLDERS",
    "Fact",
    "Messages",
    "Splits",
    "Vocabulary",
    "bag_of_words",
    "clean",
    "load_facts",
    "load_sms",
    "mask_numbers",
    "pad_batch",
    "remove_stop_words",
    "showable_ids",
    "stem",
    "stop_words",
    "tag",
    "template",
    "tokenize",
]
