"""Checkers of lesson 11's rooms in which the fault is in the loop or its rule.

A loop is compared by every point or loss of it, a rule by the steps it takes.
"""

import math
from functools import partial, wraps

import torch
from torch import nn

from course_utils.checks import Verdict, judge, museum, rooms
from course_utils.models import MLP


def check_descend(descend) -> Verdict:
    """Room 1. descend(surface, start, lr, num_steps): the points, start first."""
    return rooms.judge_loop(
        descend,
        museum.descend,
        [(*rooms.valley(seed), 0.5, 8) for seed in range(3)],
        {
            rooms.STILL_THERE: partial(museum.descend, zeroed="never"),
            "zeroed between backward() and step(), so that nothing is left to step "
            "with.": partial(museum.descend, zeroed="after"),
            "clipped, and still the sum of all gradients so far.": [
                partial(museum.descend, zeroed="never", most=most)
                for most in (0.1, 0.3, 0.5, 1)
            ],
            "another rate makes it slower or faster, and each step still has all the "
            "old gradients in it.": rooms.with_rates(museum.descend, 2, zeroed="never"),
            "the gradients are right now, but the rate is no longer `lr`.": (
                rooms.with_rates(museum.descend, 2)
            ),
        },
    )


def check_train(train) -> Verdict:
    """Room 4. train(model, X, y, X_val, y_val, lr, num_epochs): validation losses."""
    cases = []
    for seed in range(3):
        _, X, y = rooms.messages(seed, count=24)
        first, norm, last = nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)
        model = nn.Sequential(first, norm, nn.ReLU(), nn.Dropout(), last)
        cases.append((model, X[:16], y[:16], X[16:], y[16:], 0.3, 5))
    keep = nn.Module.train
    return rooms.judge_loop(
        train,
        museum.train,
        cases,
        {
            rooms.STILL_THERE: (partial(museum.train, mode=keep)),
            "now it is never in training mode, so dropout and batch norm do not do "
            "their work.": partial(museum.train, train_mode=nn.Module.eval),
            "only dropout is off: batch norm still looks at the other messages.": (
                partial(museum.train, mode=_without_dropout)
            ),
        },
    )


def check_cool_down(cool_down) -> Verdict:
    """Room 7. cool_down(surface, start, lr, gamma, every, num_steps): the points."""

    def wrong(rate):
        return partial(museum.cool_down, rate=rate)

    right = museum.cool_down

    def faulty(lr, gamma, step, every):
        return lr * gamma ** -(step // every)

    return rooms.judge_loop(
        cool_down,
        right,
        [(*rooms.valley(seed), 0.4, 0.3 + seed / 10, 3, 8) for seed in range(3)],
        {
            rooms.STILL_THERE: wrong(faulty),
            "a smaller rate to begin with only puts it off.": (
                rooms.with_rates(right, 2, rate=faulty)
            ),
            "now the rate stays the same all the time.": (
                wrong(lambda lr, gamma, step, every: lr)
            ),
            "it falls at every step, and was to stay for `every` steps.": (
                wrong(lambda lr, gamma, step, every: lr * gamma**step),
                wrong(lambda lr, gamma, step, every: lr * gamma ** (step / every)),
            ),
            "it falls once, and was to fall again.": (
                wrong(lambda lr, g, step, every: lr * (g if step >= every else 1))
            ),
            "the direction is right now, but the first rate is not `lr`.": [
                *rooms.with_rates(right, 2),
                wrong(lambda lr, g, step, every: lr * g ** (step // every + 1)),
            ],
        },
    )


def check_anneal(anneal) -> Verdict:
    """Room 8. anneal(model, batches, lr, num_epochs): the losses, the rates."""
    cases = []
    for seed in range(3):
        model, X, y = rooms.messages(seed, count=16)
        batches = [(X[i : i + 4], y[i : i + 4]) for i in range(0, 16, 4)]
        cases.append((model, batches, 0.5, 3 + seed))
    wrong = partial(partial, museum.anneal)
    return rooms.judge_loop(
        anneal,
        museum.anneal,
        cases,
        {
            rooms.STILL_THERE: (wrong(total=lambda batches, epochs: epochs)),
            "now it falls in stairs, once an epoch, and was to fall a little at every "
            "step.": wrong(total=lambda batches, epochs: epochs, each="epoch"),
            "stepped once an epoch and counted in steps, it hardly falls at all.": (
                wrong(each="epoch")
            ),
            "that is one epoch; it has to last for all of them.": (
                wrong(total=lambda batches, epochs: len(batches))
            ),
            "now the rate does not fall.": wrong(each="never"),
            "more steps than there are: the rate does not reach zero.": [
                wrong(total=lambda b, n, by=by: by * n * len(b)) for by in (2, 10)
            ],
            "another first rate does not make it last longer.": (
                rooms.with_rates(museum.anneal, 2, total=lambda batches, epochs: epochs)
            ),
        },
        names=("losses", "rates"),
    )


def check_optimizer(optimizer_for) -> Verdict:
    """Room 9. optimizer_for(model, lr, weight_decay): decay apart, not of biases."""

    def stepped(make):
        @wraps(make)
        def run(model, lr, weight_decay):
            optimizer = make(model, lr, weight_decay)
            for step in range(3):
                for place, param in enumerate(model.parameters()):
                    ramp = torch.linspace(-1, 1, param.numel()).reshape(param.shape)
                    param.grad = torch.relu(ramp) * math.cos(step + place)
                optimizer.step()
            return rooms.flat(list(model.parameters()))

        return run

    torch.manual_seed(0)
    adam, wrong = torch.optim.Adam, partial(partial, museum.optimizer)
    return judge(
        stepped(optimizer_for),
        stepped(museum.optimizer),
        [(MLP(5, 4, 2), 0.1, decay) for decay in (0.1, 0.5)],
        {
            rooms.STILL_THERE: stepped(wrong(rule=adam)),
            "now biases decay, too: leave the groups as they are.": (
                stepped(lambda m, lr, wd: museum.optimizer(m, lr, wd, of_biases=wd)),
                stepped(lambda m, lr, wd: torch.optim.AdamW(m.parameters(), lr=lr)),
            ),
            "without any decay the weights are free to grow: it was asked for.": (
                stepped(lambda m, lr, wd: museum.optimizer(m, lr, 0.0)),
                stepped(lambda m, lr, wd: museum.optimizer(m, lr, 0.0, rule=adam)),
            ),
            "another decay changes nothing in Adam: that is the symptom.": [
                stepped(
                    lambda m, lr, wd, by=by: museum.optimizer(m, lr, by * wd, rule=adam)
                )
                for by in (0.01, 0.1, 10)
            ],  # fmt: skip
            "that is another rule: keep to Adam's, with its decay apart.": (
                stepped(wrong(rule=torch.optim.SGD)),
                stepped(wrong(rule=torch.optim.RMSprop)),
            ),
            "the decay is apart now, but smaller or larger than asked for.": [
                stepped(lambda m, lr, wd, by=by: museum.optimizer(m, lr, by * wd))
                for by in (0.1, 10)
            ],
        },
    )


def _without_dropout(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
