import torch
from torch import nn
from torch.nn import functional as F

from course_utils import steps
from course_utils.pictures import explore, views


def test_attention():
    explore.attention(
        [torch.softmax(torch.randn(2, 3, 3), -1).bfloat16()], ["a", "b", "c"]
    )


def test_predictions():
    torch.manual_seed(0)
    m = nn.Linear(3, 2).bfloat16()
    x = torch.randn(2, 3).bfloat16()
    steps.profile(
        m, lambda k: F.cross_entropy(k(x).float(), torch.tensor([0, 1]))
    ).along([0.1], views.predictions(x, ["a", "b"], [0, 1]).measure)
