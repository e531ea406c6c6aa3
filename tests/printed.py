"""What a cell printed, compared with what is stored: words exactly, numbers with room.

Another processor adds up in another order, so a measured number may differ in its last
digit. Two numbers agree within ROOM units of the last digit of the more finely printed
one (2.9 and 3.0; also 2.9 and 3, which is 3.0 printed short). Whole numbers are counts,
and must be equal. How many spaces pad a number does not matter.
"""

import re
from decimal import Decimal

ROOM = 2
NUMBER = re.compile(
    r"(?:(?<![\w.)\]])[-+−])?"  # a sign, where it is no dash between two things
    r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:e[-+]?\d+)?",
    re.IGNORECASE,
)


class Printed(str):
    """Text that is equal to another where its words are, and its numbers nearly."""

    room = ROOM

    def with_room(self, room: int) -> "Printed":
        """The same text; a whole number may then differ by `room` - ROOM, too."""
        self.room = room
        return self

    def __eq__(self, other):
        if words(self) != words(other):
            return False
        pairs = zip(numbers(self), numbers(other), strict=True)
        return all(agree(left, right, self.room) for left, right in pairs)

    def __ne__(self, other):
        return not self == other

    __hash__ = str.__hash__


def words(text: str) -> list[str]:
    """What stands before, between and after the numbers, spaces trimmed."""
    return [re.sub(r"[ \t]+", " ", part).strip(" ") for part in NUMBER.split(text)]


def numbers(text: str) -> list[str]:
    """The numbers of a text, as they were printed."""
    return [found.replace(",", "").replace("−", "-") for found in NUMBER.findall(text)]


def agree(left: str, right: str, room: int = ROOM) -> bool:
    """Are these the same number, as far as both were printed?"""
    finest = min(unit(left), unit(right))
    if is_whole(left) and is_whole(right):
        room -= ROOM
    return abs(Decimal(left) - Decimal(right)) <= room * finest


def is_whole(number: str) -> bool:
    """A count, such as 12; not 12.0, and not 1e+01."""
    return number.lstrip("+-").isdigit()


def unit(number: str) -> Decimal:
    """What one more in the last printed digit is worth."""
    return Decimal(1).scaleb(int(Decimal(number).as_tuple().exponent))
