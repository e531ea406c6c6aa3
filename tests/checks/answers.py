"""What learners hand in: right answers in several styles, and wrong ones.

A wrong one stands with words that its message must hold; test_confusion.py runs all.
"""

import math
from collections import Counter
from functools import partial

import numpy as np
import rooms
import torch
from torch.nn import functional as F

from course_utils.checks import (
    lesson00,
    lesson01,
    lesson02,
    lesson03,
    lesson04,
    lesson05,
    lesson06,
    lesson07,
    lesson07b,
    lesson08,
    lesson08b,
    lesson09,
    lesson09b,
    lesson10,
    lesson11,
    lesson12,
)

ANSWERS: dict = {}  # checker: (right answers, {wrong answer: words})


def exercise(check, right, wrong):
    ANSWERS[check] = right, wrong


# Lesson 00


def central(loss, x, h=1e-4):
    return (loss(x + h) - loss(x - h)) / (2 * h)


exercise(
    lesson00.check_slope,
    [
        central,
        lambda f, x: (f(x + 1e-3) - f(x)) / 1e-3,
        lambda f, x: torch.tensor([central(f, x)]),
        lambda f, x: np.array(central(f, x, 1e-2)),
        lambda f, x: (f(x) - f(x - 1e-5)) / 1e-5,
    ],
    [
        (lambda f, x: f(x + 1e-3) - f(x - 1e-3), "divide it by how far"),
        (lambda f, x: -central(f, x), "sign is turned round"),
        (lambda f, x: (f(x + 1e-4) - f(x - 1e-4)) / 1e-4, "divide by 2 * h"),
        (lambda f, x: (f(x + 1e-4) - f(x)) / 2e-4, "not by 2 * h"),
        (lambda f, x: round(central(f, x), 2), "rounded the slope"),
        (lambda f, x: 0.0, "whatever it is given"),
        (lambda f, x: f(x), "the loss itself"),
        (lambda f, x: f(x) / x, "divided by x"),
        (lambda f, x: x, "`x`, as it came in"),
    ],
)


def down(loss, x, lr, *, zero=True, move=lambda x, g, lr: x - lr * g):
    if zero:
        x.grad = None
    loss(x).backward()
    with torch.no_grad():
        return move(x, x.grad, lr)


def down_by_optimizer(loss, x, lr):
    copy = x.detach().clone().requires_grad_()
    optimizer = torch.optim.SGD([copy], lr=lr)
    loss(copy).backward()
    optimizer.step()
    return copy


def down_in_place(loss, x, lr):
    x.grad = None
    loss(x).backward()
    x.data -= lr * x.grad
    return x


exercise(
    lesson00.check_step_down,
    [
        down,
        down_by_optimizer,
        lambda loss, x, lr: x - lr * torch.autograd.grad(loss(x), x)[0],
        lambda loss, x, lr: (
            (x - lr * torch.autograd.grad(loss(x), x)[0]).detach().numpy()
        ),
    ],
    [
        (partial(down, zero=False), "clear x.grad"),
        (partial(down, move=lambda x, g, lr: x + lr * g), "uphill"),
        (partial(down, zero=False, move=lambda x, g, lr: x + lr * g), "uphill"),
        (partial(down, move=lambda x, g, lr: x - g), "learning rate is missing"),
        (partial(down, move=lambda x, g, lr: -lr * g), "starts at x"),
        (down_in_place, "return a new tensor"),
        (lambda loss, x, lr: x, "not where the step lands"),
    ],
)
exercise(
    lesson00.check_two_rates,
    [
        lambda c: (1 / c, 2 / c),
        lambda c: [1 / c, 2 / c],
        lambda c: np.array([1, 2]) / c,
        lambda c: torch.tensor([1 / c, 2 / c]),
    ],
    [
        (lambda c: (0.5, 1.0), "for the dial above only"),
        (lambda c: (c, 2 * c), "shorter step"),
        (lambda c: (2 / c, 1 / c), "the order"),
        (lambda c: (2 / c, 4 / c), "twice too long"),
        (lambda c: (1 / c, 1 / c), "farther away than"),
        (lambda c: 1 / c, "you returned one"),
    ],
)


def letters(check, right, **wrong):
    """A question with a letter: words that answer each wrong one."""
    exercise(
        check,
        [right, right.upper(), f" {right}. ", f"({right})"],
        [*wrong.items(), ("x", "one letter"), (2, "one letter"), (["z"], "one letter"),
         (f"{right} because", "one letter"), ("", "one letter")],
    )  # fmt: skip


letters(
    lesson00.check_reading,
    "b",
    a="evidence is smaller|evidence ",
    c="names the case",
)


# Lesson 01


def ids_from(lists, least, first=2, more=0):
    counts = Counter(token for tokens in lists for token in tokens)
    kept = [token for token in counts if counts[token] >= least + more]
    return {token: i for i, token in enumerate(kept, first)}


exercise(
    lesson01.check_build_ids,
    [
        ids_from,
        lambda lists, least: dict(reversed(ids_from(lists, least).items())),
        lambda lists, min_count=2: ids_from(sorted(lists), min_count),
        lambda lists, least: Counter(ids_from(lists, least)),
    ],
    [
        (partial(ids_from, first=0, more=1), "both faults"),
        (partial(ids_from, first=0), "gets 2"),
        (partial(ids_from, first=1), "gets 2"),
        (partial(ids_from, more=1), "at least is >="),
        (lambda lists, least: ids_from(lists, 2), "stands at 2"),
        (lambda lists, least: ids_from(lists, 1), "however rare"),
        (lambda lists, least: {}, "not these"),
        (lambda lists, least: list(ids_from(lists, least)), "not these|returned"),
    ],
)


def padded(sequences, fill=0):
    width = max(map(len, sequences))
    rows = [[*ids, *[fill] * (width - len(ids))] for ids in sequences]
    return rows, [[i < len(ids) for i in range(width)] for ids in sequences]


def padded_in_place(sequences):
    width, mask = max(map(len, sequences)), []
    for ids in sequences:
        mask.append([i < len(ids) for i in range(width)])
        ids += [0] * (width - len(ids))
    return sequences, mask


exercise(
    lesson01.check_pad,
    [
        padded,
        lambda s: tuple(torch.tensor(each) for each in padded(s)),
        lambda s: (map(tuple, padded(s)[0]), map(tuple, padded(s)[1])),
        lambda s: [np.array(each) for each in padded(s)],
        lambda s: {"token_ids": padded(s)[0], "mask": padded(s)[1]},
    ],
    [
        (lambda s: tuple([r[::-1] for r in e] for e in padded(
            [ids[::-1] for ids in s])), "on the left"),
        (lambda s: (padded(s)[0], [[not m for m in r] for r in padded(s)[1]]),
         "mask is inverted"),
        (lambda s: padded(s)[0], "ids only"),
        (lambda s: padded(s)[1], "mask only"),
        (lambda s: padded(s)[::-1], "wrong order"),
        (lambda s: padded(s, fill=1), "padding is 0"),
        (padded_in_place, "`sequences` is not what it was"),
        (lambda s: (s, [[True] * len(ids) for ids in s]), "nothing is filled"),
    ],
)  # fmt: skip


def cheapest(scores, is_spam, thresholds, lost_cost, slip_cost=1, above=True):
    scores, is_spam = np.array(scores), np.array(is_spam, bool)
    costs = []
    for threshold in thresholds:
        called = scores > threshold if above else scores >= threshold
        lost, slipped = (called & ~is_spam).sum(), (~called & is_spam).sum()
        costs.append(lost_cost * lost + slip_cost * slipped)
    return thresholds[int(np.argmin(costs))]


exercise(
    lesson01.check_cheapest_threshold,
    [
        cheapest,
        lambda *case: torch.tensor(cheapest(*case)),
        lambda *case: np.float64(cheapest(*case)),
        lambda *case: [cheapest(*case)],
    ],
    [
        (lambda s, y, t, c: cheapest(s, y, t, 1, c), "price of a good message"),
        (lambda s, y, t, c: cheapest(s, y, t, 1), "use lost_cost"),
        (lambda s, y, t, c: cheapest(s, y, t, c, above=False), "not at it"),
        (lambda s, y, t, c: cheapest(s, y, t, c, 0), "only lost"),
        (lambda s, y, t, c: cheapest(s, y, t, 0), "only spam"),
        (lambda s, y, t, c: t.index(cheapest(s, y, t, c)), "place in the list"),
        (lambda s, y, t, c: 0.5, "whatever it is given"),
    ],
)
letters(lesson01.check_emoticons, "b", a="look at the differences", c="more than was")


