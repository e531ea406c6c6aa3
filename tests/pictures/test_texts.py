"""Films of a language model: every frame says what was measured."""

import numpy as np

from course_utils.pictures import texts


def test_next_tokens_say_the_likeliest():
    panel = texts.next_tokens(
        ["It is", "It is $5\n"],
        [[" so", "\n", "□"], [" late", " x", "$"]],
        np.array([[0.75, 0.2, 0.0], [0.5, 0.25, 0.125]]),
    )
    assert panel.film.alts == [
        "After “It is” the likeliest token is “␣so”, with probability 0.75.",
        "After “It is $5 ↵” the likeliest token is “␣late”, with probability 0.50.",
    ]
    assert panel.film.labels == ["0 written", "1 written"]
    assert panel.film.frames[0] != panel.film.frames[1]


def test_a_token_shows_its_blanks_and_line_ends():
    assert texts.quoted(" a\n") == "“␣a↵”"


def test_what_was_written_during_a_run():
    panel = texts.during(
        [0, 5, 30], [["a b"], ["a c"], ["d"]], [2.5, 1.25, 1.0], ["So"]
    )
    assert panel.film.alts[1] == "After step 5 the loss is 1.25. “So” goes on “a c”."
    assert panel.film.index == 2
    assert panel.film.values == [0, 5, 30]
    assert len(set(panel.film.frames)) == 3
