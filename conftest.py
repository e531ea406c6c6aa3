"""How a notebook's outputs are compared: see tests/printed.py."""

from nbval.plugin import IPyNbCell

from tests.printed import ROOM, Printed


class Cell(IPyNbCell):
    """A cell of a notebook; its tag `room:5` lets numbers differ by 5 units, not 2."""

    def sanitize(self, s):
        """nbval calls this for every text that it compares."""
        text = super().sanitize(s)
        return Printed(text).with_room(self.room) if isinstance(text, str) else text

    @property
    def room(self) -> int:
        asked = [
            tag[5:] for tag in self.cell.metadata.get("tags", []) if tag[:5] == "room:"
        ]
        return int(asked[0]) if asked else ROOM


def pytest_itemcollected(item):
    if isinstance(item, IPyNbCell):
        item.__class__ = Cell
