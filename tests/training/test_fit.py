"""fit: what every step does, when it stops, and what it refuses."""

import math
import re

import numpy as np
import pytest
import tiny
import torch
from tiny import Tiny, equal, examples, weights_of
from torch import nn
from torch.nn import functional as F

from course_utils import models, text, training
from course_utils.runtime import memory
from course_utils.text import batches
from course_utils.text.batches import Examples
from course_utils.training import evaluation, run

TRAIN, OTHERS = examples(), examples(23, seed=1)
TURNED = examples(23, seed=1, inverted=True)  # training makes its loss rise


def fit(model, train=TRAIN, **settings):
    return training.fit(model, train, **{"batch_size": 8} | settings)


def gradients(model, train=TRAIN):
    token_ids, attention_mask, labels = train.batch()
    loss = F.cross_entropy(model(token_ids, attention_mask), labels)
    return loss, torch.autograd.grad(loss, list(model.parameters()))


def length(tensors):
    return math.sqrt(sum((tensor.double() ** 2).sum().item() for tensor in tensors))


# What a step does


def test_it_learns_a_simple_rule():
    model, train = Tiny(dropout=0.1), examples(200)
    history = fit(model, train, validation=OTHERS, lr=0.05, num_epochs=10)
    assert evaluation.evaluate(model, OTHERS).accuracy > 0.9
    assert history.validation[-1].loss < history.validation[0].loss
    assert np.mean(history.loss[-25:]) < 0.5 * np.mean(history.loss[:25])


@pytest.mark.parametrize(
    ("name", "options", "max_norm"),
    [("sgd", {}, None), ("momentum", {"momentum": 0.9}, 0.3)],
)
def test_it_is_the_plain_loop_bit_for_bit(name, options, max_norm):
    ours, plain = Tiny(dropout=0), Tiny(dropout=0)
    settings = {"optimizer": name, "max_norm": max_norm, "seed": 3}
    history = fit(ours, lr=0.5, num_epochs=3, **settings)
    optimizer, losses = torch.optim.SGD(plain.parameters(), lr=0.5, **options), []
    for epoch in range(3):
        for positions in batches.shuffled(TRAIN, 8, seed=3, epoch=epoch):
            token_ids, attention_mask, labels = TRAIN.take(positions).batch()
            optimizer.zero_grad()
            loss = F.cross_entropy(plain(token_ids, attention_mask), labels)
            loss.backward()
            if max_norm:
                nn.utils.clip_grad_norm_(plain.parameters(), max_norm)
            optimizer.step()
            losses.append(loss.item())
    assert history.loss == losses
    assert equal(weights_of(ours), weights_of(plain))


def test_a_model_that_starts_at_zero_can_learn():
    model = Tiny(dropout=0)
    nn.init.zeros_(model.out.weight)
    nn.init.zeros_(model.out.bias)
    history = fit(model, lr={"out": 0.1, "": 0})
    assert history.update_ratio[0] == math.inf  # beside a length of zero
    assert all(map(math.isfinite, history.update_ratio[1:]))


def test_history_is_as_long_as_the_run():
    history = fit(Tiny(), validation=OTHERS, num_epochs=3)
    lists = history.loss, history.lr, history.grad_norm, history.update_ratio
    assert [len(each) for each in lists] == [15] * 4  # 37 messages, 8 a batch
    assert (history.num_steps, history.num_epochs, len(history.validation)) == (
        15,
        3,
        3,
    )
    assert (history.ended, history.diverged_at) == ("all epochs done", None)
    assert history.best_epoch == 1 + np.argmin([e.loss for e in history.validation])
    alone = fit(Tiny(), num_epochs=3)
    assert alone.loss == history.loss  # to validate changes no step
    assert (alone.validation, alone.best_epoch) == ([], 3)


@pytest.mark.parametrize("max_norm", [None, 1e-3, 1e3])
def test_gradient_is_measured_before_it_is_clipped(max_norm):
    model = Tiny(dropout=0)
    loss, grads = gradients(model)
    before = length(model.parameters())
    history = fit(model, batch_size=64, optimizer="sgd", lr=0.1, max_norm=max_norm)
    assert history.loss == [pytest.approx(loss.item())]
    assert history.grad_norm == [pytest.approx(length(grads), rel=1e-5)]
    clipped = min(length(grads), max_norm or math.inf)
    assert history.update_ratio == [pytest.approx(0.1 * clipped / before, rel=1e-3)]


