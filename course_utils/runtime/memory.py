"""Memory that is no longer used, back to the system."""

import ctypes
import gc
import sys


def release() -> None:
    """Collect what nothing refers to, and hand freed memory back to the system.

    glibc, the C library of most Linux systems, otherwise keeps hundreds of MB after a
    training run. Elsewhere only the collection is done.
    """
    gc.collect()  # optimizer and schedule refer to each other
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda keep: 0)(0)
