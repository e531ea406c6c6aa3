"""Checkers of lesson 11's rooms in which the fault is in the loss.

A loss is compared together with its gradient.
"""

from functools import partial, wraps

import numpy as np
import torch
from torch import nn

from course_utils.checks import Verdict, judge, museum, rooms


def check_line(loss_of_line) -> Verdict:
    """Room 2. loss_of_line(slope, x, y): the mean squared error; x (N, 1), y (N,)."""

    def wrong(errors):
        return partial(museum.line, errors=errors)

    cases = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        slope = torch.tensor([0.7], requires_grad=True)
        x, y = (torch.tensor(random.standard_normal((6, 1))).float() for _ in "xy")
        cases.append((slope, x, y[:, 0]))
    return rooms.judge_loss(
        loss_of_line,
        museum.line,
        cases,
        {
            rooms.STILL_THERE: (wrong(lambda s, x, y: s * x - y)),
            "divide by N: a mean has the size of one error, whatever N is.": (
                lambda s, x, y: ((s * x[:, 0] - y) ** 2).sum()
            ),
            "the fault is still there, and now N times as large.": (
                lambda s, x, y: ((s * x - y) ** 2).sum() / len(y)
            ),
            "square each error before the mean: errors of both signs cancel.": (
                lambda s, x, y: (s * x[:, 0] - y).mean() ** 2
            ),
            "the mean of all x hides each message's own.": (
                wrong(lambda s, x, y: s * x.mean() - y)
            ),
            "the shapes are right now; the loss was the squared error, though.": (
                lambda s, x, y: (s * x[:, 0] - y).abs().mean()
            ),
        },
    )


def check_classes(loss_of_classes) -> Verdict:
    """Room 3. loss_of_classes(model, X, y): the cross-entropy."""

    def of(squash):
        return lambda m, X, y: nn.functional.cross_entropy(squash(m(X)), y)

    return rooms.judge_loss(
        loss_of_classes,
        museum.classes,
        [(*rooms.messages(seed, num_classes=2 + seed),) for seed in range(3)],
        {
            rooms.STILL_THERE: (partial(museum.classes, faulty=True)),
            "that squashes the logits in another way. cross_entropy wants them as they "
            "are.": (
                of(torch.sigmoid),
                of(torch.tanh),
                of(lambda z: z.softmax(dim=0)),
                of(lambda z: z / z.norm()),
            ),
            "a sharper softmax is still squashed once too often.": [
                of(lambda z, by=by: (by * z).softmax(dim=1)) for by in (2, 10, 100)
            ],
            "probabilities times a number are still no logits.": [
                of(lambda z, by=by: by * z.softmax(dim=1)) for by in (2, 10, 100)
            ],
            "nll_loss wants logarithms of probabilities.": (
                lambda m, X, y: nn.functional.nll_loss(m(X).softmax(dim=1), y)
            ),
        },
    )


def check_spam(loss_of_spam) -> Verdict:
    """Room 5. loss_of_spam(model, X, y): the cross-entropy, with a gradient."""

    def by_number(model, X, y):
        return torch.tensor(museum.spam(model, X, y).item(), requires_grad=True)

    return rooms.judge_loss(
        loss_of_spam,
        museum.spam,
        [rooms.messages(seed) for seed in range(3)],
        {
            rooms.STILL_THERE: (
                partial(museum.spam, cut="logits"),
                by_number,
            ),
            "now the last layer learns, and the way to the first one is still cut.": (
                partial(museum.spam, cut="hidden")
            ),
            "the gradient arrives, but the loss is another one.": (
                lambda m, X, y: len(y) * museum.spam(m, X, y),
                lambda m, X, y: nn.functional.cross_entropy(m(X).softmax(dim=1), y),
            ),
        },
    )


def check_writing(loss_of_writing) -> Verdict:
    """Room 6. loss_of_writing(model, token_ids): of the next token, at each place."""
    cases = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        model = nn.Embedding(7, 7)
        cases.append((model, torch.tensor(random.integers(0, 7, 9))))
    return rooms.judge_loss(
        loss_of_writing,
        museum.writing,
        cases,
        {
            rooms.STILL_THERE: (partial(museum.writing, ahead=2)),
            "now each word is its own target: it learns to repeat.": (
                partial(museum.writing, ahead=0),
                lambda m, ids: nn.functional.cross_entropy(m(ids[:-1]), ids[:-1]),
            ),
            "each target is the word before: it learns to write backward.": (
                partial(museum.writing, ahead=-1)
            ),
            "three words on is further still.": partial(museum.writing, ahead=3),
            "right, but for the first or last word, which you have lost.": (
                lambda m, ids: museum.writing(m, ids[:-1]),
                lambda m, ids: museum.writing(m, ids[1:]),
            ),
        },
    )


