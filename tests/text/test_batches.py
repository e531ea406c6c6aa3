"""The batches of an epoch: every message once, like lengths together, reproducible."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils import models, text
from course_utils.text import batches
from course_utils.text.batches import Examples


def examples_of(num=331, seed=0):
    """As many messages of 1 to 59 tokens."""
    lengths = np.random.default_rng(seed).integers(1, 60, num).tolist()
    return Examples([[7] * length for length in lengths], [i % 3 for i in range(num)])


def padded(examples, epoch):
    """How many tokens an epoch takes, with padding."""
    lengths = [[len(examples.token_ids[i]) for i in batch] for batch in epoch]
    return sum(len(batch) * max(batch) for batch in lengths)


# Examples


def test_examples_are_plain_and_take_keeps_order():
    examples = Examples([[5, 3], np.array([2])], np.array([1, 0]))
    assert examples == Examples(((5, 3), (2,)), torch.tensor([1, 0]))
    assert examples.take([1, 0, 1]).token_ids == ((2,), (5, 3), (2,))
    assert examples.take([1, 0, 1]).labels == (0, 1, 0)
    assert (len(examples), examples.longest) == (2, 2)
    assert (len(examples.take([])), examples.take([]).longest) == (0, 0)


def test_batch_is_padded_on_the_right():
    token_ids, attention_mask, labels = Examples([[5], [3, 2, 9]], [2, 0]).batch()
    assert token_ids.tolist() == [[5, 0, 0], [3, 2, 9]]
    assert attention_mask.tolist() == [[True, False, False], [True, True, True]]
    assert labels.tolist() == [2, 0]
    assert token_ids.dtype == labels.dtype == torch.long


@pytest.mark.parametrize(
    ("token_ids", "labels", "words"),
    [
        ([[1], [2]], [0], "labels holds 1 for 2 messages"),
        ([[1]], [0, 1], "labels holds 2 for 1 messages"),
        ([[1], [], []], [0, 1, 0], "message 1 has no tokens"),
        *(
            ([[1]], [label], "labels holds .*: give whole numbers from 0")
            for label in (-1, 0.5, "spam", "1", None, math.nan, math.inf)
        ),
    ],
)
def test_bad_examples_are_named(token_ids, labels, words):
    with pytest.raises(ValueError, match=words):
        Examples(token_ids, labels)


# The batches


@settings(deadline=None, max_examples=40)
@given(
    num=st.integers(0, 120),
    batch_size=st.integers(1, 17),
    seed=st.integers(0, 2**40),
    epoch=st.integers(0, 9),
)
def test_every_position_once_and_all_batches_full_but_one(num, batch_size, seed, epoch):
    examples = examples_of(num)
    epochs = batches.shuffled(examples, batch_size, seed=seed, epoch=epoch)
    for each in (epochs, batches.in_order(examples, batch_size)):
        assert sorted(position for batch in each for position in batch) == [*range(num)]
        sizes = sorted(map(len, each), reverse=True)
        assert len(sizes) == math.ceil(num / batch_size)
        assert all(size == batch_size for size in sizes[:-1])
    assert epochs == batches.shuffled(examples, batch_size, seed=seed, epoch=epoch)


def test_each_seed_and_epoch_has_an_order_of_its_own():
    examples = examples_of()
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    orders = {
        str(batches.shuffled(examples, 8, seed=seed, epoch=epoch))
        for seed in range(3)
        for epoch in range(5)
    }
    assert len(orders) == 15
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_little_padding_and_no_order_of_lengths_over_the_epoch():
    examples, batch_size = examples_of(1024), 32
    least = sum(map(len, examples.token_ids))
    order = np.random.default_rng(0).permutation(len(examples)).reshape(-1, batch_size)
    by_chance = padded(examples, order) - least
    rises = []
    for epoch in range(5):
        ours = batches.shuffled(examples, batch_size, seed=0, epoch=epoch)
        assert padded(examples, ours) - least < by_chance / 5
        longest = [max(len(examples.token_ids[i]) for i in batch) for batch in ours]
        assert abs(np.corrcoef(longest, range(len(longest)))[0, 1]) < 0.6
        rises.extend(np.diff(longest) > 0)
    assert 0.35 < np.mean(rises) < 0.65  # a sorted block rises from batch to batch
    assert padded(examples, batches.in_order(examples, batch_size)) < 1.1 * least


def test_in_order_is_shortest_first():
    examples = Examples([[1] * n for n in (3, 1, 5, 2)], [0, 0, 0, 0])
    assert batches.in_order(examples, 3) == [[1, 3, 0], [2]]


# From messages


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(models.model_dir())


def messages_of(*texts):
    return text.Messages(tuple(range(len(texts))), texts, (1,) * len(texts))


def test_encode_is_what_the_tokenizer_says(tokenizer):
    examples = batches.encode(tokenizer, messages_of("free prize", "so"))
    words = [tokenizer.convert_ids_to_tokens(ids) for ids in examples.token_ids]
    assert words == [["[CLS]", "free", "prize", "[SEP]"], ["[CLS]", "so", "[SEP]"]]
    assert examples.labels == (1, 1)


@pytest.mark.parametrize(
    ("max_length", "longest"), [(None, 512), (3, 3), (17, 17), (600, 512)]
)
def test_encode_cuts_at_max_length_and_at_the_limit_of_the_model(
    tokenizer, max_length, longest
):
    messages = messages_of("free " * 999, "so")
    examples = batches.encode(tokenizer, messages, max_length=max_length)
    assert list(map(len, examples.token_ids)) == [longest, 3]
    assert examples.token_ids[0][-1] == tokenizer.sep_token_id  # cut within


@pytest.mark.parametrize("max_length", [2, 1, 0, -1])
def test_encode_refuses_to_cut_everything(tokenizer, max_length):
    with pytest.raises(ValueError, match=f"max_length is {max_length}: give .* from 3"):
        batches.encode(tokenizer, messages_of("so"), max_length=max_length)


# For a model that writes


@pytest.fixture(scope="module")
def writers_tokenizer():
    return models.load_writer(trainable_layers=0)[1]


def test_sentences_stand_at_the_right_and_ask_for_all_but_the_first(writers_tokenizer):
    texts = ["The capital of France is Lyon.", "So late"]
    batch = batches.sentences(writers_tokenizer, texts)
    lengths = [len(ids) for ids in writers_tokenizer(texts)["input_ids"]]
    assert batch.token_ids.shape == (2, max(lengths))
    assert batch.attention_mask.dtype == torch.bool
    for row, (mask, targets, n) in enumerate(
        zip(batch.attention_mask, batch.targets, lengths, strict=True)
    ):
        assert mask.tolist() == [False] * (max(lengths) - n) + [True] * n
        first = max(lengths) - n + 1
        assert (targets[:first] == batches.NOT_ASKED).all()
        assert torch.equal(targets[first:], batch.token_ids[row, first:])


def test_only_the_answer_is_asked_for(writers_tokenizer):
    batch = batches.sentences(
        writers_tokenizer, [" Yes", " Lyon."], prompts=["Is it so, then?", "It is"]
    )
    asked = [row[row != batches.NOT_ASKED] for row in batch.targets]
    assert [writers_tokenizer.decode(ids) for ids in asked] == [" Yes", " Lyon."]
    assert (batch.targets[:, -1] == batch.token_ids[:, -1]).all()


@pytest.mark.parametrize(
    ("texts", "prompts", "error", "says"),
    [
        ([" a"], ["x", "y"], ValueError, "prompts holds 2 for 1 texts"),
        (["so"], None, ValueError, r"texts\[0\] is 'so'"),
        (["so late", ""], None, ValueError, r"texts\[1\] is ''"),
        (["so late \ud83d"], None, ValueError, "half an emoji"),
        ("so late", None, TypeError, "texts"),
        ([3], None, TypeError, "texts"),
    ],
)
def test_a_sentence_that_asks_for_nothing_is_named(
    writers_tokenizer, texts, prompts, error, says
):
    with pytest.raises(error, match=says):
        batches.sentences(writers_tokenizer, texts, prompts=prompts)
