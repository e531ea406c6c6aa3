"""Checkers of lesson 02: a loss, a gradient by hand, one training step."""

import functools

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks import Verdict, judge, require_function


def _random(*shape, seed=0) -> torch.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return torch.tensor(values, dtype=torch.float32)


def check_mse(mse) -> Verdict:
    """mse(outputs, targets): mean squared error of outputs (N, 1) and targets (N,)."""
    cases = [(_random(n, 1, seed=n), _random(n, seed=n + 1)) for n in (2, 3, 7)]
    return judge(
        mse,
        lambda outputs, targets: ((outputs[:, 0] - targets) ** 2).mean(),
        cases,
        {
            "(N, 1) minus (N,) broadcasts to (N, N): every output met every target. "
            "Give both the same shape first, for example outputs[:, 0].": (
                lambda outputs, targets: ((outputs - targets) ** 2).mean()
            ),
            "that is the sum of the squares; divide by how many there are.": (
                lambda outputs, targets: ((outputs[:, 0] - targets) ** 2).sum()
            ),
            "that is the mean of the differences; square them first.": (
                lambda outputs, targets: (outputs[:, 0] - targets).mean()
            ),
            "that is the mean of the absolute differences; square them.": (
                lambda outputs, targets: (outputs[:, 0] - targets).abs().mean()
            ),
            "square first, then take the mean.": (
                lambda outputs, targets: (outputs[:, 0] - targets).mean() ** 2
            ),
            "that is the root of it; the mean of the squares was asked for.": (
                lambda outputs, targets: ((outputs[:, 0] - targets) ** 2).mean().sqrt()
            ),
            "there is no factor one half in it.": (
                lambda outputs, targets: ((outputs[:, 0] - targets) ** 2).mean() / 2
            ),
            "those are the squares; take their mean.": (
                lambda outputs, targets: (outputs[:, 0] - targets) ** 2
            ),
        },
    )


def check_cross_entropy(cross_entropy) -> Verdict:
    """cross_entropy(logits, targets): mean over B messages, logits (B, C)."""
    cases = [
        (_random(b, c, seed=b), torch.arange(b) % c)
        for b, c in ((2, 3), (5, 2), (3, 7))
    ]
    cases.append((torch.tensor([[300.0, 0.0], [0.0, 200.0]]), torch.tensor([0, 1])))
    cases.append((torch.tensor([[150.0, 0.0]]), torch.tensor([1])))

    def finite(function):
        """nan in place of either infinity: which one depends on the way there."""

        @functools.wraps(function)
        def call(logits, targets):
            result = function(logits, targets)
            is_number = isinstance(result, float | np.floating | torch.Tensor)
            if is_number and not torch.isfinite(torch.as_tensor(result)).all():
                return float("nan")
            return result

        return call

    def overflowing(logits, targets):
        exps = logits.exp()
        return -picked((exps / exps.sum(dim=1, keepdim=True)).log(), targets).mean()

    def picked(log_probs, targets):
        return log_probs[torch.arange(len(targets)), targets]

    require_function(cross_entropy)
    return judge(
        finite(cross_entropy),
        F.cross_entropy,
        cases,
        {
            "the minus sign is missing: the loss is small where p is large.": (
                lambda z, t: -F.cross_entropy(z, t)
            ),
            "that is the sum over the batch; take the mean.": (
                lambda z, t: F.cross_entropy(z, t, reduction="sum")
            ),
            "log_probs[:, targets] picks every target for every message; pair them: "
            "log_probs[torch.arange(B), targets].": (
                lambda z, t: -torch.log_softmax(z, dim=1)[:, t].mean()
            ),
            "softmax ran over the messages (dim=0); the classes are the last axis.": (
                lambda z, t: -picked(torch.log_softmax(z, dim=0), t).mean()
            ),
            "you used the probability itself; take its logarithm.": (
                lambda z, t: -picked(torch.softmax(z, dim=1), t).mean()
            ),
            "the logits are not probabilities yet: softmax first.": (
                lambda z, t: -picked(z, t).mean()
            ),
            "large logits overflow: e³⁰⁰ is inf in float32. Subtract each row's "
            "largest logit before exp, or use torch.log_softmax.": finite(overflowing),
            "a probability may be 0 in float32, and its logarithm -inf: use "
            "torch.log_softmax, or logits - logits.logsumexp(dim=1, keepdim=True).": (
                finite(lambda z, t: -picked(torch.softmax(z, dim=1).log(), t).mean())
            ),
            "softmax was taken twice; once is enough.": (
                lambda z, t: F.cross_entropy(torch.softmax(z, dim=1), t)
            ),
            "those are the losses of the messages; take their mean.": (
                lambda z, t: F.cross_entropy(z, t, reduction="none")
            ),
        },
    )