def cut(word, pieces, pick=max, mark="##", unknown=("[UNK]",)):
    found, start = [], 0
    while start < len(word):
        prefix = mark if start else ""
        ends = [e for e in range(start + 1, len(word) + 1)
                if prefix + word[start:e] in pieces]  # fmt: skip
        if not ends:
            return list(unknown)
        found.append(prefix + word[start : pick(ends)])
        start = pick(ends)
    return found


exercise(
    lesson01.check_cut,
    [
        cut,
        lambda word, pieces: tuple(cut(word, pieces)),
        lambda word, pieces: iter(cut(word, pieces)),
        lambda letters, known: cut(letters, sorted(known)),
    ],
    [
        (partial(cut, pick=min), "shortest"),
        (partial(cut, mark=""), "begins with ##"),
        (partial(cut, unknown=()), "empty list"),
        (lambda word, pieces: list(word), "into letters"),
        (lambda word, pieces: " ".join(cut(word, pieces)), "return a list"),
        (lambda word, pieces: word, "`word`, as it came in"),
        (lambda word, pieces: ["[UNK]"], "right result"),
    ],
)

# Lesson 02


def entropy(logits, targets, reduce=torch.mean):
    log_probs = logits - logits.logsumexp(dim=1, keepdim=True)
    return reduce(-log_probs[torch.arange(len(targets)), targets])


def naive_softmax(logits):
    return logits.exp() / logits.exp().sum(dim=1, keepdim=True)


exercise(
    lesson02.check_cross_entropy,
    [
        entropy,
        lambda z, t: entropy(z, t).reshape(1),
        lambda z, t: F.cross_entropy(z, t).item(),
        lambda z, t: entropy(z, t).numpy(),
        lambda z, t: entropy(z - z.max(dim=1, keepdim=True).values, t),
    ],
    [
        (lambda z, t: -entropy(z, t), "minus sign"),
        (lambda z, t: entropy(z, t, torch.sum), "sum over the batch"),
        (lambda z, t: -torch.log_softmax(z, dim=1)[:, t].mean(), "every target"),
        (lambda z, t: F.nll_loss(torch.log_softmax(z, dim=0), t), "over the messages"),
        (lambda z, t: F.nll_loss(torch.softmax(z, dim=1), t), "take its logarithm"),
        (F.nll_loss, "softmax first"),
        (lambda z, t: F.nll_loss(naive_softmax(z).log(), t), "overflow"),
        (lambda z, t: -(F.one_hot(t, z.shape[1]) * naive_softmax(z).log()).sum()
         / len(t), "overflow"),
        (lambda z, t: F.cross_entropy(torch.softmax(z, dim=1), t), "taken twice"),
        (lambda z, t: F.cross_entropy(z, t, reduction="none"), "take their mean"),
    ],
)  # fmt: skip


def layer(x, w, g, bias=None, features=None, weight=None):
    return (
        g.T @ x if weight is None else weight,
        g.sum(dim=0) if bias is None else bias,
        g @ w if features is None else features,
    )


exercise(
    lesson02.check_layer_backward,
    [
        layer,
        lambda x, w, g: list(layer(x, w, g)),
        lambda x, w, g: tuple(each.numpy() for each in layer(x, w, g)),
        lambda x, w, g: layer(x, w, g, bias=torch.einsum("bo->o", g)),
        lambda x, w, g: {
            "grad_weight": g.T @ x, "grad_features": g @ w, "grad_bias": g.sum(0)},
    ],
    [
        (lambda x, w, g: layer(x, w, g, g.mean(0), g @ w.T), "two axes|as it was"),
        (lambda x, w, g: layer(x, w, g, g.mean(0)), "look at the bias"),
        (lambda x, w, g: layer(x, w, g, features=g @ w.T), "two axes"),
        (lambda x, w, g: layer(x, w, g, weight=x.T @ g), "as it stood"),
        (lambda x, w, g: layer(x, w, g, g.sum()), "one number an output"),
        (lambda x, w, g: layer(x, w, g)[::-1], "the order"),
        (lambda x, w, g: (g.T @ x, g @ w), "the bias is missing"),
        (lambda x, w, g: tuple(-each for each in layer(x, w, g)), "turned round"),
    ],
)  # fmt: skip


def step(loss_fn=F.cross_entropy, *, zero=True, update=None, times=1, names=("",)):
    def train_step(model, features, targets, lr):
        for _ in range(times):
            if zero:
                model.zero_grad()
            loss_fn(model(features), targets).backward()
            with torch.no_grad():
                for name, param in model.named_parameters():
                    if name.startswith(names):
                        (update or (lambda p, lr: p.sub_(lr * p.grad)))(param, lr)

    return train_step


def by_optimizer(model, features, targets, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr)
    F.cross_entropy(model(features), targets).backward()
    optimizer.step()
    optimizer.zero_grad()


def by_data(model, features, targets, lr):
    grads = torch.autograd.grad(
        F.cross_entropy(model(features), targets), list(model.parameters())
    )
    for param, grad in zip(model.parameters(), grads, strict=True):
        param.data = param.data - lr * grad


def returning(model, features, targets, lr):
    step()(model, features, targets, lr)
    return model


exercise(
    lesson02.check_train_step,
    [step(), by_optimizer, by_data, returning],
    [
        (step(zero=False), "zero_grad() in every step"),
        (step(update=lambda p, lr: p.add_(lr * p.grad)), "sign is wrong"),
        (step(times=2), "step twice"),
        (
            step(lambda z, t: F.cross_entropy(z, t, reduction="sum")),
            "sum over the batch",
        ),
        (step(update=lambda p, lr: p.sub_(p.grad)), "lr is not used"),
        (step(names=("weight",)), "only the weight moved"),
        (step(lambda z, t: F.cross_entropy(z, t).detach()), "detached it"),
        (step(lambda z, t: F.cross_entropy(z, t).item()), "plain number"),
    ],
)
letters(lesson02.check_what_it_learned, "b", a="asks for the order", c="stay at one")
exercise(
    lesson02.check_causes,
    ["bdac", "BDAC", list("bdac"), "b, d, a, c", "1b 2d 3a 4c".translate(
        str.maketrans("", "", "1234"))],
    [
        ("dbac", "not line 1"),
        ("bcad", "not line 2"),
        ("bdca", "not line 3"),
        ("abcd", "not line 1"),
        ("bda", "each of a, b, c, d once"),
        ("bdaa", "each of a, b, c, d once"),
        (3, "each of a, b, c, d once"),
    ],
)  # fmt: skip

# Lesson 03


def attend(query, key, value, mask, *, scale=None, dim=-1, fill=-math.inf):
    scores = query @ key.T / (scale or query.shape[-1] ** 0.5)
    return scores.masked_fill(~mask, fill).softmax(dim) @ value


exercise(
    lesson03.check_attention,
    [
        attend,
        lambda *c: (attend(*c), c[3].float()),  # (output, weights)
        lambda *c: attend(*c, fill=-1e9).numpy(),
        lambda q, k, v, m: F.scaled_dot_product_attention(
            q[None], k[None], v[None], m[None]
        ),
        lambda *c: attend(*c).tolist(),
    ],
    [
        (lambda q, k, v, m: attend(q, k, v, m | True), "mask is not used"),
        (lambda q, k, v, m: attend(q, k, v, ~m), "wrong way round"),
        (lambda *c: attend(*c, fill=0.0), "scores became 0"),
        (lambda *c: attend(*c, fill=-20.0), "a number such as -20"),
        (lambda *c: attend(*c, fill=-50), "a number such as -20"),
        (lambda *c: attend(*c, dim=0), "over the queries"),
        (lambda *c: attend(*c, scale=1), "not divided by √K"),
        (lambda q, *c: attend(q, *c, scale=q.shape[-1]), "divided by K"),
        (lambda q, k, v, m: (q @ k.T / q.shape[-1] ** 0.5).softmax(-1) * m @ v,
         "after softmax"),
        (lambda q, k, v, m: (q @ k.T / q.shape[-1]).softmax(-1) * m @ v, "both faults"),
        (lambda q, k, v, m: v.mean(dim=0).expand(len(q), -1), "on case 1"),
    ],
)  # fmt: skip


