"""Text to tokens to ids: what happens before a model can read a message.

It does not know which choices are good: lesson 01 switches each one off and on.
"""

import html.entities
import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from course_utils.runtime import arguments, files

if TYPE_CHECKING:  # torch and nltk take seconds to import, so functions import them
    pass

# Replaced in this order. A match starts where a run starts: linear on any line.
AMOUNT = r"(?<![\w<])(?<!\d[.,:/])\d++(?:[.,:/]\d++)*+"  # "<3" is a heart
SIGN = r"[$¢£¥฿\u20a0-\u20c0]"  # of a currency
CODE = r"(?:usd|eur|gbp|inr|jpy|aud|cad|rs)\b"
GAP = r"[ ().–/-]{0,3}"  # between the digits of a phone number
LINKS = {
    "<email>": r"(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.+-]*\w",
    "<url>": r"https?://\S*[\w/]|(?<![\w.-])(?:www\.\S*[\w/]"
    r"|(?:[\w-]+\.)+[^\W\d_]{2,12}(?::\d+)?/\S*[\w/]"
    r"|[\w.-]+\.(?:com|net|org|uk|biz|info|tv)\b(?:[/?]\S*\w)?/?)",
}
NUMBERS = {
    "<phone>": rf"(?<!\d)(?:\+\d{{1,3}}(?:{GAP}\d){{7,12}}|0(?:[ ()-]{{0,2}}\d){{8,12}}"
    r"|0\d{2,4}(?:[./–-]\d{2,4}){2,3}|\d{9,15}|\d{5} \d{5}"
    r"|(?:(?<![\d.,/])1[ .–-]|(?<![\d.,/]))\(?\d{3}\)?[ .–-]{1,2}\d{3}[ .–-]\d{4}"
    r")(?!\d)",
    "<money>": rf"(?:{SIGN} ?|(?<!\w)rs\.? ?)\d+(?:[.,]\d+)*"
    rf"|{AMOUNT}(?: ?(?:{SIGN}(?! ?\d)|{CODE})|p(?!\w))",
    "<number>": rf"{AMOUNT}(?!\w)|<(?:#|decimal)>",  # the collection hides some as <#>
}
PLACEHOLDERS = (*LINKS, *NUMBERS)
# Quotation marks and hyphens become plain.
PLAIN = str.maketrans(
    "‘’‚‛´ʹʻʼˈ′‵＇“”„‟″‶«»\u2010\u2011\u2012⁄", "'" * 12 + '"' * 8 + "---/"
)
# What nobody sees: format signs (see _is_seen), and these of other categories.
UNSEEN = re.compile("[\u034f\u115f\u1160\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]")
JOINER = "\u200d"  # makes one emoji of several
LETTER = r"[^\W\d_]"
FRACTION = re.compile(r"(?:(?<![\d,])(\d[\d,]*+))?([¼-¾⅐-⅞↉])")
ENTITY = re.compile(r"&(#x[0-9a-f]+|#\d+|\w+);", re.IGNORECASE)


def clean(
    text: str,
    *,
    lower: bool = True,
    replace_links: bool = True,
    replace_numbers: bool = True,
) -> str:
    """One tidy line: plain characters, single spaces, placeholders, emoji kept.

    Whatever the options, HTML entities are read (`&lt;` is `<`), Unicode is brought
    to its NFKC form, signs that nobody sees are gone, quotation marks and hyphens are
    plain, and 1½ is 1.5. Cleaning twice changes nothing.

    lower: do capitals become small?
    replace_links: do mail and web addresses become `<email>` and `<url>`?
    replace_numbers: do phone numbers, prices and other numbers become `<phone>`,
        `<money>` and `<number>`? Digits inside a word ("2nite", "over18") stay.

    Source: Unicode Standard Annex 15 (NFKC). Errors: TypeError if `text` is no str.
    """
    chosen = (LINKS if replace_links else {}) | (NUMBERS if replace_numbers else {})

    def normalize(line: str) -> str:
        line = ENTITY.sub(_read_entity, line)
        line = _without_unseen(line).translate(PLAIN)
        line = re.sub(f"(?<={LETTER})`(?={LETTER})", "'", line)
        line = FRACTION.sub(_as_decimal, line)
        line = unicodedata.normalize("NFKC", line).translate(PLAIN)
        return " ".join((line.lower() if lower else line).split())

    def replace(line: str) -> str:
        for placeholder, pattern in chosen.items():
            line = re.sub(pattern, f" {placeholder} ", line, flags=re.IGNORECASE)
        return " ".join(line.split())

    return _settle(replace, _settle(normalize, arguments.of_kind(text, "text", str)))


