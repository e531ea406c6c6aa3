"""Eight films on one page, three re-runs, a reload: memory stays within its bars."""

import contextlib

import nbformat
import psutil
import pytest

SETUP = """
import torch

from course_utils import steps
from course_utils.pictures import explore, views
from course_utils.steps import surfaces


def show(condition):
    bowl = surfaces.bowl(condition=condition)
    params = torch.tensor(bowl.start, dtype=torch.float64, requires_grad=True)
    return explore.step(steps.profile(params, bowl), views.path(bowl))
"""
NUM_FILMS, NUM_RERUNS = 8, 3
EIGHT_FILMS, AFTER_RERUNS = 300, 400  # MB


@pytest.fixture
def eight(folder, open_page):
    """A notebook with eight films."""
    sources = [SETUP, *(f"show({2 + number})" for number in range(NUM_FILMS))]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "eight.ipynb")
    with open_page("eight.ipynb") as page:
        yield page


def use_every_film(page):
    for film in page.films.all():
        page.press(film.locator("input"), "ArrowRight")
        page.tab.wait_for_timeout(700)  # all its frames are decoded now
    page.films.last.locator("input").blur()


def used_by_page(page):
    """MB of the renderer's own memory (USS): the largest renderer is this page's."""
    page.tab.wait_for_timeout(1500)
    sizes = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "--type=renderer" in process.cmdline():
                sizes.append(process.memory_full_info().uss)
    return max(sizes) / 1e6


def shown(page):
    return [
        film.locator("canvas").get_attribute("aria-label") for film in page.films.all()
    ]


def test_eight_films_stay_within_the_bars(eight):
    eight.run_all()
    use_every_film(eight)
    used = [used_by_page(eight)]
    for _ in range(NUM_RERUNS):
        eight.run_all()
        use_every_film(eight)
        used.append(used_by_page(eight))
    print("MB after each run:", *map(round, used))
    assert used[0] <= EIGHT_FILMS
    assert max(used) <= AFTER_RERUNS
    before = shown(eight)
    eight.reload()
    assert shown(eight) == before
    assert len(set(before)) == NUM_FILMS
    assert not eight.console
