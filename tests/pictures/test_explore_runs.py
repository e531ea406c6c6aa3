"""The widgets of many steps: every frame says what its run did, controls shoot anew."""

import numpy as np
import torch

from course_utils import steps
from course_utils.pictures import explore, views


def test_line_says_where_the_slope_goes():
    x, y = [1.0, 2.0, -1.0], [2.0, 4.0, -2.0]
    slope = torch.zeros(1, requires_grad=True)
    targets = torch.tensor(y)

    def loss(slope):
        return (slope * torch.tensor(x) - targets).square().mean()

    profile = steps.profile(slope, loss)
    shown = explore.step(profile, views.line(x, y), num_frames=3).film
    for lr, alt in zip(shown.values, shown.alts, strict=True):
        after = lr * 8  # minus the gradient at zero is 2·mean(xy) = 8
        assert f"from 0.00 to {after:.2f}." in alt


def test_beliefs_say_how_many_are_right_at_each_step():
    believed = np.array([[0.2, 0.3, 0.1], [0.9, 0.3, 0.6], [0.9, 0.2, 0.1]])
    shown = explore.beliefs([0, 4, 9], believed, [0.7, 0.4, 0.1], "abc", [1, 0, 0]).film
    assert shown.values == [0, 4, 9]
    assert shown.labels == ["step 0", "step 4", "step 9"]
    assert shown.name == "step"
    for alt, right, loss in zip(shown.alts, (2, 2, 3), (0.7, 0.4, 0.1), strict=True):
        assert f"the loss is {loss:.2g}" in alt
        assert f"{right} of 3 messages shown are right" in alt
    assert len(set(shown.frames)) == 3
