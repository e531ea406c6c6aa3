"""Checkers of lesson 09: clean rates, targets, a loss, a promise, two rulers."""

import numpy as np
import torch

from course_utils.checks import Verdict, choices, judge


def check_clean_rates(clean_rates) -> Verdict:
    """clean_rates(lrs, is_written, num_held, num_others): a list of learning rates."""
    cases = [
        ([0.1, 0.2, 0.3, 0.4], [False, True, True, True], [9, 9, 8, 3], 9),
        ([0.01, 0.03, 0.1, 0.3], [True, True, False, True], [4, 4, 4, 4], 4),
        ([1.0, 2.0, 4.0], [False, False, True], [5, 5, 4], 5),
        ([0.5, 0.6, 0.7, 0.8], [True, True, True, False], [2, 1, 2, 2], 2),
    ]

    def rates(keep):
        return lambda lrs, written, held, n: [
            lr for lr, w, h in zip(lrs, written, held, strict=True) if keep(w, h, n)
        ]

    right = rates(lambda w, h, n: w and h == n)
    return judge(
        clean_rates,
        right,
        cases,
        {
            "the false answer need not be written there: use is_written.": (
                rates(lambda w, h, n: h == n)
            ),
            "some of the others are lost there: use num_held.": rates(
                lambda w, h, n: w
            ),
            "that lets one other fact go: all of them must hold.": (
                rates(lambda w, h, n: w and h >= n - 1)
            ),
            "those are the rates at which another fact is lost.": (
                rates(lambda w, h, n: w and h < n)
            ),
            "those are the rates at which the answer is not written.": (
                rates(lambda w, h, n: not w and h == n)
            ),
            "those are places in the list; return the learning rates.": (
                lambda lrs, written, held, n: [
                    i for i, lr in enumerate(lrs) if lr in right(lrs, written, held, n)
                ]
            ),
            "those are the two ends; a gap may lie between them: return all.": (
                lambda *case: right(*case)[:1] + right(*case)[1:][-1:]
            ),
            "that says for each rate if it is clean; return the rates.": (
                lambda lrs, written, held, n: [
                    bool(w and h == n) for w, h in zip(written, held, strict=True)
                ]
            ),
            "that is the first of them; return all.": (
                lambda *case: right(*case)[0] if right(*case) else None
            ),
        },
        hint="not those. Go through the rates one by one: written, and all held?",
    )


def check_answer_targets(answer_targets) -> Verdict:
    """answer_targets(token_ids, attention_mask, answer_lengths): targets (B, T)."""
    cases = []
    for seed, (b, t) in enumerate([(3, 7), (2, 11), (5, 8)]):
        random = np.random.default_rng(seed)
        token_ids = torch.tensor(random.integers(3, 90, (b, t)))
        lengths = torch.tensor(random.integers(4, t + 1, b))
        mask = torch.arange(t) >= t - lengths[:, None]
        token_ids = token_ids.masked_fill(~mask, 2)
        cases.append((token_ids, mask, torch.tensor(random.integers(1, 4, b))))

    def at_end(ids, lengths):
        return torch.arange(ids.shape[1]) >= ids.shape[1] - lengths[:, None]

    def right(ids, mask, lengths):
        return ids.masked_fill(~at_end(ids, lengths), -100)

    return judge(
        answer_targets,
        right,
        cases,
        {
            "the prompt still counts: only padding is left out.": (
                lambda ids, mask, lengths: ids.masked_fill(~mask, -100)
            ),
            "nothing is left out: those are the token ids.": lambda ids, *rest: ids,
            "that is turned round: the answer is left out.": (
                lambda ids, mask, lengths: ids.masked_fill(at_end(ids, lengths), -100)
            ),
            "the answer stands at the end of each row, not at its beginning.": (
                lambda ids, mask, lengths: ids.masked_fill(
                    torch.arange(ids.shape[1]) >= lengths[:, None], -100
                )
            ),
            "0 is a token like any other; write -100 where nothing is asked.": (
                lambda ids, mask, lengths: ids * at_end(ids, lengths)
            ),
            "shifted: each target stands at its own token; the loss shifts.": (
                lambda ids, mask, lengths: right(ids, mask, lengths).roll(-1, dims=1),
                lambda ids, mask, lengths: torch.cat(
                    [
                        right(ids, mask, lengths)[:, 1:],
                        ids.new_full((len(ids), 1), -100),
                    ],
                    dim=1,
                ),
            ),
            "one token too many: the last of the prompt is not asked for.": (
                lambda ids, mask, lengths: right(ids, mask, lengths + 1)
            ),
            "one token is missing: the first of the answer is asked for, too.": (
                lambda ids, mask, lengths: right(ids, mask, lengths - 1)
            ),
            "that says where the answer stands; return its token ids there.": (
                lambda ids, mask, lengths: at_end(ids, lengths)
            ),
            "every row has its own answer length.": (
                lambda ids, mask, lengths: right(
                    ids, mask, lengths[:1].expand(len(ids))
                ),
                lambda ids, mask, lengths: right(
                    ids, mask, lengths.max().expand(len(ids))
                ),
            ),
        },
    )


