"""A film beside ipywidgets' `interact`: from key press to painted picture.

    python benchmarks/browser.py

Both show one step on the same bowl with 61 learning rates, on one page of a real
JupyterLab in Chromium (needs playwright and chromium, as `make test-browser` does).
Thirty single presses: the median time until the new picture is painted. Then sixty
presses in one second: how many pictures are painted, and how late the last one is.
"""

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat

BROWSER = Path(__file__).resolve().parent.parent / "tests" / "browser"
SETUP = """
import numpy as np
import torch
from ipywidgets import SelectionSlider, interact
from matplotlib import pyplot as plt

from course_utils import steps
from course_utils.pictures import explore, plots, views
from course_utils.steps import surfaces

bowl = surfaces.bowl(condition=5)
params = torch.tensor(bowl.start, dtype=torch.float64, requires_grad=True)
profile = steps.profile(params, bowl)
lrs = explore.learning_rates(profile)
"""
FILM = "explore.step(profile, views.path(bowl))"
INTERACT = """
def draw(lr):
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.4))
    x, y = (np.linspace(low, high, 120) for low, high in bowl.bounds)
    grid = torch.tensor(np.stack(np.meshgrid(x, y), axis=-1))
    plots.landscape(x, y, bowl(grid).numpy(), ax=left, minima=bowl.minima)
    end = profile.along([lr], lambda p: p.detach().numpy().copy())[0]
    left.plot(*np.stack([bowl.start, end]).T, "o-")
    right.semilogx(lrs, profile.losses(lrs))
    right.plot([lr], profile.losses([lr]), "o")
    plt.show()

interact(draw, lr=SelectionSlider(options=list(lrs)));
"""
WATCH = """() => {
  window.painted = [];
  const note = () => requestAnimationFrame(() => requestAnimationFrame(() =>
    window.painted.push(performance.now())));
  const isPicture = (node) => node.tagName === "IMG" || node.tagName === "CANVAS";
  document.addEventListener("load", (event) => isPicture(event.target) && note(), true);
  new MutationObserver((changes) => changes.some((c) => isPicture(c.target)) && note())
    .observe(document.body, {subtree: true, attributeFilter: ["data-frame"]});
}"""
PRESS = """() => { window.painted = []; window.pressed = performance.now(); }"""
WAIT = "() => window.painted.length > 0"


def parts():
    """`lab` of the browser tests, and playwright's entrance."""
    sys.path.insert(0, str(BROWSER))
    from lab import open_notebook, serve
    from playwright.sync_api import sync_playwright

    return open_notebook, serve, sync_playwright


def single(page, slider):
    """Median milliseconds of thirty presses."""
    times = []
    page.press(slider, "Home")
    page.tab.wait_for_timeout(1500)
    for _ in range(30):
        page.tab.evaluate(PRESS)
        page.press(slider, "ArrowRight")
        page.tab.wait_for_function(WAIT)
        times.append(page.tab.evaluate("window.painted[0] - window.pressed"))
        page.tab.wait_for_timeout(150)
    return sorted(times)[len(times) // 2]


def burst(page, slider):
    """Pictures painted of sixty presses in a second, and ms the last one is late."""
    page.press(slider, "Home")
    page.tab.wait_for_timeout(1500)
    page.tab.evaluate(PRESS)
    for number in range(60):
        page.press(slider, "ArrowRight")
        page.tab.wait_for_function(
            f"() => performance.now() > window.pressed + {1000 / 60 * (number + 1)}"
        )
    last = page.tab.evaluate("performance.now()")
    page.tab.wait_for_timeout(8000)
    painted = page.tab.evaluate("window.painted")
    return len(painted), max(painted, default=last) - last


def main():
    if importlib.util.find_spec("playwright") is None or not shutil.which("chromium"):
        print("left out: needs playwright and chromium (make test-browser)")
        return
    open_notebook, serve, sync_playwright = parts()
    cells = [nbformat.v4.new_code_cell(source) for source in (SETUP, FILM, INTERACT)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    with tempfile.TemporaryDirectory() as name:
        folder, scratch = Path(name) / "notebooks", Path(name) / "scratch"
        folder.mkdir()
        scratch.mkdir()
        nbformat.write(notebook, folder / "two.ipynb")
        with serve(folder, scratch) as (address, token), sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"))
            page_of = open_notebook(browser, address, token, folder / "two.ipynb")
            with page_of as page:
                page.run_all()
                page.tab.evaluate(WATCH)
                sliders = {
                    "film": page.films.first.locator("input"),
                    "interact": page.tab.locator(".noUi-handle").first,
                }
                print("           a press, ms   painted of 60   the last late, ms")
                for kind, slider in sliders.items():
                    latency = single(page, slider)
                    count, late = burst(page, slider)
                    print(f"{kind:<10} {latency:>11.0f} {count:>15} {late:>19.0f}")
            browser.close()


if __name__ == "__main__":
    main()
