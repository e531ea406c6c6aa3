"""What messages a model takes: how long, which ids, and padded with what."""

from torch import nn

from course_utils.text.batches import Examples

POSITIONS = "position_embeddings", "wpe", "embed_positions"  # tables of positions


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside `DataParallel`, which hides its config."""
    return model.module if isinstance(model, nn.DataParallel) else model


def check(model: nn.Module, examples: Examples) -> None:
    """Raise ValueError for a message that the model does not take, and say which."""
    model = unwrapped(model)
    limit = longest(model)
    if limit is not None and examples.longest > limit:
        number = max(range(len(examples)), key=lambda i: len(examples.token_ids[i]))
        raise ValueError(
            f"message {number} has {examples.longest} tokens and the model takes "
            f"{limit}: cut it with batches.encode(..., max_length={limit})"
        )
    size = vocab_size(model)
    highest = max((max(ids) for ids in examples.token_ids), default=0)
    if size is not None and highest >= size:
        number = next(i for i, ids in enumerate(examples.token_ids) if highest in ids)
        raise ValueError(
            f"message {number} holds the id {highest} and the model knows ids below "
            f"{size}: encode it with the model's own vocabulary or tokenizer"
        )
    config = getattr(model, "config", None)
    if getattr(config, "pad_token_id", 0) is None and _is_causal(model):
        raise ValueError(
            "the model reads a message by its last token and does not know its "
            "padding: set model.config.pad_token_id (to tokenizer.pad_token_id, say)"
        )


def longest(model: nn.Module) -> int | None:
    """How many tokens fit: of the table of positions, wherever in the model it is.

    RoBERTa's positions begin behind its padding id. None where there is no limit.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and name.split(".")[-1] in POSITIONS:
            unused = 0 if module.padding_idx is None else module.padding_idx + 1
            unused = max(unused, getattr(module, "offset", 0))
            return module.num_embeddings - unused
    return getattr(getattr(model, "config", None), "max_position_embeddings", None)


def vocab_size(model: nn.Module) -> int | None:
    """How many ids the model's table of tokens knows; None where it is not found."""
    table = getattr(model, "embedding", None)
    if not isinstance(table, nn.Embedding) and hasattr(model, "get_input_embeddings"):
        table = model.get_input_embeddings()  # type: ignore[operator]
    if not isinstance(table, nn.Embedding):  # one inside a model of one's own
        tables = (m for n, m in model.named_modules() if n.endswith("word_embeddings"))
        table = next(tables, None)
    return table.num_embeddings if isinstance(table, nn.Embedding) else None


def _is_causal(model: nn.Module) -> bool:
    """Does it classify by the last token, as decoders of `transformers` do?"""
    return hasattr(model, "score") and not hasattr(model, "classifier")
