"""Text to tokens to ids: does each stage do what its docstring says?"""

import hashlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course_utils import text
from course_utils.runtime import files

TAGGER = files.folder() / "tagger"
MEGABYTE = 1_000_000
# Characters that patterns care about come up often, the others now and then.
messages = st.text(st.sampled_from("aAp01 .,:/@-+()<>#&;£$ '’wcom\n") | st.characters())
tokens = st.text("aB<é😀", min_size=1, max_size=3) | st.just("<unknown>")
ids = st.lists(st.integers(0, 2**40), max_size=7)


def fitted(*token_lists, **options):
    return text.Vocabulary(**options).fit(token_lists or [["b", "a", "c", "a"]])


def test_import_is_light():
    heavy = "{'torch', 'nltk', 'sklearn'}"
    code = f"import course_utils.text, sys; print({heavy} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == "set()"


# Cleaning


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("😀😀", "😀😀"),
        ("Hello   World\r\n", "hello world"),
        ("Ｆｕｌｌ ﬁne", "full fine"),
        ("I‘m “in” don’t", "i'm \"in\" don't"),
        ("soft\u00adware \ufeffok\u200b", "software ok"),
        ("Tom &amp; Ann &lt;3", "tom & ann <3"),
        ("&amp;lt;3", "<3"),
        ("&lt;#&gt; mins, &lt;DECIMAL&gt; m", "<number> mins, <number> m"),
        ("see http://a.bc/d?e=1.", "see <url> ."),
        ("WWW.x-y.co.uk! now", "<url> ! now"),
        ("at visit.com/abc/ or visit.com?", "at <url> or <url> ?"),
        ("done.then go", "done.then go"),
        ("mail me@x.co.uk.", "mail <email> ."),
        ("call 08712345678now", "call <phone> now"),
        ("call 0800 123 4567, +44 (0)20 7946 0018", "call <phone> , <phone>"),
        ("win £1,000.50! £ 5 or 150p/min", "win <money> ! <money> or <money> /min"),
        ("5€ $2", "<money> <money>"),
        ("at 7:30 on 21/05/2005, 20,000 of", "at <number> on <number> , <number> of"),
        ("2nite over18 b4 1st gr8", "2nite over18 b4 1st gr8"),
        ("love <3", "love <3"),
        ("12.5a ú1.20", "12.5a ú1.20"),
        ("12345678901234567890", "<number>"),
        ("<number> <url>", "<number> <url>"),
    ],
)
def test_clean(raw, cleaned):
    assert text.clean(raw) == cleaned


@pytest.mark.parametrize(
    ("option", "cleaned"),
    [
        ({"lower": False}, "CALL <phone> , <number> at <url>"),
        ({"replace_links": False}, "call <phone> , <number> at a.com"),
        ({"replace_numbers": False}, "call 08712345678, 7 at <url>"),
    ],
)
def test_clean_does_without_a_choice(option, cleaned):
    assert text.clean("CALL 08712345678, 7 at A.COM", **option) == cleaned


@settings(max_examples=300, deadline=None)
@given(messages, st.booleans(), st.booleans(), st.booleans())
@example("&amp;am\u00adp;lt;#&gt;", True, True, True)
@example("＆lt;", True, True, True)
@example("&AMP;LT;", True, True, True)
@example("İ", True, True, True)
@example("0800-\n  1234567", True, True, True)
@example("£0www.www.", True, True, True)
def test_cleaning_twice_is_cleaning_once(message, lower, links, numbers):
    options = {
        "lower": lower,
        "replace_links": links,
        "replace_numbers": numbers,
    }
    once = text.clean(message, **options)
    assert text.clean(once, **options) == once
    assert once == " ".join(once.split())


# Tokens


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", []),
        (" \n ", []),
        ("I'm in :-) :D", ["I'm", "in", ":-)", ":D"]),
        ("😀👍🏽❤", ["😀", "👍🏽", "❤"]),
        ("don't stop...", ["don't", "stop", "..."]),
        (" ".join(text.PLACEHOLDERS), list(text.PLACEHOLDERS)),
    ],
)
def test_tokenize(line, expected):
    assert text.tokenize(line) == expected


def test_tokenize_is_nltks_on_messages():
    from nltk.tokenize import TweetTokenizer

    for message in text.load_sms().train.texts[:200]:
        assert text.tokenize(message) == TweetTokenizer().tokenize(message)


def test_placeholders_and_emoji_stay_whole():
    line = text.clean("Win£5!!Call08712345678 www.a.com❤️‍🔥 x@y.org,7")
    found = text.tokenize(line)
    assert set(text.PLACEHOLDERS) < set(found)
    assert "❤‍🔥" in found


