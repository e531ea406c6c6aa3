"""Every notebook in JupyterLab: stored pictures, all cells, all films, all controls."""

import itertools
import time
from pathlib import Path

import lab
import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CONTROLS = "select, .noUi-handle, input:not(.course-film *), button, textarea"
NEW_FILM = 60  # seconds at most from a control's change to the new film


@pytest.fixture(
    scope="module", params=sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem
)
def opened(request, open_page):
    """A notebook as it is stored, opened and not run."""
    with open_page(request.param.name) as page:
        yield page


@pytest.fixture(scope="module")
def lesson(opened):
    """The same notebook after all its cells ran."""
    opened.run_all()
    return opened


def test_the_stored_notebook_shows_its_pictures(opened):
    cells = nbformat.read(NOTEBOOKS / opened.path.name, as_version=4).cells
    stored = [output for cell in cells for output in cell.get("outputs", [])]
    count = sum("image/png" in output.get("data", {}) for output in stored)
    images = opened.tab.locator(".jp-OutputArea-output img")
    for image in images.all():
        assert image.is_visible()
        image.evaluate("(image) => image.decode()")  # fails where there is no picture
        assert image.evaluate("(image) => image.naturalWidth") > 400
    assert images.count() == count


def test_every_cell_runs_without_an_error(lesson):
    for number, cell in enumerate(lesson.save().cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        assert cell.execution_count, f"cell {number} did not run"
        tags = cell.metadata.get("tags", [])
        errors = [out for out in cell.outputs if out.output_type == "error"]
        assert not errors or "raises-exception" in tags, f"cell {number}: {errors}"
        shown = {kind for out in cell.outputs for kind in out.get("data", {})}
        assert WIDGET_VIEW in shown or "widget" not in tags, f"cell {number}: no widget"


def test_the_arrow_keys_show_every_frame_in_order(lesson):
    for number in range(lesson.films.count()):
        slider = lesson.films.nth(number).locator("input")
        _, frames = lesson.content(number)
        presses = [("Home", frames[0])]
        presses += [("ArrowRight", frame) for frame in frames[1:]]
        presses += [("ArrowLeft", frame) for frame in frames[-2:-12:-1]]
        seen = []
        for key, frame in presses:
            lesson.press(slider, key)
            seen.append(lesson.see(number, alt=frame[2], seconds=10))
            assert seen[-1] == frame, f"film {number}: {key} no. {len(seen)}"
        for before, after in itertools.pairwise(seen):
            assert all(old != new for old, new in zip(before, after, strict=True))
        assert now(lesson, number) == seen[-1]  # the kernel knows where the slider is


def test_every_control_changes_its_film_by_keyboard_alone(lesson):
    for number in range(lesson.films.count()):
        panel = lesson.films.nth(number).locator("xpath=..")
        for control in panel.locator(CONTROLS).all():
            lesson.press(control, "Home")
            shown = now(lesson, number)
            for key in keys(control):
                lesson.press(control, key)
                before, shown = shown, now(lesson, number, before=shown)
                assert shown[0] != before[0], f"{key}: the same picture"
                assert shown[2] != before[2], f"{key}: the same alt text"


def keys(control):
    """Keys that move a control to each of its values, or from end to end."""
    kind = control.evaluate("(control) => control.type ?? control.className")
    if kind == "select-one":
        return ["ArrowDown"] * (control.locator("option").count() - 1)
    if "noUi-handle" in kind:
        return ["End", "Home"]
    if kind in ("checkbox", "button", "submit"):
        return ["Space"]
    raise NotImplementedError(f"say here which keys change this control: {kind}")


def now(lesson, number, before=None):
    """What a film shows, once it is what the kernel holds and no longer `before`."""
    end = time.monotonic() + NEW_FILM
    seen, held = before, None
    while (seen == before or seen != held) and time.monotonic() < end:
        index, frames = lesson.content(number)
        held = frames[index]
        seen = lesson.see(number, alt=held[2], seconds=1)
    assert seen == held
    return seen


def test_every_playground_is_played_by_keyboard_alone(lesson):
    playgrounds = lesson.tab.locator(".course-playground")
    for number in range(playgrounds.count()):
        playground = playgrounds.nth(number)
        said = playground.locator("p")
        for control in playground.locator("canvas.course-playground-map, input").all():
            before = said.inner_text()
            for key in ("ArrowLeft", "ArrowRight", "Space"):
                lesson.press(control, key)
                lesson.tab.wait_for_timeout(100)
                if said.inner_text() != before:
                    break
            assert said.inner_text() != before, control
        held = lesson.ask_kernel(lab.playground_sentences, lesson.models())
        assert held[number] == said.inner_text()  # the kernel knows


def test_a_reloaded_page_shows_the_same_films(lesson):
    before = []
    for number in range(lesson.films.count()):
        lesson.press(lesson.films.nth(number).locator("input"), "ArrowRight")
        before.append(now(lesson, number))
    lesson.reload()
    assert [now(lesson, number) for number in range(len(before))] == before
    for number, shown in enumerate(before):
        lesson.press(lesson.films.nth(number).locator("input"), "ArrowLeft")
        assert now(lesson, number, before=shown) != shown


def test_the_console_shows_no_error(lesson):
    assert not lesson.console
