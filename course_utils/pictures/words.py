"""Texts on an `ax`, with the words that changed set off by weight and by a line.

All letters of the font are equally wide, so unchanged words, changed words and the
lines below these are three texts laid over each other, each blank where the others are.
"""

import textwrap
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache
from typing import Any

from matplotlib.axes import Axes

from course_utils.pictures import plots

FONT, SIZE = "DejaVu Sans Mono", 12
# Words as before, words that changed, and the strokes below these.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": plots.BLUE},
    {"color": "black", "weight": "bold"},
    {"color": plots.RED, "weight": "bold"},
)
WIDTH, LINES = 54, 2  # letters in a line, and lines of a text


def draw(ax: Axes, prompts: Sequence[str]):
    """The prompts, one below the other, with room for a text below each.

    Returns (the artists that move, `show(i, text, before)`), where `show` writes the
    text of prompt i and sets off the words that `before` does not have there.
    """
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(len(prompts), 0))
    ax.set_title("bold and underlined: new; blue: as before the step", loc="left",
                 fontsize=12, color=plots.GRAY)  # fmt: skip
    common: dict[str, Any] = {"fontsize": SIZE, "family": FONT, "parse_math": False}
    blocks: list[list[list[Any]]] = []
    for row, prompt in enumerate(prompts):
        shown = textwrap.shorten(printable(prompt), WIDTH, placeholder=" …")
        ax.text(0, row + 0.2, shown, color=plots.GRAY, **common)
        blocks.append(
            [
                [ax.text(0, row + 0.45 + 0.23 * line, "", **common, **style)
                 for line in range(LINES)]
                for style in STYLES
            ]
        )  # fmt: skip

    def show(i: int, text: str, before: str) -> None:
        for artists, layer in zip(blocks[i], layers(text, before), strict=True):
            for line, artist in enumerate(artists):
                artist.set_text(layer[line] if line < len(layer) else "")

    return [artist for block in blocks for row in block for artist in row], show


def layers(text: str, before: str) -> list[list[str]]:
    """Three layers of up to two lines: words as before, words that changed, strokes."""
    words = printable(text).split() or ["(nothing)"]
    changed = changed_words(words, printable(before).split() or ["(nothing)"])
    rows: list[list[str]] = [["", "", ""]]
    for word, is_changed in zip(words, changed, strict=True):
        word = textwrap.shorten(word, WIDTH, placeholder="…") or word[:WIDTH]
        if len(rows[-1][0]) + len(word) > WIDTH:
            if len(rows) == LINES:
                break
            rows.append(["", "", ""])
        gap, blank = " " if rows[-1][0] else "", " " * len(word)
        new = (blank, word, "_" * len(word)) if is_changed else (word, blank, blank)
        rows[-1] = [old + gap + each for old, each in zip(rows[-1], new, strict=True)]
    return [list(layer) for layer in zip(*rows, strict=True)]


def changed_words(words: Sequence[str], before: Sequence[str]) -> list[bool]:
    """For each word: is it one that stands there now and did not before?"""
    changed = [True] * len(words)
    matcher = SequenceMatcher(None, before, words, autojunk=False)
    for _, start, length in matcher.get_matching_blocks():
        changed[start : start + length] = [False] * length
    return changed


def printable(text: str) -> str:
    """The text in one line; a letter that the font lacks becomes an empty box."""
    text = " ".join(text.replace("\n", " ↵ ").split())
    return "".join(each if ord(each) in _letters() else "□" for each in text)


@cache
def _letters() -> frozenset[int]:
    """The letters that the font has, in both weights."""
    from matplotlib import font_manager

    found = [
        font_manager.get_font(
            font_manager.findfont(
                font_manager.FontProperties(family=FONT, weight=weight)
            )
        ).get_charmap()
        for weight in ("normal", "bold")
    ]
    return frozenset(found[0]) & frozenset(found[1])
