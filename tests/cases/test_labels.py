import numpy as np
import pytest
import torch
from torch.nn import functional as F

from course_utils.text.batches import Examples
from course_utils.training import evaluation

IDS = [[2, 3], [4], [5]]


@pytest.mark.parametrize(
    "labels",
    [np.eye(2)[[1, 0, 1]], F.one_hot(torch.tensor([1, 0, 1]))],
    ids=["numpy", "torch"],
)
def test_one_hot_is_named(labels):
    with pytest.raises(ValueError, match="labels holds"):
        Examples(IDS, labels)


def test_missing_value_of_pandas_is_named():
    pd = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="labels holds"):
        Examples(IDS, pd.Series([1, None, 0], dtype="Int64"))


def test_truth_values_alike():
    assert (
        Examples(IDS, np.array([True, False, True])).labels
        == Examples(IDS, [True, False, True]).labels
    )


P = torch.tensor([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]])


@pytest.mark.parametrize("labels", [[1.0, 0.0, 1.0], [True, False, True]], ids=str)
def test_score_takes_what_examples_take(labels):
    assert evaluation.score(P, labels).f1 == 1


@pytest.mark.parametrize(
    "labels", [[1, -1, 1], ["spam", "ham", "spam"], [0.5, 0, 1], [], [1, 0]], ids=str
)
def test_score_names_bad_labels(labels):
    with pytest.raises(ValueError, match="labels"):
        evaluation.score(P, labels)


def test_score_of_nan_is_no_score():
    with pytest.raises(ValueError):
        evaluation.score(P * float("nan"), [1, 0, 1])