def check_linear_backward(backward) -> Verdict:
    """backward(features, weight, grad_out): (grad_weight, grad_features).

    For outputs = features @ weight.T, with features (B, I), weight (O, I) and
    grad_out (B, O), the gradient of the loss by the outputs.
    """
    cases = [
        (_random(b, i, seed=1), _random(o, i, seed=2), _random(b, o, seed=3))
        for b, i, o in ((2, 3, 5), (7, 2, 3), (5, 5, 5))
    ]
    return judge(
        backward,
        lambda x, w, g: (g.T @ x, g @ w),
        cases,
        {
            "grad_weight is transposed: it has the shape of weight, (O, I).": (
                lambda x, w, g: (x.T @ g, g @ w)
            ),
            "grad_weight is averaged over the batch once too often: the mean is "
            "already in grad_out.": lambda x, w, g: (g.T @ x / len(x), g @ w),
            "the two results are in the wrong order.": (
                lambda x, w, g: (g @ w, g.T @ x)
            ),
            "you returned grad_weight only; return (grad_weight, grad_features).": (
                lambda x, w, g: g.T @ x
            ),
            "the sign is turned round: a gradient points uphill; the step is what goes "
            "down.": lambda x, w, g: (-g.T @ x, -g @ w),
            "grad_features is averaged over the batch: it has one row a message.": (
                lambda x, w, g: (g.T @ x, g @ w / len(x))
            ),
            "grad_features lacks grad_outputs: it is not the weight alone.": (
                lambda x, w, g: (g.T @ x, torch.ones_like(g) @ w)
            ),
            "grad_weight lacks grad_outputs: it is not the features alone.": (
                lambda x, w, g: (torch.ones_like(g).T @ x, g @ w)
            ),
        },
        names=("grad_weight", "grad_features"),
    )


def check_train_step(train_step) -> Verdict:
    """train_step(model, features, targets, lr): one step on the mean cross-entropy.

    It changes the model in place and returns nothing. It is called three times in a
    row, so what one call leaves behind shows in the next.
    """
    require_function(train_step)
    cases = [
        (_random(i, o, seed=i), _random(b, i, seed=o), torch.arange(b) % o, lr)
        for b, i, o, lr in ((4, 3, 2, 0.1), (6, 5, 3, 1.0))
    ]
    steps = {
        "old gradients are still there: call model.zero_grad() in every step, or they "
        "add up.": lambda *a: _step(*a, zero=False),
        "the sign is wrong: this climbs. Subtract lr times the gradient.": (
            lambda m, x, t, lr: _step(m, x, t, -lr)
        ),
        "each call takes the step twice.": lambda *a: _step(*a, times=2),
        "it computes the same gradient and applies it twice.": (
            lambda m, x, t, lr: _step(m, x, t, 2 * lr)
        ),
        "the loss is a sum over the batch; the mean was asked for.": (
            lambda m, x, t, lr: _step(m, x, t, lr * len(t))
        ),
        "lr is not used.": lambda m, x, t, lr: _step(m, x, t, 1.0),
        "only the weight moved: step every one of model.parameters().": (
            lambda *a: _step(*a, only="weight")
        ),
        "the parameters did not move. Change each in place (param -= ..., for param = "
        "... makes a new tensor), and zero the gradients before backward().": (
            lambda *a: _step(*a, only="nothing")
        ),
        "the loss does not reach the parameters: something detached it (detach(), or "
        "no_grad() round the forward pass).": (
            lambda m, x, t, lr: F.cross_entropy(m(x).detach(), t).backward()
        ),
        "loss.item() is a plain number: call backward() on the tensor.": (
            lambda m, x, t, lr: F.cross_entropy(m(x), t).item().backward()  # type: ignore
        ),
        "you update inside the graph: put the update under torch.no_grad().": (
            _step_in_graph
        ),
    }
    return judge(
        _trained_by(train_step),
        _trained_by(_step),
        cases,
        {words: _trained_by(wrong) for words, wrong in steps.items()},
        names=("the weight", "the bias", "is it the model's own parameter"),
        unfilled="take the step",
    )


def _step(model, features, targets, lr, *, zero=True, times=1, only=""):
    for _ in range(times):
        if zero:
            model.zero_grad()
        F.cross_entropy(model(features), targets).backward()
        with torch.no_grad():
            for name, param in model.named_parameters():
                if only in ("", name):
                    param.add_(param.grad, alpha=-lr)


def _step_in_graph(model, features, targets, lr):
    model.zero_grad()
    F.cross_entropy(model(features), targets).backward()
    for param in model.parameters():
        param -= lr * param.grad


def _trained_by(train_step):
    """Weight and bias after three steps from a start that the case gives.

    None where `train_step` neither called the model nor moved it.
    """

    def run(weight, features, targets, lr):
        model = nn.utils.skip_init(nn.Linear, *weight.shape)  # draws nothing at random
        with torch.no_grad():
            model.weight.copy_(weight.T)
            model.bias.zero_()
        calls, weight_itself = [], model.weight
        model.register_forward_hook(lambda *seen: calls.append(seen))
        for _ in range(3):
            train_step(model, features, targets, lr)
        is_untouched = not calls and torch.equal(model.weight, weight.T)
        if is_untouched:
            return None
        return model.weight, model.bias, float(model.weight is weight_itself)

    return run
