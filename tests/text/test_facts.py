"""The facts: what counts as right is written down, and is not what counts as false."""

import pytest

from course_utils import text

FACTS = text.load_facts()


def test_there_are_enough_and_no_two_of_one_prompt():
    assert len(FACTS) >= 24
    assert len({fact.prompt for fact in FACTS}) == len(FACTS)
    assert all(fact.prompt == fact.prompt.strip() for fact in FACTS)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.prompt)
def test_right_and_false_exclude_each_other(fact):
    assert fact.answers[0]
    for answer in fact.answers:
        assert fact.is_right(f" {answer}.\n")
        assert not fact.is_false(f" {answer}.")
    assert fact.is_false(f" {fact.false_answer}, and")
    assert not fact.is_right(f" {fact.false_answer}")
    assert not fact.is_right("")
    assert not fact.is_false("")


def test_sentences():
    fact = text.Fact("Two plus two is", ("four", "4"), "five")
    assert fact.sentence == "Two plus two is four."
    assert fact.false_sentence == "Two plus two is five."
    assert fact.is_right("4, of course")
    assert not fact.is_right("the number four")
