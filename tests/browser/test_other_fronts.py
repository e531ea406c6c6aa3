"""Notebook 7, and a JupyterLab whose server lacks anywidget: lesson 0 in each."""

import contextlib

import pytest
from lab import open_notebook, serve

LESSON = "00_start_here.ipynb"


@pytest.fixture
def open_front(browser, folder, tmp_path):
    """Call it with what `serve` and `open_notebook` take beside the folder."""

    def open_front(place=None, **wanted):
        server = serve(folder, tmp_path, **wanted)
        address, token = stack.enter_context(server)
        page = open_notebook(browser, address, token, folder / LESSON, place)
        return stack.enter_context(page)

    with contextlib.ExitStack() as stack:
        yield open_front


def test_a_film_plays_in_notebook_7(open_front):
    page = open_front("notebooks", program="notebook")
    page.run_all()
    film = page.films.first
    said = film.locator("p").inner_text()
    page.press(film.locator("input"), "ArrowRight")
    page.tab.wait_for_timeout(500)
    assert film.locator("p").inner_text() != said
    own = "(reading 'schema')"  # Notebook 7 says this of its own settings
    assert not [said for said in page.console if own not in said]


def test_without_anywidget_the_picture_and_its_remedy_are_shown(open_front):
    page = open_front(disabled=["anywidget"])
    page.do("inPage.runAll()")
    page.wait_for("inPage.hasRun", 300)
    page.tab.wait_for_timeout(6000)  # it appears after 3 seconds
    alone = page.tab.locator(".course-film-fallback").first
    alone.scroll_into_view_if_needed()
    page.tab.wait_for_timeout(4000)
    assert "Install anywidget" in alone.inner_text()
    image = alone.locator("img")
    assert image.is_visible()
    assert image.bounding_box()["width"] > 400
    assert len(image.get_attribute("alt")) > 20
