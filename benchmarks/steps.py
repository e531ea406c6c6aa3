"""What a StepProfile costs, counted in bare forward passes, in one run.

    python benchmarks/steps.py [--bert]

A ray of 200 losses beside 200 bare forwards and beside the naive loop that copies the
model for every step; then the whole profile: gradient, ray, both promises, best,
break-even and stable learning rate (on BERT without the second order).
"""

import argparse
import copy
import time

import torch
from torch.nn import functional as F

from course_utils import models, steps, text
from course_utils.models import MLP


def mlp_problem(batch_size):
    """The MLP of lesson 2 on messages: (model, loss_fn)."""
    messages = text.load_sms().train
    token_lists = [text.tokenize(text.clean(message)) for message in messages.texts]
    vocabulary = text.Vocabulary(max_size=1000).fit(token_lists)
    ids = [vocabulary.encode(tokens) for tokens in token_lists[:batch_size]]
    features = text.bag_of_words(ids, len(vocabulary))
    targets = torch.tensor(messages.labels[:batch_size])
    torch.manual_seed(0)
    model = MLP(len(vocabulary), 32, 2)
    return model, lambda m: F.cross_entropy(m(features), targets)


def bert_problem(batch_size):
    """The packaged BERT with a fresh head on messages: (model, loss_fn)."""
    from transformers import AutoTokenizer, BertModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder = models.model_dir()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    body = BertModel.from_pretrained(folder).eval()
    messages = text.load_sms().train
    batch = tokenizer(
        list(messages.texts[:batch_size]), padding=True, return_tensors="pt"
    )
    targets = torch.tensor(messages.labels[:batch_size])
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"body": body, "head": torch.nn.Linear(384, 2)})

    def loss_fn(m):
        return F.cross_entropy(m["head"](m["body"](**batch)[0].mean(dim=1)), targets)

    return model, loss_fn


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def report(name, model, loss_fn, count, *, second_order=True):
    """One line: ratios of `count` losses, and the profile in forwards."""

    def forwards():
        with torch.no_grad():
            for _ in range(count):
                loss_fn(model)

    def naive():
        grads = torch.autograd.grad(
            loss_fn(model), list(model.parameters()), allow_unused=True
        )
        for lr in lrs:
            other = copy.deepcopy(model)
            with torch.no_grad():
                for param, grad in zip(other.parameters(), grads, strict=True):
                    if grad is not None:
                        param.add_(grad, alpha=-lr)
                loss_fn(other)

    def whole():
        profile = steps.profile(model, loss_fn)
        profile.losses(lrs[:60])
        profile.linear(lrs)
        _ = profile.best_lr, profile.break_even_lr
        if second_order:
            _ = profile.quadratic(lrs), profile.stable_lr

    lrs = [0.001 * (i + 1) for i in range(count)]
    forwards()  # warm-up: the first call of each kind costs up to half a second
    whole()
    profile = steps.profile(model, loss_fn)
    bare, ray = seconds(forwards), seconds(lambda: profile.losses(lrs))
    copies = seconds(naive)
    print(
        f"{name:<22} {ray / bare:>14.2f} {copies / bare:>14.2f} "
        f"{seconds(whole) / (bare / count):>20.0f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bert", action="store_true", help="the packaged BERT, too")
    arguments = parser.parse_args()
    names = ("ray/forwards", "naive/forwards", "whole, in forwards")
    print(" " * 22, "{:>14} {:>14} {:>20}".format(*names))
    for batch_size in (64, 256, 1024):
        report(f"MLP, {batch_size} messages", *mlp_problem(batch_size), count=200)
    if arguments.bert:
        for batch_size in (8, 32):
            name = f"BERT, {batch_size} messages"
            problem = bert_problem(batch_size)
            report(name, *problem, count=20, second_order=False)


if __name__ == "__main__":
    main()
