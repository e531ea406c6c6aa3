"""Draw a given result on a given `ax`, and return the sentence that says what it shows.

Nothing is computed here. Colors are Okabe and Ito's; every curve also has a line style
or a marker of its own, so that nothing is told by color alone.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from course_utils.pictures import labels

BLUE, ORANGE, GREEN, RED, GRAY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#555555"
# One meaning, one look: what happens is solid blue, the slider's place an orange dot.
PROMISES = {"linear": (RED, ":"), "quadratic": (GREEN, "--")}
MARKS = {"best": "-", "break even": (0, (8, 3)), "stable": (0, (1, 2))}
DPI = 100  # pixels an inch; the web edition (web/films.py) draws more


def literal(text: str) -> str:
    """Text of others as it is written: matplotlib takes $…$ for a formula."""
    return str(text).replace("$", r"\$")


def numbers(values) -> np.ndarray:
    """A copy in float64 of a list, array or tensor, of any device, dtype and graph."""
    if hasattr(values, "detach"):
        return values.detach().cpu().double().clone().numpy()
    if isinstance(values, list | tuple):
        values = [numbers(each) for each in values]
    return np.array(values, float)


def canvas(
    width: float = 8,
    height: float = 4,
    columns: int = 1,
    *,
    widths: Sequence[float] | None = None,
):
    """A figure outside pyplot and its axes, sized in inches for a projector.

    widths: of the columns, relative to each other; None for `columns` of one width.
    """
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    axes = figure.subplots(1, len(widths or range(columns)), width_ratios=widths)
    for ax in np.atleast_1d(axes):
        ax.tick_params(labelsize=12)
        ax.xaxis.label.set_size(14)
        ax.yaxis.label.set_size(14)
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def ray(
    lrs: Sequence[float] | np.ndarray,
    losses: Sequence[float] | np.ndarray,
    *,
    before: float,
    ax: Axes,
    promises: Mapping[str, Sequence[float]] | None = None,
    marks: Mapping[str, float] | None = None,
) -> str:
    """The loss after one step of each learning rate, beside what was promised.

    lrs, losses: (S,); before: the loss at the start; promises: name to (S,); marks:
    name to learning rate. A loss far above the start leaves the picture at the top.
    """
    losses, lrs = numbers(losses), numbers(lrs)
    bottom, top = ray_limits(losses, before)
    ax.axhline(before, color=GRAY, linewidth=1)
    ax.annotate("before the step", (lrs[0], before), (2, 4),
                textcoords="offset points", color=GRAY, fontsize=12)  # fmt: skip
    lines: dict[str, Any] = {}
    for name, promised in (promises or {}).items():
        color, style = PROMISES[name]
        (lines[f"{name} promise"],) = ax.plot(
            lrs, numbers(promised), linestyle=style, color=color, linewidth=2.5
        )
    drawn = np.where(np.isfinite(losses), losses, top + 10 * (top - bottom))
    (lines["what happens"],) = ax.plot(lrs, drawn, color=BLUE, linewidth=2.5)
    marked = {
        name: ax.axvline(lr, color="black", linestyle=MARKS[name], linewidth=1.2)
        for name, lr in (marks or {}).items()
    }
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss after one step",
           xlim=(lrs[0] / 1.15, lrs[-1] * 1.15), ylim=(bottom, top))  # fmt: skip
    ax.xaxis.set_major_formatter("{x:g}")
    for name, line in (lines | marked).items():
        line.set_label(name)
    labels.place(ax, lines, marked)
    return _say_ray(lrs, drawn, before)


def _say_ray(lrs, drawn, before: float) -> str:
    lowest = int(np.argmin(drawn))
    if drawn[lowest] >= before:
        return f"No learning rate here brings the loss below its start, {before:.3g}."
    end = "rises past its start beyond" if drawn[-1] > before else "stays below it"
    return (
        f"The loss after one step falls from {before:.3g} to {drawn[lowest]:.3g} near "
        f"learning rate {lrs[lowest]:.2g} and {end}."
    )


def ray_limits(losses, before: float) -> tuple[float, float]:
    """Bottom and top of the picture of a ray: the dip, and what lies above it.

    Where there is no dip, the rise, up to the size of the start.
    """
    losses = numbers(losses)
    is_finite = np.isfinite(losses)
    lowest = float(np.min(losses, where=is_finite, initial=before))
    highest = float(np.max(losses, where=is_finite, initial=before))
    depth = before - lowest or min(highest - before, abs(before))
    depth = max(depth, 1e-6 * max(1, abs(before)))
    return lowest - 0.25 * depth, before + 1.6 * depth


def landscape(x, y, values, *, ax: Axes, minima=(), names=("θ₁", "θ₂")) -> str:
    """Level lines of a loss over two parameters. x: (W,), y: (H,), values: (H, W)."""
    values = numbers(values)
    low, high = values[np.isfinite(values)].min(), values[np.isfinite(values)].max()
    levels = low + (high - low) * np.linspace(0, 1, 16) ** 2
    values = np.ma.masked_invalid(values)
    ax.contour(x, y, values, levels, cmap="cividis", linewidths=1)
    for point in minima:
        ax.plot(*point, marker="*", color="black", markersize=14, linestyle="none")
    ax.set(
        xlabel=literal(names[0]),
        ylabel=literal(names[1]),
        xlim=(x[0], x[-1]),
        ylim=(y[0], y[-1]),
    )
    ax.set_aspect("equal")
    return f"Level lines of the loss, from {low:.2g} to {high:.2g}."


def scores(names, means, spreads, *, ax: Axes, baseline: float, label: str) -> str:
    """One row a variant: its mean score with the spread, and the baseline as a line.

    spreads: a number for each, or two, below and above the mean.
    """
    rows = np.arange(len(names))[::-1]
    ax.axvline(baseline, color=GRAY, linestyle="--", linewidth=1.5)
    means, xerr = numbers(means), numbers(spreads).T
    ax.errorbar(means, rows, xerr=xerr, fmt="o", color=BLUE, capsize=5, markersize=8)
    ax.set_yticks(rows, map(literal, names))
    ax.set(xlabel=literal(label), ylim=(-0.6, len(names) - 0.4))
    best = int(np.argmax(means))
    return (
        f"{label} of {len(names)} variants, from {min(means):.3f} to {max(means):.3f}; "
        f"the highest mean is “{names[best]}”, and the dashed line is {baseline:.3f}."
    )


def paired(gaps: Mapping[str, Sequence[float]], *, ax: Axes, label: str) -> str:
    """One row a name, one dot a pair: by how much it was better in each comparison.

    gaps: name to its differences, one a split or seed; a thick line marks their mean.
    """
    rows = np.arange(len(gaps))[::-1]
    ax.axvline(0, color="black", linewidth=1.5)
    for row, values in zip(rows, map(numbers, gaps.values()), strict=True):
        lift = 0.5 * (np.argsort(np.argsort(values)) / max(1, len(values) - 1) - 0.5)
        ax.plot(values, row + lift, "o", color=BLUE, markersize=6, alpha=0.7)
        ax.plot([values.mean()] * 2, [row - 0.3, row + 0.3], color=ORANGE, linewidth=4)
    ax.set_yticks(rows, map(literal, gaps))
    ax.set(xlabel=literal(label), ylim=(-0.6, len(gaps) - 0.4))
    wins = "; ".join(
        f"“{name}” in {int((numbers(values) > 0).sum())} of {len(values)}"
        for name, values in gaps.items()
    )
    return f"{label}, a dot a comparison. Better: {wins}."


def bars(names, values, *, ax: Axes, label: str, before=None) -> str:
    """One bar a name; `before` adds a mark where each value stood earlier."""
    rows, values = np.arange(len(names))[::-1], numbers(values)
    ax.barh(rows, values, color=BLUE, height=0.6, label="after")
    if before is not None:
        ax.plot(numbers(before), rows, "|", color="black", markersize=18,
                markeredgewidth=3, label="before")  # fmt: skip
        ax.legend(fontsize=12, frameon=False)
    ax.set_yticks(rows, map(literal, names))
    ax.set(xlabel=literal(label))
    top = int(np.argmax(np.abs(values)))
    return f"{label}: the largest is “{names[top]}” with {values[top]:.2g}."


def predictions(names, before, targets, *, ax: Axes) -> str:
    """P(spam) of each message as a hollow mark; message i stands in row i from the top.

    names: B texts; before: (B,) probabilities; targets: B of 0 (ham) or 1 (spam).
    """
    kinds = ["spam" if target else "ham" for target in targets]
    rows = range(len(names))
    ax.axvline(0.5, color=GRAY, linestyle="--", linewidth=1.5)
    ax.plot(
        numbers(before),
        rows,
        "o",
        color="black",
        markerfacecolor="white",
        markersize=10,
    )
    ax.set_yticks(
        rows,
        [f"{literal(name)} · {kind}" for name, kind in zip(names, kinds, strict=True)],
    )
    ax.set(xlabel="P(spam): hollow before, filled after", xlim=(-0.03, 1.03),
           ylim=(len(names) - 0.4, -0.6))  # fmt: skip
    sides = int((numbers(before) > 0.5).sum())
    return f"Before the step, {sides} of {len(names)} messages shown count as spam."


def sentence_losses(names, before, *, ax: Axes) -> str:
    """The loss of each sentence as a hollow mark, with room for larger ones.

    names: B texts; before: (B,).
    """
    before, rows = numbers(before), range(len(names))
    ax.plot(before, rows, "o", color="black", markerfacecolor="white", markersize=10)
    ax.axvline(0, color=GRAY, linewidth=1)
    ax.set_yticks(rows, map(literal, names))
    ax.set(xlabel="loss: hollow before, filled after, bar promised")
    ax.set(
        xlim=(-0.3 * before.max(), 1.6 * before.max()), ylim=(len(names) - 0.4, -0.6)
    )
    top = int(np.argmax(before))
    return (
        f"The losses of {len(names)} sentences: the largest is {before[top]:.2f}, of "
        f"“{names[top]}”."
    )


@dataclass(frozen=True)
class Still:
    """A finished drawing, displayed as a PNG with its sentence as text and alt text."""

    figure: Figure
    alt: str

    def _repr_mimebundle_(self, **kwargs):
        png = io.BytesIO()
        self.figure.savefig(png, format="png")
        data = {
            "image/png": base64.b64encode(png.getvalue()).decode(),
            "text/plain": self.alt,
        }
        return data, {"image/png": {"alt": self.alt}}


def heat(x, y, values, *, ax: Axes, names: Sequence[str]) -> str:
    """A value over a plane: dark is small, white is above 1. values: (len(y), len(x)).

    names: of x, of y, and of the value. The star marks the smallest.
    """
    values = numbers(values)
    shown = np.ma.masked_greater(values, 1)
    mesh = ax.pcolormesh(x, y, shown, cmap="viridis", vmax=1, rasterized=True)
    ax.figure.colorbar(mesh, ax=ax, label=literal(names[2]))
    row, column = np.unravel_index(np.nanargmin(values), values.shape)
    ax.plot(
        x[column], y[row], "*", color="white", markersize=16, markeredgecolor="black"
    )
    ax.set(xscale="log", xlabel=literal(names[0]), ylabel=literal(names[1]))
    ax.xaxis.set_major_formatter("{x:g}")
    return (
        f"The {names[2]} over {names[0]} and {names[1]}: smallest, "
        f"{values[row, column]:.2f}, at {names[0]} {x[column]:.2g} and {names[1]} "
        f"{y[row]:.2f}; above 1 in {np.mean(values > 1):.0%} of the plane."
    )


def curves(
    x,
    series: Mapping[str, Sequence[float]],
    *,
    ax: Axes,
    names,
    limits: Mapping | None = None,
    **settings,
) -> str:
    """One curve a name over x, each with its own line style, and its limit if given.

    names: of x and of what is drawn; limits: name of a curve to a level, dotted;
    settings: of the axes, such as xscale="log". The names stand above the picture.
    """
    styles = ("-", "--", "-.", (0, (1, 1)))
    lines: dict = {}
    if len(series) > len(styles):
        raise ValueError(f"series holds {len(series)} curves: give at most 4")
    for (name, values), color, style in zip(
        series.items(), (BLUE, RED, GREEN, ORANGE), styles, strict=False
    ):
        (lines[name],) = ax.plot(
            x, numbers(values), linestyle=style, color=color, linewidth=2.5
        )
        if limits and name in limits:
            level = limits[name]
            lines[f"limit for {name}: {level:.1f}"] = ax.axhline(
                level, color=color, linestyle=":", linewidth=2
            )
    ax.set(xlabel=literal(names[0]), ylabel=literal(names[1]), **settings)
    if settings.get("xscale") == "log":
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": 2}
    legend = ax.legend(
        list(lines.values()),
        list(map(str, range(len(lines)))),
        **{"fontsize": 12, "frameon": False, "handlelength": 3, **place},
    )
    # Names afterwards: matplotlib leaves out one that begins with an underscore.
    for text, name in zip(legend.get_texts(), lines, strict=True):
        text.set_text(literal(name))
    ends = ", ".join(
        f"{name} ends at {numbers(values)[-1]:.2g}" for name, values in series.items()
    )
    return f"{names[1]} over {names[0]}: {ends}."


def matrix(names: Sequence[str], values, *, ax: Axes, label: str) -> str:
    """A number for each pair of names: blue is large, each number written.

    names: N texts; values: (N, N), from -1 to 1.
    """
    values = numbers(values)
    ax.imshow(values, cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=11)
    places = range(len(names))
    ax.set_yticks(places, [f"{literal(name)}  {i + 1}" for i, name in enumerate(names)])
    ax.set_xticks(places, [str(i + 1) for i in places])
    off = np.where(np.eye(len(names)), -np.inf, values)
    one, other = map(int, np.unravel_index(int(np.argmax(off)), values.shape))
    return (
        f"{label} of {len(names)} sentences, two by two: the largest, "
        f"{off[one, other]:.1f}, is that of “{names[one]}” and “{names[other]}”."
    )


def attention(
    attention_weights, tokens: Sequence[str], *, ax: Axes, has_scale: bool = True
) -> str:
    """How much each token (a row) attends to each (a column): dark is much.

    attention_weights: (T, T), rows adding up to 1; tokens: T texts; has_scale: draw
    the scale of colors beside it. Small weights are set off: the scale is a root.
    """
    weights = numbers(attention_weights)
    image = ax.imshow(weights, cmap="Blues", norm=PowerNorm(0.5, vmin=0, vmax=1))
    if has_scale:
        ax.figure.colorbar(image, ax=ax, label="attention weight", shrink=0.8)
    places = range(len(tokens))
    tokens_shown = [literal(token) for token in tokens]
    ax.set_xticks(places, tokens_shown, rotation=60, ha="right", rotation_mode="anchor")
    ax.set_yticks(places, tokens_shown)
    ax.set(xlabel="is attended to", ylabel="attends")
    return say_attention(weights, tokens)


def say_attention(attention_weights, tokens: Sequence[str]) -> str:
    """What most of the attention goes to, in one sentence."""
    received = numbers(attention_weights).mean(axis=0)  # (T,)
    top = int(np.argmax(received))
    return f"On average {received[top]:.0%} of the attention goes to “{tokens[top]}”."


def rulers(grads, *, ax: Axes) -> str:
    """All steps of length 1 by a round and by a square ruler, and the best of each.

    grads: (2,). The gray lines join steps that change the loss alike.
    """
    g = numbers(grads)
    g = g / np.linalg.norm(g)
    x, y = np.meshgrid(np.linspace(-1.7, 3.3, 60), np.linspace(-1.7, 1.7, 60))
    ax.contour(x, y, g[0] * x + g[1] * y, 15, colors="lightgray", linewidths=1)
    turn = np.linspace(0, 2 * np.pi, 200)
    ax.plot(np.cos(turn), np.sin(turn), color=BLUE, linewidth=2.5)
    corners = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1), (1, 1)])
    ax.plot(*corners.T, color=RED, linewidth=2.5, linestyle="--")
    for step, color, name in (
        (-g, BLUE, "round: minus the gradient"),
        (-np.sign(g), RED, "square: minus the sign"),
    ):
        ax.annotate("", step, (0, 0), arrowprops={"color": color, "width": 2})
        ax.text(1.12, step[1], name, color=color, va="center", fontsize=12)
    ax.plot(0, 0, "o", color="black", markersize=8)
    ax.set(xlabel="step, θ₁", ylabel="step, θ₂", xlim=(-1.7, 3.3))
    ax.set_aspect("equal")
    return (
        "Among steps of length 1 the lowest is minus the gradient on the circle, and "
        "the corner at minus the gradient's sign on the square."
    )
