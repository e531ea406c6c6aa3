"""The pictures: each draws on the axes it is given, and says in a sentence what."""

import base64
import io
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from course_utils.pictures import plots

LRS = [0.1, 0.2, 0.4, 0.8, 1.6]
LOSSES = [4.0, 3.0, 2.0, 4.5, 9.0]
ATTENTION = [[0.5, 0.25, 0.25], [0.0, 0.75, 0.25], [0.0, 0.5, 0.5]]


@pytest.fixture
def ax():
    figure = Figure()
    return figure.subplots()


def ray(ax, losses=LOSSES, before=5.0, **options):
    return plots.ray(LRS, losses, before=before, ax=ax, **options)


DRAWINGS = {
    "ray": ray,
    "ray with all": lambda ax: ray(
        ax,
        promises={"linear": [4, 3, 1, -3, -11], "quadratic": [4, 3, 2, 4, 20]},
        marks={"best": 0.4, "break even": 1.0, "stable": 0.7},
    ),
    "ray that diverges": lambda ax: ray(ax, [4.0, 2.0, 9.0, math.inf, math.nan]),
    "landscape": lambda ax: plots.landscape(
        np.linspace(-1, 1, 7),
        np.linspace(0, 3, 5),
        np.arange(35.0).reshape(5, 7),
        ax=ax,
        minima=[(0, 1), (0.5, 2)],
    ),
    "heat": lambda ax: plots.heat(
        [0.1, 1, 10], [0, 0.5], [[0.5, 0.25, 2], [1, 3, 4]], ax=ax, names=list("xyz")
    ),
    "curves": lambda ax: plots.curves(
        [1, 2, 3],
        {"a": [3, 2, 1], "b": [1, 2, 4]},
        ax=ax,
        names=["step", "The rate"],
        limits={"b": 1.5},
    ),
    "scores": lambda ax: plots.scores(
        list("abc"), [0.5, 0.875, 0.75], [0.1, 0, 0.2], ax=ax, baseline=0.25, label="F1"
    ),
    "bars": lambda ax: plots.bars(list("abc"), [1, -30, 2.5], ax=ax, label="shift"),
    "bars with before": lambda ax: plots.bars(
        list("abc"), [1, 3, 2.5], ax=ax, label="shift", before=[0, 5, 1]
    ),
    "attention": lambda ax: plots.attention(ATTENTION, list("abc"), ax=ax),
    "predictions": lambda ax: plots.predictions(
        list("abc"), [0.75, 0.5, 0.625], [1, 0, 0], ax=ax
    ),
}


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_draws_on_the_given_axes_and_says_a_sentence(ax, draw):
    figure, others = ax.figure, ax.figure.add_axes([0, 0, 0.1, 0.1])
    said = draw(ax)
    assert said[0].isupper() or said.startswith("shift")
    assert said.endswith(".")
    assert "\n" not in said
    assert ax.has_data()
    assert not others.has_data()
    extra = [axes.get_label() for axes in figure.axes[2:]]
    assert extra in ([], ["<colorbar>"])  # no axes of its own
    assert plt.get_fignums() == []  # no figure of its own
    figure.canvas.draw()


def test_nothing_is_told_by_color_alone():
    promises = [style for _, style in plots.PROMISES.values()]
    for styles in (["-", *promises], plots.MARKS.values()):  # solid is what happens
        assert len(set(styles)) == len(styles) == 3


# The ray


@pytest.mark.parametrize(
    ("losses", "before", "says"),
    [
        (LOSSES, 5, ["from 5 to 2 near learning rate 0.4", "rises past its start"]),
        ([4, 3, 2, 2.5, 4.9], 5, ["to 2 near learning rate 0.4", "stays below it"]),
        ([4, 3, 2, 1, 0.5], 5, ["to 0.5 near learning rate 1.6", "stays below it"]),
        ([4, 3, 9, math.inf, math.inf], 5, ["to 3 near", "rises past its start"]),
        ([4, 3, 9, math.nan, math.nan], 5, ["to 3 near", "rises past its start"]),
        ([-6, -7, -8, -7, math.nan], -5, ["-5 to -8 near", "rises past its start"]),
    ],
)
def test_ray_says_where_it_falls_and_how_it_ends(ax, losses, before, says):
    said = ray(ax, losses, before)
    assert all(words in said for words in says), said


