"""Chromium, JupyterLab on a copy of the notebooks, and one notebook open at a time."""

import shutil

import pytest
from lab import open_notebook, serve
from playwright.sync_api import sync_playwright

ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no network
]


@pytest.fixture(scope="session")
def folder(root, tmp_path_factory):
    """A copy of the notebooks: JupyterLab writes here, never into the repository."""
    hidden = shutil.ignore_patterns(".*")
    copy = tmp_path_factory.mktemp("served") / "notebooks"
    return shutil.copytree(root / "notebooks", copy, ignore=hidden)


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests: a process has one Playwright at a time."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def open_page(browser, folder, tmp_path_factory):
    """Call it with a notebook's name: `with open_page("a.ipynb") as page`."""
    scratch = tmp_path_factory.mktemp("jupyterlab")
    with serve(folder, scratch) as (address, token):
        yield lambda name: open_notebook(browser, address, token, folder / name)
