"""Lesson 1's films: a message on its way to numbers, a score and its threshold."""

import textwrap
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import numpy as np

from course_utils.pictures import film, plots, shooting, words

WIDTH, LINE = 84, 0.052  # letters in a line; its height as a share of the picture


def stages(
    messages: Sequence[str],
    prepare: Callable[..., Mapping[str, str]],
    switches: Mapping[str, tuple[str, str]],
    *,
    told: str,
    on: Sequence[str] = (),
) -> film.Panel:
    """Every stage of a message at once: the slider is the message, switches change it.

    prepare: (message, name=True or False for each switch) to the stages: name to text;
    switches: name to what it is called off and on; told: the stage that the sentence
    below the picture repeats; on: the switches that are on at first.
    """
    controls = {
        name: ipywidgets.Dropdown(
            options={words_off: False, words_on: True},
            description=name,
            value=name in on,
        )
        for name, (words_off, words_on) in switches.items()
    }

    def shoot(**chosen):
        rows = [prepare(message, **chosen) for message in messages]
        figure, ax = plots.canvas(9.6, 5)
        ax.set_axis_off()
        names = [
            ax.text(0, 0, "", fontsize=12, weight="bold", va="top") for _ in rows[0]
        ]
        texts = [ax.text(0, 0, "", fontsize=12, va="top", parse_math=False)
                 for _ in rows[0]]  # fmt: skip

        def update(i):
            top = 1.0
            for name, text, (stage, said) in zip(
                names, texts, rows[i].items(), strict=True
            ):
                lines = textwrap.wrap(words.printable(said), WIDTH) or ["(nothing)"]
                name.set_text(stage)
                name.set_position((-0.035, top))
                text.set_text("\n".join(lines))
                text.set_position((0.13, top))
                top -= LINE * len(lines) + 0.025

        return {
            "frames": shooting.shoot(figure, [*names, *texts], update, len(rows)),
            "values": range(1, len(rows) + 1),
            "labels": [str(i) for i in range(1, len(rows) + 1)],
            "alts": [
                f"Message {number}, {told}: “{words.printable(each[told])}”."
                for number, each in enumerate(rows, 1)
            ],
        }

    return film.controlled(shoot, controls, name="message")


def threshold(probabilities, targets: Sequence[int]) -> film.Panel:
    """What a filter lets through and what it catches: the slider is the threshold.

    probabilities: P(spam) of B messages; targets: B of 0, 1. A message whose
    probability is above the threshold is called spam.
    """
    p, is_spam = plots.numbers(probabilities), np.asarray(targets, bool)
    places = np.linspace(0.02, 0.98, 49)
    called = p > places[:, None]  # (49, B)
    hits, lost = (called & is_spam).sum(1), (called & ~is_spam).sum(1)
    precision = np.divide(hits, hits + lost, out=np.ones(49), where=hits + lost > 0)
    recall = hits / is_spam.sum()
    f1 = 2 * hits / (hits + lost + is_spam.sum())
    figure, (left, right) = plots.canvas(9.6, 4.6, columns=2)
    height = np.random.default_rng(0).uniform(-0.32, 0.32, len(p))
    for kind, color in ((0, plots.BLUE), (1, plots.RED)):
        rows = is_spam == kind
        left.plot(
            p[rows], kind + height[rows], "o", color=color, markersize=4, alpha=0.4
        )
    left.set_yticks([0, 1], ["ham", "spam"])
    left.set(
        xlabel="P(spam) that the filter gave", xlim=(-0.02, 1.02), ylim=(-0.75, 1.75)
    )
    line = left.axvline(0, color=plots.ORANGE, linewidth=3)
    counts = [
        left.text(x, y, "", fontsize=13, ha=side, weight="bold")
        for x, y, side in ((0, 1.45, "left"), (1, 1.45, "right"),
                           (0, -0.6, "left"), (1, -0.6, "right"))
    ]  # fmt: skip
    plots.curves(
        places, {"precision": precision, "recall": recall, "F1": f1}, ax=right,
        names=("threshold", "score"), ylim=(0, 1.05),
    )  # fmt: skip
    (dots,) = right.plot([], [], "o", color=plots.ORANGE, markersize=11,
                         markeredgecolor="black")  # fmt: skip

    def update(i):
        line.set_xdata([places[i]] * 2)
        spam, ham = int(is_spam.sum()), int((~is_spam).sum())
        said = (f"{spam - hits[i]} slip through", f"{hits[i]} caught",
                f"{ham - lost[i]} delivered", f"{lost[i]} lost")  # fmt: skip
        for text, words_ in zip(counts, said, strict=True):
            text.set_text(words_)
        dots.set_data([places[i]] * 3, [precision[i], recall[i], f1[i]])

    return film.Panel(
        film.Film(
            frames=shooting.shoot(figure, [line, *counts, dots], update, len(places)),
            values=places.tolist(),
            labels=[f"{place:.2f}" for place in places],
            alts=[
                f"At threshold {place:.2f} {h} of {is_spam.sum()} spam messages are "
                f"caught and {n} of {(~is_spam).sum()} ham are lost: precision "
                f"{a:.2f}, recall {b:.2f}, F1 {c:.2f}."
                for place, h, n, a, b, c in zip(
                    places, hits, lost, precision, recall, f1, strict=True
                )
            ],
            name="threshold",
            index=24,
        )
    )