@pytest.mark.parametrize("before", [5.0, 0.0, -5.0])
def test_ray_leaves_the_picture_at_the_top_where_it_is_not_finite(ax, before):
    losses = np.array([-1, -2, -1, math.inf, math.nan]) + before
    ray(ax, losses, before)
    (line,) = (line for line in ax.lines if line.get_label() == "what happens")
    bottom, top = ax.get_ylim()
    drawn = line.get_ydata()
    assert drawn[:3].tolist() == losses[:3].tolist()
    assert (drawn[3:] > top).all()
    assert bottom < losses[1] < before < top
    assert plots.ray_limits(losses, before) == (bottom, top)


@pytest.mark.parametrize(
    "losses", [[math.nan] * 5, [math.inf] * 5, [6, 7, 9, math.inf, math.nan]]
)
def test_ray_that_never_falls_says_so(ax, losses):
    said = ray(ax, losses)
    assert "falls" not in said
    assert "below its start, 5" in said


def test_ray_limits_without_a_dip_show_the_rise():
    assert plots.ray_limits([5.5, 6, math.inf], 5)[1] > 6
    assert plots.ray_limits([5.5, 6, 1e30], 5)[1] < 20


@pytest.mark.parametrize("odd", [90.0, math.inf, math.nan, -math.inf])
def test_ray_limits_show_the_dip_and_as_much_above(odd):
    bottom, top = plots.ray_limits([4, 1, odd], 5)
    assert 1 - 4 < bottom < 1
    assert 5 + 0.5 * 4 < top < 5 + 2 * 4


@pytest.mark.parametrize("losses", [[6, 7, 8], [math.nan], [5]])
@pytest.mark.parametrize("before", [5.0, 0.0, -5.0])
def test_ray_limits_without_a_dip_still_have_a_height(losses, before):
    bottom, top = plots.ray_limits(np.array(losses) + before, before)
    assert -20 < bottom < before < top < 20


def test_ray_shows_promises_and_marks_with_their_names(ax):
    DRAWINGS["ray with all"](ax)
    lines = {line.get_label(): line for line in ax.lines}
    named = ["linear promise", "quadratic promise", "what happens"]
    marks = ["best", "break even", "stable"]
    written = [text.get_text() for text in ax.texts]
    assert sorted(written) == sorted(["before the step", *named, *marks])
    assert ax.get_legend() is None
    assert list(lines["linear promise"].get_ydata()) == [4, 3, 1, -3, -11]
    assert list(lines["quadratic promise"].get_ydata()) == [4, 3, 2, 4, 20]
    assert [lines[name].get_xdata()[0] for name in marks] == [0.4, 1.0, 0.7]
    assert ax.get_xscale() == "log"
    low, high = ax.get_xlim()
    assert low < 0.1
    assert high > 1.6


# The others


def test_landscape_shows_the_axes_and_the_minima(ax):
    said = DRAWINGS["landscape"](ax)
    assert said == "Level lines of the loss, from 0 to 34."
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 1), (0, 3))
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines] == [
        (0, 1),
        (0.5, 2),
    ]
    assert ax.get_xlabel() == "θ₁"


@pytest.mark.parametrize("odd", [math.nan, math.inf])
def test_landscape_with_a_hole_says_the_finite_range(ax, odd):
    values = np.arange(35.0).reshape(5, 7)
    values[4, 6] = odd
    said = plots.landscape(np.arange(7.0), np.arange(5.0), values, ax=ax)
    assert said == "Level lines of the loss, from 0 to 33."
    ax.figure.canvas.draw()


