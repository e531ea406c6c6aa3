"""Checkers of lesson 06: an epoch of training, an evaluation, a choice of model."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks import Verdict, judge, require_function


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


def check_evaluate(evaluate) -> Verdict:
    """evaluate(model, features, targets): the accuracy, without dropout.

    The model is left in the mode it was in.
    """
    require_function(evaluate)
    cases = [
        (_random(2, 5, seed=i), _random(40, 5, seed=i + 9), i, is_training)
        for i, is_training in ((1, True), (2, False), (3, True))
    ]

    def right(model, features, targets, *, use=None):
        was_training = model.training
        model.eval()
        with torch.no_grad():
            found = (use or accuracy)(model(features), targets)
        model.train(was_training)
        return found

    def accuracy(logits, targets):
        return (logits.argmax(dim=1) == targets).float().mean().item()

    def left_as(mode):
        def evaluate(model, features, targets):
            found = right(model, features, targets)
            model.train(mode)
            return found

        return evaluate

    def with_dropout(model, features, targets):
        return accuracy(model(features), targets)

    def in_training(model, features, targets):
        return accuracy(model.train()(features), targets)

    def run(evaluate):
        """The accuracy, the modes left behind, and whether all else is as it was."""

        def on_a_model(weight, features, seed, is_training):
            torch.manual_seed(seed)
            drop, linear = nn.Dropout(0.9), _linear(weight)
            model = nn.Sequential(drop, linear).train(is_training)
            targets = (features @ weight.T).argmax(dim=1)
            targets[: 5 + seed] = 1 - targets[: 5 + seed]  # some are wrong
            found = evaluate(model, features, targets)
            if found is None or found is ...:
                return None
            modes = [float(module.training) for module in model.modules()]
            is_same = drop.p == 0.9 and torch.equal(linear.weight, weight)
            is_free = all(param.requires_grad for param in model.parameters())
            return found, modes, float(is_same and is_free)

        return on_a_model

    with torch.random.fork_rng(devices=[]):
        return judge(
            run(evaluate),
            run(right),
            cases,
            {
                "that is the same number, whatever the model says: does a comparison "
                "never hold, or does rounding cut the share off?": (
                    run(lambda *case: right(*case, use=lambda z, t: 1.0)),
                    run(lambda *case: right(*case, use=lambda z, t: 0.0)),
                ),
                "dropout is still on: call model.eval() first.": (
                    run(with_dropout),
                    run(in_training),
                ),
                "the model came in training mode and left in evaluation mode: put it "
                "back.": run(left_as(False)),
                "the model came in evaluation mode and left in training mode: put it "
                "back as it was.": run(left_as(True)),
                "you counted the right ones; divide by how many there are.": run(
                    lambda *case: right(
                        *case, use=lambda z, t: (z.argmax(dim=1) == t).sum()
                    )
                ),
                "that is the share of wrong ones; the accuracy is the share of right "
                "ones.": run(
                    lambda *case: right(*case, use=lambda z, t: 1 - accuracy(z, t))
                ),
                "that is the loss; the accuracy was asked for.": run(
                    lambda *case: right(*case, use=F.cross_entropy)
                ),
            },
            atol=1e-4,
            names=(
                "the accuracy",
                "the mode of each module",
                "is all else of the model as it was",
            ),
        )


def check_choose(choose) -> Verdict:
    """choose(validation_f1, test_f1): the index of the model to keep."""
    random = np.random.default_rng(0)
    cases = [([0.8, 0.9, 0.7], [0.9, 0.8, 0.85]), ([0.5, 0.4], [0.6, 0.7])]
    # Validation decides by a little, and the test set says something else by much.
    cases += [
        (
            (0.8 + 0.001 * random.permutation(5)).tolist(),
            random.uniform(0.1, 0.9, 5).tolist(),
        )
        for _ in range(12)
    ]

    def best(score):
        return lambda validation, test: int(np.argmax(score(validation, test)))

    mixtures = {
        share: best(lambda v, t, share=share: np.add(v, share * np.array(t)))
        for share in (0.01, 0.1, 0.25, 1 / 3, 0.5, 1.0, 2.0, 3.0)
    }
    return judge(
        choose,
        best(lambda validation, test: validation),
        cases,
        {
            "that is the best on the test set. A model chosen there has seen it: its "
            "score is no longer a measurement.": best(lambda v, t: t),
            "you mixed both sets; the test set has no say in the choice.": (
                *mixtures.values(),
                best(np.minimum),
                best(np.maximum),
                best(np.multiply),
                lambda v, t: int(np.argmax([*v, *t])) % len(v),
            ),
            "that is the worst on the test set, which has no say, for good or bad.": (
                best(lambda v, t: -np.array(t))
            ),
            "that is the worst on validation; keep the best.": (
                best(lambda v, t: -np.array(v))
            ),
            "you chose the model whose scores are alike; the test set has no say.": (
                best(lambda v, t: -np.abs(np.subtract(v, t)))
            ),
            "return the index, not the score.": (
                lambda v, t: max(v),
                lambda v, t: max(t),
            ),
            "count from 0, as Python does.": (lambda v, t: int(np.argmax(v)) + 1),
        },
    )
