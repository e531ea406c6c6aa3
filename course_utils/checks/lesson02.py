"""Checkers of lesson 02: a layer's gradients, a loss, one training step, reading."""

import functools

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks import Verdict, judge, require_function
from course_utils.checks.choices import choose, match


def _random(*shape, seed=0) -> torch.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return torch.tensor(values, dtype=torch.float32)


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


def check_layer_backward(layer_backward) -> Verdict:
    """layer_backward(features, weight, grad_outputs): the three gradients."""
    cases = [
        (_random(b, i, seed=b), _random(o, i, seed=i), _random(b, o, seed=o))
        for b, i, o in ((5, 3, 2), (2, 7, 3), (3, 2, 5), (3, 4, 4))
    ]

    def back(weight=lambda x, w, g: g.T @ x, bias=lambda x, w, g: g.sum(0),
             features=lambda x, w, g: g @ w):  # fmt: skip
        return lambda x, w, g: (weight(x, w, g), bias(x, w, g), features(x, w, g))

    def mean(x, w, g):
        return g.mean(0)

    def turned(x, w, g):
        return g @ w.T

    return judge(
        layer_backward,
        back(),
        cases,
        {
            "grad_features is right now; look at the bias: it takes part in every "
            "example, so its slopes are added up.": back(bias=mean),
            "grad_features goes from outputs (B, O) to inputs (B, I): which of "
            "weight's two axes has to meet? (And the bias: added up, or averaged?)": (
                back(features=turned),
                back(features=lambda x, w, g: (w @ g.T).T),
            ),
            "it is as it was: both faults are still there.": back(
                bias=mean, features=turned
            ),
            "the weight was right as it stood: (O, B) @ (B, I).": (
                back(weight=lambda x, w, g: x.T @ g),
                back(weight=lambda x, w, g: g.T @ x / len(x)),
            ),
            "grad_bias has one number an output: add up over the examples, the first "
            "axis.": (
                back(bias=lambda x, w, g: g.sum(1)),
                back(bias=lambda x, w, g: g.sum()),
                back(bias=lambda x, w, g: g),
            ),
            "the order: weight, bias, features.": (
                lambda x, w, g: (g @ w, g.sum(0), g.T @ x),
                lambda x, w, g: (g.T @ x, g @ w, g.sum(0)),
            ),
            "the bias is missing: return three gradients.": (
                lambda x, w, g: (g.T @ x, g @ w)
            ),
            "the sign is turned round; this is the gradient, not the step.": (
                lambda x, w, g: (-g.T @ x, -g.sum(0), -g @ w)
            ),
        },
        names=("grad_weight", "grad_bias", "grad_features"),
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


def check_what_it_learned(answer) -> Verdict:
    """A model that calls everything spam, with an AUC near 1: what has it learned?"""
    return choose(
        answer,
        "b",
        {
            "a": "by accuracy it looks worse. But AUC asks for the order of the "
            "messages, and the order went from a coin's to nearly perfect.",
            "b": "the order is right and the threshold is not. Move the threshold, or "
            "take more steps.",
            "c": "then spam and ham would score alike, and AUC would stay at one half.",
        },
    )


def check_causes(answer) -> Verdict:
    """Four loops and four causes: four letters, in the order of the lines."""
    return match(
        answer,
        "bdac",
        {
            "a": "the one that adds the gradient climbs from the first step on.",
            "b": "where nothing is wrong both losses get small.",
            "c": "with softmax twice the loss falls and stops: it can never be sure.",
            "d": "without zero_grad the training loss goes to nothing, and only "
            "messages that were not learned from show it.",
        },
    )