def test_scores_reads_from_the_top(ax):
    said = DRAWINGS["scores"](ax)
    assert "of 3 variants, from 0.500 to 0.875" in said
    assert "“b”" in said
    assert said.endswith("the dashed line is 0.250.")
    names = [label.get_text() for label in ax.get_yticklabels()]
    height = dict(zip(names, ax.get_yticks(), strict=True))
    assert height["a"] > height["b"] > height["c"]
    points = ax.containers[0].lines[0]
    assert dict(zip(points.get_ydata(), points.get_xdata(), strict=True)) == {
        height["a"]: 0.5,
        height["b"]: 0.875,
        height["c"]: 0.75,
    }
    ((start, end), *_) = ax.containers[0].lines[2][0].get_segments()
    assert (start[0], end[0]) == pytest.approx((0.4, 0.6))


def test_bars_names_the_largest_by_size(ax):
    assert DRAWINGS["bars"](ax) == "shift: the largest is “b” with -30."
    assert [bar.get_width() for bar in ax.patches] == [1, -30, 2.5]
    assert [label.get_text() for label in ax.get_yticklabels()] == list("abc")
    assert ax.get_legend() is None


def test_bars_marks_what_was_before(ax):
    DRAWINGS["bars with before"](ax)
    (mark,) = ax.lines
    assert list(mark.get_xdata()) == [0, 5, 1]
    middles = [bar.get_y() + bar.get_height() / 2 for bar in ax.patches]
    assert list(mark.get_ydata()) == pytest.approx(middles)
    legend = {text.get_text() for text in ax.get_legend().get_texts()}
    assert legend == {"after", "before"}


def test_predictions_put_message_0_on_top(ax):
    said = DRAWINGS["predictions"](ax)
    assert said == "Before the step, 2 of 3 messages shown count as spam."
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["a · spam", "b · ham", "c · ham"]
    hollow = ax.lines[1]
    assert list(hollow.get_xdata()) == [0.75, 0.5, 0.625]
    assert list(hollow.get_ydata()) == list(ax.get_yticks()) == [0, 1, 2]
    assert ax.yaxis_inverted()


def test_attention_reads_from_the_top_and_names_what_gets_most(ax):
    said = DRAWINGS["attention"](ax)
    assert said == "On average 50% of the attention goes to “b”."
    assert plots.say_attention(ATTENTION, list("xyz")) == said.replace("b", "y")
    (image,) = ax.images
    assert image.get_array().tolist() == ATTENTION
    assert image.get_clim() == (0, 1)
    assert image.origin == "upper"
    for axis in (ax.xaxis, ax.yaxis):
        assert [label.get_text() for label in axis.get_ticklabels()] == list("abc")
        assert list(axis.get_ticklocs()) == [0, 1, 2]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("is attended to", "attends")


# Canvas and still


@pytest.mark.parametrize(("columns", "shape"), [(1, ()), (2, (2,)), (3, (3,))])
def test_canvas(columns, shape):
    figure, axes = plots.canvas(7, 3, columns=columns)
    assert np.shape(axes) == shape
    assert list(np.atleast_1d(axes)) == figure.axes
    assert figure.get_size_inches().tolist() == [7, 3]
    assert plt.get_fignums() == []


def test_still_shows_the_picture_with_its_sentence():
    figure, ax = plots.canvas(7, 3)
    still = plots.Still(figure, DRAWINGS["bars"](ax))
    bundle, metadata = still._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"image/png", "text/plain"}
    assert bundle["text/plain"] == still.alt == "shift: the largest is “b” with -30."
    assert metadata == {"image/png": {"alt": still.alt}}
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.size == (700, 300)
    assert np.ptp(np.asarray(picture.convert("L"))) > 200  # dark on light


def test_scores_may_spread_unevenly():
    ax = Figure().subplots()
    spreads = [[0.1, 0.2], [0.3, 0.0], [0.0, 0.4]]  # below, above
    plots.scores("abc", [0.5, 0.6, 0.2], spreads, ax=ax, baseline=0.1, label="F1")
    (bars,) = ax.collections
    ends = [segment[:, 0].tolist() for segment in bars.get_segments()]
    assert np.allclose(ends, [[0.4, 0.7], [0.3, 0.6], [0.2, 0.6]])
