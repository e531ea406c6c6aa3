"""A language model that writes: the packaged one, one in a folder or of the hub."""

import copy
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.models import packed, pretrained
from course_utils.runtime import arguments, files, memory
from course_utils.text import batches


def load_writer(
    name: str | Path | None = None,
    *,
    trainable_layers: int | None = 6,
    attention: str = "sdpa",
):
    """A causal language model in evaluation mode, and its tokenizer.

    name: None for the packaged model (checked, no network), a folder, or a name on the
        Hugging Face hub, which needs the network once.
    trainable_layers: only the weights of so many of the last layers can be trained;
        None for all weights.
    attention: "sdpa" (fused, fast) or "eager", which has a second derivative and can
        return its weights.

    The tokenizer pads on the left. Only GGUF and safetensors are read and no code from
    the hub is run. Errors: ValueError for another `attention`, more trainable layers
    than the model has, or files that are cut short or altered; FileNotFoundError where
    the package is not installed, or for a folder that holds no model or no tokenizer;
    ConnectionError for a hub name without a network.
    """
    pretrained.check_attention(attention)
    if trainable_layers is not None:
        arguments.whole(trainable_layers, "trainable_layers", least=0)
    place = (
        files.writer_file() if name is None else pretrained.find(name, "load_writer")
    )
    memory.release()  # a model that was just deleted makes room for this one
    with pretrained.quiet():
        try:
            read: Any = packed.read if name is None else _read
            model, tokenizer = read(place, attention=attention)
        except Exception as error:
            raise ValueError(
                f"the model {name!s} cannot be read ({str(error).splitlines()[0]}): "
                "its files are cut short, altered, or of another kind"
            ) from error
    if trainable_layers is not None:
        _freeze_all_but(model, trainable_layers)
    return model.eval(), tokenizer


def _read(place: str | Path, *, attention: str):
    """A model of a folder or of the hub, and its tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(place, padding_side="left")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    kind: Any = AutoModelForCausalLM
    model, report = kind.from_pretrained(
        place,
        attn_implementation=attention,
        use_safetensors=True,
        dtype=torch.float32,
        output_loading_info=True,
    )
    if report["missing_keys"]:
        raise ValueError(f"no weights for {sorted(report['missing_keys'])[0]}")
    return model, tokenizer


def _freeze_all_but(model: nn.Module, count: int) -> None:
    """Leave only the last layers trainable."""
    lists = [each for each in model.modules() if isinstance(each, nn.ModuleList)]
    layers = max(lists, key=len)
    if count > len(layers):
        raise ValueError(
            f"trainable_layers is {count}: the model has {len(layers)} layers"
        )
    model.requires_grad_(False)
    for layer in layers[len(layers) - count :]:
        layer.requires_grad_(True)


def sentence_losses(model: nn.Module, batch: batches.Sentences) -> Tensor:
    """(B,): for each sentence the mean cross-entropy of the tokens it is asked for.

    Logits, (B, T, V) with a V of tens of thousands, are made only where they are asked
    for. Of one sentence without a prompt it is what transformers calls `loss`.
    """
    is_asked = batch.targets != batches.NOT_ASKED  # (B, T)
    first = int(is_asked.any(dim=0).nonzero()[0])  # of the asked places, the leftmost
    logits = _logits(model, batch, keep=batch.targets.shape[1] - first + 1)
    targets = batch.targets[:, first:]  # (B, T'): each place says the next token
    # As (B·T', V): over another dimension than the last, PyTorch adds up 49,152 numbers
    # so carelessly that the loss is wrong in its fourth digit.
    losses = F.cross_entropy(
        logits[:, :-1].flatten(0, 1),
        targets.flatten(),
        reduction="none",
        ignore_index=batches.NOT_ASKED,
    ).view_as(targets)
    return losses.sum(dim=1) / is_asked.sum(dim=1)


def next_logits(model: nn.Module, batch: batches.Sentences, *, after=None) -> Tensor:
    """(B, V): the logits of the token that would follow each sentence.

    after: what `remember` kept of a text that stands before every sentence.
    """
    if after is None:
        return _logits(model, batch, keep=1)[:, -1]
    after = copy.deepcopy(after)  # a model adds to what it is given
    length, num_rows = after.get_seq_length(), len(batch.token_ids)
    after.batch_repeat_interleave(num_rows)
    read = torch.ones_like(batch.attention_mask[:, :1]).expand(-1, length)
    mask = torch.cat([read, batch.attention_mask], dim=1)  # (B, length + T)
    return _logits(model, batch, keep=1, mask=mask, past_key_values=after)[:, -1]


def remember(model: nn.Module, tokenizer, text: str):
    """The keys and values of a text, computed once, for sentences that come after it.

    They belong to these weights: after a step the text must be read again.
    """
    batch = tokenizer(text, return_tensors="pt").to(next(model.parameters()).device)
    with torch.no_grad():
        return model(**batch, use_cache=True, logits_to_keep=1).past_key_values


def _logits(model, batch, *, keep: int, mask=None, **options) -> Tensor:
    """(B, keep, V), for the last places; padding has no place of its own."""
    mask = batch.attention_mask if mask is None else mask
    places = (mask.cumsum(dim=1) - 1).clamp(min=0)  # (B, length + T)
    return model(
        input_ids=batch.token_ids,
        attention_mask=mask,
        position_ids=places[:, -batch.token_ids.shape[1] :],
        logits_to_keep=keep,
        **options,
    ).logits


def write(
    model, tokenizer, prompts: Sequence[str], *, num_tokens: int = 12
) -> list[str]:
    """What the model writes after each prompt: the likeliest token, again and again.

    All prompts go in one batch. A text ends earlier where the model ends it.
    Errors: TypeError where prompts is no list of str.
    """
    prompts = arguments.list_of(prompts, "prompts", str)
    arguments.whole(num_tokens, "num_tokens", least=1)
    batch = tokenizer(list(prompts), return_tensors="pt", padding=True)
    batch = batch.to(next(model.parameters()).device)
    with torch.no_grad(), pretrained.quiet():
        token_ids = model.generate(
            **batch,
            max_new_tokens=num_tokens,
            do_sample=False,
            pad_token_id=tokenizer.pad_token_id,
        )  # (B, T + num_tokens)
    written = token_ids[:, batch["input_ids"].shape[1] :]
    return tokenizer.batch_decode(written, skip_special_tokens=True)


def add_lora(model: Any, *, rank: int = 8, scale: int = 16):
    """The model with LoRA at the queries and values of every layer, by `peft`.

    Each of these weights W (out, in) becomes W + scale/rank·B·A, with B (out, rank)
    from zero and A (rank, in) from torch's generator; only A and B can be trained.
    `.unload()` of the result gives the model back as it was.
    Source: E. J. Hu and others, "LoRA", 2022.
    """
    from peft import LoraConfig, get_peft_model
    from peft.tuners.tuners_utils import BaseTunerLayer

    for parent in list(model.modules()):  # an earlier LoRA makes room
        for name, child in list(parent.named_children()):
            if isinstance(child, BaseTunerLayer):
                setattr(parent, name, child.get_base_layer())
    vars(model).pop("peft_config", None)
    config = LoraConfig(
        r=arguments.whole(rank, "rank", least=1),
        lora_alpha=scale,
        target_modules=["q_proj", "v_proj"],
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():  # peft asks transformers by an old name
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, config)
