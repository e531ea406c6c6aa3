"""Checkers of lesson 01: ids, padding, a threshold, evidence, words in pieces."""

from collections import Counter

from course_utils.checks import Verdict, judge, require_function
from course_utils.checks.choices import choose


def check_build_ids(build_ids) -> Verdict:
    """build_ids(token_lists, min_count): token to id, from 2 on, in any order."""

    def counted(lists, least, *, first=2, key=None):
        counts = Counter(token for tokens in lists for token in tokens)
        kept = sorted(token for token in counts if counts[token] >= least)
        return {token: i for i, token in enumerate(kept, first)}

    def told(make):
        """What is kept, and the ids, whichever token has which."""

        def tokens_and_ids(lists, least):
            found = make(lists, least)
            if not isinstance(found, dict):
                return found
            return sorted(found), sorted(found.values())

        return tokens_and_ids

    lists = [["call", "now", "call"], ["free", "now", "ok"], ["free", "call"]]
    cases = [(lists, 2), (lists, 3), (lists, 1), ([["a", "b"], ["b"], []], 2)]
    require_function(build_ids)
    return judge(
        told(build_ids),
        told(counted),
        cases,
        {
            "it leaves out tokens seen exactly min_count times: at least is >=.": (
                told(lambda lists, least: counted(lists, least + 1))
            ),
            "the tokens are right, but 0 is the id of padding and 1 of the unknown: "
            "the first token gets 2.": (
                told(lambda lists, least: counted(lists, least, first=0))
            ),
            "the tokens are right, but 1 is the id of every unknown token: the first "
            "token gets 2.": told(lambda lists, least: counted(lists, least, first=1)),
            "it is as it was: both faults are still there.": (
                told(lambda lists, least: counted(lists, least + 1, first=0))
            ),
            "it keeps every token, however rare; use min_count.": (
                told(lambda lists, least: counted(lists, 1))
            ),
            "those are the counts; number the tokens.": (
                told(
                    lambda lists, least: {
                        token: count
                        for token, count in Counter(sum(lists, [])).items()
                        if count >= least
                    }
                )
            ),
            "`min_count` stands at 2, whatever it is given.": (
                told(lambda lists, least: counted(lists, 2))
            ),
        },
        names=("the tokens kept", "the ids"),
        hint="not these tokens and ids. Go through a small case by hand.",
    )


def check_pad(pad) -> Verdict:
    """pad(sequences): (token_ids, mask), lists of lists, filled with 0 on the right."""

    def padded(sequences, width=0, on_left=False, inverted=False, filler=0):
        width = width or max(map(len, sequences))
        rows, masks = [], []
        for ids in sequences:
            fill, real = [filler] * (width - len(ids)), [not inverted] * len(ids)
            blank = [inverted] * len(fill)
            rows.append(fill + ids if on_left else ids + fill)
            masks.append(blank + real if on_left else real + blank)
        return rows, masks

    def cut(sequences, width):
        return [ids[:width] for ids in sequences], [[True] * width for _ in sequences]

    cases = [([[5, 6, 7], [8]],), ([[2], [3, 4], []],), ([[9, 9]],), ([[1, 5], [1]],)]
    return judge(
        pad,
        padded,
        cases,
        {
            "the padding stands on the left; put it after the tokens.": (
                lambda s: padded(s, on_left=True)
            ),
            "the mask is inverted: True means a token stands here.": (
                lambda s: padded(s, inverted=True)
            ),
            "you returned the ids only; return (token_ids, mask).": (
                lambda s: padded(s)[0]
            ),
            "you returned the mask only; return (token_ids, mask).": (
                lambda s: padded(s)[1]
            ),
            "the two are in the wrong order: the ids first, then the mask.": (
                lambda s: padded(s)[::-1]
            ),
            "unknown is 1, padding is 0.": lambda s: (
                padded(s, filler=1)[0],
                padded(s)[1],
            ),
            "the rows are cut to the shortest; fill them to the longest.": (
                lambda s: cut(s, min(map(len, s)))
            ),
            "nothing is filled: every row must be as long as the longest.": (
                lambda s: (s, [[True] * len(ids) for ids in s])
            ),
        },
    )


