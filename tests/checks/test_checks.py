"""The checkers: right answers pass, and each mistake is called by its name."""

import math
import re

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils.checks import Verdict, judge, lesson00, lesson01, lesson02, lesson03


def forward_slope(loss, x):
    return (loss(x + 0.01) - loss(x)) / 0.01


def central_slope(loss, x):
    return np.float64(loss(x + 1e-3) - loss(x - 1e-3)) / 2e-3


def pad_with_torch(sequences):
    token_ids = torch.zeros(len(sequences), max(map(len, sequences)), dtype=torch.long)
    for row, ids in zip(token_ids, sequences, strict=True):
        row[: len(ids)] = torch.tensor(ids)
    return token_ids, token_ids != 0


def pad_in_place(sequences):
    """Appends to the lists it was given."""
    width, mask = max(map(len, sequences)), []
    for ids in sequences:
        mask.append([j < len(ids) for j in range(width)])
        ids += [0] * (width - len(ids))
    return sequences, [np.array(row) for row in mask]


def counted(predicted, actual):
    predicted, actual = np.array(predicted), np.array(actual)
    hits = (predicted & actual).sum()
    return hits, predicted.sum(), actual.sum()


def entropy_by_hand(logits, targets):
    exps = (logits - logits.amax(dim=1, keepdim=True)).double().exp()
    probs = exps / exps.sum(dim=1, keepdim=True)
    one_hot = torch.eye(logits.shape[1])[targets]
    return -(one_hot * probs.log()).sum().item() / len(targets)