def test_each_part_has_its_rate_and_a_frozen_one_stays():
    model = Tiny(dropout=0)
    model.out.bias.requires_grad_(False)
    _, grads = gradients(model.requires_grad_(True))
    model.out.bias.requires_grad_(False)
    before = weights_of(model)
    lr = {"": 0.5, "out": 0.25, "embedding": 0.0}
    history = fit(model, batch_size=64, optimizer="sgd", lr=lr)
    after = weights_of(model)
    assert torch.allclose(after["out.weight"], before["out.weight"] - 0.25 * grads[1])
    assert torch.equal(after["embedding.weight"], before["embedding.weight"])
    assert torch.equal(after["out.bias"], before["out.bias"])
    assert [p.requires_grad for p in model.parameters()] == [True, True, False]
    assert model.embedding.weight.grad is None
    assert history.lr == [0.25]  # the largest that is used


def test_schedule_is_applied():
    history = fit(Tiny(), schedule="linear", lr={"": 0.1, "out": 0.2}, num_epochs=2)
    wanted = [0.2 * (1 - (step + 0.5) / 10) for step in range(10)]
    assert history.lr == pytest.approx(wanted)


def test_plateau_halves_the_rate_when_the_loss_rises():
    history = fit(Tiny(), validation=TURNED, schedule="plateau", lr=0.1, num_epochs=4)
    assert np.all(np.diff([each.loss for each in history.validation]) > 0)
    assert history.lr[::5] == [0.1, 0.1, 0.05, 0.025]


# When it stops


def test_patience_stops_and_puts_the_best_weights_back():
    model, first = Tiny(), Tiny()
    settings = {"validation": TURNED, "lr": 0.05}
    history = fit(model, num_epochs=9, patience=2, **settings)
    assert history.ended == "stopped early, with the weights of epoch 1"
    assert (history.best_epoch, history.num_epochs, history.num_steps) == (1, 3, 15)
    fit(first, num_epochs=1, **settings)
    assert equal(weights_of(model), weights_of(first))
    fit(model := Tiny(), num_epochs=2, patience=2, **settings)  # too short to stop
    assert equal(weights_of(model), weights_of(first))
    fit(model := Tiny(), num_epochs=2, **settings)  # without patience: the last ones
    assert not equal(weights_of(model), weights_of(first))


def test_patience_counts_from_the_best_epoch():
    history = fit(Tiny(), validation=OTHERS, patience=2, lr=0.05, num_epochs=9)
    assert history.best_epoch == 9
    assert history.ended == "all epochs done"


def make_nan(model, where):
    """The loss of the next batch, or its gradient alone, becomes nan."""
    if where == "loss":
        model.out.register_forward_hook(lambda module, ins, out: out * math.nan)
    else:
        model.out.bias.register_hook(lambda grad: grad * math.inf)


@pytest.mark.parametrize("where", ["loss", "gradient"])
@pytest.mark.parametrize("validation", [None, OTHERS])
def test_loss_that_is_not_finite_ends_the_run(where, validation):
    model, first, kept = Tiny(), Tiny(), []

    def turn():
        kept.append(weights_of(model))
        make_nan(model, where)

    model.before_step = tiny.at(8, turn)
    settings = {"validation": validation, "schedule": "linear", "num_epochs": 3}
    history = fit(model, **settings)
    assert (history.diverged_at, history.num_steps, history.num_epochs) == (8, 7, 1)
    assert np.isfinite([*history.loss, *history.grad_norm]).all()
    if validation is None:
        assert history.ended == "diverged at step 8"
        assert equal(weights_of(model), kept[0])
    else:
        assert history.ended == "diverged at step 8, with the weights of epoch 1"
        first.before_step = tiny.at(6, lambda: kept.append(weights_of(first)))
        fit(first, **settings)
        assert equal(weights_of(model), kept[1])
    assert all(param.grad is None for param in model.parameters())


def test_a_validation_loss_of_nan_is_never_the_best():
    model = Tiny()

    def spoil(module, inputs, output):  # call 1 is the trial before the run
        return (
            output * math.nan if (model.training, model.num_calls) == (0, 2) else None
        )

    model.out.register_forward_hook(spoil)
    history = fit(model, validation=OTHERS, num_epochs=3, lr=0.05)
    is_nan = [math.isnan(each.loss) for each in history.validation]
    assert is_nan == [True, False, False]
    assert history.best_epoch == 3


