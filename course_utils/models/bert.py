"""A pretrained BERT: the packaged one, one in a folder, or one of the model hub."""

from pathlib import Path
from typing import Any

from course_utils.models import pretrained
from course_utils.runtime import arguments, files, memory


def load_bert(
    name: str | Path | None = None,
    *,
    num_labels: int | None = None,
    attention: str = "sdpa",
):
    """A pretrained BERT in evaluation mode, and its tokenizer: (model, tokenizer).

    name: None for the packaged model (checked, no network), a folder, or a name on the
        Hugging Face hub, which needs the network once.
    num_labels: classes of a fresh classification head, drawn from torch's generator;
        None for the body alone.
    attention: "sdpa" (fused, fast) or "eager", which has a second derivative and can
        return its weights.

    Only safetensors are read and no code from the hub is run. Errors: ValueError for
    another `attention`, a stored head of another number of classes, or files that are
    cut short or altered; FileNotFoundError for a folder that holds no model or no
    tokenizer; ConnectionError for a hub name without a network.
    """
    from transformers import (
        AutoModel,
        AutoModelForSequenceClassification,
        AutoTokenizer,
    )

    pretrained.check_attention(attention)
    if num_labels is not None:
        num_labels = arguments.whole(num_labels, "num_labels", least=2)
    place = files.model_dir() if name is None else pretrained.find(name, "load_bert")
    memory.release()  # a model that was just deleted makes room for this one
    options = {"attn_implementation": attention, "use_safetensors": True}
    kind: Any = AutoModel
    if num_labels is not None:
        kind = AutoModelForSequenceClassification
        options["num_labels"] = num_labels
    with pretrained.quiet():
        try:
            model, report = kind.from_pretrained(
                place, **options, output_loading_info=True
            )
            _check_complete(model, report["missing_keys"])
            tokenizer = AutoTokenizer.from_pretrained(place)
        except Exception as error:
            _check_classes(place, num_labels)
            raise ValueError(
                f"the model {name!s} cannot be read ({str(error).splitlines()[0]}): "
                "its files are cut short, altered, or not safetensors"
            ) from error
    return model.eval(), tokenizer


def save_bert(model, tokenizer, folder: str | Path) -> None:
    """Store both in a folder that `load_bert` reads; weights as safetensors."""
    folder = Path(folder).expanduser()
    with pretrained.quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _check_classes(place: str | Path, num_labels: int | None) -> None:
    """Say so where the stored head is for another number of classes."""
    from transformers import AutoConfig

    try:
        stored = AutoConfig.from_pretrained(place).num_labels
    except Exception:  # it cannot be read for another reason
        return
    if num_labels not in (None, stored):
        raise ValueError(
            f"the classifier stored in {place} has {stored} classes, not {num_labels}: "
            f"give num_labels={stored}, or store the body alone (model.base_model)"
        )


def _check_complete(model, missing: set[str]) -> None:
    """Only the head and the pooler may be fresh; transformers draws what is missing."""
    body = "" if model.base_model is model else f"{model.base_model_prefix}."
    lacking = [name for name in missing if name.startswith(body)]
    lacking = sorted(name for name in lacking if "pooler." not in name)
    if lacking:
        raise ValueError(f"{len(lacking)} weights are missing, as {lacking[0]}")
