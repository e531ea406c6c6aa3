"""What all tests share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
collect_ignore = ["browser"]  # needs Chromium: make test-browser


@pytest.fixture(scope="session")
def root():
    """The folder of the course."""
    return ROOT
