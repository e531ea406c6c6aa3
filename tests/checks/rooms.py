"""Lesson 11's rooms as the notebook shows them, and what learners make of them.

An answer is the room's own code with some lines changed: pairs of old and new text.
`answers.py` takes them into its table.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils.checks import lesson11
from course_utils.text import Vocabulary

NOTEBOOK = Path(__file__).parents[2] / "notebooks/11_museum.ipynb"
GIVEN = {
    "np": np,
    "torch": torch,
    "nn": nn,
    "F": F,
    "Vocabulary": Vocabulary,
}


def cells() -> list[dict]:
    """The notebook's cells, each with its text joined."""
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    return [c | {"source": "".join(c["source"])} for c in notebook["cells"]]


def is_a(tag: str, cell: dict) -> bool:
    return tag in cell["metadata"].get("tags", [])


def faulty(name: str) -> str:
    """The code of the room whose function has this name."""
    found = [c["source"] for c in cells() if is_a("exercise", c)]
    (source,) = [text for text in found if f"def {name}(" in text]
    return source


def made(name: str, *changes: tuple[str, str]):
    """The room's function, with each old text, which stands there, replaced."""
    source = faulty(name)
    for old, new in changes:
        assert old in source, f"{name}: {old!r} does not stand in the room"
        source = source.replace(old, new)
    namespace = dict(GIVEN)
    exec(source, namespace)
    return namespace[name]


def answers():
    """(checker, right answers, wrong answers with words) of every room."""
    for check, name, right, wrong in ROOMS:
        yield (
            check,
            [made(name, *changes) for changes in right],
            [(made(name, *changes), words) for *changes, words in wrong],
        )


ZEROED = (
    "        loss.backward()\n",
    "        optimizer.zero_grad()\n        loss.backward()\n",
)
LINE = "((slope * x - y) ** 2).mean()"
SOFT = ".softmax(dim=1)"
JUDGE = "        with torch.no_grad():\n"
CUT = "model.out(hidden).detach()"
TWICE = "F.cross_entropy(logits[:-1], targets[1:])"
RATE = "lr * gamma ** -(step // every)"
TOTAL = "end = num_epochs"
ADAM = "torch.optim.Adam(groups, lr=lr)"
SUM = 'F.cross_entropy(model(X), y, reduction="sum")'
SCALE = "scale = 1.0"
SEEN = "Vocabulary().fit([*train_words, *test_words])"
BEST = "test_scores.index(max(test_scores))"
STILL = "the fault is still there"


def weighed(result: str) -> tuple[str, str]:
    """A change of room 12: the sizes of the parts, and this result."""
    sizes = "    sizes = [len(targets) for inputs, targets in parts]\n"
    return "    return sum(losses) / len(losses)", f"{sizes}    return {result}"