def check_cheapest_threshold(cheapest_threshold) -> Verdict:
    """cheapest_threshold(scores, is_spam, thresholds, lost_cost): a threshold."""

    def cheapest(weight_lost, weight_slipped=lambda cost: 1, *, last=False, above=True):
        def find(scores, is_spam, thresholds, lost_cost):
            def cost(threshold):
                pairs = list(zip(scores, is_spam, strict=True))
                called = [
                    (s > threshold if above else s >= threshold) for s, _ in pairs
                ]
                lost = sum(c and not y for c, (_, y) in zip(called, pairs, strict=True))
                slipped = sum(
                    not c and bool(y) for c, (_, y) in zip(called, pairs, strict=True)
                )
                return (
                    weight_lost(lost_cost) * lost + weight_slipped(lost_cost) * slipped
                )

            ordered = thresholds[::-1] if last else thresholds
            return min(ordered, key=cost)

        return find

    scores = [0.1, 0.2, 0.35, 0.3, 0.6, 0.55, 0.9, 0.8, 0.7]
    is_spam = [0, 0, 0, 1, 0, 1, 1, 1, 0]
    grid = [0.05, 0.25, 0.35, 0.5, 0.65, 0.75, 0.95]
    cases = [(scores, is_spam, grid, 1), (scores, is_spam, grid, 10),
             (scores, is_spam, grid, 0.1), (scores, is_spam, [0.2, 0.4, 0.6], 3),
             ([0.5, 0.5], [1, 0], [0.4, 0.5, 0.6], 2)]  # fmt: skip
    right = cheapest(lambda cost: cost)
    return judge(
        cheapest_threshold,
        right,
        cases,
        {
            "the cost is charged for spam that slips through; it is the price of a "
            "good message that is lost.": cheapest(lambda cost: 1, lambda cost: cost),
            "both mistakes cost the same there; use lost_cost.": (
                cheapest(lambda cost: 1)
            ),
            "a message is called spam *above* the threshold, not at it.": (
                cheapest(lambda cost: cost, above=False)
            ),
            "where two cost the same, the lower threshold was asked for.": (
                cheapest(lambda cost: cost, last=True)
            ),
            "only lost messages are counted; spam that slips through costs 1.": (
                cheapest(lambda cost: cost, lambda cost: 0)
            ),
            "only spam that slips through is counted; a lost message costs, too.": (
                cheapest(lambda cost: 0)
            ),
            "that is the place in the list; return the threshold.": (
                lambda *case: case[2].index(right(*case))
            ),
        },
        hint="not that one. Count both mistakes at each threshold of the list.",
    )


def check_emoticons(answer) -> Verdict:
    """Better in 13 of 15 splits, by a tenth of the spread: what may one say?"""
    return choose(
        answer,
        "b",
        {
            "a": "the spread is that of the splits, and both were judged on the same "
            "ones: look at the differences. A coin gives 13 or more of 15 on one side "
            "once in 135 tries.",
            "b": "the gap is small and its direction is hardly luck. How large it is "
            "elsewhere nobody has measured.",
            "c": "that says more than was tried: these messages, this classifier. "
            "And the size of the gap is the least certain part.",
        },
    )


def check_cut(cut) -> Verdict:
    """cut(word, pieces): the longest pieces from the front, or ["[UNK]"]."""

    def greedy(pick, *, mark="##", whole=True):
        def cut_by(word, pieces):
            found: list[str] = []
            start = 0
            while start < len(word):
                prefix = mark if start else ""
                fits = [end for end in range(start + 1, len(word) + 1)
                        if prefix + word[start:end] in pieces]  # fmt: skip
                if not fits:
                    return ["[UNK]"] if whole else [*found, "[UNK]"]
                end = pick(fits)
                found.append(prefix + word[start:end])
                start = end
            return found

        return cut_by

    pieces = {"t", "tx", "ring", "r", "win", "##ting", "##t", "##ing", "##tone", "##i",
              "##n", "##g", "##one", "to", "##ner", "##s", "tone"}  # fmt: skip
    cases = [("txting", pieces), ("ringtone", pieces), ("win", pieces),
             ("wins", pieces), ("winx", pieces), ("tt", pieces), ("zoo", pieces),
             ("ringt", pieces - {"##t"})]  # fmt: skip
    return judge(
        cut,
        greedy(max),
        cases,
        {
            "those are the shortest pieces; take the longest that fits.": greedy(min),
            "a piece inside a word begins with ##.": greedy(max, mark=""),
            "where no piece fits, the whole word is [UNK], not only its rest.": (
                greedy(max, whole=False)
            ),
            "join nothing: return a list of pieces.": (
                lambda word, pieces: " ".join(greedy(max)(word, pieces))
            ),
            "an unknown word gave an empty list; it is ['[UNK]'].": (
                lambda word, pieces: [
                    p for p in greedy(max)(word, pieces) if p != "[UNK]"
                ]
            ),
            "that cuts into letters; take the longest piece that fits.": (
                lambda word, pieces: list(word)
            ),
        },
    )