def sgd(model, features, targets, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    loss = F.cross_entropy(model(features), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def step_by_data(model, features, targets, lr):
    F.cross_entropy(model(features), targets).backward()
    for param in model.parameters():
        param.data -= lr * param.grad
        param.grad = None


def step_by_autograd(model, features, targets, lr):
    params = list(model.parameters())
    loss = F.cross_entropy(model(features), targets)
    with torch.no_grad():
        for param, grad in zip(params, torch.autograd.grad(loss, params), strict=True):
            param.copy_(param - lr * grad)


def attend(query, key, value, mask, *, scale=None, dim=-1):
    """Attention that may go wrong in one place."""
    scores = torch.einsum("tk,sk->ts", query, key) / (scale or len(query[0]) ** 0.5)
    scores[~mask] = -math.inf
    return scores.softmax(dim) @ value


def weights_of(query, key, value, mask):
    """The weights: attention to values that are the identity."""
    return F.scaled_dot_product_attention(query, key, torch.eye(len(key)), mask)


def scores_of(query, key):
    return query @ key.T / query.shape[-1] ** 0.5


RIGHT = [
    (lesson00.check_slope, forward_slope),
    (lesson00.check_slope, central_slope),
    (lesson01.check_pad, pad_with_torch),
    (lesson02.check_cross_entropy, F.cross_entropy),
    (lesson02.check_cross_entropy, entropy_by_hand),
    (lesson03.check_attention, F.scaled_dot_product_attention),
    (lesson03.check_attention, lambda *case: attend(*case).numpy()),
    (lesson03.check_attention, lambda *case: weights_of(*case) @ case[2]),
    (
        lesson03.check_attention,
        lambda q, k, v, m: ((scores_of(q, k) - 1e9 * ~m).softmax(dim=1) @ v).tolist(),
    ),
    (lesson02.check_train_step, sgd),
    (lesson02.check_train_step, step_by_data),
    (lesson02.check_train_step, step_by_autograd),
]
CHECKERS = list(dict.fromkeys(checker for checker, _ in RIGHT))
every_checker = pytest.mark.parametrize("check", CHECKERS, ids=lambda c: c.__name__)


@pytest.mark.parametrize(("check", "function"), RIGHT)
def test_right_function_passes(check, function):
    verdict = check(function)
    assert verdict
    assert repr(verdict).startswith("Right, on all")


def left_padded(sequences):
    rows, mask = pad_in_place(sequences)
    return [sorted(row, key=bool) for row in rows], [sorted(row) for row in mask]


def divided(predicted, actual):
    hits, called, real = map(int, counted(predicted, actual))
    return hits / called, hits / real


def log_softmax(logits, dim=1):
    return logits - logits.logsumexp(dim, keepdim=True)


def train(loss_fn=F.cross_entropy, *, zero_at="start", update=None, times=1):
    """A training step that may go wrong in one place."""

    def run(model, features, targets, lr):
        for _ in range(times):
            if zero_at == "start":
                model.zero_grad()
            loss_fn(model(features), targets).backward()
            if zero_at == "middle":
                model.zero_grad()
            with torch.no_grad():
                for param in model.parameters():
                    (update or subtract)(param, lr)

    return run


def subtract(param, lr):
    if param.grad is not None:
        param -= lr * param.grad


def rebind(param, lr):
    param = param - lr * param.grad


def only_weight(model, features, targets, lr):
    model.zero_grad()
    F.cross_entropy(model(features), targets).backward()
    model.weight.data -= lr * model.weight.grad


def frozen_forward(model, features, targets, lr):
    with torch.no_grad():
        logits = model(features)
    F.cross_entropy(logits, targets).backward()


def in_graph(model, features, targets, lr):
    F.cross_entropy(model(features), targets).backward()
    for param in model.parameters():
        param.sub_(lr * param.grad)


@pytest.mark.parametrize(
    ("check", "function", "says"),
    [
        (lesson00.check_slope, lambda f, x: f(x + 1e-3) - f(x), "divide it by"),
        (lesson00.check_slope, lambda f, x: -central_slope(f, x), "sign is turned"),
        (
            lesson00.check_slope,
            lambda f, x: (f(x + 1e-4) - f(x - 1e-4)) / 1e-4,
            r"divide by 2 \* h",
        ),
        (
            lesson00.check_slope,
            lambda f, x: (f(x + 1e-4) - f(x)) / 2e-4,
            "divide by h, not",
        ),
        (lesson01.check_pad, left_padded, "on the left"),
        (
            lesson01.check_pad,
            lambda s: (pad_with_torch(s)[0], ~pad_with_torch(s)[1]),
            "mask is inverted",
        ),
        (lesson01.check_pad, lambda s: pad_with_torch(s)[0], "the ids only"),
        (
            lesson02.check_cross_entropy,
            lambda z, t: F.nll_loss(-log_softmax(z), t),
            "minus sign is missing",
        ),
        (
            lesson02.check_cross_entropy,
            lambda z, t: F.nll_loss(log_softmax(z), t, reduction="sum"),
            "sum over the batch",
        ),
        (
            lesson02.check_cross_entropy,
            lambda z, t: -log_softmax(z)[:, t].mean(),
            "every target for every message",
        ),
        (
            lesson02.check_cross_entropy,
            lambda z, t: F.nll_loss(log_softmax(z, dim=0), t),
            "over the messages",
        ),
        (
            lesson02.check_cross_entropy,
            lambda z, t: F.nll_loss(log_softmax(z).exp(), t),
            "take its logarithm",
        ),
        (lesson02.check_cross_entropy, F.nll_loss, "softmax first"),
        (lesson02.check_train_step, train(zero_at="never"), "zero_grad.*add up"),
        (
            lesson02.check_train_step,
            train(update=lambda param, lr: param.add_(lr * param.grad)),
            "sign is wrong",
        ),
        (lesson02.check_train_step, train(times=2), "step twice"),
        (
            lesson02.check_train_step,
            train(update=lambda param, lr: [subtract(param, lr) for _ in "12"]),
            "applies it twice",
        ),
        (
            lesson02.check_train_step,
            train(lambda z, t: F.cross_entropy(z, t, reduction="sum")),
            "sum over the batch",
        ),
        (
            lesson02.check_train_step,
            train(update=lambda param, lr: param.sub_(param.grad)),
            "lr is not used",
        ),
        (lesson02.check_train_step, only_weight, "only the weight moved"),
        (lesson02.check_train_step, train(update=rebind), "did not move"),
        (lesson02.check_train_step, train(zero_at="middle"), "did not move"),
        (
            lesson02.check_train_step,
            train(lambda z, t: F.cross_entropy(z.detach(), t)),
            "detached it",
        ),
        (lesson02.check_train_step, frozen_forward, "detached it"),
        (
            lesson02.check_train_step,
            train(lambda z, t: F.cross_entropy(z, t).item()),
            "plain number",
        ),
        (lesson02.check_train_step, in_graph, "inside the graph"),
        (
            lesson03.check_attention,
            lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v),
            "mask is not used",
        ),
        (
            lesson03.check_attention,
            lambda q, k, v, m: (
                scores_of(q, k).masked_fill(m, -math.inf).softmax(dim=-1) @ v
            ),
            "wrong way round",
        ),
        (
            lesson03.check_attention,
            lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, ~m),
            "wrong way round",
        ),
        (
            lesson03.check_attention,
            lambda q, k, v, m: (scores_of(q, k) * m).softmax(dim=-1) @ v,
            "scores became 0",
        ),
        (
            lesson03.check_attention,
            lambda q, k, v, m: scores_of(q, k).softmax(dim=-1).where(m, 0.0) @ v,
            "masked after softmax",
        ),
        (lesson03.check_attention, lambda *c: attend(*c, dim=0), "over the queries"),
        (lesson03.check_attention, lambda *c: attend(*c, scale=1), "not divided by √K"),
        (
            lesson03.check_attention,
            lambda q, *rest: attend(q, *rest, scale=q.shape[1]),
            "divided by K",
        ),
        (lesson03.check_attention, weights_of, "returned the weights"),
    ],
)
def test_mistake_is_named(check, function, says):
    verdict = check(function)
    assert not verdict
    assert verdict.words.startswith("Not yet: ")
    assert "on case" not in verdict.words  # named, not only shown
    assert re.search(says, verdict.words)