letters(lesson03.check_no_division, "b", a="larger, not smaller", c="not touched")


def window(num_tokens, width, keep=lambda back, width: (back >= 0) & (back < width)):
    return keep(torch.arange(num_tokens)[:, None] - torch.arange(num_tokens), width)


exercise(
    lesson03.check_window_mask,
    [
        window,
        lambda t, w: torch.ones(t, t).tril().bool() & ~torch.ones(t, t).tril(-w).bool(),
        lambda t, w: np.tril(np.ones((t, t))) * np.triu(np.ones((t, t)), 1 - w),
        lambda t, w: [[i - w < j <= i for j in range(t)] for i in range(t)],
    ],
    [
        (partial(window, keep=lambda b, w: b >= 0), "whole past"),
        (partial(window, keep=lambda b, w: b.abs() < w), "sees the future"),
        (partial(window, keep=lambda b, w: (b >= 0) & (b <= w)), "one too many"),
        (partial(window, keep=lambda b, w: (b > 0) & (b < w)), "at itself"),
        (lambda t, w: ~window(t, w), "wrong way round"),
        (lambda t, w: torch.ones(t, t).bool(), "all True"),
        (lambda t, w: window(t, w).T, "sees the future"),
    ],
)


def pre_norm(x, attention, mlp, norm1, norm2):
    a = x + attention(norm1(x))
    return a + mlp(norm2(a))


exercise(
    lesson03.check_pre_norm,
    [
        pre_norm,
        lambda *case: pre_norm(*case).numpy(),
        lambda *case: pre_norm(*case).tolist(),
        lambda x, f, g, n, m: (a := f(n(x)).add(x)) + g(m(a)),
    ],
    [
        (lambda x, f, g, n, m: m((a := n(x + f(x))) + g(a)), "as BERT does"),
        (lambda x, f, g, n, m: g(m(f(n(x)))), "not added"),
        (lambda x, f, g, n, m: x + f(n(x)) + g(m(x)), "the MLP gets x"),
        (lambda x, f, g, n, m: x + g(m(x + f(n(x)))), "at the end x"),
        (lambda x, f, g, n, m: pre_norm(x, f, g, m, n), "norms are exchanged"),
        (lambda x, f, g, n, m: x + f(n(x)), "the MLP is missing"),
        (lambda x, f, g, n, m: x, "`x`, as it came in"),
    ],
)
letters(lesson03.check_reading_heads, "c", a="what later layers", b="add up to 1")

# Lesson 04


def promise(loss, g, H, lr, slope=1.0, bend=0.5):
    return loss - slope * lr * (g * g).sum() + bend * lr * lr * (g @ H @ g)


exercise(
    lesson04.check_predict_loss,
    [
        promise,
        lambda *c: promise(*c).reshape(1),
        lambda *c: float(promise(*c)),
        lambda loss, g, H, lr: loss - lr * g[None] @ g[:, None] + (
            lr**2 / 2 * g[None] @ H @ g[:, None]),
    ],
    [
        (lambda *c: promise(*c, bend=1), "one half"),
        (lambda loss, g, H, lr: loss - lr * g @ g + lr * g @ H @ g, "both faults"),
        (lambda loss, g, H, lr: loss - lr * g @ g + 0.5 * lr * g @ H @ g, "lr squared"),
        (lambda *c: promise(*c, bend=0), "first promise"),
        (lambda *c: promise(*c, bend=-0.5), "wrong sign"),
        (lambda *c: promise(*c, slope=-1), "downhill"),
        (lambda loss, g, H, lr: promise(loss, g, H, lr, slope=1 / g.norm()),
         "|g| squared"),
        (lambda loss, *c: promise(0, *c), "the change"),
        (lambda loss, *c: loss, "`loss`, as it came in"),
    ],
)  # fmt: skip


def limit(H, decay, top=2):
    largest = torch.linalg.eigvalsh(H)[-1] + decay
    return top / largest if largest > 0 else torch.inf


exercise(
    lesson04.check_stable_lr,
    [
        limit,
        lambda H, w: torch.as_tensor(limit(H, w)).reshape(1),
        lambda H, w: np.float64(limit(H, w)),
        lambda H, w: limit(H + w * torch.eye(2), 0),
    ],
    [
        (lambda H, w: limit(H, w, 1), "1 / (λmax + w)"),
        (lambda H, w: limit(H, 0), "decay is not used"),
        (lambda H, w: limit(H, 2 * w), "not ½ w or 2 w"),
        (lambda H, w: limit(H, -w), "is subtracted"),
        (lambda H, w: 2 / (torch.linalg.eigvalsh(H)[-1] + w), "there is no limit"),
        (lambda H, w: limit(H, w) if limit(H, w) < 1e9 else None, "returns nothing"),
        (lambda H, w: 2 / (torch.linalg.eigvalsh(H).abs().max() + w), "absolute"),
        (lambda H, w: 2.0, "whatever it is given"),
    ],
)


def on_diamond(g, sign=-1):
    step = torch.zeros_like(g)
    step[g.abs().argmax()] = sign * g[g.abs().argmax()].sign()
    return step


exercise(
    lesson04.check_steepest_on_diamond,
    [
        on_diamond,
        lambda g: on_diamond(g).tolist(),
        lambda g: -g.sign() * (g.abs() == g.abs().max()),
        lambda g: [-x.sign() if abs(x) == max(abs(g)) else 0.0 for x in g],
    ],
    [
        (lambda g: on_diamond(g, 1), "uphill"),
        (lambda g: -g.sign(), "length is not 1"),
        (lambda g: -g / g.norm(), "round ruler"),
        (lambda g: -g / g.abs().sum(), "spread over"),
        (lambda g: g.abs().argmax(), "return the step"),
        (lambda g: -g, "not that one"),
        (lambda g: on_diamond(g) * g.abs().max(), "not the gradient's"),
    ],
)
letters(lesson04.check_age_and_income, "b", a="slower still", c="would not diverge")


