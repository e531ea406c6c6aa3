"""The steps of lesson 11's rooms: each right, with its room's fault, and with others.

The lesson shows a learner the faulty one; the checkers in `lesson11` compare what the
learner makes of it with these. Each has the arguments of the lesson's function, and a
keyword for what may be wrong in it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.models import MLP
from course_utils.text import Vocabulary

TOKENS = 15_360 * 4_096  # in a batch of DeepSeek-V3: sequences, and tokens in each


def entrance(
    features: Tensor,
    targets: Tensor,
    other_features: Tensor,
    other_targets: Tensor,
    *,
    num_steps: int = 60,
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Four loss curves of lesson 2's MLP, and each one's loss on other messages.

    They are named A to D; one of them is right. features: (N, D), targets: (N,).
    """

    def run(faulty=False, zeroed=True, rate=lambda step: 1.0):
        torch.manual_seed(0)
        model = MLP(features.shape[1], 16, 2)
        optimizer, seen = torch.optim.SGD(model.parameters()), []
        for step in range(num_steps):
            optimizer.param_groups[0]["lr"] = rate(step)
            loss = classes(model, features, targets, faulty=faulty)
            if zeroed:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen.append(loss.item())
        with torch.no_grad():
            loss = classes(model, other_features, other_targets, faulty=faulty)
        return seen, loss.item()

    runs = {
        "A": run(faulty=True),
        "B": run(zeroed=False),
        "C": run(),
        "D": run(rate=lambda step: max(0.0, 1 - step / 8)),
    }
    curves = {name: seen for name, (seen, _) in runs.items()}
    return curves, {name: loss for name, (_, loss) in runs.items()}


def descend(surface, start, lr, num_steps, *, zeroed="before", most=None):
    """Room 1. zeroed: before backward, after it, or never; most: clip to this norm."""
    point = nn.Parameter(start.clone())
    optimizer = torch.optim.SGD([point], lr=lr)
    points = [start]
    for _ in range(num_steps):
        if zeroed == "before":
            optimizer.zero_grad()
        surface(point).backward()
        if zeroed == "after":
            optimizer.zero_grad()
        if most:
            nn.utils.clip_grad_norm_([point], most)
        optimizer.step()
        points.append(point.detach().clone())
    return points


def line(slope, x, y, *, errors=lambda s, x, y: s * x[:, 0] - y):
    """Room 2."""
    return (errors(slope, x, y) ** 2).mean()


def classes(model, features, targets, *, faulty=False):
    """Room 3."""
    logits = model(features)
    return F.cross_entropy(logits.softmax(dim=1) if faulty else logits, targets)


def train(model, X, y, X_val, y_val, lr, num_epochs, *, mode=nn.Module.eval,
          train_mode=nn.Module.train):  # fmt: skip
    """Room 4. mode: what is done to the model before it is judged."""
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=lr), []
    for _ in range(num_epochs):
        train_mode(model)
        optimizer.zero_grad()
        F.cross_entropy(model(X), y).backward()
        optimizer.step()
        mode(model)
        with torch.no_grad():
            losses.append(F.cross_entropy(model(X_val), y_val).item())
    return losses


def spam(model, X, y, *, cut=None):
    """Room 5. cut: where the gradient's way is cut, "hidden", "logits" or nowhere."""
    hidden = torch.relu(model.hidden(X))
    logits = model.out(hidden.detach() if cut == "hidden" else hidden)
    if cut == "logits":
        logits = logits.detach()
    return F.cross_entropy(logits, y).requires_grad_()


def writing(model, token_ids, *, ahead=1):
    """Room 6. ahead: how many words on is the one that is learned."""
    inputs = token_ids[: len(token_ids) - ahead] if ahead >= 0 else token_ids[-ahead:]
    targets = token_ids[ahead:] if ahead >= 0 else token_ids[:ahead]
    return F.cross_entropy(model(inputs), targets)


def falling(lr, gamma, step, every):
    """The rate of a step, `gamma` times what it was `every` steps before."""
    return lr * gamma ** (step // every)


def cool_down(surface, start, lr, gamma, every, num_steps, *, rate=falling):
    """Room 7. rate: of a step."""
    points = [start]
    for step in range(num_steps):
        at = rate(lr, gamma, step, every)
        points.append(points[-1] - at * surface.gradient(points[-1]))
    return points


def anneal(model, batches, lr, num_epochs, *, total=None, each="step"):
    """Room 8. total: when the rate is zero; each: what the scheduler counts."""
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    total = total(batches, num_epochs) if total else num_epochs * len(batches)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total)
    losses, rates = [], []
    for _ in range(num_epochs):
        for X, y in batches:
            rates.append(optimizer.param_groups[0]["lr"])
            loss = F.cross_entropy(model(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if each == "step":
                scheduler.step()
        if each == "epoch":
            scheduler.step()
    return losses, rates


def optimizer(model, lr, weight_decay, *, rule=torch.optim.AdamW, of_biases=0.0):
    """Room 9. of_biases: the decay of biases and norms."""
    params = list(model.parameters())
    weights = [p for p in params if p.ndim > 1]
    others = [p for p in params if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": weight_decay},
              {"params": others, "weight_decay": of_biases}]  # fmt: skip
    return rule(groups, lr=lr)


def batch(model, X, y, *, divisor=len):
    """Room 10."""
    return F.cross_entropy(model(X), y, reduction="sum") / divisor(y)


def half(model, X, y, *, scale=2.0**16, told=None, is_on=True, tokens=TOKENS):
    """Room 11. told: the scale that is told, where it is another."""
    with torch.autocast("cpu", dtype=torch.float16, enabled=is_on):
        loss = F.cross_entropy(model(X), y, reduction="sum") / tokens
    return scale * loss, told or scale


def parts(model, pairs, *, weight=lambda inputs, targets: len(targets), divisor=sum):
    """Room 12. weight: of the mean loss of a part; divisor: takes all weights."""
    losses = [F.cross_entropy(model(inputs), targets) for inputs, targets in pairs]
    weights = [weight(inputs, targets) for inputs, targets in pairs]
    total = sum(w * loss for w, loss in zip(weights, losses, strict=True))
    return total / divisor(weights)


def number_words(train_words, test_words, *, seen=lambda train, test: train, **options):
    """Room 13. seen: which messages the vocabulary is made from."""
    return Vocabulary(**options).fit(seen(train_words, test_words))


def report(val_scores, test_scores, *, by=lambda val, test: val, best=max):
    """Room 14. by: the scores that choose the epoch."""
    scores = by(val_scores, test_scores)
    return test_scores[scores.index(best(scores))]