@pytest.mark.parametrize("step", [1, 7])
def test_batch_that_does_not_fit_in_memory(step):
    model, kept = Tiny(), []

    def fill():
        kept.append(weights_of(model))
        torch.empty(2**50)

    model.before_step = tiny.at(step, fill)
    sizes = r"a batch of (8|5) messages of \d tokens does not fit .*smaller batch_size"
    with pytest.raises(MemoryError, match=sizes):
        fit(model, num_epochs=2, lr={"": 1e-3, "out": 0})
    assert equal(weights_of(model), kept[0])
    assert model.out.weight.requires_grad


def test_another_error_that_names_memory_stays_as_it_is():
    model = Tiny()
    model.before_step = lambda step: torch.ones(1).expand(3).add_(1)
    with pytest.raises(RuntimeError, match="single memory location"):
        fit(model)


# The real BERT


def test_two_steps_of_the_real_bert():
    torch.manual_seed(0)
    model, tokenizer = models.load_bert(num_labels=2)
    messages = text.load_sms().train
    spam = [i for i, label in enumerate(messages.labels) if label][:8]
    train = batches.encode(tokenizer, messages.take([*spam, *range(8)]), max_length=24)
    name = "bert.encoder.layer.5.output.dense.weight"
    before = model.get_parameter(name).detach().clone()
    lr = {"": 2e-5, "classifier": 1e-3, "bert.embeddings": 0}
    history = fit(model, train, lr=lr, max_norm=1.0)
    moved = (model.get_parameter(name) - before).abs().max().item()
    assert 1e-5 < moved < 5e-5  # Adam's first steps are about lr in each coordinate
    assert history.num_steps == 2
    assert np.isfinite(history.loss).all()
    assert all(param.requires_grad for param in model.parameters())
    with pytest.raises(ValueError, match=r"has 600 tokens and the model takes 512"):
        fit(model, Examples([[1] * 600, [2]], [0, 1]))


# Bad input


ONE_CLASS = Examples([[1], [2]], [1, 1])
THREE = Examples([[1], [2]], [0, 2])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        *(
            ({name: value}, f"{name} is {value!r}: give a whole number from 1")
            for name in ("num_epochs", "batch_size", "patience")
            for value in (0, -1, 2.0, True, "3")
        ),
        ({"num_epochs": None}, "num_epochs is None"),
        *(
            (
                {"max_norm": value},
                f"max_norm is {value}: give a finite number above 0",
            )
            for value in (0, -1.0, math.nan)
        ),
        ({"train": Examples([], [])}, "train is empty"),
        ({"validation": Examples([], [])}, "validation is empty"),
        ({"train": ONE_CLASS}, "every training label is 1: give examples of two"),
        ({"train": THREE}, "labels holds 2: the model has 2 classes, from 0"),
        ({"validation": THREE}, "labels holds 2: the model has 2 classes, from 0"),
        ({"optimizer": "lion"}, "optimizer is 'lion': give one of"),
        ({"schedule": "stairs"}, "schedule is 'stairs': give one of"),
        ({"patience": 2, "validation": None}, "validation is missing"),
        ({"schedule": "plateau", "validation": None}, "validation is missing"),
        ({"lr": -1.0}, "lr is -1.0"),
        ({"lr": {"out": 0.1}}, "no rate for 'embedding.weight'"),
    ],
)
def test_bad_setting_is_named_and_nothing_moves(settings, words):
    model = Tiny()
    before = weights_of(model)
    with pytest.raises(ValueError, match=re.escape(words)):
        fit(model, **{"train": TRAIN, "validation": OTHERS} | settings)
    assert equal(weights_of(model), before)
    assert model.training


@pytest.mark.parametrize(("large", "times"), [(0, 1), (10**6, 0)])
def test_only_the_run_of_a_large_model_asks_for_its_memory_back(
    large, times, monkeypatch
):
    calls = []
    monkeypatch.setattr(run, "LARGE", large)
    monkeypatch.setattr(memory, "release", lambda: calls.append(1))
    fit(Tiny(), num_epochs=1)
    assert len(calls) == times
