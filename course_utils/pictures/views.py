"""What the left half of a step's film shows: the model itself, before and after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from course_utils import models
from course_utils.pictures import plots, words


@dataclass(frozen=True)
class Picture:
    """What the left half of a step's film shows.

    measure: model to the thing drawn; called before the step and after each size.
    animate: (ax, lrs, before, afters) to the artists that move and `update(i)`, which
        sets them for frame i; the fixed part is drawn at once.
    describe: (before, after) to one sentence.
    width: how wide it is drawn, the ray being 1.
    """

    measure: Callable[[Any], Any]
    animate: Callable[
        [Axes, Any, Any, Sequence],
        tuple[list[Artist], Callable[[int], None]],
    ]
    describe: Callable[[Any, Any], str]
    width: float = 1.0


def path(surface) -> Picture:
    """The step on the level lines of a `Surface`; the model is its parameters (2,)."""

    def animate(ax, lrs, start, points):
        draw_landscape(ax, surface)
        ax.plot(*start, "s", color="black", markersize=9)
        ax.annotate(
            "start", tuple(start), (8, 6), textcoords="offset points", fontsize=12
        )
        (line,) = ax.plot([], [], color=plots.BLUE, linewidth=2.5)
        (tip,) = ax.plot([], [], "o", color=plots.ORANGE, markersize=11,
                         markeredgecolor="black")  # fmt: skip

        def update(i):
            line.set_data(*zip(start, points[i], strict=True))
            tip.set_data([points[i][0]], [points[i][1]])

        return [line, tip], update

    def describe(start, point):
        return f"The step lands at ({point[0]:.2f}, {point[1]:.2f})."

    return Picture(plots.numbers, animate, describe)


def draw_landscape(ax, surface) -> None:
    """Level lines of a `Surface` within its bounds."""
    x, y = (np.linspace(low, high, 120) for low, high in surface.bounds)
    grid = torch.tensor(np.stack(np.meshgrid(x, y), axis=-1))  # (120, 120, 2)
    plots.landscape(x, y, surface(grid).numpy(), ax=ax, minima=surface.minima)


def predictions(features, names: Sequence[str], targets: Sequence[int]) -> Picture:
    """P(spam) of chosen messages, before the step (hollow) and after it (filled).

    features: what the model takes, (B, D), or a tuple such as token_ids (B, T) and
    attention_mask (B, T); names: B short texts; targets: B of 0, 1.
    """
    inputs = features if isinstance(features, tuple) else (features,)

    def measure(model):
        device = next(model.parameters()).device
        output = model(*(each.to(device) for each in inputs))
        logits = getattr(output, "logits", output)  # (B, 2)
        return plots.numbers(torch.softmax(logits, dim=-1)[:, 1])  # (B,)

    def animate(ax, lrs, before, afters):
        plots.predictions(names, before, targets, ax=ax)
        (dots,) = ax.plot([], [], "o", color=plots.BLUE, markersize=10)

        def update(i):
            dots.set_data(afters[i], range(len(names)))

        return [dots], update

    def describe(before, after):
        changed = int(((before > 0.5) != (after > 0.5)).sum())
        return f"{changed} of {len(names)} messages shown changed sides."

    return Picture(measure, animate, describe)


def line(x, y) -> Picture:
    """Points, and the line through zero with the step's slope; the model is (1,).

    x, y: (N,) coordinates of the points.
    """
    x, y = plots.numbers(x), plots.numbers(y)

    def animate(ax, lrs, start, slopes):
        ax.plot(x, y, "o", color="black", markersize=7)
        ends = np.array([x.min(), x.max()])
        ax.plot(ends, start * ends, "--", color=plots.GRAY, label="before")
        (drawn,) = ax.plot([], [], color=plots.BLUE, linewidth=2.5, label="after")
        room = 1.5 * np.abs(y).max()
        ax.set(xlabel="x", ylabel="y", ylim=(-room, room))
        ax.legend(fontsize=12, frameon=False)
        return [drawn], lambda i: drawn.set_data(ends, slopes[i] * ends)

    def describe(start, slope):
        return f"The line's slope goes from {start:.2f} to {slope:.2f}."

    return Picture(lambda slope: slope.detach().item(), animate, describe)


def attending(token_ids, tokens: Sequence[str], *, layer: int, head: int) -> Picture:
    """One head's attention in a BERT classifier, and P(spam), after the step.

    token_ids: (1, T); tokens: T texts; layer and head count from 1. The model needs
    `load_bert(num_labels=2, attention="eager")`.
    """

    def measure(model):
        device = next(model.parameters()).device
        output = model(token_ids.to(device), output_attentions=True)
        weights = output.attentions[layer - 1][0, head - 1]  # (T, T)
        p = torch.softmax(output.logits, dim=-1)[0, 1].item()
        return plots.numbers(weights), p

    def animate(ax, lrs, before, afters):
        plots.attention(before[0], tokens, ax=ax)
        (image,) = ax.images
        title = ax.set_title(" ", fontsize=14)

        def update(i):
            image.set_data(afters[i][0])
            title.set_text(
                f"P(spam) {before[1]:.2f}, after the step {afters[i][1]:.2f}"
            )

        return [image, title], update

    def describe(before, after):
        moved = np.abs(after[0] - before[0]).sum(axis=1).mean() / 2
        return (
            f"P(spam) of the message goes from {before[1]:.2f} to {after[1]:.2f}, and "
            f"{moved:.0%} of the attention moves. "
            + plots.say_attention(after[0], tokens)
        )

    return Picture(measure, animate, describe)


def writing(tokenizer, prompts: Sequence[str], *, num_tokens: int = 12) -> Picture:
    """What a language model writes after each prompt, greedily, after the step.

    Words that it did not write before the step are bold and have a line below them.
    prompts: 3 to 5 short texts fit the picture; num_tokens: how much it writes.
    """

    def measure(model):
        return models.write(model, tokenizer, prompts, num_tokens=num_tokens)

    def animate(ax, lrs, before, afters):
        moving, show = words.draw(ax, [f"{prompt} …" for prompt in prompts])

        def update(i):
            for row, texts in enumerate(zip(afters[i], before, strict=True)):
                show(row, *texts)

        return moving, update

    def describe(before, after):
        same = [old == new for old, new in zip(before, after, strict=True)]
        said = [
            f"“{prompt}” goes on “{words.printable(new)}”"
            for prompt, new, is_same in zip(prompts, after, same, strict=True)
            if not is_same
        ]
        if not said:
            return "It writes what it wrote before."
        rest = f"; {sum(same)} of {len(prompts)} as before" if any(same) else ""
        return f"Now {', '.join(said)}{rest}."

    return Picture(measure, animate, describe, width=1.5)


def sentences(batch, names: Sequence[str], slopes: Sequence[float]) -> Picture:
    """The loss of other sentences, before the step (hollow) and after it (filled).

    batch: B sentences of `text.batches.sentences`; names: B short texts; slopes: (B,)
    what the slope promises for each, `profile.promise`, drawn as a bar that moves.
    """
    promised = plots.numbers(slopes)

    def measure(model):
        return plots.numbers(models.sentence_losses(model, batch))  # (B,)

    def animate(ax, lrs, before, afters):
        plots.sentence_losses(names, before, ax=ax)
        rows = range(len(names))
        (bars,) = ax.plot([], [], "|", color=plots.RED, markersize=20,
                          markeredgewidth=3)  # fmt: skip
        (dots,) = ax.plot([], [], "o", color=plots.BLUE, markersize=10)
        left, right = ax.get_xlim()

        def update(i):
            bars.set_data(np.clip(before + lrs[i] * promised, left, right), rows)
            dots.set_data(np.clip(np.nan_to_num(afters[i], nan=right), left, right),
                          rows)  # fmt: skip

        return [bars, dots], update

    def describe(before, after):
        change = plots.numbers(after) - before
        most = int(np.argmax(np.abs(np.nan_to_num(change, nan=np.inf))))
        return (
            f"{int((change < 0).sum())} of {len(names)} sentences become likelier; "
            f"“{names[most]}” changes most, from {before[most]:.2f} to "
            f"{after[most]:.2f}."
        )

    return Picture(measure, animate, describe, width=1.3)