@pytest.mark.parametrize(
    "piece", ["hello there 12, ", "a", "7", "a.", "&amp;", "www.(", "x@", "<a", "😀"]
)
def test_a_megabyte_takes_seconds(piece):
    """The limit is far above what any needs; a quadratic pattern takes hours."""
    line = piece * (MEGABYTE // len(piece))
    start = time.process_time()
    assert text.clean(line)
    assert text.tokenize(line[: MEGABYTE // 5])
    assert time.process_time() - start < 60


def test_nltk_gets_a_long_text_in_short_pieces(monkeypatch):
    """Given 1 MB of "a." at once, it stops after five seconds with a TimeoutError."""
    lengths = []
    monkeypatch.setattr(
        "nltk.tokenize.TweetTokenizer.tokenize",
        lambda _, piece: lengths.append(len(piece)) or [],
    )
    text.tokenize("word " * 1_000 + "a." * 1_000)
    assert sum(lengths) >= 7_000
    assert max(lengths) <= 1_000


def test_long_text_keeps_its_words():
    words = ["word"] * 5_000 + ["x" * 250] + ["end"]
    assert text.tokenize(" ".join(words)) == [
        *words[:5_000],
        *("x" * 100, "x" * 100, "x" * 50),
        "end",
    ]


def test_stop_words():
    file = files.folder() / "nltk_data/corpora/stopwords/english"
    pin = "f6d005956f407dbc6ea32e5ff0c7e8e6f71488d3239b9023efdc7fc139d6375b"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == pin
    words = text.stop_words()
    assert len(words) == 198
    assert {"not", "you", "to", "don't", "no", "i"} <= words
    assert not words & {"free", "call", "win", "<number>"}
    assert text.remove_stop_words(["You", "are", "NOT", "free"]) == ["free"]
    assert text.remove_stop_words([]) == []


def test_stem():
    assert text.stem(["Running", "runs", "ran", "<number>", "😀"]) == [
        *("run", "run", "ran", "<number>", "😀"),
    ]


# The tagger


def test_tagger_is_the_recorded_one():
    record = json.loads((TAGGER / "record.json").read_text("utf-8"))
    weights = (TAGGER / "universal.json").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == record["sha256"]
    assert len(weights) <= 1_500_000
    assert record["accuracy"] >= 0.96
    assert record["accuracy_in_small_letters"] >= 0.96
    assert record["held_out_tokens"] > 100_000


def test_tagger_on_sentences_of_our_own():
    file = Path(__file__).with_name("tagged_sentences.txt")
    right = []
    for line in file.read_text("utf-8").splitlines():
        gold = [tuple(pair.rsplit("/", 1)) for pair in line.split()]
        found = text.tag([token for token, _ in gold])
        assert [token for token, _ in found] == [token for token, _ in gold]
        right += [ours == theirs for ours, theirs in zip(found, gold, strict=True)]
    assert len(right) > 350
    assert sum(right) / len(right) >= 0.95


def test_tag_knows_placeholders_and_leaves_nothing_untagged():
    assert text.tag([]) == []
    assert text.tag(["<number>", "<url>"]) == [("<number>", "NUM"), ("<url>", "X")]
    universal = set("ADJ ADP ADV CONJ DET NOUN NUM PRON PRT VERB X .".split())
    found = text.tag(["u", "gonna", "", "2nite", "😀", "lol"])
    assert {tag for _, tag in found} <= universal


# The vocabulary


def test_vocabulary_orders_by_count_then_alphabet():
    vocabulary = fitted(["c", "a", "b"], ["a"])
    assert vocabulary.decode([0, 1, 2, 3, 4]) == [
        *("<padding>", "<unknown>", "a", "b", "c"),
    ]
    assert vocabulary.encode(["c", "zebra", "a"]) == [4, 1, 2]
    assert (vocabulary.padding_id, vocabulary.unknown_id) == (0, 1)
    assert vocabulary.most_common(2) == [("a", 2), ("b", 1)]
    assert vocabulary.most_common(99) == [("a", 2), ("b", 1), ("c", 1)]
    assert len(vocabulary) == 5
    assert "a" in vocabulary
    assert "zebra" not in vocabulary


def test_vocabulary_limits():
    token_lists = [["a"] * 3 + ["b"] * 2 + ["c"]]
    assert "c" not in fitted(*token_lists, min_count=2)
    assert "b" in fitted(*token_lists, min_count=2)
    smallest = fitted(*token_lists, max_size=3)
    assert len(smallest) == 3
    assert smallest.encode(["a", "b"]) == [2, 1]


def test_special_tokens_in_a_message_keep_their_ids():
    vocabulary = fitted(["<padding>", "<unknown>", "a", "<padding>"])
    assert len(vocabulary) == 3
    assert vocabulary.encode(["<padding>", "<unknown>", "a"]) == [0, 1, 2]


@settings(deadline=None)
@given(st.lists(st.lists(tokens)), st.lists(tokens))
def test_decode_undoes_encode(token_lists, message):
    vocabulary = fitted(*token_lists, ["a"])
    known = {"a", "<padding>", "<unknown>"}.union(*token_lists)
    expected = [token if token in known else "<unknown>" for token in message]
    assert vocabulary.decode(vocabulary.encode(message)) == expected


@settings(deadline=None)
@given(st.lists(st.lists(tokens)))
def test_order_of_the_messages_does_not_matter(token_lists):
    one, other = fitted(*token_lists, ["a"]), fitted(["a"], *token_lists[::-1])
    assert one.decode(range(len(one))) == other.decode(range(len(other)))


def test_a_fitted_vocabulary_is_frozen():
    vocabulary = fitted()
    with pytest.raises(RuntimeError, match="frozen"):
        vocabulary.fit([["new"]])
    vocabulary.encode(["new"])
    assert "new" not in vocabulary


@pytest.mark.parametrize("call", ["encode", "decode", "most_common"])
def test_an_empty_vocabulary_says_so(call):
    vocabulary = text.Vocabulary()
    assert len(vocabulary) == 0
    with pytest.raises(RuntimeError, match=r"fit\(token_lists\) first"):
        getattr(vocabulary, call)([])


def test_a_failed_fit_leaves_it_unfitted():
    vocabulary = text.Vocabulary()
    with pytest.raises(ValueError, match="token_lists"):
        vocabulary.fit([[]])
    assert vocabulary.fit([["a"]]).encode(["a"]) == [2]


# Batches


@settings(deadline=None)
@given(st.lists(ids, min_size=1), st.integers(0, 9))
def test_pad_batch(sequences, padding_id):
    token_ids, attention_mask = text.pad_batch(sequences, padding_id=padding_id)
    shape = (len(sequences), max(map(len, sequences)))
    assert token_ids.shape == attention_mask.shape == shape
    assert (token_ids.dtype, attention_mask.dtype) == (torch.int64, torch.bool)
    assert (token_ids[~attention_mask] == padding_id).all()
    for row, mask, sequence in zip(token_ids, attention_mask, sequences, strict=True):
        assert row[mask].tolist() == sequence
        assert mask[: len(sequence)].all()  # so the padding is on the right


@pytest.mark.parametrize(
    "sequences",
    [
        [(7, 5), [3]],
        [torch.tensor([7, 5]), np.array([3])],
        [[np.int32(7), 5], range(3, 4)],
    ],
)
def test_pad_batch_takes_any_sequence_of_whole_numbers(sequences):
    token_ids, attention_mask = text.pad_batch(sequences)
    assert token_ids.tolist() == [[7, 5], [3, 0]]
    assert attention_mask.tolist() == [[True, True], [True, False]]


def test_bag_of_words():
    bags = text.bag_of_words([[2, 0, 2], [], [4]], 5)
    assert bags.dtype == torch.float32
    assert bags.tolist() == [[1, 0, 1, 0, 0], [0] * 5, [0, 0, 0, 0, 1]]


# Bad input: the right type of error, which names the argument


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: text.clean(b"hello"), TypeError, "text is of type bytes.*decode"),
        (lambda: text.clean(b"\xff\xfe"), TypeError, "text is of type bytes.*decode"),
        (lambda: text.clean(None), TypeError, "text is of type NoneType"),
        (lambda: text.clean(["hello"]), TypeError, "text is of type list"),
        (lambda: text.tokenize(b"hello"), TypeError, "text is of type bytes.*decode"),
        (lambda: text.tokenize(3), TypeError, "text is of type int"),
        (lambda: text.remove_stop_words("to"), TypeError, "tokens is of type str"),
        (lambda: text.stem("runs"), TypeError, "tokens is of type str.*a list"),
        (lambda: text.stem(["runs", 3]), TypeError, r"tokens\[1\] is of type int"),
        (lambda: text.tag("runs"), TypeError, "tokens is of type str"),
        (lambda: text.tag([b"runs"]), TypeError, r"tokens\[0\] is of type bytes"),
        (lambda: text.tag(None), TypeError, "tokens is of type NoneType"),
        (lambda: text.Vocabulary(min_count=0), ValueError, "min_count is 0.* 1 or"),
        (lambda: text.Vocabulary(min_count=1.5), TypeError, "min_count .* float"),
        (lambda: text.Vocabulary(min_count=True), TypeError, "min_count .* bool"),
        (lambda: text.Vocabulary(max_size=0), ValueError, "max_size is 0.* 3 or"),
        (lambda: text.Vocabulary(max_size=2), ValueError, "max_size is 2.* 3 or"),
        (lambda: text.Vocabulary(max_size="9"), TypeError, "max_size .* str"),
        (lambda: text.Vocabulary().fit("hello"), TypeError, "token_lists is of type"),
        (lambda: text.Vocabulary().fit(["hello"]), TypeError, r"token_lists\[0\] is"),
        (lambda: text.Vocabulary().fit([[3]]), TypeError, r"token_lists\[0\]\[0\]"),
        (lambda: text.Vocabulary().fit(None), TypeError, "token_lists is of type"),
        (lambda: text.Vocabulary().fit([]), ValueError, "token_lists has no token"),
        (lambda: fitted(["a"], min_count=2), ValueError, "2 times.*min_count"),
        (lambda: fitted().encode("hello"), TypeError, "tokens is of type str"),
        (lambda: fitted().encode([None]), TypeError, r"tokens\[0\] is of type None"),
        (lambda: fitted().decode([2, -1]), ValueError, r"token_ids\[1\] is -1"),
        (lambda: fitted().decode([5]), ValueError, "token_ids holds 5.* 0 to 4"),
        (lambda: fitted().decode([2.0]), TypeError, r"token_ids\[0\] .* float"),
        (lambda: fitted().decode([True]), TypeError, r"token_ids\[0\] .* bool"),
        (lambda: fitted().decode(2), TypeError, "token_ids is of type int"),
        (lambda: fitted().decode("2"), TypeError, "token_ids is of type str"),
        (lambda: fitted().decode(torch.ones(1, 1).long()), TypeError, r"token_ids\[0"),
        (lambda: fitted().most_common(-1), ValueError, "n is -1"),
        (lambda: fitted().most_common(None), TypeError, "n is of type NoneType"),
        (lambda: text.bag_of_words([[3]], 3), ValueError, "id 3: give a vocab_size"),
        (lambda: text.bag_of_words([[-1]], 3), ValueError, r"sequences\[0\]\[0\] is"),
        (lambda: text.bag_of_words(["ab"], 3), TypeError, r"sequences\[0\] is of type"),
        (lambda: text.bag_of_words([], 0), ValueError, "vocab_size is 0"),
        (lambda: text.pad_batch([]), ValueError, "sequences is empty"),
        (lambda: text.pad_batch(torch.zeros(0, 3)), ValueError, "sequences is empty"),
        (lambda: text.pad_batch(None), TypeError, "sequences is of type NoneType"),
        (lambda: text.pad_batch("hello"), TypeError, "sequences is of type str"),
        (lambda: text.pad_batch([3, 4]), TypeError, r"sequences\[0\] is of type int"),
        (lambda: text.pad_batch(["ab"]), TypeError, r"sequences\[0\] is of type str"),
        (lambda: text.pad_batch([[1], ["a"]]), TypeError, r"sequences\[1\]\[0\]"),
        (lambda: text.pad_batch([[1.0]]), TypeError, r"sequences\[0\]\[0\] .* float"),
        (lambda: text.pad_batch([torch.ones(2)]), TypeError, r"sequences\[0\]\[0\]"),
        (lambda: text.pad_batch([[True]]), TypeError, r"sequences\[0\]\[0\] .* bool"),
        (lambda: text.pad_batch([[4, -2]]), ValueError, r"sequences\[0\]\[1\] is -2"),
        (lambda: text.pad_batch([[1]], padding_id=-1), ValueError, "padding_id is -1"),
        (lambda: text.pad_batch([[1]], padding_id=0.5), TypeError, "padding_id .* flo"),
    ],
)
def test_bad_input(call, error, says):
    with pytest.raises(error, match=says) as caught:
        call()
    assert re.search(r": give ", str(caught.value))  # the remedy


def test_input_that_looks_bad_and_is_not():
    vocabulary = fitted()
    assert vocabulary.encode([]) == vocabulary.decode([]) == []
    assert vocabulary.encode(["zebra", "😀", ""]) == [1, 1, 1]
    assert vocabulary.decode(torch.tensor([2, 0])) == ["a", "<padding>"]
    token_ids, attention_mask = text.pad_batch([[], [4]])
    assert token_ids.tolist() == [[0], [4]]
    assert attention_mask.tolist() == [[False], [True]]
