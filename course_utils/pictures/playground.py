"""A surface to play with: drag the start, turn the dials, see the whole run.

The browser computes every step (`playground.js`), so nothing waits for the kernel. Here
are what the reader may turn, and the picture and the sentence for places without it.
"""

import io
import itertools
import math
import pathlib
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
import traitlets

from course_utils import training
from course_utils.pictures import film, plots, views
from course_utils.steps import rules

RULES: dict[str, Callable] = {
    "gradient descent": rules.sgd_step,
    "momentum": rules.momentum_step,
    "momentum, lr inside": rules.heavy_ball_step,
    "Nesterov": rules.nesterov_step,
    "Adam": rules.adam_step,
}
WITHOUT_MOMENTUM = ("gradient descent", "Adam")


class Playground(film.Living):
    """A run down a surface: drag its start, turn learning rate, momentum and steps.

    surface: one of `surfaces`, of a family that playground.js knows
    start: P numbers; lr: within `limits`; momentum: 0 to 0.99; num_steps: 1 to 200
    rule: the one shown first; rules: those the reader can choose from
    falling: is the learning rate divided by the number of the step?
    shows_radius: does the sentence say the spectral radius?
    limits: of the learning rate, by default around the surface's `stable_lr`

    All of these but surface, rules and limits are traits: read them and set them, and
    the picture follows. Raises TypeError, ValueError or (set later) TraitError.
    """

    _esm = pathlib.Path(__file__).parent / "playground.js"
    family = traitlets.Unicode().tag(sync=True)
    constants = traitlets.List(traitlets.Float()).tag(sync=True)
    bounds: traitlets.List = traitlets.List().tag(sync=True)
    minima: traitlets.List = traitlets.List().tag(sync=True)
    limits = traitlets.List(traitlets.Float()).tag(sync=True)
    rules = traitlets.List(traitlets.Unicode()).tag(sync=True)
    start = traitlets.List(traitlets.Float()).tag(sync=True)
    lr = traitlets.Float().tag(sync=True)
    momentum = traitlets.Float(0.0, min=0.0, max=0.99).tag(sync=True)
    num_steps = traitlets.Int(30, min=1, max=200).tag(sync=True)
    rule = traitlets.Unicode("gradient descent").tag(sync=True)
    falling = traitlets.Bool(False).tag(sync=True)
    shows_radius = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        surface,
        *,
        lr: float | None = None,
        start: Sequence[float] | None = None,
        rules: Sequence[str] = ("gradient descent",),
        limits: tuple[float, float] | None = None,
        **settings,
    ):
        if not surface.family:
            raise ValueError(f"surface: playground.js has no formula of {surface.name}")
        stable = surface.stable_lr()
        if limits is None:
            reach = stable if np.isfinite(stable) else 1.0
            limits = (reach / 100, 2.5 * reach)
        if unknown := set(rules) - set(RULES):
            raise ValueError(f"rules: {sorted(unknown)} not among {list(RULES)}")
        self.surface = surface
        super().__init__(
            family=surface.family,
            constants=list(surface.constants),
            bounds=[list(each) for each in surface.bounds],
            minima=[list(each) for each in surface.minima],
            limits=list(limits),
            rules=list(rules),
            lr=stable / 4 if lr is None else lr,
            start=list(surface.start if start is None else start),
            **{"rule": rules[0]} | settings,
        )

    @traitlets.validate("lr")
    def _lr_is_within_its_limits(self, proposal):
        low, high = self.limits
        if not low <= proposal.value <= high:
            raise traitlets.TraitError(
                f"lr: {proposal.value} is not in {low} to {high}"
            )
        return proposal.value

    @traitlets.validate("start")
    def _start_is_a_point(self, proposal):
        is_number = all(math.isfinite(x) for x in proposal.value)
        if len(proposal.value) != len(self.bounds) or not is_number:
            raise traitlets.TraitError(
                f"start: give {len(self.bounds)} finite numbers, not {proposal.value}"
            )
        return proposal.value

    @traitlets.validate("rule")
    def _rule_is_offered(self, proposal):
        if proposal.value not in self.rules:
            raise traitlets.TraitError(
                f"rule: {proposal.value!r} is not among {self.rules}"
            )
        return proposal.value

    def run(self) -> training.Trajectory:
        """The run that is shown."""
        rule: Callable = RULES[self.rule]
        if self.rule not in WITHOUT_MOMENTUM:
            rule = partial(rule, momentum=self.momentum)
        if self.falling:
            counted, numbers = rule, itertools.count(1)

            def rule(params, grads, *state):
                return counted(params, grads, *state, lr=self.lr / next(numbers))
        else:
            rule = partial(rule, lr=self.lr)
        return training.descend(self.surface, self.start, rule, self.num_steps)

    def spectral_radius(self) -> float | None:
        """The factor by which a long run shrinks a distance at each step.

        In the surface's minimum, or, where there are several, at the end of the run.
        Above 1 the run grows. None for Adam, whose step is no fixed table of numbers.
        """
        if self.rule == "Adam":
            return None
        minima = self.surface.minima
        one = torch.tensor(minima[0], dtype=torch.float64) if len(minima) == 1 else None
        point = self.run().points[-1] if one is None else one
        curvatures = torch.linalg.eigvalsh(self.surface.hessian(point))
        return max(
            radius(self.rule, self.lr, self.momentum, curvature)
            for curvature in curvatures.tolist()
        )

    def still(self) -> bytes:
        """The picture of the current settings, as a PNG."""
        run = self.run()
        figure, (left, right) = plots.canvas(9.6, 4.2, columns=2)
        draw_run(left, self.surface, run)
        lowest = min(
            (self.surface(torch.tensor(m, dtype=torch.float64)).item()
             for m in self.surface.minima), default=0.0
        )  # fmt: skip
        right.plot((run.losses - lowest).clamp(min=1e-8), "o-", color=plots.BLUE)
        right.set(yscale="log", ylim=(1e-8, 1e4), xlabel="step")
        right.set_title("height above the lowest point")
        file = io.BytesIO()
        figure.savefig(file, format="png")
        return file.getvalue()

    def __repr__(self):
        run = self.run()
        radius_now = self.spectral_radius() if self.shows_radius else None
        beta = f"momentum {self.momentum:.3g}"
        name = self.rule.replace("momentum", beta)
        if self.rule == "Nesterov":
            name += f" with {beta}"
        name = name[0].upper() + name[1:]
        numbers = [f"{x:.3g}" for x in self.start]
        place = f"({', '.join(numbers)})" if len(numbers) > 1 else numbers[0]
        steps = f"{run.num_steps} {'step' if run.num_steps == 1 else 'steps'}"
        first, last = run.losses[0], run.losses[-1]
        end = f"the loss goes from {first:.3g} to {last:.3g} in {steps}."
        if run.diverged_at:
            end = f"after {steps} no number is left: the run diverged."
        if radius_now is not None and not self.falling:
            end += f" Spectral radius {radius_now:.3g}."
        by_step = " / step" if self.falling else ""
        return f"{name}, learning rate {self.lr:.3g}{by_step}, from {place}: {end}"


