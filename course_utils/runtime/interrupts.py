"""An interrupt that waits until what must be whole is whole."""

import signal
import threading
from contextlib import contextmanager


@contextmanager
def held():
    """An interrupt within is raised at the end; only the main thread gets any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if asked:
        raise KeyboardInterrupt
