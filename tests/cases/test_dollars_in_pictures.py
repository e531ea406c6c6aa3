"""Text of others drawn by matplotlib: two $ make a formula of what is between them, or
stop the lesson.
"""

import numpy as np
import pytest

from course_utils.pictures import plots

DRAW = {
    "predictions": lambda name, ax: plots.predictions([name], [0.3], [1], ax=ax),
    "bars": lambda name, ax: plots.bars([name], [1.0], ax=ax, label="weight"),
    "scores": lambda name, ax: plots.scores(
        [name], [0.5], [0.1], ax=ax, baseline=0.4, label="F1"
    ),
    "attention": lambda name, ax: plots.attention(np.eye(2), [name, "b"], ax=ax),
    "curves": lambda name, ax: plots.curves(
        [1, 2], {name: [1, 2]}, ax=ax, names=("x", "y")
    ),
}


@pytest.mark.parametrize("kind", DRAW)
@pytest.mark.parametrize("name", ["$100% off & $5", "cash $$ now", "$x^$"])
def test_it_is_drawn(kind, name):
    figure, ax = plots.canvas()
    DRAW[kind](name, ax)
    plots.Still(figure, "x")._repr_mimebundle_()


@pytest.mark.parametrize("kind", DRAW)
def test_it_is_drawn_as_it_is_written(kind):
    from matplotlib.text import Text

    figure, ax = plots.canvas()
    DRAW[kind]("Win $1000 or $500 now", ax)
    figure.canvas.draw()
    texts = [t for t in figure.findobj(Text) if "1000" in t.get_text()]
    assert texts
    assert not any(t._preprocess_math(t.get_text())[1] for t in texts)


def test_name_that_begins_with_an_underscore():
    _, ax = plots.canvas()
    plots.curves([1, 2], {"_train": [1, 2], "b": [2, 3]}, ax=ax, names=("x", "y"))
    assert "_train" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_losses_that_still_hold_their_graph():  # .item() forgotten
    import torch

    w = torch.tensor(1.0, requires_grad=True)
    figure, ax = plots.canvas()
    plots.curves([1, 2], {"loss": [w * 2, w * 1]}, ax=ax, names=("step", "loss"))
    plots.Still(figure, "x")._repr_mimebundle_()