def check_next_token_loss(next_token_loss) -> Verdict:
    """next_token_loss(logits, token_ids, attention_mask): the mean loss, a number."""
    cases = []
    for seed, (b, t, v) in enumerate([(3, 7, 5), (2, 11, 13), (4, 5, 3)]):
        random = np.random.default_rng(seed)
        lengths = torch.tensor(random.integers(3, t, b))
        mask = torch.arange(t) >= t - lengths[:, None]
        cases.append(
            (
                torch.tensor(random.standard_normal((b, t, v)), dtype=torch.float32)
                * 3,
                torch.tensor(random.integers(0, v, (b, t))),
                mask,
            )
        )

    def loss(logits, ids, mask, *, shift=1, asked=None, mean=True, rows=False):
        losses = (
            -logits[:, :-shift].log_softmax(2).gather(2, ids[:, shift:, None])[..., 0]
        )
        keep = (asked or (lambda m: m[:, :-shift]))(mask)
        if rows:
            return ((losses * keep).sum(1) / keep.sum(1)).mean()
        return losses[keep].mean() if mean else losses[keep].sum()

    def everywhere(mask):
        return torch.ones_like(mask[:, :-1])

    def given(logits, ids, mask):
        return loss(logits, ids, mask, shift=2, asked=lambda m: everywhere(m)[:, :-1])

    return judge(
        next_token_loss,
        loss,
        cases,
        {
            "that is the code as it was given, with both faults.": given,
            "the targets are still shifted twice; the padding is mended.": (
                lambda *case: loss(*case, shift=2),
                lambda *case: loss(*case, shift=2, asked=lambda m: m[:, 1:-1]),
                lambda *case: loss(*case, shift=2, asked=lambda m: m[:, 2:]),
            ),
            "the padding still counts; the shift is mended.": (
                lambda *case: loss(*case, asked=everywhere)
            ),
            "the first token of each row has none before it: it is not asked for.": (
                lambda *case: loss(*case, asked=lambda m: m[:, 1:])
            ),
            "that is a sum; return the mean.": lambda *case: loss(*case, mean=False),
            "that is the mean of the rows' means; long rows count for more.": (
                lambda *case: loss(*case, rows=True)
            ),
            "padding adds nothing, but it is still counted: divide by the number of "
            "tokens asked for.": (
                lambda logits, ids, mask: (
                    loss(logits, ids, mask, mean=False) / mask[:, 1:].numel()
                )
            ),
            "the sign is turned round: the loss is minus the logarithm.": (
                lambda *case: -loss(*case)
            ),
            "without a shift each place is asked for the token it has read.": (
                lambda logits, ids, mask: (
                    -logits.log_softmax(2)
                    .gather(2, ids[..., None])[..., 0][mask]
                    .mean()
                )
            ),
        },
        atol=1e-5,
    )


def check_predicted_change(predicted_change) -> Verdict:
    """predicted_change(grads, other_grads, lr): -lr times the product, a number."""
    cases = []
    for seed, lr in ((0, 0.1), (1, 0.02), (2, 3.0)):
        random = np.random.default_rng(seed)
        pair = [
            [
                torch.tensor(random.standard_normal(shape), dtype=torch.float32)
                for shape in ((3, 5), (7,), (2, 2))
            ]
            for _ in range(2)
        ]
        cases.append((*pair, lr))

    def product(grads, others):
        return sum((g * h).sum() for g, h in zip(grads, others, strict=True))

    def length(grads):
        return product(grads, grads) ** 0.5

    return judge(
        predicted_change,
        lambda grads, others, lr: -lr * product(grads, others),
        cases,
        {
            "the sign is turned round: the step goes along minus the gradient.": (
                lambda grads, others, lr: lr * product(grads, others)
            ),
            "the learning rate is missing.": (
                lambda grads, others, lr: -product(grads, others),
                lambda grads, others, lr: product(grads, others),
            ),
            "that is the change of its own loss, -lr·g·g: use the other's gradient.": (
                lambda grads, others, lr: -lr * product(grads, grads)
            ),
            "that is the other's own step: its loss, along its own gradient.": (
                lambda grads, others, lr: -lr * product(others, others)
            ),
            "that divides by the lengths: the cosine, not the change.": (
                lambda g, h, lr: -lr * product(g, h) / (length(g) * length(h)),
                lambda g, h, lr: product(g, h) / (length(g) * length(h)),
            ),
            "only the first tensor counts; sum over all parameters.": (
                lambda g, h, lr: -lr * (g[0] * h[0]).sum()
            ),
            "that is a mean over the entries; the slope is a sum.": (
                lambda g, h, lr: -lr * product(g, h) / sum(each.numel() for each in g),
                lambda g, h, lr: (
                    -lr * sum((a * b).mean() for a, b in zip(g, h, strict=True))
                ),
            ),
            "lr counts once: only the one step is taken.": (
                lambda g, h, lr: -(lr**2) * product(g, h)
            ),
        },
        atol=1e-5,
    )


def check_same_loss(answer) -> Verdict:
    """A letter: how to compare two directions that reach the same loss."""
    return choices.choose(
        answer,
        "d",
        {
            "a": "a rate is a factor of the direction. The sign has 1 in each of its "
            "millions of entries, so a small factor makes a long step.",
            "b": "it is the steepest for one way to measure distance; the sign is so "
            "for another.",
            "c": "they can, once both have brought the loss equally far down.",
            "d": "a direction can be written twice as long, and its rate is then half. "
            "What the step does to the rest does not change.",
        },
    )
