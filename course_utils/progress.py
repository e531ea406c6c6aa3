"""A progress bar for what takes seconds; once done, it leaves nothing on the page."""

from contextlib import contextmanager

from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm

_VIEW = "application/vnd.jupyter.widget-view+json"


@contextmanager
def bar(total: int, description: str, *, is_shown: bool = True):
    """Gives a tqdm bar of `total` rounds: call `.update()` after each.

    In a notebook it is a widget, in a terminal a line, and where output goes to a file
    nothing. It disappears at the end, also after an exception.
    """
    shell = get_ipython()
    if is_shown and shell is not None and hasattr(shell, "kernel"):
        from tqdm.notebook import tqdm as notebook_tqdm

        shown = notebook_tqdm(total=total, desc=description, leave=False, display=False)
        # The view alone, without the bar as text: nothing to store in the notebook.
        bundle = shown.container._repr_mimebundle_()
        display({_VIEW: bundle[_VIEW]}, raw=True)
        try:
            yield shown
        finally:
            shown.container.close()
    else:  # disable=None: off unless stderr is a terminal
        disable = None if is_shown else True
        with tqdm(total=total, desc=description, leave=False, disable=disable) as shown:
            yield shown
