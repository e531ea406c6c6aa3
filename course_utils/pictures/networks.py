"""A small network, drawn: numbers on the way forward, slopes on the way back.

Circles are values, lines are weights. Under each circle, and beside each weight, stands
the slope of the loss by it with a ∂ before it, once the way back has reached it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from course_utils.pictures import film, plots, shooting


def draw(ax: Axes, sizes: Sequence[int], names: Sequence[str]) -> list[list[tuple]]:
    """Circles and lines of a network, inputs on the left; returns where circles are.

    sizes: circles a layer; names: one a layer, written below it.
    """
    ax.set_axis_off()
    ax.set_aspect("equal")
    tallest = max(sizes)
    apart = max(1.4, 0.5 * tallest)  # from layer to layer
    places = [
        [
            (apart * column, (tallest - 1) / 2 - row + (size - 1) / 2)
            for row in range(size)
        ]
        for column, size in enumerate(sizes)
    ]
    for left, right in zip(places[:-1], places[1:], strict=True):
        for start in left:
            for end in right:
                ax.plot(*zip(start, end, strict=True), color=plots.GRAY, linewidth=1.2,
                        zorder=1)  # fmt: skip
    for column, name in zip(places, names, strict=True):
        ax.plot(*zip(*column, strict=True), "o", color="white", markersize=34 * min(
            1, 5 / tallest), markeredgecolor="black", zorder=2)  # fmt: skip
        ax.text(column[0][0], -1.0, name, ha="center", fontsize=13)
    ax.set(xlim=(-0.6, apart * (len(sizes) - 1) + 0.6), ylim=(-1.3, tallest - 0.3))
    return places


def backward(stages: Sequence[Mapping]) -> film.Panel:
    """Forward and back through a network of two inputs, two hidden values, one output.

    stages: what is known after each line of the computation, each holding all that the
    one before held: "say", a sentence, and from "x" (2,), "W1" (2, 2), "b1" (2,), "h"
    (2,), "W2" (1, 2), "b2" (1,), "o" (1,), "loss", and with "grad_" before the name
    the slopes of the loss.
    """
    figure, ax = plots.canvas(9.6, 4.6)
    names = ("inputs", "hidden, after ReLU", "output", "loss")
    places = draw(ax, (2, 2, 1, 1), names)
    title = ax.set_title(" ", fontsize=14, loc="left")
    texts = {
        (name, index): ax.text(
            *spot,
            "",
            ha="center",
            va="center",
            fontsize=12,
            color=plots.RED if name.startswith("grad_") else "black",
            bbox={
                "facecolor": "white",
                "edgecolor": "none",
                "pad": 0.8 * ("W" in name),
            },
            zorder=3,
        )
        for (name, index), spot in _spots(places).items()
    }

    def update(i):
        title.set_text(stages[i]["say"])
        for (name, index), text in texts.items():
            text.set_text(
                _said(name, stages[i][name], index) if name in stages[i] else ""
            )

    return film.Panel(
        film.Film(
            frames=shooting.shoot(
                figure, [title, *texts.values()], update, len(stages)
            ),
            values=range(1, len(stages) + 1),
            labels=[f"{i} of {len(stages)}" for i in range(1, len(stages) + 1)],
            alts=[_say(*pair) for pair in zip(stages, [{}, *stages[:-1]], strict=True)],
            name="line",
            index=len(stages) - 1,
        )
    )


def _said(name: str, values, index: int) -> str:
    """One number as it stands in the drawing."""
    before = {"grad": "∂ ", "b1": "bias ", "b2": "bias "}.get(name.split("_")[0], "")
    return f"{before}{plots.numbers(values).reshape(-1)[index]:.3g}"


def _say(stage: Mapping, before: Mapping) -> str:
    """The sentence of a stage, and the numbers that are new in it."""
    new = [
        f"{name.replace('grad_', '∂')}: "
        + ", ".join(f"{value:.3g}" for value in plots.numbers(values).reshape(-1))
        for name, values in stage.items()
        if name != "say" and name not in before
    ]
    return " ".join([stage["say"], *(["; ".join(new) + "."] if new else [])])


def _spots(places) -> dict:
    """Where each value and each slope stands: (name, flat index) to (x, y)."""
    x, h, o, loss = places
    spots = {}
    for name, column in (("x", x), ("h", h), ("o", o), ("loss", loss)):
        for i, (left, up) in enumerate(column):
            spots[name, i] = (left, up)
            spots[f"grad_{name}", i] = (left, up - 0.36)
    for name, starts, ends in (("W1", x, h), ("W2", h, o)):
        for j, end in enumerate(ends):
            for i, start in enumerate(starts):
                part = 0.3 if i != j or len(ends) == 1 else 0.5
                at = np.array(start) + part * (np.array(end) - start)
                spots[name, j * len(starts) + i] = (at[0], at[1] + 0.09)
                spots[f"grad_{name}", j * len(starts) + i] = (at[0], at[1] - 0.1)
    for name, column in (("b1", h), ("b2", o)):
        for i, (left, up) in enumerate(column):
            spots[name, i] = (left - 0.12, up + 0.36)
            spots[f"grad_{name}", i] = (left + 0.28, up + 0.36)
    return spots
