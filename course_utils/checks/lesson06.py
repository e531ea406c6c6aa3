"""Checkers of lesson 06: a last output, an epoch, curves, a schedule, stopping."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks import Verdict, judge, require_function
from course_utils.checks.choices import match


def _random(*shape, seed=0) -> torch.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return torch.tensor(values, dtype=torch.float32)


def _linear(weight) -> nn.Linear:
    model = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
    with torch.no_grad():
        model.weight.copy_(weight)
        model.bias.zero_()
    return model


def check_train_epoch(train_epoch) -> Verdict:
    """train_epoch(model, batches, optimizer, schedule): one step a batch.

    batches: pairs of features and targets; the loss is cross-entropy; after each step
    the schedule takes one step, too. It changes the model and returns nothing.
    """
    require_function(train_epoch)
    cases = [
        (_random(2, 3, seed=1), _random(4, 5, 3, seed=2)),
        (_random(3, 2, seed=3), _random(3, 7, 2, seed=4)),
    ]

    def epoch(model, batches, optimizer, schedule, *, do=("zero", "step", "schedule")):
        for features, targets in batches:
            loss = F.cross_entropy(model(features), targets)
            for act in do:
                if act == "zero":
                    optimizer.zero_grad()
                    loss.backward()
                elif act == "keep":
                    loss.backward()
                else:
                    {"step": optimizer, "schedule": schedule}[act].step()

    def doing(*do):
        return _trained_by(lambda *case: epoch(*case, do=do))

    def schedule_once(model, batches, optimizer, schedule):
        epoch(model, batches, optimizer, schedule, do=("zero", "step"))
        schedule.step()

    def zeroed_late(model, batches, optimizer, schedule):
        for features, targets in batches:
            F.cross_entropy(model(features), targets).backward()
            optimizer.zero_grad()
            optimizer.step()
            schedule.step()

    def summed(model, batches, optimizer, schedule):
        for features, targets in batches:
            optimizer.zero_grad()
            F.cross_entropy(model(features), targets, reduction="sum").backward()
            optimizer.step()
            schedule.step()

    return judge(
        _trained_by(train_epoch),
        _trained_by(epoch),
        cases,
        {
            "old gradients are still there: zero_grad() before each backward().": (
                doing("keep", "step", "schedule")
            ),
            "the schedule stepped before the optimizer: the first learning rate was "
            "skipped.": doing("zero", "schedule", "step"),
            "the schedule never stepped.": doing("zero", "step"),
            "the schedule stepped once an epoch; here it steps with each batch.": (
                _trained_by(schedule_once)
            ),
            "nothing moved: the optimizer never stepped, or there was no gradient when "
            "it did (no backward(), or one that was zeroed before the step).": (
                doing("zero", "schedule"),
                _trained_by(zeroed_late),
            ),
            "only the first batch was used.": _trained_by(
                lambda model, batches, *rest: epoch(model, batches[:1], *rest)
            ),
            "only the last batch was used: the steps stand outside the loop.": (
                _trained_by(
                    lambda model, batches, *rest: epoch(model, batches[-1:], *rest)
                )
            ),
            "the epoch ran twice.": _trained_by(
                lambda *case: [epoch(*case) for _ in range(2)]
            ),
            "the loss of a batch is the mean over its rows, not the sum.": _trained_by(
                summed
            ),
        },
        names=(
            "the weight",
            "the bias",
            "the learning rate at the end",
            "training mode, during and after",
        ),
        unfilled="train on the batches",
    )


class _Halving:
    """A schedule that halves the learning rate, and minds no order."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self):
        for group in self.optimizer.param_groups:
            group["lr"] /= 2

    def get_last_lr(self):
        return [group["lr"] for group in self.optimizer.param_groups]


def _trained_by(train_epoch):
    """Weight, bias and learning rate after an epoch; None if nothing was touched."""

    def run(weight, features):
        model = _linear(weight)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        targets = [torch.arange(len(each)) % len(weight) for each in features]
        pairs = list(zip(features, targets, strict=True))
        calls: list[bool] = []
        model.register_forward_hook(lambda module, *seen: calls.append(module.training))
        train_epoch(model, pairs, optimizer, _Halving(optimizer))
        if not calls and torch.equal(model.weight, weight):
            return None
        is_training = float(all([*calls, model.training]))
        return model.weight, model.bias, optimizer.param_groups[0]["lr"], is_training

    return run


