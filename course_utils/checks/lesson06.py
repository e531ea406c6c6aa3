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
            "the optimizer never stepped.": doing("zero", "schedule"),
        },
        unfilled="train on the batches",
    )


class _Halving:
    """A schedule that halves the learning rate, and minds no order."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def step(self):
        for group in self.optimizer.param_groups:
            group["lr"] /= 2


def _trained_by(train_epoch):
    """The weight after an epoch from a start that the case gives; None if untouched."""

    def run(weight, features):
        model = _linear(weight)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        targets = [torch.arange(len(each)) % len(weight) for each in features]
        pairs = list(zip(features, targets, strict=True))
        calls = []
        model.register_forward_hook(lambda *seen: calls.append(seen))
        train_epoch(model, pairs, optimizer, _Halving(optimizer))
        is_untouched = not calls and torch.equal(model.weight, weight)
        return None if is_untouched else (model.weight, model.bias)

    return run


def check_evaluate(evaluate) -> Verdict:
    """evaluate(model, features, targets): the accuracy, without dropout or gradients.

    The model is left in the mode it was in.
    """
    require_function(evaluate)
    cases = [(_random(2, 5, seed=i), _random(40, 5, seed=i + 9), i) for i in (1, 2)]

    def right(model, features, targets):
        was_training = model.training
        model.eval()
        with torch.no_grad():
            accuracy = (model(features).argmax(dim=1) == targets).float().mean().item()
        model.train(was_training)
        return accuracy

    def in_training(model, features, targets):
        model.train()
        return (model(features).argmax(dim=1) == targets).float().mean().item()

    def left_in_eval(model, features, targets):
        accuracy = right(model, features, targets)
        model.eval()
        return accuracy

    def run(evaluate):
        def with_dropout(weight, features, seed):
            torch.manual_seed(seed)
            model = nn.Sequential(nn.Dropout(0.9), _linear(weight)).train()
            targets = (features @ weight.T).argmax(dim=1)
            accuracy = evaluate(model, features, targets)
            return None if accuracy is None else (accuracy, float(model.training))

        return with_dropout

    with torch.random.fork_rng(devices=[]):
        return judge(
            run(evaluate),
            run(right),
            cases,
            {
                "dropout is still on: call model.eval() first.": run(in_training),
                "the model came in training mode and left in evaluation mode: put it "
                "back.": run(left_in_eval),
            },
            atol=1e-4,
        )


def check_choose(choose) -> Verdict:
    """choose(validation_f1, test_f1): the index of the model to keep."""
    cases = [([0.8, 0.9, 0.7], [0.9, 0.8, 0.85]), ([0.5, 0.4], [0.6, 0.7])]
    return judge(
        choose,
        lambda validation, test: int(np.argmax(validation)),
        cases,
        {
            "that is the best on the test set. A model chosen there has seen it: its "
            "score is no longer a measurement.": (
                lambda validation, test: int(np.argmax(test))
            ),
            "you mixed both sets; the test set has no say in the choice.": (
                lambda validation, test: int(np.argmax(np.add(validation, test)))
            ),
            "return the index, not the score.": lambda validation, test: max(
                validation
            ),
        },
    )
