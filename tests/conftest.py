"""What all tests share."""

import importlib.util
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
collect_ignore = ["browser"]  # needs Chromium: make test-browser


@pytest.fixture(scope="session")
def root():
    """The folder of the course."""
    return ROOT


@pytest.fixture(scope="session")
def load():
    """Call it with the place of a script: its module, not run as a program."""

    def load(place):
        spec = importlib.util.spec_from_file_location(Path(place).stem, ROOT / place)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(autouse=True)
def _sigint_as_in_a_terminal():
    """A job in the background ignores interrupts from its start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