def check_last_output(last_output) -> Verdict:
    """last_output(outputs, attention_mask): each message's output at its last token."""
    cases = []
    for seed, (b, t, d) in enumerate([(3, 5, 2), (2, 7, 3), (4, 3, 5)]):
        lengths = torch.arange(b) % (t - 1) + 1
        lengths[-1] = t
        mask = torch.arange(t) < lengths[:, None]
        cases.append((_random(b, t, d, seed=seed), mask))

    def at(place):
        def take(outputs, mask):
            rows = torch.arange(len(outputs))
            return outputs[rows, place(mask)]

        return take

    def masked(outputs, mask):
        return outputs * mask[..., None]

    return judge(
        last_output,
        at(lambda mask: mask.sum(1) - 1),
        cases,
        {
            "that is the output at the padding, for all but the longest message.": (
                lambda outputs, mask: outputs[:, -1]
            ),
            "one place too far: places count from 0, so it is the length minus 1.": (
                at(lambda mask: mask.sum(1).clamp(max=mask.shape[1] - 1)),
                at(lambda mask: mask.sum(1)),
            ),
            "that is the first token.": lambda outputs, mask: outputs[:, 0],
            "that is the mean over the tokens; the last one was asked for.": (
                lambda outputs, mask: (
                    masked(outputs, mask).sum(1) / mask.sum(1, keepdim=True)
                )
            ),
            "that is the sum over the tokens; the last one was asked for.": (
                lambda outputs, mask: masked(outputs, mask).sum(1)
            ),
            "every message has its own length; one place for all will not do.": (
                lambda outputs, mask: outputs[:, int(mask.sum(1).min()) - 1],
                lambda outputs, mask: outputs[:, int(mask[0].sum()) - 1],
            ),
            "those are all outputs, the padding set to 0; take one of each message.": (
                masked
            ),
        },
    )


def check_curves(answer) -> Verdict:
    """Four runs and four causes: four letters, in the order of the lines."""
    return match(
        answer,
        "cadb",
        {
            "a": "where the rate is too small both losses creep, side by side.",
            "b": "where the rate is too large the first losses jump far up.",
            "c": "learning by heart: the training loss goes to nothing, the validation "
            "loss turns and rises.",
            "d": "shuffled labels: the training loss may fall, and the validation loss "
            "only rises, far above a coin's.",
        },
    )


def check_trapezoid(trapezoid) -> Verdict:
    """trapezoid(done): up over the first tenth, then 1, then down from 0.8 on."""

    def shape(up=0.1, down=0.8):
        def factor(done):
            if done < up:
                return done / up
            return 1.0 if done < down else (1 - done) / (1 - down)

        return factor

    right = shape()
    return judge(
        trapezoid,
        right,
        [(0.0,), (0.05,), (0.1,), (0.4,), (0.79,), (0.85,), (0.95,), (1.0,)],
        {
            "there is no way up: in the first tenth it climbs from 0.": (
                lambda done: 1.0 if done < 0.8 else (1 - done) / 0.2
            ),
            "there is no way down: from 0.8 on it falls to 0.": (
                lambda done: min(1.0, done / 0.1)
            ),
            "it falls from the top of the climb on; it stays at 1 until 0.8.": (
                lambda done: done / 0.1 if done < 0.1 else (1 - done) / 0.9
            ),
            "at 0.8 it jumps: divide what is left by the 0.2 it has to fall in.": (
                lambda done: right(done) if done < 0.8 else 1 - done
            ),
            "in the first tenth it has to reach 1: divide by 0.1.": (
                lambda done: done if done < 0.1 else right(done)
            ),
            "on the way down it rises: it goes to 0 at the end.": (
                lambda done: right(done) if done < 0.8 else (done - 0.8) / 0.2
            ),
        },
        atol=1e-9,
    )


def check_early_stopping(early_stopping) -> Verdict:
    """early_stopping(losses, patience): (epochs run, the epoch whose weights stay)."""

    def run(losses, patience, *, last_best=False, restart=True, off=0):
        best, waited = 0, 0
        for epoch, loss in enumerate(losses):
            better = loss <= losses[best] if last_best else loss < losses[best]
            if epoch == 0 or better:
                best, waited = epoch, 0
            else:
                waited += 1 if restart or loss > losses[best] else 0
            if waited == patience + off:
                return epoch + 1, best + 1
        return len(losses), best + 1

    cases = [([0.5, 0.4, 0.45, 0.44, 0.46, 0.2], 3), ([0.5, 0.4, 0.3], 2),
             ([0.9, 0.8, 0.85, 0.7, 0.75, 0.74, 0.6], 2), ([0.3, 0.3, 0.3, 0.1], 2),
             ([0.6, 0.7], 1)]  # fmt: skip
    return judge(
        early_stopping,
        run,
        cases,
        {
            "it looks at all epochs; the run would have ended before the last.": (
                lambda losses, patience: (len(losses), int(np.argmin(losses)) + 1),
                lambda losses, patience: (
                    run(losses, patience)[0],
                    int(np.argmin(losses)) + 1,
                ),
            ),
            "it stops one epoch too late.": lambda *case: run(*case, off=1),
            "it keeps the last weights; those of the best epoch are put back.": (
                lambda *case: (run(*case)[0], run(*case)[0])
            ),
            "epochs count from 1.": lambda *case: tuple(n - 1 for n in run(*case)),
            "the order: first how many epochs ran, then the best.": (
                lambda *case: run(*case)[::-1]
            ),
            "an equal loss is not lower: it does not begin the count anew.": (
                lambda *case: run(*case, last_best=True)
            ),
            "it stops at the first epoch that is not lower; be patient.": (
                lambda losses, patience: run(losses, 1)
            ),
        },
        names=("epochs run", "the epoch whose weights stay"),
    )
