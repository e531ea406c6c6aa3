"""The lessons' widgets: a result becomes frames, labels and sentences, then a film.

No model is trained and no gradient taken here; every number comes from the result.
"""

from collections.abc import Sequence

import ipywidgets
import numpy as np

from course_utils.pictures import film, plots, shooting, views

MARKS = {"best": "best_lr", "break even": "break_even_lr", "stable": "stable_lr"}


def step(
    profile,
    picture: views.Picture | None = None,
    *,
    promises: Sequence[str] = ("linear", "quadratic"),
    marks: Sequence[str] = (),
    num_frames: int = 61,
    limits: tuple[float, float] | None = None,
) -> film.Panel:
    """One step of every learning rate: its picture, the loss along the ray, words.

    profile: a `steps.StepProfile`, of a model of your own, too; picture: what is shown
    of the model on the left, None for the ray alone; promises: "linear", "quadratic";
    marks: "best", "break even", "stable". The slider is logarithmic and runs past the
    break-even, or from the one to the other of two `limits`.
    """
    if limits is None:
        lrs = learning_rates(profile, num_frames)
    else:
        lrs = np.geomspace(*limits, num_frames)
    marked = {name: getattr(profile, MARKS[name]) for name in marks}
    marked = {
        name: lr
        for name, lr in marked.items()
        if lr is not None and lrs[0] <= lr <= lrs[-1]
    }
    widths = (picture.width, 1) if picture else (1,)
    figure, axes = plots.canvas(4.8 * max(2, sum(widths)), 4.4, widths=widths)
    *left, right = np.atleast_1d(axes)
    sentences = [str(profile.report(lr)) for lr in lrs]
    moving: list = []
    updates: list = []
    if picture:  # first: the ray's names find their place in what width is left
        before, *afters = profile.along([0, *lrs], picture.measure)
        moving, update = picture.animate(left[0], lrs, before, afters)
        updates.append(update)
        sentences = [
            f"{sentence} {picture.describe(before, after)}"
            for sentence, after in zip(sentences, afters, strict=True)
        ]
    ray, update_ray = _animate_ray(right, profile, lrs, promises, marked)
    moving, updates = [*moving, *ray], [*updates, update_ray]
    frames = shooting.shoot(
        figure, moving, lambda i: [update(i) for update in updates], len(lrs)
    )
    return film.Panel(
        film.Film(
            frames=frames,
            values=lrs.tolist(),
            labels=[f"{lr:.2g}" for lr in lrs],
            alts=sentences,
            marks=[{"value": lr, "label": name} for name, lr in marked.items()],
            index=int(np.argmin(np.abs(lrs - profile.best_lr))),
        )
    )


def learning_rates(profile, count: int = 61) -> np.ndarray:
    """Learning rates (count,) for a slider: log-spaced, past the break-even."""
    best, end = profile.best_lr, profile.break_even_lr
    if not best:
        raise ValueError(
            "this direction does not descend from here: there is no step to show"
        )
    return np.geomspace(best / 100, 3 * end if np.isfinite(end) else 10 * best, count)


def _animate_ray(ax, profile, lrs, promises, marks):
    """The right half: the loss along the ray, with a dot where the slider stands."""
    losses = profile.losses(lrs)
    promised = {name: getattr(profile, name)(lrs) for name in promises}
    plots.ray(lrs, losses, before=profile.loss, promises=promised, marks=marks, ax=ax)
    bottom, top = ax.get_ylim()
    top -= 0.03 * (top - bottom)  # where a dot stands whose loss is above the picture
    here = ax.axvline(lrs[0], color=plots.ORANGE, linewidth=2)
    (dot,) = ax.plot([], [], color=plots.ORANGE, markersize=12, clip_on=False,
                     markeredgecolor="black")  # fmt: skip

    def update(i):
        is_inside = losses[i] <= top  # False for a loss that is not a number
        here.set_xdata([lrs[i], lrs[i]])
        dot.set_data([lrs[i]], [losses[i] if is_inside else top])
        dot.set_marker("o" if is_inside else "^")

    return [here, dot], update


def beliefs(
    steps: Sequence[int], probabilities, losses: Sequence[float], names, targets
) -> film.Panel:
    """What a classifier believed during a run already made: the slider is the step.

    steps: S step numbers, rising; probabilities: (S, B) of spam; losses: S; names: B
    short texts; targets: B of 0, 1.
    """
    figure, (left, right) = plots.canvas(9.6, 4.4, columns=2)
    plots.predictions(names, probabilities[0], targets, ax=left)
    left.set_xlabel("P(spam): hollow at the start, filled now")
    plots.curves(steps, {"loss": losses}, ax=right, names=("step", "loss"))
    (dots,) = left.plot([], [], "o", color=plots.BLUE, markersize=10)
    (here,) = right.plot([], [], "o", color=plots.ORANGE, markersize=12,
                         markeredgecolor="black")  # fmt: skip

    def update(i):
        dots.set_data(plots.numbers(probabilities[i]), range(len(names)))
        here.set_data([steps[i]], [losses[i]])

    def say(i):
        right_ones = (plots.numbers(probabilities[i]) > 0.5) == np.asarray(
            targets, bool
        )
        return (
            f"After step {steps[i]} the loss is {losses[i]:.2g}, and "
            f"{right_ones.sum()} of {len(names)} messages shown are right."
        )

    return film.Panel(
        film.Film(
            frames=shooting.shoot(figure, [dots, here], update, len(steps)),
            values=list(steps),
            labels=[f"step {step}" for step in steps],
            alts=[say(i) for i in range(len(steps))],
            name="step",
        )
    )


