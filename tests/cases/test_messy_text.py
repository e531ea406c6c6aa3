import pytest

from course_utils import text

INVISIBLE = [
    0x200C,
    0x2060,
    0x2062,
    0x2063,
    0x2064,
    0x200E,
    0x200F,
    0x202A,
    0x202C,
    0x202E,
    0x2066,
    0x2068,
    0x2069,
    0x061C,
    0x180E,
]


@pytest.mark.parametrize("code", [*INVISIBLE, 0x200D], ids=hex)
def test_sign_that_nobody_sees_inside_a_word(code):
    assert text.tokenize(text.clean(f"fr{chr(code)}ee prize")) == ["free", "prize"]


@pytest.mark.parametrize("code", INVISIBLE, ids=hex)
def test_sign_that_nobody_sees_round_a_line(code):
    assert text.clean(f"{chr(code)}Hello{chr(code)}") == "hello"


def test_emoji_of_several_stay_whole():
    assert (
        len(text.tokenize(text.clean("\U0001f468\u200d\U0001f469\u200d\U0001f467 hi")))
        == 2
    )  # passes; keep it so


@pytest.mark.parametrize("sign", "´`′ʼ‛")
def test_apostrophe_of_other_keyboards(sign):
    assert text.tokenize(text.clean(f"I don{sign}t")) == ["i", "don't"]


@pytest.mark.parametrize("line", ["1½ hours", "½ price"])
def test_fraction_is_one_number(line):
    assert text.clean(line).split()[0] == "<number>"
    assert "⁄" not in text.clean(line)


@pytest.mark.parametrize(
    "line",
    [
        "555-123-4567",
        "(555) 123-4567",
        "555.123.4567",
        "1-800-555-0199",
        "07700\u2011900\u2011123",
        "07700.900.123",
        "98765 43210",
        "+49 30/1234567",
    ],
)
def test_phone_number_of_elsewhere(line):
    assert text.clean(f"call {line} now") == "call <phone> now"


@pytest.mark.parametrize(
    "line",
    [
        "(555) 123-4567",
        "555.123.4567",
        "020/7946/0958",
        "07700\u2011900\u2011123",
        "07700  900  123",
        "+33 1.23.45.67.89",
    ],
)
def test_masked_number_cannot_be_called(line):
    assert not set(text.mask_numbers(line)) & set("123456789") - set(
        "1" if line[0] == "(" else ""
    ), text.mask_numbers(line)


@pytest.mark.parametrize(
    "line",
    [
        "bit.ly/3abcd",
        "t.co/AbC",
        "wa.me/447700900123",
        "parcel-track.top/ab",
        "shop.example.de/x",
        "example.com:8080/x",
    ],
)
def test_link_without_http(line):
    assert text.clean(f"see {line} now") == "see <url> now"


@pytest.mark.parametrize(
    "line", ["₹500", "Rs.500", "¥100", "20 €", "1.000,50 €", "500 USD"]
)
def test_money_of_elsewhere(line):
    assert text.clean(line) == "<money>"


@pytest.mark.parametrize(
    ("line", "word"),
    [("Q&A; now", "a"), ("fish&chips; yum", "chips"), ("me &you; us", "you")],
)
def test_no_word_is_lost(line, word):
    assert word in text.tokenize(text.clean(line))


def test_address_keeps_its_parameters():
    assert (
        text.clean("http://a.test/?x=y&copy=z&section=b", replace_links=False)
        == "http://a.test/?x=y&copy=z&section=b"
    )
