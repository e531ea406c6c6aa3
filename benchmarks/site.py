"""The web edition: from key press to painted picture, the size of a page, the build.

    make site && python benchmarks/site.py

On each page of build/site its first long film, opened from the disk in Chromium: the
median of thirty single presses until the new picture is drawn, and until the screen
showed it (at 60 pictures a second that is 8 to 25 ms more). Beside it the page's size,
and how long all pages take to be written again, once the lessons have run.
"""

import importlib.util
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "build" / "site"
WATCH = """() => {
  addEventListener("keydown", (event) => (window.pressed = event.timeStamp), true);
  new MutationObserver(() => {
    const drawn = performance.now() - window.pressed;
    requestAnimationFrame(() => requestAnimationFrame(() =>
      (window.seen = [drawn, performance.now() - window.pressed])));
  }).observe(document.body, {subtree: true, attributeFilter: ["data-frame"]});
}"""
sys.path.insert(0, str(ROOT / "web"))


def main():
    if importlib.util.find_spec("playwright") is None or not shutil.which("chromium"):
        print("left out: needs playwright and chromium (make test-site)")
        return
    if not (SITE / "index.html").exists():
        print("left out: needs the web edition (make site)")
        return
    from playwright.sync_api import sync_playwright

    print("page                      MB     drawn, ms     shown, ms")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"))
        for path in sorted(SITE.glob("[0-9]*.html")):
            tab = browser.new_page(viewport={"width": 1400, "height": 1000})
            tab.goto(path.as_uri())
            slider = first_film(tab)
            times = single(tab, slider) if slider else ("no film", "")
            said = "".join(f"{each:>14}" for each in times)
            print(f"{path.stem:<22} {path.stat().st_size / 1e6:>5.1f}{said}")
            tab.close()
        browser.close()
    import build

    sys.argv = ["build.py"]
    start = time.perf_counter()
    build.main()
    print(
        f"written again in {time.perf_counter() - start:.0f} s (runs, if any, included)"
    )


def first_film(tab):
    """The slider of the page's first film of more than thirty frames, or None."""
    for figure in tab.locator("figure.live").all():
        figure.scroll_into_view_if_needed()
        figure.locator("input[type=range]").first.wait_for()
        slider = figure.locator(".course-film input")
        if slider.count() and int(slider.get_attribute("max")) >= 30:
            return slider
    return None


def single(tab, slider):
    """Median milliseconds of thirty presses: until drawn, and until shown."""
    slider.press("Home")
    tab.evaluate(WATCH)
    tab.wait_for_timeout(1500)
    times = []
    for _ in range(30):
        tab.evaluate("window.seen = null")
        slider.press("ArrowRight")
        tab.wait_for_function("window.seen")
        times.append(tab.evaluate("window.seen"))
        tab.wait_for_timeout(150)
    return [f"{sorted(each)[15]:.0f}" for each in zip(*times, strict=True)]


if __name__ == "__main__":
    main()
