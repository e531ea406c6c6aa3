"""The checkers of lessons 03 and 06 to 09: what is right, and each mistake named."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils.checks import lesson03, lesson06, lesson07, lesson08, lesson12


def right_attention(query, key, value, mask):
    scores = (query @ key.T / query.shape[1] ** 0.5).masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, dim=1) @ value


def right_epoch(model, batches, optimizer, schedule, order="zbos"):
    for features, targets in batches:
        if "z" in order:
            optimizer.zero_grad()
        F.cross_entropy(model(features), targets).backward()
        for act in order.replace("z", "").replace("b", ""):
            {"o": optimizer, "s": schedule}[act].step()


def right_pool(hidden, mask):
    return torch.stack([h[m].mean(dim=0) for h, m in zip(hidden, mask, strict=True)])


def right_scores(confusion):
    table = np.array(confusion)
    spam = table[1, 1]
    return (
        np.trace(table) / table.sum(),
        spam / table[:, 1].sum(),
        spam / table[1].sum(),
    )


def right_decisions(X, y, X_new):
    head = torch.nn.Linear(X.shape[1], 2)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    F.cross_entropy(head(X), y).backward()
    torch.optim.SGD(head.parameters(), lr=0.3).step()
    return head(X_new).argmax(dim=1)


def right_newton(X, y, ridge):
    w = torch.zeros(X.shape[1], requires_grad=True)

    def loss(w):
        fit = F.binary_cross_entropy_with_logits(X @ w, y.float())
        return fit + ridge / 2 * (w @ w)

    (g,) = torch.autograd.grad(loss(w), w)
    return -torch.linalg.solve(torch.autograd.functional.hessian(loss, w), g)


RIGHT = [
    (lesson03.check_attention, right_attention),
    (lesson03.check_attention, lambda q, k, v, m: F.scaled_dot_product_attention(
        q[None], k[None], v[None], attn_mask=m)[0]),
    (lesson06.check_train_epoch, right_epoch),
    (lesson07.check_mean_pool, right_pool),
    (lesson07.check_scores, right_scores),
    (lesson08.check_decisions, right_decisions),
    (lesson08.check_newton, right_newton),
    (lesson08.check_linear_attention, lambda q, k, v: sum(
        (key @ q) * value for key, value in zip(k, v, strict=True))),
    (lesson12.check_testable, lambda: "ca"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "function"), RIGHT)
def test_a_right_answer_is_accepted(check, function):
    verdict = check(function)
    assert verdict, verdict


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _ in RIGHT))
def test_an_empty_answer_is_not_filled_in_yet(check):
    def empty(*case):
        return None

    assert "Not filled in yet" in check(empty).words
    with pytest.raises(TypeError, match="give a function"):
        check(3)


MISTAKES = [
    (lesson03.check_attention, "not used", lambda q, k, v, m: right_attention(
        q, k, v, torch.ones_like(m))),
    (lesson03.check_attention, "wrong way", lambda q, k, v, m: right_attention(
        q, k, v, ~m)),
    (lesson03.check_attention, "√K", lambda q, k, v, m: right_attention(
        q * q.shape[1] ** 0.5, k, v, m)),
    (lesson03.check_attention, "dim=0", lambda q, k, v, m: torch.softmax(
        (q @ k.T / q.shape[1] ** 0.5).masked_fill(~m, -torch.inf), dim=0) @ v),
    (lesson03.check_attention, "after softmax", lambda q, k, v, m: (torch.softmax(
        q @ k.T / q.shape[1] ** 0.5, dim=1) * m) @ v),
    (lesson06.check_train_epoch, "zero_grad", lambda *case: right_epoch(
        *case, order="bos")),
    (lesson06.check_train_epoch, "before the optimizer", lambda *case: right_epoch(
        *case, order="zbso")),
    (lesson06.check_train_epoch, "never stepped", lambda *case: right_epoch(
        *case, order="zbo")),
    (lesson07.check_mean_pool, "mask is not used", lambda h, m: h.mean(dim=1)),
    (lesson07.check_mean_pool, "still counted", lambda h, m: (
        h * m[..., None]).mean(1)),
    (lesson07.check_scores, "swapped", lambda c: [
        right_scores(c)[i] for i in (0, 2, 1)]),
    (lesson08.check_decisions, "bias", lambda X, y, X_new: (
        X_new @ ((y - 0.5)[:, None] * X).sum(dim=0) > 0).long()),
    (lesson08.check_decisions, "turned round", lambda *case: (
        1 - right_decisions(*case))),
    (lesson08.check_newton, "ridge", lambda X, y, ridge: right_newton(X, y, 0.0)),
    (lesson08.check_newton, "sign", lambda *case: -right_newton(*case)),
    (lesson08.check_linear_attention, "softmax", lambda q, k, v: torch.softmax(
        k @ q, dim=0) @ v),
    (lesson12.check_testable, "judgment", lambda: "abc"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "words", "function"), MISTAKES)
def test_a_mistake_is_named(check, words, function):
    verdict = check(function)
    assert not verdict
    assert words in verdict.words
