"""Facts to ask a language model, each with the answers that count and a false one."""

import csv
from dataclasses import dataclass

from course_utils.runtime import files


@dataclass(frozen=True)
class Fact:
    """A prompt, what may follow it, and what is not so.

    answers: of these a text has to begin with one to count as right.
    """

    prompt: str
    answers: tuple[str, ...]
    false_answer: str

    @property
    def sentence(self) -> str:
        """The true sentence, with the first of the answers."""
        return f"{self.prompt} {self.answers[0]}."

    @property
    def false_sentence(self) -> str:
        return f"{self.prompt} {self.false_answer}."

    def is_right(self, written: str) -> bool:
        """Does what a model wrote after the prompt begin with a right answer?"""
        return written.strip().startswith(self.answers)

    def is_false(self, written: str) -> bool:
        """Does what a model wrote after the prompt begin with the false answer?"""
        return written.strip().startswith(self.false_answer)


def load_facts() -> list[Fact]:
    """The facts of `data/facts.csv`, chosen before anything was measured on them."""
    with (files.folder() / "facts.csv").open(encoding="utf-8", newline="") as file:
        return [
            Fact(row["prompt"], tuple(row["answers"].split("|")), row["false_answer"])
            for row in csv.DictReader(file)
        ]
