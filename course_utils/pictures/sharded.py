"""Many machines as pictures: their gradients beside the average, and their memory."""

import ipywidgets

from course_utils.pictures import film, plots, shooting, views

BYTES = 4  # of one number in float32
PARTS = {"weights": 1, "gradients": 1, "Adam's two": 2}  # numbers for each weight
CUT = {  # what each way cuts into as many pieces as there are machines
    "nothing cut (DDP)": (),
    "Adam's two (ZeRO 1)": ("Adam's two",),
    "gradients, too (ZeRO 2)": ("Adam's two", "gradients"),
    "weights, too (ZeRO 3, FSDP)": ("Adam's two", "gradients", "weights"),
}
WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
ROOM = 80.0  # GB of one large accelerator


def steps(surface, gradients) -> views.Picture:
    """What each machine would do alone (thin), and the step of their average (thick).

    surface: of two parameters; gradients: (K, 2), one a machine, whose weighted mean is
    the surface's own at its start. The model is the parameters (2,).
    """
    own = plots.numbers(gradients)  # (K, 2)

    def animate(ax, lrs, start, points):
        views.draw_landscape(ax, surface)
        bounds = ax.get_xlim(), ax.get_ylim()
        lines = [ax.plot([], [], "-", color=plots.GRAY, linewidth=1.5)[0] for _ in own]
        (line,) = ax.plot([], [], color=plots.BLUE, linewidth=3.5)
        (tip,) = ax.plot([], [], "o", color=plots.ORANGE, markersize=11,
                         markeredgecolor="black")  # fmt: skip
        ax.plot(*start, "s", color="black", markersize=9)
        ax.set(xlim=bounds[0], ylim=bounds[1])

        def update(i):
            for each, gradient in zip(lines, own, strict=True):
                each.set_data(*zip(start, start - lrs[i] * gradient, strict=True))
            line.set_data(*zip(start, points[i], strict=True))
            tip.set_data([points[i][0]], [points[i][1]])

        return [*lines, line, tip], update

    def describe(start, point):
        return (
            f"The average of {len(own)} machines' steps lands at ({point[0]:.2f}, "
            f"{point[1]:.2f})."
        )

    return views.Picture(plots.numbers, animate, describe)


def memory(num_params: int, num_machines: int, cut: str) -> dict[str, float]:
    """GB on each machine of weights, gradients and Adam's two memories, in float32.

    cut: a key of `CUT`, what is cut into num_machines pieces. Activations come on top:
    they depend on the batch. Errors: ValueError for an unknown cut.
    """
    if cut not in CUT:
        raise ValueError(f"cut is {cut!r}: give one of {', '.join(CUT)}")
    return {
        part: BYTES
        * num_params
        * count
        / 1e9
        / (num_machines if part in CUT[cut] else 1)
        for part, count in PARTS.items()
    }


def memory_film(sizes: dict[str, int]) -> film.Panel:
    """`memory` of models with these numbers of weights: the slider is the machines.

    sizes: a model's name to its number of weights, chosen by a control.
    """
    counts = [2**k for k in range(11)]

    def shoot(model):
        figure, ax = plots.canvas(9.6, 4.2)
        rows = list(CUT)
        ax.set(xscale="log", xlabel="GB on each machine (activations come on top)",
               xlim=(1e-3, 3000), ylim=(len(rows) - 0.4, -0.6))  # fmt: skip
        ax.set_yticks(range(len(rows)), rows)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.axvline(ROOM, color="black", linestyle="--", linewidth=1.2)
        ax.annotate("80 GB", (ROOM, -0.5), (4, 0), textcoords="offset points",
                    fontsize=12, va="center")  # fmt: skip
        bars = ax.barh(range(len(rows)), [1] * len(rows), height=0.5, color=plots.BLUE)
        texts = [
            ax.text(1, row, "", fontsize=12, va="center", bbox=WHITE)
            for row in range(len(rows))
        ]
        title = ax.set_title(" ", fontsize=14)
        totals = [
            [sum(memory(sizes[model], count, row).values()) for row in rows]
            for count in counts
        ]

        def update(i):
            title.set_text(f"{model}, {counts[i]} machine{'s' * (counts[i] > 1)}")
            for bar, text, total in zip(bars, texts, totals[i], strict=True):
                bar.set_width(total)
                bar.set_color(plots.BLUE if total <= ROOM else plots.RED)
                text.set_position((total * 1.08, text.get_position()[1]))
                text.set_text(_gigabytes(total))

        return {
            "frames": shooting.shoot(
                figure, [*bars, *texts, title], update, len(counts)
            ),
            "values": counts,
            "labels": [str(count) for count in counts],
            "alts": [
                f"{model} on {count}: "
                + ", ".join(
                    f"{r} {_gigabytes(t)}" for r, t in zip(rows, row, strict=True)
                )
                + "."
                for count, row in zip(counts, totals, strict=True)
            ],
        }

    control = ipywidgets.Dropdown(options=list(sizes), description="model")
    return film.controlled(shoot, {"model": control}, name="machines")


def _gigabytes(number: float) -> str:
    return f"{number:,.0f} GB" if number >= 100 else f"{number:.3g} GB"