def attention(attention_weights: Sequence, tokens: Sequence[str]) -> film.Panel:
    """What every head attends to: the slider runs over the heads, a control the layers.

    attention_weights: L of (H, T, T); tokens: T texts.
    """
    layers = [plots.numbers(each) for each in attention_weights]
    numbers = range(1, len(layers) + 1)
    layer = ipywidgets.SelectionSlider(options=numbers, description="layer")

    def shoot(layer):
        return _shoot_heads(layer, layers[layer - 1], tokens)

    return film.controlled(shoot, {"layer": layer}, name="head")


def _shoot_heads(layer, patterns, tokens) -> dict:
    """What a film of the heads (H, T, T) of one layer holds."""
    figure, ax = plots.canvas(7, 6)
    plots.attention(patterns[0], tokens, ax=ax)
    (image,) = ax.images
    labels = [f"layer {layer}, head {head}" for head in range(1, len(patterns) + 1)]
    title = ax.set_title(" ", fontsize=14)

    def update(i):
        image.set_data(patterns[i])
        title.set_text(labels[i])

    return {
        "frames": shooting.shoot(figure, [image, title], update, len(patterns)),
        "values": range(1, len(patterns) + 1),
        "labels": [f"{head}" for head in range(1, len(patterns) + 1)],
        "alts": [
            f"{label.capitalize()}. {plots.say_attention(pattern, tokens)}"
            for label, pattern in zip(labels, patterns, strict=True)
        ],
    }


def asking(
    weights_of,
    words: Sequence[str],
    *,
    asks: Sequence[float],
    temperatures: Sequence[float],
    name: str,
) -> film.Panel:
    """Attention weights that the reader edits: what a word asks for, how sharply.

    weights_of: (ask, temperature) to the weights (T, T); words: T texts; asks: what the
    slider runs over; temperatures: what the control offers, with 1 among them; name: of
    the slider.
    """

    def shoot(temperature):
        patterns = [plots.numbers(weights_of(ask, temperature)) for ask in asks]
        figure, ax = plots.canvas(7, 5)
        plots.attention(patterns[0], words, ax=ax)
        (image,) = ax.images
        places = np.ndindex(patterns[0].shape)
        centered = {"ha": "center", "va": "center", "fontsize": 13}
        texts = {(row, column): ax.text(column, row, "", **centered)
                 for row, column in places}  # fmt: skip

        def update(i):
            image.set_data(patterns[i])
            for place, text in texts.items():
                text.set_text(f"{patterns[i][place]:.2f}")
                text.set_color("white" if patterns[i][place] > 0.4 else "black")

        return {
            "frames": shooting.shoot(
                figure, [image, *texts.values()], update, len(patterns)
            ),
            "values": asks,
            "labels": [f"{ask:.2f}" for ask in asks],
            "alts": [_say_most(pattern, words) for pattern in patterns],
        }

    control = ipywidgets.SelectionSlider(
        options=temperatures,
        value=1,
        description="temperature",
        style={"description_width": "initial"},  # the whole word
    )
    return film.controlled(shoot, {"temperature": control}, name=name)


def _say_most(pattern, words) -> str:
    """Which word each attends to most."""
    best = pattern.argmax(axis=1)
    return (
        "; ".join(
            f"“{word}” attends most to “{words[to]}” ({pattern[row, to]:.2f})"
            for row, (word, to) in enumerate(zip(words, best, strict=True))
        )
        + "."
    )


def training_curves(
    values: Sequence[float],
    runs: Sequence[tuple[Sequence[float], Sequence[float]]],
    *,
    name: str,
    top: float,
    base: tuple[str, float],
) -> film.Panel:
    """Two losses over the epochs of runs already made: the slider chooses the run.

    values: what the slider runs over, S numbers; runs: S pairs of the training and the
    validation loss after each of E epochs; name: of the slider; top: where the picture
    ends, for losses that run away; base: name and height of a line to compare with.
    """
    pairs = plots.numbers(runs)  # (S, 2, E)
    epochs = range(1, pairs.shape[2] + 1)
    figure, ax = plots.canvas(8, 4.4)
    ax.set(xlabel="epoch", ylabel="loss", xlim=(0.5, len(epochs) + 0.5), ylim=(0, top))
    (training,) = ax.plot([], [], "o-", color=plots.BLUE, linewidth=2.5)
    (validation,) = ax.plot([], [], "o--", color=plots.RED, linewidth=2.5)
    ax.axhline(base[1], color=plots.GRAY, linewidth=1)
    ax.annotate(base[0], (len(epochs), base[1]), (0, 4), ha="right", fontsize=12,
                textcoords="offset points")  # fmt: skip
    ax.legend([training, validation], ["training", "validation"], loc="lower left",
              bbox_to_anchor=(0, 1), ncols=2, fontsize=12, frameon=False)  # fmt: skip

    def update(i):
        for line, losses in zip((training, validation), pairs[i], strict=True):
            line.set_data(epochs, losses)

    return film.Panel(
        film.Film(
            frames=shooting.shoot(figure, [training, validation], update, len(values)),
            values=list(values),
            labels=[f"{value:.2g}" for value in values],
            alts=[
                f"At {name} {value:.2g} the training loss goes from {first[0]:.2f} to "
                f"{first[-1]:.2f}, the validation loss from {second[0]:.2f} to "
                f"{second[-1]:.2f}; its lowest is {second.min():.2f}."
                for value, (first, second) in zip(values, pairs, strict=True)
            ],
            name=name,
        )
    )
