"""What is often said about one step and many, and the lessons' records of it.

A lesson tests a claim in a cell tagged `claim:S1.1` and ends it with `record`; the
ledger reads these records out of the stored lessons with `read`.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from course_utils.runtime import files

CLAIMS = {
    "S0.1": "Single-step optimization is a way of fine-tuning that differs from "
    "iterative training: it makes one update.",
    "S0.2": "A single step is a special case of gradient descent.",
    "S0.3": "Its advantage is cost: good results on little compute.",
    "S0.4": "It improves recommendation and text generation.",
    "S0.5": "It is a new and important direction.",
    "S1.1": "BERT, RoBERTa and GPT share one basic structure.",
    "S1.2": "Self-attention relates all positions of a sequence.",
    "S1.3": "Other activation functions and optimizers improve the single step.",
    "S1.4": "It needs much GPU compute.",
    "S1.5": "How well it generalizes is limited by the training data.",
    "S2.1": "One update adapts a model to a task quickly.",
    "S2.2": "One update is cheaper and simpler than ordinary fine-tuning.",
    "S2.3": "One update may not find the global optimum.",
    "S2.4": "The update may be too large and hurt the model.",
    "S2.5": "One update may hurt generalization.",
    "S2.6": "The learning rate has to be found by experiment.",
    "S2.7": "Repeating the single step reaches the wanted performance.",
    "S2.8": "The result depends on the quality of the data.",
    "S3.1": "Many steps give a higher accuracy, and more efficiently.",
    "S3.2": "Newton's method and gradient descent are the usual choices.",
    "S3.3": "The learning rate should go from large to small.",
    "S3.4": "Regularization and more data prevent over- and underfitting.",
    "S3.5": "Judge by accuracy, F1, precision and recall on validation data.",
    "S4.1": "The right learning rate converges fast; too large or too small fails or "
    "ends in a local optimum.",
    "S4.2": "Momentum smooths the direction, speeds convergence and avoids local "
    "optima.",
    "S4.3": "If the loss falls too slowly raise the learning rate; if it oscillates or "
    "diverges lower it.",
    "S4.4": "More data, regularization and early stopping avoid overfitting.",
    "S4.5": "For classification choose BERT-like models.",
}
VERDICTS = "holds only when", "holds", "does not hold", "not tested here"
FEWEST_RUNS = 3


@dataclass(frozen=True)
class Record:
    """What one cell of a lesson found out about a claim.

    verdict: begins with one of `VERDICTS`. numbers: what `record` made of n, runs and
    interval; empty for a claim that was not tested. lesson: the notebook's name; cell:
    its id.
    """

    claim: str
    verdict: str
    evidence: str
    numbers: str = ""
    lesson: str = ""
    cell: str = ""


def record(
    claim: str,
    verdict: str,
    evidence: str,
    *,
    n: str = "",
    runs: str = "",
    interval: str = "",
) -> None:
    """Print the record of a claim; the cell's tag is `claim:` and its number.

    n: what was judged, and how much of it ("250 messages"). runs: how many seeds,
    starts or draws it was repeated on, at least three ("5 starts"). interval: how far
    the number that decides lies apart over these, or its 95 % interval ("AUC 0.86 to
    0.94, range"). A claim that is not tested has none of the three.

    Errors: ValueError for an unknown claim, another verdict, no evidence, or a test
    without these three numbers.
    """
    if claim not in CLAIMS:
        raise ValueError(f"claim is {claim!r}: give one of {', '.join(CLAIMS)}")
    if not verdict.startswith(VERDICTS):
        raise ValueError(f"verdict is {verdict!r}: begin with one of {VERDICTS}")
    if not evidence.strip() or "\n" in evidence + verdict + n + runs + interval:
        raise ValueError("evidence and verdict are one line each, and not empty")
    numbers = ""
    if not verdict.startswith("not tested here"):
        _check_numbers(n, runs, interval)
        numbers = f"\nNumbers: n: {n}; runs: {runs}; interval: {interval}"
    said = f"{claim}: {CLAIMS[claim]}\nVerdict: {verdict}\nEvidence: {evidence}"
    print(said + numbers)


def _check_numbers(n: str, runs: str, interval: str) -> None:
    for name, said in {"n": n, "runs": runs, "interval": interval}.items():
        if not re.search(r"\d", said):
            raise ValueError(f"{name} is {said!r}: a verdict rests on numbers, give it")
    count = re.match(r"[\d,]+", runs)
    if not count or int(count[0].replace(",", "")) < FEWEST_RUNS:
        raise ValueError(
            f"runs is {runs!r}: begin with how many, {FEWEST_RUNS} at least; fewer say "
            "nothing about the spread"
        )


def read(folder: str | Path | None = None) -> list[Record]:
    """All records in the stored notebooks of a folder, in the order of the claims.

    folder: None for the notebooks that the course was installed with.
    Errors: ValueError for a tagged cell whose output holds no record of its claim.
    """
    found = []
    for path in sorted(Path(folder or files.lessons()).glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for tag in cell["metadata"].get("tags", []):
                if tag.startswith("claim:"):
                    found.append(_parse(path.stem, cell, tag.removeprefix("claim:")))
    return sorted(found, key=lambda each: list(CLAIMS).index(each.claim))


def cells_with(lesson: str | Path, code: str) -> list[str]:
    """Ids of the code cells of a notebook whose source holds `code`.

    lesson: a path, or the name of one of the course's lessons ("06_lstm").
    """
    path = files.lessons() / f"{lesson}.ipynb" if isinstance(lesson, str) else lesson
    cells = json.loads(path.read_text("utf-8"))["cells"]
    chosen = (cell for cell in cells if cell["cell_type"] == "code")
    return [cell["id"] for cell in chosen if code in "".join(cell["source"])]


def _parse(lesson: str, cell: dict, claim: str) -> Record:
    printed = "".join("".join(o.get("text", "")) for o in cell.get("outputs", []))
    found = re.search(
        rf"^{re.escape(claim)}: .*\nVerdict: (.*)\nEvidence: (.*)\n"
        r"(?:Numbers: (.*)\n)?",
        printed,
        re.MULTILINE,
    )
    if not found:
        raise ValueError(
            f"{lesson}, cell {cell['id']}: no record of {claim} was printed"
        )
    verdict, evidence, numbers = found.groups(default="")
    return Record(claim, verdict, evidence, numbers, lesson, cell["id"])
