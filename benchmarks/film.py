"""What a film costs: seconds to build and bytes to send, for 61 frames.

    python benchmarks/film.py

Compares `shooting.shoot` with drawing the whole figure for every frame, and the shared
palette with other encodings. The figure: level lines or a heat map left, curves right.
"""

import io
import time

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from course_utils.pictures import shooting

LRS = np.geomspace(1e-3, 1, 61)
START = np.array([2.0, 1.5])


def loss(x, y):
    return 0.5 * x**2 + 3 * y**2


def scene(kind):
    """The bowl with one step, and the loss along the ray: figure, moving, update."""
    figure = Figure(figsize=(9, 4), dpi=105, layout="constrained")
    left, right = figure.subplots(1, 2)
    x, y = np.meshgrid(np.linspace(-3, 3, 200), np.linspace(-3, 3, 200))
    draw = left.contour if kind == "level lines" else left.pcolormesh
    draw(x, y, loss(x, y), cmap="cividis")
    left.set(title="One step on the bowl", xlabel="x", ylabel="y")
    gradient = START * [1, 6]
    after = START - LRS[:, None] * gradient  # (61, 2)
    right.semilogx(LRS, loss(*after.T), label="true loss")
    right.semilogx(
        LRS, loss(*START) - LRS * (gradient**2).sum(), "--", label="promised"
    )
    right.set(title="Loss after the step", xlabel="learning rate", ylim=(-5, 40))
    right.legend(loc="upper left")
    (step,) = left.plot([], [], "s-", color="#D55E00")
    (here,) = right.plot([], [], "o", color="#D55E00")
    line = right.axvline(LRS[0], color="#009E73", linestyle=":")

    def update(i):
        step.set_data([START[0], after[i, 0]], [START[1], after[i, 1]])
        here.set_data([LRS[i]], [loss(*after[i])])
        line.set_xdata([LRS[i]])

    return figure, [step, here, line], update


def redraw(figure, moving, update, count):
    """Every frame in full, as RGB pictures: what `shoot` saves."""
    canvas = FigureCanvasAgg(figure)
    pictures = []
    for i in range(count):
        update(i)
        canvas.draw()
        pictures.append(Image.fromarray(np.array(canvas.buffer_rgba())).convert("RGB"))
    return pictures


def encode(picture, kind, **options):
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def worst(frames, pictures):
    """Largest error of a color, and the share of still pixels that flicker."""
    true = [np.asarray(picture).astype(int) for picture in pictures]
    seen = [
        np.asarray(Image.open(io.BytesIO(frame)).convert("RGB")).astype(int)
        for frame in frames
    ]
    error = max(np.abs(t - s).max() for t, s in zip(true, seen, strict=True))
    still = [(a == b).all(axis=-1) for a, b in zip(true, true[1:], strict=False)]
    moved = [(a != b).any(axis=-1) for a, b in zip(seen, seen[1:], strict=False)]
    return error, max((s & m).mean() for s, m in zip(still, moved, strict=True))


def row(name, start, frames, pictures):
    seconds, processor = time.perf_counter() - start[0], time.process_time() - start[1]
    error, flicker = worst(frames, pictures)
    size = sum(map(len, frames)) / 1e6
    print(
        f"| {name:30} | {seconds:5.2f} | {processor:5.2f} | {size:5.2f} "
        f"| {len(frames[30]) / 1e3:5.1f} | {error:5d} | {flicker:7.2%} |"
    )


def now():
    return time.perf_counter(), time.process_time()


def main():
    shooting.shoot(*scene("level lines"), 1)  # fonts are loaded once
    encodings = {
        "palette of 64 a frame, PNG": lambda p: encode(
            p.quantize(64, method=Image.Quantize.FASTOCTREE), "PNG"
        ),
        "WebP, quality 90": lambda p: encode(p, "WEBP", quality=90, method=0),
        "all colors, PNG": lambda p: encode(p, "PNG"),
    }
    for kind in ("level lines", "heat map"):
        print(f"\n61 frames of 945 by 420 pixels, {kind}\n")
        print(
            "| way | seconds | of a processor | MB | kB of frame 30 | largest error of"
            " 255 | still pixels that flicker |\n|---|---|---|---|---|---|---|"
        )
        pictures = redraw(*scene(kind), 61)
        start = now()
        row("shooting.shoot", start, shooting.shoot(*scene(kind), 61), pictures)
        start = now()
        frames = [encode(p, "PNG") for p in redraw(*scene(kind), 61)]
        row("full redraw, all colors, PNG", start, frames, pictures)
        for name, to_bytes in encodings.items():
            start = now()
            row(
                f"encoding alone: {name}",
                start,
                list(map(to_bytes, pictures)),
                pictures,
            )


if __name__ == "__main__":
    main()