def _read_entity(found: re.Match) -> str:
    """`&lt;` is `<`; what only looks like an entity (`Q&A;`) stays."""
    name = found[1]
    is_known = name[0] == "#" or f"{name};" in html.entities.html5
    return html.unescape(found[0]) if is_known else found[0]


def _without_unseen(line: str) -> str:
    """Without signs that nobody sees: they would cut a word in two, or hide it."""
    if line.isascii():
        return line
    kept = UNSEEN.sub("", line)
    kept = "".join(c for c in kept if c == JOINER or _is_seen(c))
    # a joiner stays between two emoji
    return "".join(
        c
        for i, c in enumerate(kept)
        if c != JOINER or all(map(_is_emoji, (kept[i - 1 : i], kept[i + 1 : i + 2])))
    )


def _is_seen(character: str) -> bool:
    """Not of the format category (but for emoji flags), and no half of an emoji."""
    kind = unicodedata.category(character)
    return kind not in ("Cf", "Cs") or "\U000e0020" <= character <= "\U000e007f"


def _is_emoji(character: str) -> bool:
    return bool(character) and unicodedata.category(character) in ("So", "Sk")


def _as_decimal(found: re.Match) -> str:
    """1½ is 1.5; without this it would become 11/2."""
    whole = int((found[1] or "0").replace(",", ""))
    return f"{whole + round(unicodedata.numeric(found[2]), 2):g}"


def _settle(step: Callable[[str], str], text: str) -> str:
    """Repeat until nothing changes (`&amp;lt;` is `&lt;` is `<`), at most 9 times."""
    for _ in range(9):
        before, text = text, step(text)
        if text == before:
            break
    return text


def tokenize(text: str) -> list[str]:
    """Words, numbers, emoticons, emoji, punctuation and placeholders, in order.

    Source: NLTK's TweetTokenizer, made for short messages. Some long ones take it
    quadratic time, so it gets at most 1,000 characters at once, and a word of more
    than 100 is cut. Errors: TypeError if `text` is no str.
    """
    from nltk.tokenize import TweetTokenizer

    arguments.of_kind(text, "text", str)
    # NLTK drops whatever looks like an entity, such as "&chips;"
    text = ENTITY.sub(lambda found: _read_entity(found).replace("&", "& "), text)
    text = re.sub(r"\S{100}(?=\S)", r"\g<0> ", text)
    pieces = re.findall(r".{1,1000}(?!\S)", text)
    return [token for piece in pieces for token in TweetTokenizer().tokenize(piece)]


@cache
def stop_words() -> frozenset[str]:
    """NLTK's 198 English stop words, kept in the course's data folder."""
    file = files.folder() / "nltk_data/corpora/stopwords/english"
    return frozenset(file.read_text("utf-8").split())


def remove_stop_words(tokens: Sequence[str]) -> list[str]:
    """The tokens that are no stop words, in small letters or capitals."""
    tokens, unwanted = arguments.list_of(tokens, "tokens", str), stop_words()
    return [token for token in tokens if token.lower() not in unwanted]


def stem(tokens: Sequence[str]) -> list[str]:
    """The stem of each token, in small letters: "running" and "Runs" give "run".

    Source: NLTK's English Snowball stemmer, after M. F. Porter, "An algorithm for
    suffix stripping", 1980. Errors: TypeError where `tokens` is no list of str.
    """
    from nltk.stem import SnowballStemmer

    stemmer = SnowballStemmer("english")
    return [stemmer.stem(token) for token in arguments.list_of(tokens, "tokens", str)]


def tag(tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Each token with its part of speech, one of the 12 universal tags.

    It learned from edited prose of 1961: at "u" or "lol" it guesses. Sources: NLTK's
    PerceptronTagger with weights of data/train_tagger.py; S. Petrov, D. Das,
    R. McDonald, "A universal part-of-speech tagset", 2012. Errors: as `stem`.
    """
    return _tagger().tag(arguments.list_of(tokens, "tokens", str))


@cache
def _tagger():
    from nltk.tag.perceptron import PerceptronTagger

    model = json.loads((files.folder() / "tagger/universal.json").read_text("utf-8"))
    tagger = PerceptronTagger(load=False)
    tagger.model.weights, tagger.tagdict = model["weights"], model["tagdict"]
    tagger.classes = tagger.model.classes = set(model["classes"])
    return tagger