def check_batch(loss_of_batch) -> Verdict:
    """Room 10. loss_of_batch(model, X, y): the same size for a batch of any size."""

    def wrong(divisor):
        return partial(museum.batch, divisor=divisor)

    return rooms.judge_loss(
        loss_of_batch,
        museum.batch,
        [rooms.messages(seed, count=4 + 3 * seed) for seed in range(3)],
        {
            rooms.STILL_THERE: (wrong(lambda y: 1)),
            "a fixed number fits one batch only; the last one is often smaller.": [
                wrong(lambda y, n=n: n)
                for n in (8, 10, 16, 32, 40, 64, 100, 128, 200, 256, 400)
            ],
            "divide by the messages themselves, not by their root.": (
                wrong(lambda y: len(y) ** 0.5)
            ),
            "divide by the messages, not by their logits.": wrong(lambda y: 2 * len(y)),
            "it is a mean already; divided once more it gets smaller with the "
            "batch.": wrong(lambda y: len(y) ** 2),
        },
    )


def check_half(loss_in_half) -> Verdict:
    """Room 11. loss_in_half(model, X, y): the loss, scaled, and its scale; 16 bits."""

    def measured(function):
        @wraps(function)
        def run(model, X, y):
            bits = []
            model.register_forward_hook(
                lambda module, given, out: bits.append(8 * out.element_size())
            )
            loss, scale = function(model, X, y)
            grads = torch.autograd.grad(loss, list(model.parameters()))
            gradient = rooms.flat(grads) / scale * museum.TOKENS
            return loss.item() / scale * museum.TOKENS, gradient, bits[-1]

        return run

    wrong = partial(partial, museum.half)
    return judge(
        measured(loss_in_half),
        measured(museum.half),
        [rooms.messages(seed, count=12) for seed in range(3)],
        {
            rooms.STILL_THERE: [
                measured(wrong(scale=scale)) for scale in (1.0, 2.0, 8.0, 10.0)
            ],
            "too large a scale: now it overflows. The largest number of 16 bits is "
            "65,504.": [measured(wrong(scale=2.0**by)) for by in (45, 60)],
            "the loss is scaled, and nobody is told: the step would be that much too "
            "long.": measured(wrong(told=1.0)),
            "a scale is told, and the loss is not scaled.": (
                measured(wrong(scale=1.0, told=2.0**16))
            ),
            "that runs with 32 bits; it was to run with 16.": (
                measured(wrong(is_on=False))
            ),
            "without the division it is another loss.": [
                measured(wrong(scale=1.0, tokens=tokens)) for tokens in (1, 12)
            ],
        },
        atol=0.02,
        names=("loss", "gradient", "bits"),
    )


def check_parts(loss_of_parts) -> Verdict:
    """Room 12. loss_of_parts(model, parts): of all words, however they are grouped."""
    cases = []
    for seed in range(3):
        random = np.random.default_rng(seed)
        torch.manual_seed(seed)
        pairs = [
            tuple(torch.tensor(random.integers(0, 5, (2, size)))) for size in (2, 5, 9)
        ]
        cases.append((nn.Embedding(5, 5), pairs))
    wrong = partial(partial, museum.parts)
    return rooms.judge_loss(
        loss_of_parts,
        museum.parts,
        cases,
        {
            rooms.STILL_THERE: (wrong(weight=lambda *pair: 1)),
            "the sum over all words; divide it by their number.": (
                wrong(divisor=lambda weights: 1)
            ),
            "weighed by the words, and then divided by the number of parts.": wrong(
                divisor=len
            ),
            "means added up, which grow with the number of parts.": (
                wrong(weight=lambda *pair: 1, divisor=lambda weights: 1)
            ),
            "each mean counts as often as it has words: so multiply by them.": (
                wrong(weight=lambda inputs, targets: 1 / len(targets))
            ),
            "that is the loss of one part.": (
                lambda m, pairs: museum.parts(m, pairs[:1]),
                lambda m, pairs: museum.parts(m, pairs[-1:]),
            ),
        },
    )
