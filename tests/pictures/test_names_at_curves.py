"""Names at their curves and marks: they lie over nothing that is drawn."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from course_utils import steps
from course_utils.pictures import explore, labels, plots, views

PNG = b""

LRS = np.geomspace(0.001, 1, 60)


def ray(best, sharpness=1.0):
    """Axes of a ray with both promises and all marks."""
    _, ax = plots.canvas(4.8, 4.4)
    linear = 5 - 2 * LRS / best
    quadratic = linear + (LRS / best) ** 2
    losses = linear + sharpness * (LRS / best) ** 2 - 0.1 * np.minimum(LRS / best, 1)
    marks = {"best": best, "break even": 2 * best, "stable": 0.8 * best}
    promises = {"linear": linear, "quadratic": quadratic}
    plots.ray(LRS, losses, before=5, promises=promises, marks=marks, ax=ax)
    ax.figure.draw_without_rendering()
    return ax


def boxes(ax):
    return {text.get_text(): text.get_window_extent() for text in ax.texts}


@pytest.mark.parametrize("best", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("sharpness", [0.8, 1.0, 1.5])
def test_no_name_lies_over_another_or_leaves_the_picture(best, sharpness):
    ax = ray(best, sharpness)
    found = boxes(ax)
    wanted = {"what happens", "linear promise", "quadratic promise", "before the step"}
    assert set(found) == wanted | {"best", "break even", "stable"}
    frame = ax.get_window_extent()
    for name, box in found.items():
        if name != "before the step":
            assert frame.x0 <= box.x0 <= box.x1 <= frame.x1, name
            assert frame.y0 <= box.y0 <= box.y1 <= frame.y1, name
        others = [other for key, other in found.items() if key != name]
        assert not any(box.overlaps(other) for other in others), name


@pytest.mark.parametrize("best", [0.01, 0.05, 0.2])
def test_no_curve_runs_through_a_name(best):
    ax = ray(best)
    curves = [line for line in ax.lines if len(line.get_xdata()) > 2]
    for name, box in boxes(ax).items():
        for line in curves:
            points = ax.transData.transform(np.column_stack(line.get_data()))
            inside = (points > [box.x0, box.y0]) & (points < [box.x1, box.y1])
            assert not inside.all(axis=1).any(), f"{line.get_label()} in {name}"


def test_a_name_stands_where_its_curve_is_alone():
    """Two curves that part on the right are named there, each beside its own."""
    ax = Figure(dpi=100).subplots()
    x = np.linspace(0, 1, 50)
    (up,), (down,) = ax.plot(x, x**4), ax.plot(x, -(x**4))
    labels.place(ax, {"up": up, "down": down})
    found = boxes(ax)
    middle = ax.transData.transform((0.5, 0))[0]
    zero = ax.transData.transform((0, 0))[1]
    assert min(found["up"].x0, found["down"].x0) > middle
    assert found["up"].y0 > zero > found["down"].y1


def test_a_curve_out_of_the_picture_has_no_name():
    ax = Figure(dpi=100).subplots()
    (line,) = ax.plot([0, 1], [5, 6])
    ax.set(ylim=(0, 1))
    labels.place(ax, {"gone": line})
    assert not ax.texts


def test_dollars_are_no_formula():
    ax = Figure(dpi=100).subplots()
    (line,) = ax.plot([0, 1], [0, 1])
    labels.place(ax, {"$5 or $6": line})
    assert not ax.texts[0].get_parse_math()


def test_in_a_film_names_keep_clear_of_the_curves_too(monkeypatch):
    """The left half takes its width first, then the names find their place."""
    drawn = []
    monkeypatch.setattr(
        explore.shooting, "shoot", lambda figure, *rest: drawn.append(figure) or [PNG]
    )
    monkeypatch.setattr(explore.film, "Film", lambda **content: None)
    monkeypatch.setattr(explore.film, "Panel", lambda film: None)
    torch.manual_seed(0)
    model, features = torch.nn.Linear(3, 2), torch.randn(9, 3)
    targets = torch.tensor([0, 1, 0, 1, 1, 0, 0, 1, 1])
    profile = steps.profile(
        model, lambda m: torch.nn.functional.cross_entropy(m(features), targets)
    )
    names = [f"a message, number {i}" for i in range(9)]
    picture = views.predictions(features, names, targets.tolist())
    explore.step(profile, picture, num_frames=31, marks=("best", "break even"))
    (figure,) = drawn
    figure.draw_without_rendering()
    ax = figure.axes[1]
    for name, box in boxes(ax).items():
        for line in ax.lines:
            if len(line.get_xdata()) != 31 or name == "before the step":
                continue
            points = ax.transData.transform(np.column_stack(line.get_data()))
            for start, end in zip(points[:-1], points[1:], strict=True):
                along = np.linspace(start, end, 50)
                inside = (along > [box.x0 + 8, box.y0]) & (along < [box.x1 - 8, box.y1])
                assert not inside.all(axis=1).any(), f"{line.get_label()} in {name}"
