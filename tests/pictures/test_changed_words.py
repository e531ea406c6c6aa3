"""Texts in a picture: what changed is set off, and every letter can be drawn."""

import pytest
from matplotlib.figure import Figure

from course_utils.pictures import plots, words


def joined(text, before):
    return ["\n".join(layer) for layer in words.layers(text, before)]


def test_changed_words_are_bold_and_have_a_stroke():
    same, changed, strokes = joined("Lyon is in France", "Paris is in France")
    assert same == "     is in France"
    assert changed == "Lyon             "
    assert strokes == "____             "


@pytest.mark.parametrize(
    ("now", "before", "changed"),
    [
        ("a b c", "a b c", [False] * 3),
        ("a x c", "a b c", [False, True, False]),
        ("x a b c", "a b c", [True, False, False, False]),
        ("a b", "a b c", [False, False]),
        ("c a", "a c", [True, False]),  # one of two that changed places
        ("a a a", "a", [False, True, True]),
    ],
)
def test_what_counts_as_changed(now, before, changed):
    found = words.changed_words(now.split(), before.split())
    assert sorted(found) == sorted(changed)
    assert len(found) == len(changed)


def test_long_texts_are_cut_to_two_lines_and_layers_stay_aligned():
    text = " ".join(f"word{i}" for i in range(60))
    layers = words.layers(text, text.replace("word3", "other"))
    assert {len(layer) for layer in layers} == {words.LINES}
    for same, changed, strokes in zip(*layers, strict=True):
        assert len(same) == len(changed) == len(strokes) <= words.WIDTH + 7
        for one, other in zip(same, changed, strict=True):
            assert " " in (one, other)  # never two letters at one place


def test_nothing_written_is_said():
    assert joined("", "Paris") == [" " * 9, "(nothing)", "_" * 9]


def test_letters_the_font_lacks_become_boxes_and_dollars_stay():
    assert words.printable("a\n\u3042 $5 é") == "a ↵ □ $5 é"


def test_drawing_warns_of_nothing():
    ax = Figure(dpi=100).subplots()
    moving, show = words.draw(ax, ["A prompt of $5 …", "\u3042 …"])
    show(0, "one \u3042 two $x$", "one")
    show(1, "", "")
    ax.figure.canvas.draw()
    shown = [artist.get_text() for artist in moving if artist.get_text().strip()]
    assert shown[:3] == ["one          ", "    □ two $x$", "    _ ___ ___"]
    assert all(not artist.get_parse_math() for artist in moving)
    show(0, "x", "x")  # what stood there before is gone
    assert [a.get_text() for a in moving[:6]] == ["x", "", " ", "", " ", ""]


def test_colors_of_the_layers_differ_also_in_weight():
    weights = [style.get("weight", "normal") for style in words.STYLES]
    assert weights == ["normal", "bold", "bold"]
    assert plots.BLUE != "black"