def cut_up(n, size, random, shuffle=True, drop=False):
    order = random.permutation(n) if shuffle else np.arange(n)
    batches = [order[i : i + size] for i in range(0, n, size)]
    return batches[: n // size] if drop else batches


exercise(
    lesson04.check_minibatches,
    [
        cut_up,
        lambda *c: [batch.tolist() for batch in cut_up(*c)],
        lambda n, size, random: np.split(
            random.permutation(n), range(size, n, size)),
        lambda n, size, random: torch.tensor(random.permutation(n)).split(size),
        lambda *c: iter(cut_up(*c)),
    ],
    [
        (partial(cut_up, shuffle=False), "in order"),
        (partial(cut_up, drop=True), "are lost"),
        (lambda n, size, random: [random.integers(n, size=size)
                                  for _ in range(-(-n // size))], "exactly once"),
        (lambda n, size, random: random.permutation(n), "cut it into"),
        (lambda n, size, random: [np.arange(size * i, min(n, size * i + size))
                                  for i in random.permutation(-(-n // size))],
         "holds neighbors"),
        (lambda n, size, random: cut_up(n, size, random)[:1], "exactly once"),
    ],
)  # fmt: skip

# Lesson 05


def ball(params, grads, velocity, lr, momentum):
    velocity = momentum * velocity + grads
    return params - lr * velocity, velocity


def ball_in_place(params, grads, velocity, lr, momentum):
    velocity.mul_(momentum).add_(grads)
    return params.sub_(lr * velocity), velocity


exercise(
    lesson05.check_momentum_step,
    [
        ball,
        lambda *c: list(ball(*c)),
        lambda *c: {"velocity": ball(*c)[1], "params": ball(*c)[0]},
        lambda *c: tuple(each.numpy() for each in ball(*c)),
        lambda *c: map(torch.clone, ball(*c)),
    ],
    [
        (lambda p, g, v, lr, m: (p - (m * v + lr * g), m * v + lr * g), "other form"),
        (lambda p, g, v, lr, m: (p - lr * v, m * v + g), "old velocity"),
        (lambda p, g, v, lr, m: ball(p, (1 - m) * g, v, lr, m), "no factor"),
        (
            lambda p, g, v, lr, m: (p - lr * (g + m * (m * v + g)), m * v + g),
            "Nesterov",
        ),
        (lambda p, g, v, lr, m: (ball(p, g, v, lr, m)[0], v), "returned the old"),
        (ball_in_place, "is not what it was"),
        (lambda p, g, v, lr, m: (p - lr * g, v), "velocity was not used"),
        (
            lambda p, g, v, lr, m: (
                p - lr * (g + m * (m * v + (1 - m) * g)),
                m * v + (1 - m) * g,
            ),
            "both faults",
        ),
        (lambda *c: ball(*c)[::-1], "wrong order"),
        (lambda *c: ball(*c)[0], "parameters only"),
    ],
)


letters(lesson05.check_steps_needed, "b", a="a factor t", c="factor of two")
exercise(
    lesson05.check_share_of_last,
    [
        lambda m, k: 1 - m**k,
        lambda m, k: sum(m**i for i in range(k)) * (1 - m),
        lambda m, k: torch.tensor(1 - m**k),
        lambda m, k: sum(m**i for i in range(k)) / sum(m**i for i in range(9999)),
    ],
    [
        (lambda m, k: m**k, "before the last"),
        (lambda m, k: sum(m**i for i in range(k)), "divide by the sum"),
        (lambda m, k: (1 - m) * m**k, "of one gradient"),
        (lambda m, k: 1 - m ** (k + 1), "one too many"),
        (lambda m, k: min(1.0, k * (1 - m)), "not all alike"),
        (lambda m, k: 0.65, "whatever it is given"),
        (lambda m, k: m, "`m`, as it came in"),
    ],
)


def adam(p, g, m, s, t, lr, power=2, at=None, eps=1e-8):
    m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g.abs() ** power
    at = t if at is None else at
    below = (s / (1 - 0.999**at)).sqrt() + eps
    return p - lr * m / (1 - 0.9**at) / below, m, s


exercise(
    lesson05.check_adam_step,
    [
        adam,
        lambda *c: list(adam(*c)),
        lambda *c: tuple(each.numpy() for each in adam(*c)),
        lambda *c: dict(zip(("params", "mean", "square"), adam(*c), strict=True)),
    ],
    [
        (partial(adam, power=1, at=1), "both faults"),
        (partial(adam, power=1), "mean of the *squares*"),
        (partial(adam, at=1), "1 - beta ** t"),
        (lambda p, g, m, s, t, lr: (
            p - lr * (0.9 * m + 0.1 * g) / ((0.999 * s + 0.001 * g**2).sqrt() + 1e-8),
            0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2), "begin too small"),
        (lambda *c: adam(*c)[0], "parameters only"),
        (lambda p, *c: (2 * p - adam(p, *c)[0], *adam(p, *c)[1:]), "sign is wrong"),
        (lambda p, g, m, s, t, lr: (p - lr * g, m, s), "on case 1"),
    ],
)  # fmt: skip
letters(lesson05.check_comparison, "b", a="by choice alone", c="finer, not fairer")

# Lesson 06


def epoch(acts="zbos", times=1, batches_of=list, reduction="mean"):
    def train_epoch(model, batches, optimizer, schedule):
        for _ in range(times):
            for features, targets in batches_of(batches):
                for act in acts:
                    if act == "z":
                        optimizer.zero_grad()
                    elif act == "b":
                        loss = F.cross_entropy(
                            model(features), targets, reduction=reduction
                        )
                        loss.backward()
                    else:
                        {"o": optimizer, "s": schedule}[act].step()

    return train_epoch


def schedule_at_the_end(model, batches, optimizer, schedule):
    epoch("zbo")(model, batches, optimizer, schedule)
    schedule.step()


exercise(
    lesson06.check_train_epoch,
    [
        epoch(),
        epoch("bosz"),
        epoch("bozs"),
        lambda *c: epoch("zbos", batches_of=iter)(*c),
    ],
    [
        (epoch("bos"), "old gradients"),
        (epoch("zbso"), "before the optimizer"),
        (epoch("zbo"), "schedule never stepped"),
        (schedule_at_the_end, "once an epoch"),
        (epoch("zbs"), "nothing moved"),
        (epoch("bzos"), "nothing moved"),
        (epoch(batches_of=lambda b: b[:1]), "only the first batch"),
        (epoch(batches_of=lambda b: b[-1:]), "only the last batch"),
        (epoch(times=2), "ran twice"),
        (epoch(reduction="sum"), "not the sum"),
    ],
)


def last_of(outputs, mask, more=-1):
    return outputs[torch.arange(len(outputs)), mask.sum(dim=1) + more]


exercise(
    lesson06.check_last_output,
    [
        last_of,
        lambda o, m: torch.stack([row[k][-1] for row, k in zip(o, m, strict=True)]),
        lambda o, m: last_of(o, m).numpy(),
        lambda o, m: o.gather(
            1, (m.sum(1) - 1)[:, None, None].expand(-1, 1, o.shape[2]))[:, 0],
    ],
    [
        (lambda o, m: o[:, -1], "at the padding"),
        (partial(last_of, more=0), "one place too far"),
        (lambda o, m: o[:, 0], "first token"),
        (lambda o, m: (o * m[..., None]).sum(1) / m.sum(1, keepdim=True), "the mean"),
        (lambda o, m: (o * m[..., None]).sum(1), "the sum"),
        (lambda o, m: o, "`o`, as it came in"),
        (lambda o, m: o * m[..., None], "all outputs"),
    ],
)  # fmt: skip
exercise(
    lesson06.check_curves,
    ["cadb", "CADB", list("cadb"), "c, a, d, b"],
    [
        ("acdb", "not line 1"),
        ("cdab", "not line 2"),
        ("cabd", "not line 3"),
        ("badc", "not line 1"),
        ("cad", "each of a, b, c, d once"),
        ("", "each of a, b, c, d once"),
        (4, "each of a, b, c, d once"),
    ],
)


def trapezoid(done, up=0.1, down=0.2):
    return max(0.0, min(1.0, done / up, (1 - done) / down))


exercise(
    lesson06.check_trapezoid,
    [
        trapezoid,
        lambda done: np.interp(done, [0, 0.1, 0.8, 1], [0, 1, 1, 0]),
        lambda done: torch.tensor(trapezoid(done)),
        lambda done: done * 10 if done < 0.1 else 1 if done <= 0.8 else 5 - 5 * done,
    ],
    [
        (lambda done: min(1.0, done / 0.1), "no way down"),
        (lambda done: min(1.0, (1 - done) / 0.2), "no way up"),
        (
            lambda done: done / 0.1 if done < 0.1 else (1 - done) / 0.9,
            "top of the climb",
        ),
        (lambda done: min(1.0, done / 0.1) if done < 0.8 else 1 - done, "it jumps"),
        (lambda done: done if done < 0.1 else trapezoid(done), "reach 1"),
        (lambda done: 1.0, "whatever it is given"),
        (lambda done: done, "`done`, as it came in"),
    ],
)


def stopping(losses, patience, keep="best", late=0, first=1):
    best = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best = epoch
        elif epoch - best == patience + late:
            return epoch + first, (best if keep == "best" else epoch) + first
    return len(losses) - 1 + first, (
        best if keep == "best" else len(losses) - 1
    ) + first


exercise(
    lesson06.check_early_stopping,
    [
        stopping,
        lambda *c: list(stopping(*c)),
        lambda *c: torch.tensor(stopping(*c)),
        lambda *c: np.array(stopping(*c), float),
    ],
    [
        (lambda losses, p: (len(losses), int(np.argmin(losses)) + 1), "all epochs"),
        (partial(stopping, late=1), "too late"),
        (partial(stopping, keep="last"), "keeps the last"),
        (partial(stopping, first=0), "count from 1"),
        (lambda *c: stopping(*c)[::-1], "the order"),
        (lambda losses, p: stopping(losses, 1), "be patient"),
        (lambda *c: stopping(*c)[0], "you returned one"),
    ],
)

# Lesson 07


def pool(hidden, mask):
    return torch.stack([h[m].mean(dim=0) for h, m in zip(hidden, mask, strict=True)])


exercise(
    lesson07.check_mean_pool,
    [
        pool,
        lambda h, m: [row for row in pool(h, m).numpy()],  # noqa: C416
        lambda h, m: pool(h, m).numpy(),
        lambda h, m: torch.nanmean(h.masked_fill(~m[..., None], torch.nan), dim=1),
    ][:1] + [
        lambda h, m: pool(h, m).numpy(),
        lambda h, m: torch.nanmean(h.masked_fill(~m[..., None], torch.nan), dim=1),
        lambda h, m: pool(h, m)[:, None],
    ],
    [
        (lambda h, m: h.mean(dim=1), "mask is not used"),
        (lambda h, m: (h * m[..., None]).mean(dim=1), "still counted"),
        (lambda h, m: h[:, 0], "first token alone"),
        (lambda h, m: h.mean(dim=0), "over the messages"),
        (lambda h, m: (h * m[..., None]).sum(dim=1) / m.sum(), "one mean for"),
        (lambda h, m: (h * m[..., None]).sum(dim=1), "divide by how many"),
        (lambda h, m: pool(h, ~m), "wrong way round"),
        (lambda h, m: h.mean(dim=2), "over the width"),
    ],
)  # fmt: skip


def three(confusion):
    (a, b), (c, d) = confusion
    return (a + d) / (a + b + c + d), d / (b + d), d / (c + d)


NAMES = ("accuracy", "precision", "recall")
exercise(
    lesson07.check_scores,
    [
        three,
        lambda c: list(three(c)),
        lambda c: np.array(three(c)),
        lambda c: dict(zip(NAMES[::-1], three(c)[::-1], strict=True)),
        lambda c: map(torch.tensor, three(c)),
    ],
    [
        (lambda c: (three(c)[0], *three(c)[:0:-1]), "swapped"),
        (lambda c: three([row[::-1] for row in c[::-1]]), "scores of ham"),
        (lambda c: (c[1][1] / (sum(c[0]) + sum(c[1])), *three(c)[1:]), "the diagonal"),
        (lambda c: [100 * each for each in three(c)], "percents"),
        (lambda c: three(c)[0], "accuracy only"),
        (lambda c: (three(c)[0], three(c)[2], three(c)[2]), "the column"),
        (lambda c: (*three(c)[:2], three(c)[1]), "the row"),
    ],
)

letters(
    lesson07.check_bars, "b", a="what the change is divided by", c="moves a number no",
    d="one lr for all",
)  # fmt: skip
letters(
    lesson07.check_curves, "c", a="leaves the training", b="only if AUC falls",
    d="of different messages",
)  # fmt: skip


def top(model, kept=("pooler", "classifier"), count=None):
    model.requires_grad_(False)
    for part in kept:
        (model.classifier if part == "classifier" else getattr(model.bert, part)
         ).requires_grad_(True)  # fmt: skip
    found = [p for p in model.parameters() if p.requires_grad]
    return count(model, found) if count else sum(p.numel() for p in found)


def by_names(model):
    total = 0
    for name, p in model.named_parameters():
        p.requires_grad = name.startswith(("bert.pooler", "classifier"))
        total += p.numel() * p.requires_grad
    return total


def by_parts(model):
    for p in [*model.bert.embeddings.parameters(), *model.bert.encoder.parameters()]:
        p.requires_grad_(False)
    parts = [*model.bert.pooler.parameters(), *model.classifier.parameters()]
    return torch.tensor(sum(p.numel() for p in parts))


def thawed(model):
    return np.int64(top(model))


exercise(
    lesson07.check_train_top,
    [top, by_names, by_parts, thawed],
    [
        (lambda m: sum(p.numel() for p in m.parameters()), "nothing is frozen"),
        (lambda m: top(m, ("classifier",)), "the pooler is frozen"),
        (lambda m: top(m, ("pooler",)), "classifier layer is frozen"),
        (lambda m: top(m, ("embeddings", "encoder")), "wrong way round"),
        (lambda m: top(m, ("embeddings", "pooler", "classifier")), "token vectors"),
        (lambda m: top(m, ("encoder", "pooler", "classifier")), "BERT's layers"),
        (lambda m: top(m, ()), "everything is frozen"),
        (partial(top, count=lambda m, _: sum(p.numel() for p in m.parameters())),
         "counts all numbers"),
        (partial(top, count=lambda _, found: len(found)), "counts tensors"),
        (lambda m: 8, "how many numbers|nothing is frozen|does embeddings learn"),
    ],
)  # fmt: skip


# Lesson 07b


def even_loss(p, labels):
    p, labels = np.asarray(p), np.asarray(labels)
    return np.mean([-np.log(p[labels == 1]).mean(), -np.log(1 - p[labels == 0]).mean()])


def weighted(p, labels):
    each = F.binary_cross_entropy(p, labels.to(p.dtype), reduction="none")
    share = labels.double().mean()
    return (each * torch.where(labels == 1, 0.5 / share, 0.5 / (1 - share))).mean()


exercise(
    lesson07b.check_balanced_loss,
    [
        even_loss,
        weighted,
        lambda p, y: torch.tensor([even_loss(p, y)]),
        lambda p, y: sum(
            F.binary_cross_entropy(p[y == k], y[y == k].double()) for k in (0, 1)) / 2,
        lambda p, y: float(even_loss(p, y)),
    ],
    [
        (lambda p, y: F.binary_cross_entropy(p, y.double()), "larger class counts"),
        (lambda p, y: 2 * even_loss(p, y), "divide by two"),
        (lambda p, y: -p[y == 1].log().mean(), "spam alone"),
        (lambda p, y: -(1 - p[y == 0]).log().mean(), "ham alone"),
        (lambda p, y: -(p[y == 1].log().mean() + p[y == 0].log().mean()) / 2,
         "wrong one is asked"),
        (lambda p, y: -even_loss(p, y), "sign is turned"),
        (lambda p, y: even_loss(p, 1 - y), "exchanged"),
        (lambda p, y: even_loss(p, y) / math.log(2), "natural logarithm"),
        (lambda p, y: 0.69, "whatever it is given"),
    ],
)  # fmt: skip
letters(
    lesson07b.check_comparison, "c", a="both begin at the same", b="what one wants",
    d="needs no threshold",
)  # fmt: skip
letters(
    lesson07b.check_what_brought_it, "b", a="compare within a column",
    c="only the last of the four", d="far more than the draws",
)  # fmt: skip


def lowest_rate(rates, losses, before):
    rates, losses = [0.0, *rates], np.nan_to_num([before, *losses], nan=np.inf)
    return rates[int(np.argmin(losses))]


exercise(
    lesson07b.check_best_rate,
    [
        lowest_rate,
        lambda r, x, b: min([(b, 0.0), *[(y, s) for s, y in zip(r, x, strict=True)
                                         if y < b]])[1],
        lambda r, x, b: np.float64(lowest_rate(r, x, b)),
        lambda r, x, b: torch.tensor(lowest_rate(r, x, b)),
    ],
    [
        (lambda r, x, b: lowest_rate(r, x, math.inf), "none is best: return 0"),
        (lambda r, x, b: r[int(np.argmin(x))], "nan is not a low loss"),
        (lambda r, x, b: min([y for y in x if y < b], default=0.0), "return its rate"),
        (lambda r, x, b: r.index(lowest_rate(r, x, b)) if lowest_rate(r, x, b) else 0,
         "place of the rate"),
        (lambda r, x, b: max([s for s, y in zip(r, x, strict=True) if y < b],
                             default=0.0), "largest rate that helps"),
        (lambda r, x, b: min([s for s, y in zip(r, x, strict=True) if y < b],
                             default=0.0), "smallest rate that helps"),
        (lambda r, x, b: 1.0, "whatever it is given"),
    ],
)  # fmt: skip


# Lesson 08


def decide(X, y, X_new, bias=True):
    signs = y - 0.5
    return X_new @ (signs @ X) + bias * signs.sum() > 0


exercise(
    lesson08.check_decisions,
    [
        decide,
        lambda *c: decide(*c).long()[:, None],
        lambda *c: decide(*c).float().numpy(),
        lambda *c: decide(*c).int().tolist(),
    ],
    [
        (lambda *c: ~decide(*c), "turned round"),
        (lambda *c: decide(*c, bias=False), "bias moves"),
        (lambda X, y, N: X_new_scores(X, y, N), "are the logits"),
        (lambda X, y, N: X_new_scores(X, y, N).sign(), "are signs"),
        (lambda X, y, N: N @ X[y == 1].sum(0) + y.sum() > 0, "each probability is ½"),
        (lambda X, y, N: decide(X, y, X), "old rows"),
        (lambda X, y, N: torch.zeros(len(N)), "one class"),
        (lambda X, y, N: (N - X[y == 1].mean(0)).norm(dim=1)
         < (N - X[y == 0].mean(0)).norm(dim=1), "nearest class mean"),
    ],
)  # fmt: skip


def X_new_scores(X, y, X_new):
    return X_new @ ((y - 0.5) @ X) + (y - 0.5).sum()


def newton(X, y, ridge, *, half=0.5, weight=0.25, sign=-1):
    g = -(y - half) @ X / len(X)
    H = weight * X.T @ X / len(X) + ridge * torch.eye(X.shape[1])
    return sign * torch.linalg.solve(H, g)


exercise(
    lesson08.check_newton,
    [
        newton,
        lambda *c: newton(*c)[:, None],
        lambda *c: newton(*c).numpy(),
        lambda *c: newton(*c).tolist(),
    ],
    [
        (lambda *c: newton(*c, sign=1), "sign is turned round"),
        (lambda X, y, ridge: newton(X, y, 0.0), "ridge is not used"),
        (lambda *c: newton(*c, weight=1.0), "p(1 - p) is ¼"),
        (
            lambda X, y, ridge: newton(X * 1.0, y, ridge / len(X)) / len(X),
            "a mean over",
        ),
        (lambda *c: newton(*c, half=0.0), "p is ½ at zero"),
        (lambda X, y, ridge: (y - 0.5) @ X / len(X), "gradient step"),
        (lambda X, y, ridge: newton(X, y, ridge / 2), "one half"),
        (lambda X, y, ridge: -(y - 0.5) @ X / len(X), "that is the gradient"),
    ],
)
exercise(
    lesson08.check_linear_attention,
    [
        lambda q, k, v: (k @ q) @ v,
        lambda q, k, v: ((k @ q)[:, None] * v[:, None]).sum(dim=0),
        lambda q, k, v: float((k @ q) @ v),
        lambda q, k, v: np.array([(k @ q) @ v]),
    ],
    [
        (lambda q, k, v: torch.softmax(k @ q, dim=0) @ v, "with softmax"),
        (lambda q, k, v: (k @ q) @ v / len(v), "divide by nothing"),
        (lambda q, k, v: (k @ q) @ v / len(q) ** 0.5, "no √K"),
        (lambda q, k, v: k @ q, "are the scores"),
        (lambda q, k, v: v.mean(), "mean of the values"),
        (lambda q, k, v: (k @ q).abs() @ v, "have a sign"),
        (lambda q, k, v: (k @ q).sum(), "sum of the scores"),
    ],
)

letters(
    lesson08.check_adam, "b", a="far below", c="divided by its own size",
    d="only where the gradient is zero",
)  # fmt: skip
exercise(
    lesson08.check_first_step,
    [
        lambda G, A, lr: -lr * G @ A.T @ A,
        lambda G, A, lr: (-lr * G.numpy() @ A.numpy().T) @ A.numpy(),
        lambda G, A, lr: -torch.einsum("oi,ri,rj->oj", lr * G, A, A),
        lambda G, A, lr: ((-lr * G @ A.T) @ A).tolist(),
    ],
    [
        (lambda G, A, lr: -lr * G @ A.T, "the change of B"),
        (lambda G, A, lr: lr * G @ A.T @ A, "sign is turned"),
        (lambda G, A, lr: -lr * G, "without the detour"),
        (lambda G, A, lr: -G @ A.T @ A, "learning rate is missing"),
        (lambda G, A, lr: -(lr**2) * G @ A.T @ A, "lr stands there once"),
        (lambda G, A, lr: -lr * (G @ A.T).sign() @ A, "Adam's direction"),
        (lambda G, A, lr: 0 * G, "nothing moves"),
        (lambda G, A, lr: -lr * G @ A.T @ A / A.norm(), "size of A"),
    ],
)


# Lesson 08b


def gained(grads, size, ratio=None):
    g = np.asarray(grads)
    if ratio is None:
        ratio = g.var(axis=0).sum() / (g.mean(axis=0) ** 2).sum()
    return 1 / (1 + ratio * (len(g) - size) / (len(g) - 1) / size)


def scale_of(grads):
    return grads.var(dim=0, unbiased=False).sum() / grads.mean(dim=0).square().sum()


exercise(
    lesson08b.check_gain_share,
    [
        gained,
        lambda g, b: gained(g, b, scale_of(g)),
        lambda g, b: [gained(g, b)],
        lambda g, b: float(gained(g, b)),
    ],
    [
        (lambda g, b: 1 / (1 + scale_of(g) / b), "is missing"),
        (lambda g, b: scale_of(g), "that is the noise scale"),
        (lambda g, b: 1 - gained(g, b), "that is lost"),
        (lambda g, b: gained(g, b, scale_of(g) * g.mean(0).norm()), "squared"),
        (lambda g, b: gained(g, b, 1 / scale_of(g)), "wrong way round"),
        (lambda g, b: gained(g, b, scale_of(g) / g.shape[1]), "their mean was taken"),
        (lambda g, b: gained(g, b, scale_of(g) * len(g)), "their sum was taken"),
        (lambda g, b: gained(g, b, scale_of(g) + 1), "around zero"),
        (lambda g, b: gained(g, b, scale_of(g).sqrt()), "both lengths"),
        (lambda g, b: gained(g, b, g.var(0).sum() / g.mean(0).square().sum()),
         "by N, not by"),
        (lambda g, b: 0.5, "whatever it is given"),
    ],
)  # fmt: skip


def rate(shares, curvatures):
    felt = np.dot(shares.numpy(), curvatures.numpy())
    return 1 / felt if felt > 0 else np.inf


exercise(
    lesson08b.check_best_rate,
    [
        rate,
        lambda s, c: torch.tensor(rate(s, c)),
        lambda s, c: float(1 / (s @ c)) if s @ c > 0 else float("inf"),
        lambda s, c: (s @ c).clamp(min=0).reciprocal(),
    ],
    [
        (lambda s, c: 1 / (s @ c), "falls forever"),
        (lambda s, c: 2 / c.max(), "limit for repeated"),
        (lambda s, c: 1 / c.max(), "weigh all of them"),
        (lambda s, c: 2 * rate(s, c), "break-even"),
        (lambda s, c: s @ c, "the rate is 1 over it"),
        (lambda s, c: 1 / c.mean() if c.mean() > 0 else math.inf, "plain mean"),
        (lambda s, c: (s / c).sum(), "not the mean of 1 over each"),
        (lambda s, c: math.inf, "whatever it is given"),
    ],
)


def cost(before, after, labels, edited):
    changed = [i for i, (b, a) in enumerate(zip(before, after, strict=True))
               if b != a and i != edited]  # fmt: skip
    return len(changed), sum(after[i] != labels[i] for i in changed)


def cost_by_masks(before, after, labels, edited):
    changed = before != after
    changed[edited] = False
    return changed.sum(), (changed & (after != labels)).sum()


exercise(
    lesson08b.check_cost,
    [
        cost,
        cost_by_masks,
        lambda *c: list(map(int, cost(*c))),
        lambda *c: np.array([int(each) for each in cost(*c)]),
    ],
    [
        (lambda b, a, y, i: (int((b != a).sum()), int(((b != a) & (a != y)).sum())),
         "itself is among them"),
        (lambda b, a, y, i: (cost(b, a, y, i)[0], int((a != y).sum())),
         "changed or not"),
        (lambda b, a, y, i: (cost(b, a, y, i)[0],
                             int(((b != a) & (a == y)).sum()) - 1), "step mended"),
        (lambda *c: [int(each) / len(c[0]) for each in cost(*c)], "those are shares"),
        (lambda *c: cost(*c)[::-1], "the order"),
        (lambda *c: cost(*c)[0], "first number only"),
        (lambda *c: (0, 0), "others that changed"),
    ],
)  # fmt: skip
letters(
    lesson08b.check_fair, "d", a="are plenty", b="same four rates",
    c="chose nothing",
)  # fmt: skip


# Lesson 09


def clean(lrs, written, held, n):
    return [lr for lr, w, h in zip(lrs, written, held, strict=True) if w and h == n]


exercise(
    lesson09.check_clean_rates,
    [
        clean,
        lambda lrs, w, h, n: np.array(lrs)[np.array(w) & (np.array(h) == n)],
        lambda lrs, w, h, n: torch.tensor(lrs)[
            torch.tensor(w) & (torch.tensor(h) == n)
        ],
        lambda lrs, w, h, n: tuple(
            lrs[i] for i in range(len(lrs)) if w[i] and h[i] >= n
        ),
    ],
    [
        (lambda lrs, w, h, n: [x for x, y in zip(lrs, h, strict=True) if y == n],
         "use is_written"),
        (lambda lrs, w, h, n: [x for x, y in zip(lrs, w, strict=True) if y],
         "use num_held"),
        (lambda lrs, w, h, n: clean(lrs, w, [x + 1 for x in h], n)
         + clean(lrs, w, h, n), "all of them must hold"),
        (lambda lrs, w, h, n: list(map(lrs.index, clean(lrs, w, h, n))),
         "places in the list"),
        (lambda lrs, w, h, n: [bool(a and b == n) for a, b in zip(w, h, strict=True)],
         "return the rates"),
        (lambda lrs, w, h, n: clean(lrs, w, h, n)[:1], "Go through the rates"),
        (lambda lrs, w, h, n: lrs, "Go through the rates"),
        (lambda lrs, w, h, n: [0.1], "Go through the rates"),
    ],
)  # fmt: skip


def targets_of(ids, mask, lengths):
    at_end = torch.arange(ids.shape[1]) >= ids.shape[1] - lengths[:, None]
    return torch.where(at_end, ids, -100)


def targets_by_loop(ids, mask, lengths):
    found = torch.full_like(ids, -100)
    for row, each, n in zip(found, ids, lengths, strict=True):
        row[-n:] = each[-n:]
    return found


exercise(
    lesson09.check_answer_targets,
    [
        targets_of,
        targets_by_loop,
        lambda *case: targets_of(*case).numpy(),
        lambda *case: targets_of(*case).tolist(),
    ],
    [
        (lambda ids, mask, n: torch.where(mask, ids, -100), "prompt still counts"),
        (lambda ids, mask, n: ids.clone(), "nothing is left out"),
        (lambda ids, mask, n: torch.where(targets_of(ids, mask, n) == -100, ids, -100),
         "turned round"),
        (lambda ids, mask, n: targets_of(ids, mask, n).clamp(min=0), "like any other"),
        (lambda ids, mask, n: targets_of(ids, mask, n).roll(-1, 1), "the loss shifts"),
        (lambda ids, mask, n: targets_of(ids, mask, n + 1), "too many"),
        (lambda ids, mask, n: targets_of(ids, mask, n - 1), "is missing"),
        (lambda ids, mask, n: targets_of(ids, mask, n) != -100, "return its token ids"),
        (lambda ids, mask, n: targets_of(ids, mask, n.max()[None]), "every row"),
    ],
)  # fmt: skip


def loss_of_tokens(logits, ids, mask, *, keep=None, by=1, total=False):
    losses = F.cross_entropy(
        logits[:, :-by].flatten(0, 1), ids[:, by:].flatten(), reduction="none"
    ).view(ids.shape[0], -1)
    chosen = losses[mask[:, :-by] if keep is None else keep]
    return chosen.sum() if total else chosen.mean()


def given_loss(logits, token_ids, attention_mask):
    logits, targets = logits[:, :-1], token_ids[:, 1:]
    logits, targets = logits[:, :-1], targets[:, 1:]
    losses = -logits.log_softmax(dim=2).gather(2, targets[..., None])[..., 0]
    return losses.mean()


def loss_with_targets(logits, ids, mask):
    targets = ids.masked_fill(~mask, -100)
    targets[:, 1:][~mask[:, :-1]] = -100
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), targets[:, 1:])


exercise(
    lesson09.check_next_token_loss,
    [
        loss_of_tokens,
        loss_with_targets,
        lambda *case: float(loss_of_tokens(*case)),
        lambda *case: loss_of_tokens(*case).numpy(),
    ],
    [
        (given_loss, "as it was given"),
        (lambda *c: loss_of_tokens(*c, by=2), "still shifted twice"),
        (lambda z, i, m: loss_of_tokens(z, i, m, keep=torch.ones_like(m[:, 1:])),
         "padding still counts"),
        (lambda z, i, m: loss_of_tokens(z, i, m, keep=m[:, 1:]), "has none before it"),
        (lambda *c: loss_of_tokens(*c, total=True), "return the mean"),
        (lambda *c: -loss_of_tokens(*c), "sign is turned round"),
        (lambda z, i, m: F.cross_entropy(z[m], i[m]), "without a shift"),
        (lambda z, i, m: loss_of_tokens(z, i, m, total=True) / m[:, 1:].numel(),
         "still counted"),
    ],
)  # fmt: skip


def flat(tensors):
    return torch.cat([each.flatten() for each in tensors])


exercise(
    lesson09.check_predicted_change,
    [
        lambda g, h, lr: -lr * (flat(g) @ flat(h)),
        lambda g, h, lr: float(-lr * (flat(g) @ flat(h))),
        lambda g, h, lr: -sum(lr * (a * b).sum() for a, b in zip(g, h, strict=True)),
        lambda g, h, lr: -lr * np.dot(flat(g).numpy(), flat(h).numpy()),
    ],
    [
        (lambda g, h, lr: lr * (flat(g) @ flat(h)), "sign is turned round"),
        (lambda g, h, lr: -(flat(g) @ flat(h)), "learning rate is missing"),
        (lambda g, h, lr: -lr * (flat(g) @ flat(g)), "its own loss"),
        (lambda g, h, lr: -lr * (flat(h) @ flat(h)), "other's own step"),
        (lambda g, h, lr: F.cosine_similarity(flat(g), flat(h), dim=0), "the cosine"),
        (lambda g, h, lr: -lr * (g[0] * h[0]).sum(), "only the first tensor"),
        (lambda g, h, lr: -lr * (flat(g) * flat(h)).mean(), "slope is a sum"),
        (lambda g, h, lr: -0.5, "whatever it is given"),
    ],
)

# Lesson 09b


def pairs_of(spam, ham, tie=0.5):
    return ((spam[:, None] > ham) + tie * (spam[:, None] == ham)).mean(dtype=float)


def by_sklearn(spam, ham):
    from sklearn.metrics import roc_auc_score

    return roc_auc_score([1] * len(spam) + [0] * len(ham), torch.cat([spam, ham]))


exercise(
    lesson09b.check_share_of_pairs,
    [
        by_sklearn,
        lambda s, h: pairs_of(s, h),
        lambda s, h: np.mean([(a > b) + (a == b) / 2 for a in s.numpy()
                              for b in h.numpy()]),
        lambda s, h: ((s[:, None] - h).sign().mean() + 1) / 2,
    ],
    [
        (lambda s, h: pairs_of(s, h, 0), "count it as nothing"),
        (lambda s, h: pairs_of(s, h, 1), "count it whole"),
        (lambda s, h: pairs_of(h, s), "turned round"),
        (lambda s, h: pairs_of(s, h) * len(s) * len(h), "how many there are"),
        (lambda s, h: pairs_of(s, h) * len(h), "by the spam alone"),
        (lambda s, h: s.mean() - h.mean(), "count pairs"),
        (lambda s, h: (s > h.mean()).float().mean(), "not with their mean"),
        (lambda s, h: 0.5, "whatever it is given"),
    ],
)  # fmt: skip
exercise(
    lesson09b.check_lora_size,
    [
        lambda shapes, rank: rank * sum(map(sum, shapes)),
        lambda shapes, rank: int(rank * np.array(shapes).sum()),
        lambda shapes, rank: float(sum(rank * m + n * rank for m, n in shapes)),
        lambda shapes, rank: sum(
            torch.zeros(m, rank).numel() + torch.zeros(rank, n).numel()
            for m, n in shapes
        ),
    ],
    [
        (lambda shapes, rank: sum(m * n for m, n in shapes), "weights themselves"),
        (lambda shapes, rank: rank * sum(n for m, n in shapes), "only A"),
        (lambda shapes, rank: rank * sum(m for m, n in shapes), "only B"),
        (lambda shapes, rank: sum(map(sum, shapes)), "rank is missing"),
        (lambda shapes, rank: rank * sum(shapes[0]), "only the first"),
        (lambda shapes, rank: rank * sum(m * n for m, n in shapes), "are added"),
        (lambda shapes, rank: 3 * rank * sum(map(sum, shapes)), "Adam's memory"),
        (lambda shapes, rank: rank, "`rank`, as it came in"),
    ],
)
exercise(
    lesson09b.check_slope_along,
    [
        lambda f, p, z, e: (f(p + e * z) - f(p - e * z)) / 2 / e,
        lambda f, p, z, e: float((f(p + e * z) - f(p - e * z)) / (2 * e)),
        lambda f, p, z, e: (f(p - e * z) - f(p + e * z)) / (-2 * e),
        lambda f, p, z, e: ((f(p + e * z) - f(p - e * z)) / (2 * e)).numpy(),
    ],
    [
        (lambda f, p, z, e: (f(p + e * z) - f(p - e * z)) / e, "divide by 2·eps"),
        (lambda f, p, z, e: f(p + e * z) - f(p - e * z), "how far the two"),
        (lambda f, p, z, e: (f(p + e * z) - f(p)) / e, "one side only"),
        (lambda f, p, z, e: (f(p - e * z) - f(p + e * z)) / 2 / e, "turned round"),
        (lambda f, p, z, e: (f(p + e) - f(p - e)) / 2 / e, "z is not used"),
        (lambda f, p, z, e: (f(p + z) - f(p - z)) / 2, "a whole z"),
        (lambda f, p, z, e: (f(p + e * z) - f(p - e * z)) / 2 / e * z, "estimate"),
        (lambda f, p, z, e: z, "`z`, as it came in"),
    ],
)

# Lesson 11

for check_room, right_rooms, wrong_rooms in rooms.answers():
    exercise(check_room, right_rooms, wrong_rooms)

TABLE = lesson11.SYMPTOMS
STANDS, FALLS, *_ = TABLE


def changed(symptom, row):
    return {**TABLE, symptom: row}


exercise(
    lesson11.check_table,
    [
        TABLE,
        {
            name: (list(found), letter.upper())
            for name, (found, letter) in TABLE.items()
        },
        {
            name: [tuple(map(str, found)), letter]
            for name, (found, letter) in TABLE.items()
        },
        {name: (found, f"({letter})") for name, (found, letter) in TABLE.items()},
        changed(FALLS, ({1, 4, 7, 10}, "a")),
    ],
    [
        (changed(STANDS, ({5}, "d")), "1 more of the rooms"),
        (changed(STANDS, (5, "d")), "1 more of the rooms"),
        (changed(STANDS, ({5, 8, 11}, "d")), "fell for one epoch"),
        (changed(STANDS, ({5, 11}, "a")), "another question"),
        (changed(FALLS, ({1, 10}, "a")), "1 more of the rooms"),
        (changed(FALLS, ({1, 7, 12}, "a")), "regrouped"),
        (changed(STANDS, [5, 11]), "write rooms and a letter"),
        (changed(FALLS, ({1, 7, 15}, "a")), "not in this museum"),
        (changed(FALLS, "1, 7, a"), "write rooms and a letter"),
    ],
)
letters(
    lesson11.check_case, "c", a="gain nothing, or be refused", b="make the loss large",
    d="from the first step",
)  # fmt: skip


# Lesson 12

exercise(
    lesson12.check_testable,
    [
        lambda: "ac",
        lambda: "a, c",
        lambda: "AC",
        lambda: ["c", "a"],
        lambda: {"a", "c"},
        lambda: "Sentences a and c can be proven wrong.",
        lambda: {"a": True, "b": False, "c": True, "d": False},
        lambda: [True, False, True, False],
    ],
    [
        (lambda: "acd", "works well"),
        (lambda: "abc", "judgment"),
        (lambda: "abcd", "either wrong"),
        (lambda: "a", "c can be tested"),
        (lambda: "c", "a can be tested"),
        (lambda: "bd", "Ask of each sentence"),
        (lambda: "", "Ask of each sentence"),
        (lambda: {"a": False, "b": True, "c": False, "d": True}, "Ask of each"),
    ],
)

letters(
    lesson12.check_evidence, "c", a="B was ahead", b="was not shown",
    d="were not asked",
)  # fmt: skip
letters(
    lesson12.check_doubt, "b", a="one side of 0", c="is rounding", d="gives the reason",
)  # fmt: skip
letters(
    lesson09.check_same_loss, "d", a="makes a long step", b="the sign is so",
    c="equally far down",
)  # fmt: skip


def shifted(weights, steps):
    stored = weights.to(torch.bfloat16)
    return (stored.float() + steps).to(torch.bfloat16) != stored


exercise(
    lesson09b.check_is_moved,
    [
        shifted,
        lambda w, s: shifted(w, s).numpy(),
        lambda w, s: shifted(w, s).tolist(),
        lambda w, s: shifted(w, s).long(),
    ],
    [
        (lambda w, s: w + s != w, "in float32 nearly every"),
        (lambda w, s: ~shifted(w, s), "wrong way round"),
        (lambda w, s: (w + s).bfloat16() != w.bfloat16(), "before the step, too"),
        (lambda w, s: s.bfloat16() != 0, "round the sum|nearly every"),
        (lambda w, s: (w.bfloat16().float() + s).bfloat16(), "the new weights"),
        (lambda w, s: (w.half().float() + s).half() != w.half(), "float16"),
        (lambda w, s: torch.zeros(len(w)), "entry"),
    ],
)


# Lesson 10


def weighed(grads, counts):
    return (counts / counts.sum()) @ grads


exercise(
    lesson10.check_together,
    [
        weighed,
        lambda g, n: weighed(g, n).numpy(),
        lambda g, n: sum(k * row for k, row in zip(n, g, strict=True)) / sum(n),
        lambda g, n: np.average(g.numpy(), axis=0, weights=n.numpy()),
    ],
    [
        (lambda g, n: g.mean(dim=0), "the mean of means"),
        (lambda g, n: g.sum(dim=0), "weigh it by its tokens"),
        (lambda g, n: g.sum(dim=0) / n.sum(), "weigh it by its tokens"),
        (lambda g, n: n @ g, "gradient of a sum"),
        (lambda g, n: weighed(g, n) / len(n), "add up to 1 already"),
        (lambda g, n: n @ g / len(n), "not of machines"),
        (lambda g, n: weighed(g, 1 / n), "not less"),
        (lambda g, n: weighed(g, n.sqrt()), "root or square"),
        (lambda g, n: g[0], "one machine's"),
        (lambda g, n: n[:, None] * g / n.sum(), "add over the machines"),
        (lambda g, n: g, "`grads`, as it came in"),
    ],
)
letters(
    lesson10.check_fault, "c", a="gradients add up", b="how each is weighed",
    d="what accumulation is about",
)  # fmt: skip


def fits(params, room, cut=12, whole=4, gb=1e9, rounded=math.ceil):
    left = room * gb - whole * params
    return rounded(cut * params / left) if left > 0 else math.inf


exercise(
    lesson10.check_machines,
    [
        fits,
        lambda p, room: float(fits(p, room)),
        lambda p, room: torch.tensor(float(fits(p, room))),
        lambda p, room: np.ceil(12 * p / max(room * 1e9 - 4 * p, 1e-300)),
    ],
    [
        (lambda p, room: fits(p, room, whole=0), "take them off its room"),
        (lambda p, room: fits(p, room, cut=16, whole=0), "ZeRO 3"),
        (lambda p, room: fits(p, room, cut=8, whole=8), "ZeRO 1"),
        (lambda p, room: fits(p, room, cut=8), "two memories"),
        (lambda p, room: fits(p, room, rounded=math.floor), "rounded down"),
        (lambda p, room: fits(p, room, rounded=float), "a machine is whole"),
        (lambda p, room: math.ceil(12 * p / (room * 1e9 - 4 * p)), "no number of"),
        (lambda p, room: 14, "whatever it is given"),
    ],
)
