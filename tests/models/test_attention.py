"""Attention: by hand, against PyTorch's, and a whole encoder against the real BERT."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from course_utils import models, text
from course_utils.models.attention import (
    Encoder,
    EncoderBlock,
    MultiHeadAttention,
    causal_mask,
    scaled_dot_product_attention,
)

SIZES = st.sampled_from([1, 2, 3, 5, 7])


def random(*shape, seed=0, dtype=torch.float64):
    values = np.random.default_rng(seed).standard_normal(shape)
    return torch.tensor(values, dtype=dtype)


def random_mask(*shape, seed=0):
    return random(*shape, seed=seed) > 0


def inputs(*lead, t=3, s=5, k=7, d=2):
    """Query, key and value; each axis has a length of its own."""
    return (
        random(*lead, t, k, seed=1),
        random(*lead, s, k, seed=2),
        random(*lead, s, d, seed=3),
    )


# Scaled dot-product attention


def test_value_by_hand():
    query, key = torch.tensor([[2.0, 0, 0, 0]]), torch.eye(4)[:3] * math.log(3)
    value = torch.tensor([[1.0, 0.0], [0.0, 5.0], [10.0, 0.0]])
    # scores log 3, 0, 0; their exponentials 3, 1, 1
    output, weights = scaled_dot_product_attention(query, key, value)
    assert torch.allclose(weights, torch.tensor([[0.6, 0.2, 0.2]]))
    assert torch.allclose(output, torch.tensor([[2.6, 1.0]]))
    mask = torch.tensor([True, True, False])
    output, weights = scaled_dot_product_attention(query, key, value, mask)
    assert torch.allclose(weights, torch.tensor([[0.75, 0.25, 0.0]]))
    assert torch.allclose(output, torch.tensor([[0.75, 1.25]]))


@settings(deadline=None, max_examples=60)
@given(
    lead=st.lists(SIZES, max_size=2).map(tuple),
    sizes=st.fixed_dictionaries({name: SIZES for name in "tskd"}),
    axes=st.sampled_from(["none", "all", "tokens", "lead", "keys"]),
)
def test_equals_that_of_pytorch(lead, sizes, axes):
    query, key, value = inputs(*lead, **sizes)
    shape = (*lead, sizes["t"], sizes["s"])
    mask = {
        "none": None,
        "all": random_mask(*shape),  # rows of False alone occur as well
        "tokens": random_mask(*shape[-2:]),
        "lead": random_mask(*lead, 1, sizes["s"]),
        "keys": random_mask(sizes["s"]),
    }[axes]
    output, weights = scaled_dot_product_attention(query, key, value, mask)
    theirs = F.scaled_dot_product_attention(
        query, key, value, None if mask is None else mask.expand(shape)
    )
    assert torch.allclose(output, theirs, atol=1e-12)
    assert weights.shape == shape
    assert torch.allclose(output, weights @ value)


def test_equals_that_of_pytorch_where_value_and_key_are_shared_by_heads():
    query, (_, key, value) = random(2, 5, 3, 7), inputs(2, 1, s=11)
    mask = random_mask(2, 1, 3, 11)
    output, weights = scaled_dot_product_attention(query, key, value, mask)
    theirs = F.scaled_dot_product_attention(
        query, key.expand(2, 5, 11, 7), value.expand(2, 5, 11, 2), mask
    )
    assert torch.allclose(output, theirs)
    assert weights.shape == (2, 5, 3, 11)


def test_causal_mask_is_that_of_pytorch():
    query, key, value = inputs(2, t=5, s=5)
    output, weights = scaled_dot_product_attention(query, key, value, causal_mask(5))
    theirs = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    assert torch.allclose(output, theirs)
    assert torch.equal(weights, weights.tril())
    assert causal_mask(3).tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


def test_row_that_may_attend_to_nothing_gives_zeros():
    query, key, value = inputs(2)
    mask = random_mask(2, 3, 5)
    mask[1, 2] = False
    output, weights = scaled_dot_product_attention(query, key, value, mask)
    assert not output[1, 2].any()
    assert not weights[1, 2].any()
    assert torch.allclose(weights.sum(dim=-1), mask.any(dim=-1).double())


def test_masked_tokens_never_matter():
    query, key, value = inputs(2)
    mask = random_mask(2, 1, 5)
    before = scaled_dot_product_attention(query, key, value, mask)
    hidden = ~mask.mT.expand(2, 5, 1)
    changed = key.masked_fill(hidden, 1e6), value.masked_fill(hidden, -1e9)
    after = scaled_dot_product_attention(query, *changed, mask)
    assert all(map(torch.equal, before, after))
    assert not mask.all()
    assert before[0].any()  # and the others do


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"query": (3, 5)}, ValueError, "need one width"),
        ({"value": (3, 2)}, ValueError, "one number of tokens"),
        ({"mask": (5, 3)}, ValueError, r"mask has shape \(5, 3\): .*\(3, 5\)"),
        ({"mask": (2, 3, 5)}, ValueError, r"mask has shape \(2, 3, 5\)"),
        ({"query": (1, 7), "mask": (3, 5)}, ValueError, r"scores have \(1, 5\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(change, error, words):
    shapes = {"query": (3, 7), "key": (5, 7), "value": (5, 2), "mask": (3, 5)} | change
    mask = random_mask(*shapes.pop("mask"))
    with pytest.raises(error, match=words):
        scaled_dot_product_attention(
            *(random(*shape) for shape in shapes.values()), mask
        )


@pytest.mark.parametrize("dtype", [torch.long, torch.float32])
def test_mask_of_numbers_is_refused(dtype):
    with pytest.raises(TypeError, match=r"give booleans.*\.bool\(\)"):
        scaled_dot_product_attention(*inputs(), torch.ones(3, 5, dtype=dtype))


# Several heads, and the block


def pytorch_twin(ours, embedding_dim, num_heads):
    theirs = nn.MultiheadAttention(embedding_dim, num_heads, batch_first=True)
    parts = ours.query, ours.key, ours.value
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
        theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    return theirs


@pytest.mark.parametrize("kind", ["none", "tokens", "each query"])
def test_heads_equal_those_of_pytorch(kind):
    torch.manual_seed(0)
    B, T, D, H = 2, 7, 15, 5
    ours, x = MultiHeadAttention(D, H), random(B, T, D, dtype=torch.float32)
    tokens, each_query = random_mask(B, T), random_mask(B, T, T)
    tokens[:, 0] = each_query[..., 0] = True
    mask, inverted = {
        "none": (None, {}),
        "tokens": (tokens, {"key_padding_mask": ~tokens}),
        "each query": (each_query, {"attn_mask": ~each_query.repeat_interleave(H, 0)}),
    }[kind]
    output, weights = ours(x, mask)
    wanted, wanted_weights = pytorch_twin(ours, D, H)(
        x, x, x, average_attn_weights=False, **inverted
    )
    assert torch.allclose(output, wanted, atol=1e-6)
    assert torch.allclose(weights, wanted_weights, atol=1e-6)
    assert weights.shape == (B, H, T, T)


def test_block_is_that_of_pytorch():
    torch.manual_seed(0)
    B, T, D, H, hidden = 2, 7, 15, 5, 11
    ours, x = EncoderBlock(D, H, hidden), random(B, T, D, dtype=torch.float32)
    with torch.no_grad():
        for norm in (ours.attention_norm, ours.norm):  # the two must not be swapped
            norm.weight.normal_()
            norm.bias.normal_()
    theirs = nn.TransformerEncoderLayer(
        D, H, hidden, activation="gelu", layer_norm_eps=1e-12, batch_first=True
    ).eval()
    theirs.self_attn = pytorch_twin(ours.attention, D, H).eval()
    pairs = {"linear1": "expand", "linear2": "contract"}
    for name, own in (pairs | {"norm1": "attention_norm", "norm2": "norm"}).items():
        getattr(theirs, name).load_state_dict(getattr(ours, own).state_dict())
    mask = torch.arange(T) < torch.tensor([[3], [T]])
    output, _ = ours(x, mask)
    wanted = theirs(x, src_key_padding_mask=~mask)
    assert torch.allclose(output[mask], wanted[mask], atol=1e-5)


@pytest.mark.parametrize("num_heads", [0, -1, 2, 4, 21])
def test_number_of_heads_must_divide(num_heads):
    with pytest.raises(ValueError, match="give a divisor of embedding_dim, 15"):
        MultiHeadAttention(15, num_heads)


def test_mask_of_another_batch_is_refused():
    attention, x = MultiHeadAttention(6, 3), torch.ones(1, 5, 6)
    with pytest.raises(ValueError, match="mask has shape"):
        attention(x, causal_mask(5))  # (T, T) is no (B, T)


# The whole encoder


def test_encoder_equals_the_real_bert():
    bert, tokenizer = models.load_bert(attention="eager")
    texts = list(text.load_sms().validation.texts[:12])
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    mask = batch["attention_mask"].bool()
    assert len(set(mask.sum(dim=1).tolist())) > 5  # of many lengths
    before = {name: value.clone() for name, value in bert.state_dict().items()}
    encoder = Encoder.from_bert(bert)
    with torch.no_grad():
        theirs = bert(**batch, output_hidden_states=True, output_attentions=True)
        hidden_states, attention_weights = encoder(batch["input_ids"], mask)
        encoder.tokens.weight.zero_()
    assert len(hidden_states) == len(theirs.hidden_states) == 7
    for ours, wanted in zip(hidden_states, theirs.hidden_states, strict=True):
        assert (ours - wanted)[mask].abs().max() < 1e-5
    for ours, wanted in zip(attention_weights, theirs.attentions, strict=True):
        rows = mask[:, None, :, None].expand_as(ours)
        assert (ours - wanted)[rows].abs().max() < 1e-5
    for name, value in bert.state_dict().items():
        assert torch.equal(value, before[name])  # the weights were copied
