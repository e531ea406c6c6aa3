"""The ledger's picture: every block once, in its column, none over another."""

import pytest

from course_utils.pictures import ledger, plots


@pytest.mark.parametrize("counts", [(3, 1, 0, 2), (18, 10, 3, 2), (10, 11, 1, 1)])
def test_every_claim_has_its_own_place(counts):
    verdicts = ("holds only when", "holds", "does not hold", "not tested here")
    columns = {
        verdict: [f"S{row}.{column}" for row in range(count)]
        for column, (verdict, count) in enumerate(zip(verdicts, counts, strict=True))
    }
    figure, ax = plots.canvas(11, 5)
    said = ledger.draw(columns, ax=ax)
    figure.canvas.draw()
    blocks = [text.get_window_extent() for text in ax.texts]
    shown = [text.get_text() for text in ax.texts]
    assert shown == [name for found in columns.values() for name in found]
    for i, one in enumerate(blocks):
        assert not any(one.overlaps(other) for other in blocks[:i])
        assert ax.get_window_extent().contains(one.x0, one.y0)
        assert ax.get_window_extent().contains(one.x1, one.y1)
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == [f"{v}\n{n}" for v, n in zip(verdicts, counts, strict=True)]
    assert f"{counts[1]} holds" in said


def test_columns_are_told_apart_by_more_than_color():
    figure, ax = plots.canvas(8, 4)
    ledger.draw({"holds": ["S0.1"], "does not hold": ["S0.2"]}, ax=ax)
    edges = {text.get_bbox_patch().get_edgecolor() for text in ax.texts}
    assert len(edges) == 2
    assert all(label.get_text() for label in ax.get_xticklabels())
    figure.clear()
