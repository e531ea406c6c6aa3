"""The noise of a minibatch: a cloud of gradients, and the path that it makes."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from course_utils.pictures import film, plots, shooting

NUM_DRAWS = 300  # minibatches in the cloud


def cloud(
    surface,
    gradients_at: Callable[[Tensor], Tensor],
    batch_sizes: Sequence[int],
    *,
    lr: float,
    num_steps: int = 80,
    seed: int = 0,
) -> film.Panel:
    """Gradients of minibatches at the start, and a run of SGD: the slider is the size.

    surface: of two parameters; gradients_at: params (2,) to the gradient of every
    example (N, 2), whose mean is the surface's own. A minibatch is drawn without
    repetition.
    """
    start = torch.tensor(surface.start, dtype=torch.float64)
    each = gradients_at(start)
    full = each.mean(dim=0)
    clouds, paths = [], []
    for size in batch_sizes:
        random = np.random.default_rng(seed)
        rows = [_draw(random, len(each), size) for _ in range(NUM_DRAWS)]
        clouds.append(torch.stack([each[row].mean(dim=0) for row in rows]))
        params, path = start, [start]
        for _ in range(num_steps):
            row = _draw(random, len(each), size)
            params = params - lr * gradients_at(params)[row].mean(dim=0)
            path.append(params)
        paths.append(torch.stack(path))
    noise = [((c - full) ** 2).sum(dim=1).mean().sqrt().item() for c in clouds]

    figure, (left, right) = plots.canvas(9.6, 4.6, columns=2)
    (dots,) = left.plot([], [], "o", color=plots.BLUE, markersize=5, alpha=0.35)
    left.plot(*full, "*", color="black", markersize=17)
    left.plot(0, 0, "+", color="black", markersize=14, markeredgewidth=2)
    reach = 2.5 * noise[len(noise) // 4] * np.array([-1, 1])
    left.set(xlabel="gradient, θ₁", ylabel="gradient, θ₂",
             xlim=full[0].item() + reach, ylim=full[1].item() + reach)  # fmt: skip
    title = left.set_title(" ", fontsize=14)
    _draw_around(right, surface, torch.cat([*paths, torch.tensor(surface.minima)]))
    (line,) = right.plot([], [], "o-", color=plots.BLUE, markersize=4, linewidth=1.5)
    right.plot(*start, "o", color=plots.ORANGE, markersize=12, markeredgecolor="black")
    said = right.set_title(" ", fontsize=14)
    losses = [surface(path[-1]).item() for path in paths]

    def update(i):
        dots.set_data(*clouds[i].T)
        title.set_text(f"{batch_sizes[i]} messages: off by {noise[i]:.2f}")
        line.set_data(*paths[i].T)
        said.set_text(f"loss {losses[i]:.2f} after {num_steps} steps")

    return film.Panel(
        film.Film(
            frames=shooting.shoot(
                figure, [dots, title, line, said], update, len(batch_sizes)
            ),
            values=list(batch_sizes),
            labels=[str(size) for size in batch_sizes],
            alts=[
                f"With {size} messages a step the gradient is off by {off:.2f}, root "
                f"mean square; its own length is {full.norm():.2g}. After {num_steps} "
                f"steps the loss is {loss:.2f}."
                for size, off, loss in zip(batch_sizes, noise, losses, strict=True)
            ],
            name="batch size",
        )
    )


def _draw_around(ax, surface, points: Tensor) -> None:
    """Level lines where these points (M, 2) are."""
    low, high = points.numpy().min(axis=0), points.numpy().max(axis=0)
    room = 0.15 * (high - low)
    x, y = np.linspace(low - room, high + room, 100).T
    grid = torch.tensor(np.stack(np.meshgrid(x, y), axis=-1))
    plots.landscape(x, y, surface(grid).numpy(), ax=ax, minima=surface.minima)
    ax.set_aspect("auto")


def _draw(random, num_examples: int, size: int) -> Tensor:
    """Numbers of `size` different examples."""
    return torch.tensor(random.permutation(num_examples)[:size])
