"""A progress bar for what takes seconds; once done, it leaves nothing on the page."""

import html
import io

from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm

DELAY = 0.5  # seconds in which a notebook's bar is not seen: what is short needs none


class _NotebookBar(tqdm):
    """A bar in an output of its own, which is empty before and after.

    tqdm's own bar for notebooks is a widget: one that ends before the page has built
    its view leaves "model not found" there.
    """

    def __init__(self, **options):
        self.output = display({}, raw=True, display_id=True)
        super().__init__(**options, file=io.StringIO(), delay=DELAY, ncols=80)

    def display(self, msg=None, pos=None):
        text = html.escape(str(self) if msg is None else msg)
        self.output.update(
            {"text/html": f"<pre>{text}</pre>"} if text else {}, raw=True
        )


def bar(total: int, description: str, *, is_shown: bool = True) -> tqdm:
    """A tqdm bar of `total` rounds, for `with`: call its `.update()` after each.

    In a notebook it is an output, in a terminal a line, and where output goes to a file
    nothing. It disappears at the end, also after an exception.
    """
    options = {"total": total, "desc": description, "leave": False}
    shell = get_ipython()
    if is_shown and shell is not None and hasattr(shell, "kernel"):
        return _NotebookBar(**options)
    # disable=None: off unless stderr is a terminal
    return tqdm(**options, disable=None if is_shown else True)
