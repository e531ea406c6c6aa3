"""Records of claims: printed in a lesson, read out of the stored notebook."""

import contextlib
import io

import nbformat
import pytest

from course_utils.classroom import claims
from course_utils.classroom.claims import Record

NUMBERS = {"n": "250 messages", "runs": "5 starts", "interval": "AUC 0.1 to 0.2"}
SAID = "n: 250 messages; runs: 5 starts; interval: AUC 0.1 to 0.2"


def printed(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as page:
        claims.record(*arguments, **NUMBERS)
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
        f"Numbers: {SAID}\n"
    )


def test_a_claim_that_is_not_tested_has_no_numbers(store, capsys):
    claims.record("S0.5", "not tested here", "a judgment")
    page = capsys.readouterr().out
    assert "Numbers" not in page
    folder = store("08_a", cell_of("S0.5", outputs=[page], cell_id="c"))
    assert claims.read(folder) == [
        Record("S0.5", "not tested here", "a judgment", "", "08_a", "c")
    ]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"n": ""}, "n is ''"),
        ({"n": "all messages"}, "n is 'all messages'"),
        ({"interval": ""}, "interval is ''"),
        ({"interval": "small"}, "interval is 'small'"),
        ({"runs": ""}, "runs is ''"),
        ({"runs": "starts: 5"}, "runs is 'starts: 5': begin with how many"),
        ({"runs": "2 starts"}, "runs is '2 starts': begin with how many, 3 at least"),
        ({"runs": "1 start"}, "3 at least"),
        ({"n": "250\nmessages"}, "one line each"),
    ],
)
def test_a_verdict_rests_on_numbers(numbers, words, capsys):
    with pytest.raises(ValueError, match=words):
        claims.record("S0.1", "holds", "so", **NUMBERS | numbers)
    assert capsys.readouterr().out == ""


def test_a_thousand_runs_are_enough(capsys):
    claims.record("S0.1", "holds", "so", **NUMBERS | {"runs": "1,000 starts"})
    assert "1,000 starts" in capsys.readouterr().out


def test_every_record_of_the_lessons_has_its_numbers(root):
    for each in claims.read(root / "notebooks"):
        is_tested = not each.verdict.startswith("not tested here")
        assert bool(each.numbers) == is_tested, each
        assert each.verdict != "holds only when", each


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
        claims.record(*arguments, **NUMBERS)
    assert capsys.readouterr().out == ""


def test_every_claim_can_be_recorded_with_every_verdict_and_read(store):
    cells, wanted = [], []
    for i, claim in enumerate(claims.CLAIMS):
        verdict = claims.VERDICTS[i % 4] + " here"
        said = "" if i % 4 == 3 else SAID
        record = printed(claim, verdict, f"F1: {i} “%”")
        cells.append(cell_of(claim, outputs=[record], cell_id=f"c{i}"))
        wanted.append(Record(claim, verdict, f"F1: {i} “%”", said, "04_a", f"c{i}"))
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
        [printed("S1.2", "holds", "cut").partition("Evidence")[0]],
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