def radius(rule: str, lr: float, momentum: float, curvature: float) -> float:
    """The spectral radius of one step on a bowl, in a direction of this curvature.

    One step takes (velocity, parameter) through a fixed table, here with the gradient
    curvature * parameter put in; its largest absolute eigenvalue (Polyak 1964).
    """
    if rule == "gradient descent":
        return abs(1 - lr * curvature)
    gradient, velocity = np.array([0.0, curvature]), np.array([momentum, curvature])
    used = gradient + momentum * velocity if rule == "Nesterov" else velocity
    table = np.stack([velocity, np.array([0.0, 1.0]) - lr * used])
    return np.abs(np.linalg.eigvals(table)).max()


def draw_run(ax, surface, run: training.Trajectory) -> None:
    """A run on level lines, or with one parameter on the curve of its loss."""
    points = run.points.numpy().clip(-1e6, 1e6)
    if points.shape[1] == 2:
        views.draw_landscape(ax, surface)
        xs, ys = points.T
    else:
        ((low, high),) = surface.bounds
        grid = torch.linspace(low, high, 201, dtype=torch.float64)
        ax.plot(grid, surface(grid[:, None]), color="black", linewidth=2)
        limits = ax.get_ylim()
        xs, ys = points[:, 0], run.losses.numpy().clip(-1e6, 1e6)
        ax.set(xlim=(low, high), ylim=limits, xlabel="x", ylabel="loss")
        minima = torch.tensor(surface.minima, dtype=torch.float64)
        ax.plot(minima[:, 0], surface(minima), "*", color="black", markersize=14)
    ax.plot(xs, ys, "o-", color=plots.BLUE, markersize=5, linewidth=2)
    ax.plot(xs[:1], ys[:1], "o", color=plots.ORANGE, markersize=13, zorder=4,
            markeredgecolor="black")  # fmt: skip


def play(surface, **settings) -> film.Panel:
    """A `Playground`, in a panel that says what to install where it cannot be shown."""
    return film.Panel(Playground(surface, **settings))