ROOMS = [
    (
        lesson11.check_descend,
        "descend",
        [
            [ZEROED],
            [
                (
                    "        loss = surface(point)\n",
                    "        point.grad = None\n        loss = surface(point)\n",
                )
            ],
            [
                (
                    "optimizer.step()\n",
                    "optimizer.step()\n        optimizer.zero_grad()\n",
                )
            ],
            [("loss.backward()", "point.grad, = torch.autograd.grad(loss, point)")],
            [("optimizer.step()", "optimizer.step(); point.grad.zero_()")],
        ],
        [
            [STILL],
            [
                (
                    "    points = [start]\n",
                    "    optimizer.zero_grad()\n    points = [start]\n",
                ),
                STILL,
            ],
            [
                (
                    "optimizer.step()\n",
                    "optimizer.zero_grad()\n        optimizer.step()\n",
                ),
                "nothing is left",
            ],
            [("lr=lr", "lr=lr / 10"), "another rate"],
            [("lr=lr", "lr=lr / 2"), "another rate"],
            [
                (
                    "optimizer.step()",
                    "nn.utils.clip_grad_norm_([point], 1); optimizer.step()",
                ),
                "clipped",
            ],
            [ZEROED, ("lr=lr", "lr=lr / 10"), "no longer `lr`"],
        ],
    ),
    (
        lesson11.check_line,
        "loss_of_line",
        [
            [(LINE, "((slope * x[:, 0] - y) ** 2).mean()")],
            [(LINE, "((slope * x - y[:, None]) ** 2).mean()")],
            [(LINE, "F.mse_loss((slope * x).squeeze(1), y)")],
            [(LINE, "((slope * x).reshape(y.shape) - y).square().sum() / len(y)")],
            [(LINE, "torch.diagonal((slope * x - y) ** 2).mean()")],
        ],
        [
            [STILL],
            [(LINE, "((slope * x[:, 0] - y) ** 2).sum()"), "divide by N"],
            [(LINE, "((slope * x - y) ** 2).sum() / len(y)"), "N times as large"],
            [
                (LINE, "((slope * x.mean() - y) ** 2).mean()"),
                "hides each message's own",
            ],
            [(LINE, "(slope * x[:, 0] - y).abs().mean()"), "the squared error"],
            [(LINE, "(slope * x[:, 0] - y).mean() ** 2"), "errors of both signs"],
            [(LINE, "((slope * x - y) ** 2).mean(dim=0).mean()"), STILL],
        ],
    ),
    (
        lesson11.check_classes,
        "loss_of_classes",
        [
            [(SOFT, "")],
            [(SOFT, ".log_softmax(dim=1)")],
            [
                (
                    "F.cross_entropy(logits.softmax(dim=1), y)",
                    "F.nll_loss(logits.softmax(dim=1).log(), y)",
                )
            ],
            [
                (
                    "F.cross_entropy(logits.softmax(dim=1), y)",
                    "F.cross_entropy(logits.softmax(dim=1).log(), y)",
                )
            ],
        ],
        [
            [STILL],
            [(SOFT, ".sigmoid()"), "another way"],
            [(SOFT, ".softmax(dim=0)"), "another way"],
            [("model(X)", "(10 * model(X))"), "sharper softmax"],
            [(SOFT, ".softmax(dim=1) * 10"), "still no logits"],
            [("F.cross_entropy(", "F.nll_loss("), "wants logarithms"],
            [
                (
                    "F.cross_entropy(logits.softmax(dim=1), y)",
                    "0.5 * F.cross_entropy(model(X), y)",
                ),
                "loss",
            ],
        ],
    ),
    (
        lesson11.check_train,
        "train",
        [
            [(JUDGE, "        model.eval()\n" + JUDGE)],
            [(JUDGE, "        model.train(False)\n" + JUDGE)],
            [("no_grad():\n", "no_grad():\n            model.eval()\n")],
            [("optimizer.step()", "optimizer.step(); model.eval()")],
        ],
        [
            [STILL],
            [("model.train()", "model.eval()"), "never in training mode"],
            [("torch.no_grad()", "torch.inference_mode()"), STILL],
            [
                ("    return val_losses", "    model.eval()\n    return val_losses"),
                STILL,
            ],
            [("    for _ in", "    model.eval()\n    for _ in"), STILL],
            [
                (JUDGE, "        model[3].eval()\n" + JUDGE),
                "only dropout is off",
            ],
        ],
    ),
    (
        lesson11.check_spam,
        "loss_of_spam",
        [
            [(CUT, "model.out(hidden)")],
            [(CUT, "model(X)")],
            [(CUT, "model.out(hidden)"), ("loss.requires_grad_()", "loss")],
            [(CUT, "model.out(hidden).clone()")],
        ],
        [
            [STILL],
            [(CUT, "model.out(hidden.detach())"), "the way to the first one"],
            [(CUT, "model.out(hidden).data"), STILL],
            [
                (CUT, "model.out(hidden)"),
                ("return loss", "return torch.tensor(loss.item())"),
                STILL,
            ],
            [
                (".detach()", ""),
                ("loss.requires_grad_()", "loss * len(y)"),
                "the loss is another",
            ],
            [(CUT, "model.out(hidden).softmax(dim=1)"), "the loss is another"],
            [("loss.requires_grad_()", "loss"), STILL],
        ],
    ),
    (
        lesson11.check_writing,
        "loss_of_writing",
        [
            [(TWICE, "F.cross_entropy(logits, targets)")],
            [("token_ids[:-1], token_ids[1:]", "token_ids, token_ids")],
            [(TWICE, "F.nll_loss(logits.log_softmax(dim=-1), targets)")],
            [(TWICE, "F.cross_entropy(model(token_ids)[:-1], targets)")],
        ],
        [
            [STILL],
            [
                (
                    "targets = token_ids[:-1], token_ids[1:]",
                    "targets = token_ids, token_ids",
                ),
                (TWICE, "F.cross_entropy(logits, targets)"),
                "learns to repeat",
            ],
            [
                ("token_ids[:-1], token_ids[1:]", "token_ids[1:], token_ids[:-1]"),
                (TWICE, "F.cross_entropy(logits, targets)"),
                "write backward",
            ],
            [(TWICE, "F.cross_entropy(logits[:-2], targets[2:])"), "three words on"],
            [(TWICE, "F.cross_entropy(logits[:-1], targets[:-1])"), "first or last"],
            [(TWICE, "F.cross_entropy(logits[1:], targets[1:])"), "first or last"],
            [(TWICE, "F.cross_entropy(logits, targets, reduction='sum')"), "loss"],
        ],
    ),
    (
        lesson11.check_cool_down,
        "cool_down",
        [
            [(RATE, "lr * gamma ** (step // every)")],
            [(RATE, "lr / gamma ** -(step // every)")],
            [(RATE, "lr * (1 / gamma) ** -(step // every)")],
            [(RATE, "lr * gamma ** int(step / every)")],
        ],
        [
            [STILL],
            [(RATE, "0.1 * lr * gamma ** -(step // every)"), "puts it off"],
            [(RATE, "lr"), "stays the same"],
            [(RATE, "lr * gamma ** step"), "at every step"],
            [(RATE, "lr * gamma ** (step / every)"), "at every step"],
            [(RATE, "0.1 * lr * gamma ** (step // every)"), "first rate"],
            [(RATE, "lr * gamma ** (step // every + 1)"), "first rate"],
            [(RATE, "lr * (gamma if step >= every else 1)"), "falls once"],
        ],
    ),
    (
        lesson11.check_anneal,
        "anneal",
        [
            [(TOTAL, "end = num_epochs * len(batches)")],
            [(TOTAL, "end = len(num_epochs * batches)")],
            [(TOTAL, "end = sum(len(batches) for _ in range(num_epochs))")],
            [
                (
                    "LinearLR(optimizer, 1.0, 0.0, end)",
                    "LambdaLR(optimizer, lambda step: 1 - step / num_epochs / "
                    "len(batches))",
                )
            ],
        ],
        [
            [STILL],
            [
                ("            scheduler.step()\n", ""),
                ("    return", "        scheduler.step()\n    return"),
                "stairs",
            ],
            [
                (TOTAL, "end = num_epochs * len(batches)"),
                ("            scheduler.step()\n", ""),
                ("    return", "        scheduler.step()\n    return"),
                "hardly falls",
            ],
            [(TOTAL, "end = len(batches)"), "one epoch"],
            [("            scheduler.step()\n", ""), "does not fall"],
            [
                (TOTAL, "end = 10 * num_epochs * len(batches)"),
                "does not reach zero",
            ],
            [("lr=lr", "lr=10 * lr"), "does not make it last longer"],
        ],
    ),
    (
        lesson11.check_optimizer,
        "optimizer_for",
        [
            [(ADAM, "torch.optim.AdamW(groups, lr=lr)")],
            [(ADAM, "torch.optim.Adam(groups, lr=lr, decoupled_weight_decay=True)")],
            [(ADAM, "torch.optim.AdamW(groups[::-1], lr, betas=(0.9, 0.999))")],
            [(ADAM, "torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay)")],
        ],
        [
            [STILL],
            [
                (
                    ADAM,
                    "torch.optim.AdamW(weights + others, lr=lr, "
                    "weight_decay=weight_decay)",
                ),
                "leave the groups",
            ],
            [
                ('"weight_decay": weight_decay', '"weight_decay": 0.1 * weight_decay'),
                "changes nothing in Adam",
            ],
            [('"weight_decay": weight_decay', '"weight_decay": 0.0'), "free to grow"],
            [(ADAM, "torch.optim.SGD(groups, lr=lr)"), "another rule"],
            [
                ("Adam(", "AdamW("),
                ('"weight_decay": weight_decay', '"weight_decay": 10 * weight_decay'),
                "smaller or larger",
            ],
            [("lr=lr", "lr=0.1 * lr"), "on case"],
        ],
    ),
    (
        lesson11.check_batch,
        "loss_of_batch",
        [
            [(SUM, "F.cross_entropy(model(X), y)")],
            [(SUM, SUM + " / len(y)")],
            [('"sum"', '"mean"')],
            [(SUM, "F.cross_entropy(model(X), y, reduction='none').mean()")],
        ],
        [
            [STILL],
            [(SUM, SUM + " / 8"), "fixed number"],
            [(SUM, SUM + " / 400"), "fixed number"],
            [(SUM, SUM + " / len(y) ** 0.5"), "not by their root"],
            [(SUM, SUM + " / model(X).numel()"), "not by their logits"],
            [(SUM, "F.cross_entropy(model(X), y) / len(y)"), "a mean already"],
            [(SUM, "F.cross_entropy(model(X)[:8], y[:8])"), "loss|gradient"],
        ],
    ),
    (
        lesson11.check_half,
        "loss_in_half",
        [
            [(SCALE, "scale = 2.0**16")],
            [(SCALE, "scale = 4096 * 4.0")],
            [(SCALE, "scale = 1e6")],
            [(SCALE, "scale = 2**14")],
            [("torch.float16", "torch.bfloat16")],
        ],
        [
            [STILL],
            [(SCALE, "scale = 2.0"), STILL],
            [(SCALE, "scale = 2.0**60"), "overflows"],
            [
                (SCALE, "scale = 2.0**16"),
                ("return scale * loss, scale", "return scale * loss, 1.0"),
                "nobody is told",
            ],
            [
                (SCALE, "scale = 2.0**16"),
                ("return scale * loss", "return loss"),
                "not scaled",
            ],
            [("torch.float16)", "torch.float16, enabled=False)"), "32 bits"],
            [(" / TOKENS", ""), "another loss"],
        ],
    ),
    (
        lesson11.check_parts,
        "loss_of_parts",
        [
            [weighed("sum(n * a for n, a in zip(sizes, losses)) / sum(sizes)")],
            [weighed("sum(a * n / sum(sizes) for a, n in zip(losses, sizes))")],
            [weighed("torch.stack(losses) @ torch.tensor(sizes).float() / sum(sizes)")],
            [
                weighed(
                    "F.cross_entropy(*[torch.cat(each) for each in "
                    "zip(*[(model(a), b) for a, b in parts])])"
                )
            ],
        ],
        [
            [STILL],
            [
                weighed("sum(n * a for n, a in zip(sizes, losses))"),
                "divide it by their number",
            ],
            [
                weighed("sum(n * a for n, a in zip(sizes, losses)) / len(sizes)"),
                "divided by the number of parts",
            ],
            [weighed("sum(losses)"), "grow with the number of parts"],
            [
                weighed(
                    "sum(a / n for n, a in zip(sizes, losses)) / "
                    "sum(1 / n for n in sizes)"
                ),
                "multiply by them",
            ],
            [weighed("losses[-1]"), "loss of one part"],
            [weighed("sum(losses) / sum(sizes)"), "loss"],
        ],
    ),
    (
        lesson11.check_number_words,
        "number_words",
        [
            [(SEEN, "Vocabulary().fit(train_words)")],
            [(SEEN, "Vocabulary(min_count=1).fit([*train_words])")],
            [(SEEN, "Vocabulary(max_size=None).fit(list(train_words))")],
            [(", *test_words", "")],
        ],
        [
            [STILL],
            [("*train_words, *test_words", "*test_words, *train_words"), STILL],
            [(SEEN, "Vocabulary().fit(test_words)"), "test messages alone"],
            [("Vocabulary()", "Vocabulary(min_count=2)"), "still counted"],
            [(SEEN, "Vocabulary(min_count=2).fit(train_words)"), "occur once are lost"],
            [("Vocabulary()", "Vocabulary(max_size=5)"), "still counted"],
        ],
    ),
    (
        lesson11.check_report,
        "report",
        [
            [(BEST, "val_scores.index(max(val_scores))")],
            [(BEST, "int(np.argmax(val_scores))")],
            [(BEST, "max(range(len(val_scores)), key=lambda i: val_scores[i])")],
            [(BEST, "torch.tensor(val_scores).argmax()")],
        ],
        [
            [STILL],
            [("test_scores[best]", "max(test_scores)"), STILL],
            [
                ("test_scores[best]", "sum(test_scores) / len(test_scores)"),
                "mean over all",
            ],
            [("test_scores[best]", "test_scores[-1]"), "last epoch"],
            [
                (BEST, "val_scores.index(max(val_scores))"),
                ("test_scores[best]", "best"),
                "the epoch's number",
            ],
            [("test_scores[best]", "max(val_scores)"), "their own score"],
            [(BEST, "val_scores.index(min(val_scores))"), "worst epoch"],
            [(BEST, "np.add(val_scores, test_scores).argmax()"), "still has a say"],
        ],
    ),
]
