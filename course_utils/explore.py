"""The lessons' widgets: a result becomes frames, labels and sentences, then a film.

No model is trained and no gradient taken here; every number comes from the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import ipywidgets
import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from course_utils import film, plots, rules, training

MARKS = {"best": "best_lr", "break even": "break_even_lr", "stable": "stable_lr"}


@dataclass(frozen=True)
class Picture:
    """What the left half of a step's film shows.

    measure: model to the thing drawn; called before the step and after each size.
    animate: (ax, before, afters) to the artists that move and `update(i)`, which sets
        them for frame i; the fixed part is drawn at once.
    describe: (before, after) to one sentence.
    """

    measure: Callable[[Any], Any]
    animate: Callable[[Axes, Any, Sequence], tuple[list[Artist], Callable[[int], None]]]
    describe: Callable[[Any, Any], str]


def step(
    profile,
    picture: Picture,
    *,
    promises: Sequence[str] = ("linear", "quadratic"),
    marks: Sequence[str] = (),
    num_frames: int = 61,
) -> film.Panel:
    """One step of every learning rate: its picture, the loss along the ray, words.

    profile: a `steps.StepProfile`; promises: "linear", "quadratic"; marks: "best",
    "break even", "stable". The slider is logarithmic and runs past the break-even.
    """
    lrs = learning_rates(profile, num_frames)
    marked = {name: getattr(profile, MARKS[name]) for name in marks}
    marked = {
        name: lr
        for name, lr in marked.items()
        if lr is not None and lrs[0] <= lr <= lrs[-1]
    }
    before, *afters = profile.along([0, *lrs], picture.measure)
    figure, (left, right) = plots.canvas(9.6, 4.4, columns=2)
    moving, update = picture.animate(left, before, afters)
    more_moving, update_ray = _animate_ray(right, profile, lrs, promises, marked)

    def update_both(i):
        update(i)
        update_ray(i)

    frames = film.shoot(figure, [*moving, *more_moving], update_both, len(lrs))
    reports = [f"{profile.report(lr)} " for lr in lrs]
    return film.Panel(
        film.Film(
            frames=frames,
            values=lrs.tolist(),
            labels=[f"{lr:.2g}" for lr in lrs],
            alts=[
                report + picture.describe(before, after)
                for report, after in zip(reports, afters, strict=True)
            ],
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
    here = ax.axvline(lrs[0], color=plots.RED, linewidth=1)
    (dot,) = ax.plot([], [], color=plots.RED, markersize=11, clip_on=False)

    def update(i):
        is_inside = losses[i] <= top  # False for a loss that is not a number
        here.set_xdata([lrs[i], lrs[i]])
        dot.set_data([lrs[i]], [losses[i] if is_inside else top])
        dot.set_marker("o" if is_inside else "^")

    return [here, dot], update


def path(surface) -> Picture:
    """The step on the level lines of a `Surface`; the model is its parameters (2,)."""

    def animate(ax, start, points):
        _draw_landscape(ax, surface)
        ax.plot(*start, "s", color="black", markersize=9)
        ax.annotate(
            "start", tuple(start), (8, 6), textcoords="offset points", fontsize=12
        )
        (line,) = ax.plot([], [], color=plots.RED, linewidth=2.5)
        (tip,) = ax.plot([], [], "o", color=plots.RED, markersize=11)

        def update(i):
            line.set_data(*zip(start, points[i], strict=True))
            tip.set_data([points[i][0]], [points[i][1]])

        return [line, tip], update

    def describe(start, point):
        return f"The step lands at ({point[0]:.2f}, {point[1]:.2f})."

    return Picture(lambda params: params.detach().numpy().copy(), animate, describe)


def _draw_landscape(ax, surface) -> None:
    x, y = (np.linspace(low, high, 120) for low, high in surface.bounds)
    grid = torch.tensor(np.stack(np.meshgrid(x, y), axis=-1))  # (120, 120, 2)
    plots.landscape(x, y, surface(grid).numpy(), ax=ax, minima=surface.minima)


def predictions(features, names: Sequence[str], targets: Sequence[int]) -> Picture:
    """P(spam) of chosen messages, before the step (hollow) and after it (filled).

    features: (B, D), what the model takes; names: B short texts; targets: B of 0, 1.
    """

    def measure(model):
        return torch.softmax(model(features), dim=-1)[:, 1].numpy()  # (B,)

    def animate(ax, before, afters):
        plots.predictions(names, before, targets, ax=ax)
        (dots,) = ax.plot([], [], "o", color=plots.BLUE, markersize=10)

        def update(i):
            dots.set_data(afters[i], range(len(names)))

        return [dots], update

    def describe(before, after):
        changed = int(((before > 0.5) != (after > 0.5)).sum())
        return f"{changed} of {len(names)} messages shown changed sides."

    return Picture(measure, animate, describe)


def descent(surface, *, num_steps: int = 50, starts: Sequence = ()) -> film.Panel:
    """Many steps at one learning rate: the path, and the loss after each step.

    The slider runs past 2 / λmax, with λmax taken at the surface's start. Controls:
    where to start (the surface's own start, then `starts`), and how many steps.
    """
    stable = stable_lr(surface)
    lrs = np.geomspace(stable / 100, 1.2 * stable, 61)
    places = {f"({x:g}, {y:g})": (x, y) for x, y in (surface.start, *starts)}
    controls = {
        "start": ipywidgets.Dropdown(options=places, description="start"),
        "num_steps": ipywidgets.Dropdown(
            options=sorted({1, 5, 20, num_steps}), value=num_steps, description="steps"
        ),
    }

    def shoot(start, num_steps):
        runs = [
            training.descend(surface, start, partial(rules.sgd_step, lr=lr), num_steps)
            for lr in lrs
        ]
        return _shoot_runs(surface, lrs, runs, {"stable": stable})

    return _panel(shoot, controls)


def momentum(
    surface, *, num_steps: int = 50, momenta: Sequence[float] = (0, 0.5, 0.9, 0.99)
) -> film.Panel:
    """As `descent`, with PyTorch's momentum: the control chooses how much of it."""
    stable = stable_lr(surface)
    lrs = np.geomspace(stable / 100, 2.2 * stable, 61)
    options = {f"{value:g}": value for value in momenta}
    controls = {
        "beta": ipywidgets.Dropdown(options=options, description="momentum"),
    }

    def shoot(beta):
        rule = partial(rules.momentum_step, momentum=beta)
        runs = [
            training.descend(surface, surface.start, partial(rule, lr=lr), num_steps)
            for lr in lrs
        ]
        return _shoot_runs(surface, lrs, runs, {"stable": (1 + beta) * stable})

    return _panel(shoot, controls)


def stable_lr(surface) -> float:
    """2 / λmax at the start of a surface, from its own Hessian."""
    start = torch.tensor(surface.start, dtype=torch.float64)
    largest = torch.linalg.eigvalsh(surface.hessian(start))[-1].item()
    if largest <= 0:
        raise ValueError(
            f"{surface.name} curves up in no direction at its start: no learning rate "
            "is too large for repeated steps there"
        )
    return 2 / largest


def _panel(shoot, controls) -> film.Panel:
    """A film of `shoot(**values)`, shot again whenever a control changes."""

    def content():
        return shoot(**{name: control.value for name, control in controls.items()})

    made = film.Film(**content())
    for control in controls.values():
        control.observe(
            lambda change: made.replace(**{**content(), "index": None}), "value"
        )
    return film.Panel(made, *controls.values())


def _shoot_runs(surface, lrs, runs, marks) -> dict:
    """What a film of one run for each learning rate holds."""
    figure, (left, right) = plots.canvas(9.6, 4.4, columns=2)
    _draw_landscape(left, surface)
    losses = [run.losses.tolist() for run in runs]
    plots.loss_axes(losses, ax=right)
    (path,) = left.plot([], [], "o-", color=plots.RED, markersize=4, linewidth=1.5)
    (curve,) = right.plot([], [], "o-", color=plots.BLUE, markersize=4, linewidth=2)
    title = left.set_title(" ", fontsize=14)

    def update(i):
        path.set_data(*runs[i].points.clamp(-1e6, 1e6).T.numpy())
        curve.set_data(range(len(losses[i])), losses[i])
        title.set_text(f"learning rate {lrs[i]:.2g}")

    frames = film.shoot(figure, [path, curve, title], update, len(lrs))
    return {
        "frames": frames,
        "index": int(np.argmin([run[-1] for run in losses])),
        "values": lrs.tolist(),
        "labels": [f"{lr:.2g}" for lr in lrs],
        "alts": [_say_run(lr, run) for lr, run in zip(lrs, runs, strict=True)],
        "marks": [
            {"value": lr, "label": name}
            for name, lr in marks.items()
            if lrs[0] <= lr <= lrs[-1]
        ],
    }


def _say_run(lr, run) -> str:
    start = f"Learning rate {lr:.2g}: the loss goes from {run.losses[0]:.3g} "
    if run.diverged_at:
        return start + f"to no finite number at step {run.diverged_at} (diverged)."
    count = "1 step" if run.num_steps == 1 else f"{run.num_steps} steps"
    return start + f"to {run.losses[-1]:.3g} after {count}."
