"""Names that stand at their curves and on their marks, over nothing else.

Every place along a curve is tried, and the first one taken where the name lies over no
curve, no mark and no other name; where there is none, the one that lies over least.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

GAP = 6  # pixels between a curve and its name
NOWHERE = np.empty((0, 2))


def place(
    ax: Axes, curves: Mapping[str, Line2D], marks: Mapping[str, Line2D] | None = None
) -> None:
    """Write the name of each curve beside it, and of each vertical mark on it.

    Call it when limits and scale of the axes are set: names stay where they are.
    """
    figure: Any = ax.figure
    figure.draw_without_rendering()  # lays out the axes
    size = figure.dpi / 100
    frame = np.array(ax.get_window_extent().extents)  # (4,): left, bottom, right, top
    lines = [line for line in ax.lines if line.get_visible()]
    drawn = {line: _points(ax, line, frame) for line in lines}
    taken = [np.array(text.get_window_extent().extents) for text in ax.texts]
    for name, line in (marks or {}).items():
        text = _text(ax, name, line, rotation=90)
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
        points = drawn[line][np.argsort(-drawn[line][:, 1])]  # from the top
        others = [drawn[each] for each in lines if each is not line]
        _put(text, points, [(0, 0)], np.concatenate(others or [NOWHERE]), taken, frame)
    for name, line in curves.items():
        text = _text(ax, name, line)
        box, gap = text.get_window_extent(), GAP * size
        moves = [
            (x * (box.width / 2 + gap), y * (box.height / 2 + gap))
            for x, y in [(1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1),
                         (0, -1)]
        ]  # fmt: skip
        others = [drawn[each] for each in lines if each is not line]
        points = _most_apart(drawn[line], np.concatenate(others or [NOWHERE]))
        _put(text, points, moves, np.concatenate(list(drawn.values())), taken, frame)


def _most_apart(points, others) -> np.ndarray:
    """The points, those first that lie far from all others; 60 pixels are far."""
    if not len(points) or not len(others):
        return points
    away = np.array([np.abs(others - point).max(1).min() for point in points])
    return points[np.argsort(-np.minimum(away, 60), kind="stable")]


def _points(ax, line, frame) -> np.ndarray:
    """(M, 2): places along a line in pixels, two or three apart, within the axes."""
    corners = line.get_transform().transform(
        np.column_stack([np.asarray(each, float) for each in line.get_data()])
    )
    pieces = [
        np.linspace(start, end, int(min(2000, np.abs(end - start).max() // 3 + 2)))
        for start, end in zip(corners[:-1], corners[1:], strict=True)
        if np.isfinite([start, end]).all()
    ]
    points = np.concatenate(pieces or [corners])
    is_inside = (points >= frame[:2] - 1).all(1) & (points <= frame[2:] + 1).all(1)
    return points[is_inside]


def _text(ax, name, line, **options):
    ink = tuple(0.72 * part for part in to_rgb(line.get_color()))  # dark enough to read
    centered = {"ha": "center", "va": "center", "fontsize": 12}
    centered |= {"parse_math": False}  # a name may hold dollars
    return ax.text(0, 0, name, color=ink, zorder=6, **centered, **options)


def _put(text, points, moves, drawn, taken, frame) -> None:
    """Move a text to the first place beside `points` where it lies over the least."""
    box = text.get_window_extent()
    half = np.array([box.width, box.height]) / 2
    centers = (points[::2, None] + np.array(moves)).reshape(-1, 2)  # (N, 2)
    if not len(centers):
        text.remove()  # its curve is not in the picture
        return
    low, high = centers - half, centers + half
    over = np.array(
        [
            ((drawn > start - 2) & (drawn < end + 2)).all(1).sum()
            for start, end in zip(low, high, strict=True)
        ]
    )
    for left, bottom, right, top in taken:
        over += 1000 * ((low < (right, top)) & (high > (left, bottom))).all(1)
    over += 1000 * ((low < frame[:2] + 2) | (high > frame[2:] - 2)).any(1)
    best = int(np.argmin(over))
    taken.append(np.array([*low[best], *high[best]]))
    axes = text.axes.transAxes
    text.set_transform(axes)
    text.set_position(axes.inverted().transform(centers[best]))
