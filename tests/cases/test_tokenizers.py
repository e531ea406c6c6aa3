import tempfile

import pytest
import transformers as tf
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers import models as kinds

from course_utils import models, text
from course_utils.text import batches

MESSAGES = text.Messages((1, 2), ("free now", "now"), (1, 0))


def small():
    t = Tokenizer(
        kinds.WordLevel(
            {w: i for i, w in enumerate(["[PAD]", "[UNK]", "free", "now"])},
            unk_token="[UNK]",
        )
    )
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=t, unk_token="[UNK]", pad_token="[PAD]"
    )


def test_tokenizer_that_names_no_limit():  # OverflowError: int too big to convert
    assert batches.encode(small(), MESSAGES).token_ids == ((2, 3), (3,))


# silently a tokenizer of five words: all [UNK]
def test_folder_without_a_tokenizer_is_refused():
    m = tf.BertForSequenceClassification(
        tf.BertConfig(
            vocab_size=60,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
        )
    )
    with tempfile.TemporaryDirectory() as f:
        m.save_pretrained(f)
        with pytest.raises((ValueError, FileNotFoundError), match="(?i)tokenizer"):
            models.load_bert(f, num_labels=2)


# "cannot be read ... cut short, altered, or not safetensors"
def test_other_number_of_classes_is_named():
    m = tf.BertForSequenceClassification(
        tf.BertConfig(
            vocab_size=60,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            num_labels=3,
        )
    )
    with tempfile.TemporaryDirectory() as f:
        models.save_bert(m, small(), f)
        try:
            models.load_bert(f, num_labels=2)  # a fresh head would do as well
        except ValueError as error:
            assert "3" in str(error), str(error)
            assert "cut short" not in str(error), str(error)


def test_text_with_half_an_emoji():  # lone surrogates, from a broken JSON export
    _, tok = models.load_bert()
    try:
        batches.encode(tok, text.Messages((7,), ("hi \ud83d there",), (0,)))
    except (TypeError, ValueError) as error:
        assert "message 0" in str(error), str(error)
