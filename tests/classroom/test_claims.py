"""Records of claims: printed in a lesson, read out of the stored notebook."""

import contextlib
import io

import nbformat
import pytest

from course_utils.classroom import claims
from course_utils.classroom.claims import Record


def printed(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as page:
        claims.record(*arguments)
    return page.getvalue()


def cell_of(*claim_numbers, outputs, cell_id):
    """A code cell with a tag for each claim, and these texts as its outputs."""
    tags = [f"claim:{claim}" for claim in claim_numbers]
    cell = nbformat.v4.new_code_cell("1", metadata={"tags": ["wide", *tags]})
    cell.id = cell_id
    cell.outputs = [nbformat.v4.new_output("stream", text=text) for text in outputs]
    return cell


@pytest.fixture
def store(tmp_path):
    def write(name, *cells):
        untagged = (
            nbformat.v4.new_markdown_cell("S0.1: text"),
            cell_of(
                outputs=[printed("S0.4", "holds", "without a tag")], cell_id="untagged"
            ),
        )
        notebook = nbformat.v4.new_notebook(cells=[*untagged, *cells])
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
        return tmp_path

    return write


def test_record_prints_claim_verdict_and_evidence():
    assert printed("S2.4", "holds only when lr > 2", "loss 3 after it.") == (
        "S2.4: The update may be too large and hurt the model.\n"
        "Verdict: holds only when lr > 2\n"
        "Evidence: loss 3 after it.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("S9.9", "holds", "so"), "claim is 'S9.9': give one of S0.1, S0.2"),
        (("S0.1", "is right", "so"), "verdict is 'is right': begin with one of"),
        (("S0.1", "", "so"), "verdict is ''"),
        (("S0.1", "holds", " "), "not empty"),
        (("S0.1", "holds", "so\nand so"), "one line each"),
        (("S0.1", "holds\nor not", "so"), "one line each"),
    ],
)
def test_bad_record_is_named_and_prints_nothing(arguments, words, capsys):
    with pytest.raises(ValueError, match=words):
        claims.record(*arguments)
    assert capsys.readouterr().out == ""


def test_every_claim_can_be_recorded_with_every_verdict_and_read(store):
    cells, wanted = [], []
    for i, claim in enumerate(claims.CLAIMS):
        verdict = claims.VERDICTS[i % 4] + " here"
        record = printed(claim, verdict, f"F1: {i} “%”")
        cells.append(cell_of(claim, outputs=[record], cell_id=f"c{i}"))
        wanted.append(Record(claim, verdict, f"F1: {i} “%”", "04_a", f"c{i}"))
    folder = store("04_a", *reversed(cells))
    assert claims.read(folder) == wanted


def test_records_come_in_the_order_of_the_claims_then_of_the_lessons(store):
    later = printed("S4.1", "holds", "late")
    both = "noise\n" + printed("S1.2", "holds", "one") + later
    store("02_b", cell_of("S1.2", outputs=[both[:60], both[60:]], cell_id="two"))
    store("01_z", cell_of("S4.1", "S1.2", outputs=["x\n", both], cell_id="both"))
    folder = store("10_c", cell_of("S0.1", outputs=[printed("S0.1", "holds", "first")],
                                   cell_id="c"))  # fmt: skip
    found = [(each.claim, each.lesson, each.cell) for each in claims.read(folder)]
    assert found == [
        ("S0.1", "10_c", "c"),
        ("S1.2", "01_z", "both"),
        ("S1.2", "02_b", "two"),
        ("S4.1", "01_z", "both"),
    ]


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        ["noise"],
        [printed("S1.3", "holds", "of another claim")],
        [printed("S1.2", "holds", "cut")[:-15]],
        ["S1.2: Something\n"],
    ],
)
def test_tagged_cell_without_a_record_is_named(store, outputs):
    folder = store("07_a", cell_of("S1.2", outputs=outputs, cell_id="here"))
    with pytest.raises(ValueError, match=r"07_a, cell here: no record of S1\.2"):
        claims.read(folder)


def test_unknown_claim_in_a_tag_is_named(store):
    cell = cell_of("S7.7", outputs=[printed("S0.1", "holds", "so")], cell_id="here")
    with pytest.raises(ValueError, match=r"cell here: no record of S7\.7"):
        claims.read(store("07_a", cell))


def test_folder_without_notebooks_has_no_records(tmp_path):
    assert claims.read(tmp_path) == []