@every_checker
def test_unfilled_stub_says_so(check):
    verdict = check(lambda *case: ...)
    assert not verdict
    assert verdict.words.startswith("Not filled in yet: ")
    assert check(lambda *case: None) == verdict


@every_checker
def test_function_that_raises_is_reported(check):
    def broken(*case):
        raise IndexError("no such row")

    assert "stopped with IndexError: no such row" in check(broken).words
    assert "stopped with TypeError" in check(lambda: 0).words  # takes no argument


@every_checker
def test_checker_leaves_the_random_state_alone(check):
    torch.manual_seed(3)
    expected = torch.rand(5)
    torch.manual_seed(3)
    check(lambda *case: 0)
    assert torch.equal(torch.rand(5), expected)


@every_checker
@pytest.mark.parametrize("function", [None, 3, "code", ..., Verdict(True, "")])
def test_what_is_no_function_is_refused(check, function):
    with pytest.raises(TypeError, match="give a function"):
        check(function)


# judge


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        (2, 2.0),
        (np.float32(0.1), 0.1),
        (0.1 * (1 + 5e-5), 0.1),
        (np.arange(3)[::-1], torch.tensor([2.0, 1.0, 0.0])),
        (np.broadcast_to(2.0, 3), torch.full((3,), 2.0)),  # an array nobody may write
        (torch.ones(2, 3, requires_grad=True), torch.ones(2, 3)),
        ([1, 2.0], (1, torch.tensor(2))),
        (torch.tensor([[True], [False]]), [[True], [False]]),
        ([[1], [0]], [[True], [False]]),
        (math.nan, math.nan),
        ("spam", "spam"),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_equal_results(result, wanted):
    assert judge(lambda: result, lambda: wanted, [()], {})


@pytest.mark.parametrize(
    ("result", "wanted", "shown"),
    [
        (0.1 * (1 + 3e-4), 0.1, "0.1"),
        (math.nan, 0.0, "nan"),
        (10**30, 1.0, "1000"),
        ("2", 2.0, "'2'"),
        (2, "2", "2"),
        ({"a": 2}, {"a": 1}, "result 1: your function returned 2"),
        ([1.5], 1.0, "[1.5]"),
        (1.5, [1.0], "1.5"),
        ([1, 2], [1, 2, 3], "the shape is (2,), and (3,) was"),
        ((1, None), (1, 2), "result 2: your function returned nothing"),
        ([torch.tensor([True, False])], [True], "the shape is (1, 2)"),
        (torch.zeros(3, 1), torch.ones(3), "entry [0] is 0, and the right one is 1"),
        (torch.zeros(7, 3), torch.ones(3, 7), "the shape is (7, 3), and (3, 7)"),
        (np.zeros((7, 3)), torch.ones(7, 3), "21 of 21 differ"),
        (np.array(["a", "b"]), torch.ones(2), "['a', 'b']"),
        (torch.ones(2) + 1j, torch.ones(2), "(1+1j)"),
    ],
)
def test_unequal_results_are_shown(result, wanted, shown):
    verdict = judge(
        lambda x: result if x else wanted, lambda x: wanted, [(0,), (1,)], {}
    )
    assert not verdict
    assert "on case 2 of 2" in verdict.words
    assert shown in verdict.words


def test_tolerance_is_as_asked():
    near, right = (lambda: 1.04), (lambda: 1.0)
    assert judge(near, right, [()], {}, atol=0.05)
    assert not judge(near, right, [()], {}, atol=0.03)


def test_nobody_changes_the_cases():
    cases = [([1, 2],)]

    def emptied(numbers):
        total = sum(numbers)
        numbers.clear()
        return total

    assert "`numbers` is not what it was" in judge(emptied, sum, cases, {}).words
    assert cases == [([1, 2],)]


def test_mistake_that_raises_is_told_by_what_it_raises():
    mistakes = {"divided by nothing.": lambda x: x / 0}
    assert "nothing" in judge(lambda x: 3 / 0, abs, [(1,)], mistakes).words
    assert "stopped with" in judge(lambda x: [][x], abs, [(1,)], mistakes).words
