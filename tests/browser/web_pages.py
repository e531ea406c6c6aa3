"""The web edition in a real browser: what `make site` wrote into build/site.

    make test-site                    (all lessons)
    make test-site ARGS="-k '00_ or 02_ or 09_'"

Each page from a disk (file://) and from a server on loopback. What is compared is what
a reader sees: the sentence under a film and the pixels above it.
"""

import functools
import http.server
import os
import re
import threading
from pathlib import Path
from urllib.parse import unquote

import pytest

SITE = Path(__file__).resolve().parents[2] / "build" / "site"
AXE = Path(__file__).resolve().parents[2] / "build/axe/node_modules/axe-core/axe.min.js"
PAGES = sorted(path.name for path in SITE.glob("*.html"))
LARGEST = 10e6  # bytes of a page
PIXELS = """(figure) => [...figure.querySelectorAll("canvas:not(.right)")]
  .map((canvas) => canvas.toDataURL()).join()"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def loopback():
    handler = functools.partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(params=["file", "loopback"])
def address(request):
    if request.param == "file":
        return SITE.as_uri()
    return request.getfixturevalue("loopback")


@pytest.fixture(params=PAGES)
def name(request):
    return request.param


@pytest.fixture
def open_tab(browser):
    """Call it with an address and what the context wants; all faults are collected."""
    contexts = []

    def open_tab(url, **wanted):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **wanted)
        contexts.append(context)
        tab = context.new_page()
        tab.asked, tab.faults = [], []
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.on("pageerror", lambda error: tab.faults.append(str(error)))
        tab.on("console", lambda said: said.type == "error"
               and tab.faults.append(said.text))  # fmt: skip
        tab.goto(url)
        return tab

    yield open_tab
    for context in contexts:
        context.close()


def test_there_is_a_page_for_each_lesson():
    assert {"index.html", "glossary.html", "playground.html"} < set(PAGES)
    wanted = os.environ.get("SITE_LESSONS", "").split()
    assert not [lesson for lesson in wanted if f"{Path(lesson).stem}.html" not in PAGES]


def test_a_page_is_not_too_large(name):
    assert (SITE / name).stat().st_size <= LARGEST


def test_everything_moves_by_its_keys_and_nothing_comes_from_elsewhere(
    open_tab, address, name
):
    tab = open_tab(f"{address}/{name}")
    for figure in tab.locator("figure.live").all():
        figure.scroll_into_view_if_needed()
        first = figure.locator(".course-film input, .course-playground input").first
        first.wait_for()
        for control in figure.locator("input[type=range], select").all():
            if control.is_visible():
                move(tab, figure, control)
    assert not tab.faults
    own = (address, "data:", "blob:")
    assert not [url for url in tab.asked if not url.startswith(own)]


def move(tab, figure, control):
    """Press keys on a control until the picture is new; fail after some.

    Of a choice it may be the sentence: both forms of momentum make the same run.
    """
    is_select = control.evaluate("(control) => control.tagName") == "SELECT"
    before = seen(figure)
    control.focus()
    count = len(control.locator("option").all()) if is_select else 2
    for key in ["ArrowDown", "ArrowUp"] if is_select else ["ArrowRight", "ArrowLeft"]:
        for _ in range(count):
            tab.keyboard.press(key)
            for _ in range(40):
                now = seen(figure)
                if now[1] != before[1] or is_select and now != before:
                    return
                tab.wait_for_timeout(25)
    raise AssertionError(f"{control} moves nothing: {before[0]}")


def seen(figure):
    return figure.locator("p").first.inner_text(), figure.evaluate(PIXELS)


def test_without_javascript_stills_and_sentences_stand_there(open_tab, name):
    tab = open_tab(f"{SITE.as_uri()}/{name}", java_script_enabled=False)
    for figure in tab.locator("figure.live").all():
        image = figure.locator("img").first
        assert image.is_visible()
        assert image.bounding_box()["width"] > 400
        assert len(figure.locator("figcaption").inner_text()) > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_tab, name, scheme):
    if not AXE.exists():
        pytest.skip("axe-core is not there: npm was missing (tools/test_site.sh)")
    tab = open_tab(f"{SITE.as_uri()}/{name}", color_scheme=scheme)
    tab.wait_for_timeout(500)
    tab.evaluate(AXE.read_text("utf-8"))
    found = tab.evaluate("axe.run()")["violations"]
    serious = [
        f"{each['id']}: {node['html'][:120]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert not serious


def test_on_a_phone_nothing_is_wider_than_the_screen(open_tab, name):
    tab = open_tab(f"{SITE.as_uri()}/{name}")
    tab.set_viewport_size({"width": 390, "height": 844})
    tab.wait_for_timeout(300)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_every_link_leads_somewhere(name):
    text = (SITE / name).read_text("utf-8")
    text = re.sub(r"(?s)<script.*?</script>", "", text)
    for link in set(re.findall(r'href="([^"]+)"', text)):
        if link.startswith(("http", "data:")):
            continue
        page, _, place = unquote(link).partition("#")
        assert (SITE / (page or name)).is_file(), link
        if place:
            there = (SITE / (page or name)).read_text("utf-8")
            assert f'id="{place}"' in there, link


def test_search_finds_sections_of_lessons(open_tab):
    tab = open_tab(f"{SITE.as_uri()}/index.html?q=slope")
    results = tab.locator("#results a")
    results.first.wait_for()
    assert results.count() >= 2
    assert "slope" in results.first.inner_text().lower()


def test_the_lessons_can_be_linked_to(open_tab):
    """The search writes its words into the address, and must leave the rest of it."""
    tab = open_tab(f"{SITE.as_uri()}/index.html#lessons")
    tab.wait_for_timeout(500)
    assert tab.evaluate("location.hash") == "#lessons"
    assert tab.evaluate("scrollY") > 0


def test_the_looks_are_kept(open_tab):
    lesson = next(page for page in PAGES if page[0].isdigit())
    tab = open_tab(f"{SITE.as_uri()}/{lesson}")
    assert tab.locator("pre.code").first.count()
    for look in ("code", "projector", "theme"):
        tab.evaluate(f"document.querySelector('[data-look={look}]').click()")
    tab.reload()
    looks = tab.evaluate("({...document.documentElement.dataset})")
    assert looks == {"code": "hidden", "projector": "on", "theme": "dark"}
    assert not tab.locator(".cell > pre.code").first.is_visible()


def test_the_projectors_letters_are_large(open_tab, name):
    tab = open_tab(f"{SITE.as_uri()}/{name}")
    tab.set_viewport_size({"width": 1920, "height": 1080})
    tab.evaluate("document.documentElement.dataset.projector = 'on'")
    small = tab.evaluate(
        """() => [...document.querySelectorAll("main *")].filter((element) =>
             element.checkVisibility() && !element.closest("math, sup, sub")
             && [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim())
             && parseFloat(getComputedStyle(element).fontSize)
                * (element.currentCSSZoom ?? 1) < 24)
           .map((element) => element.outerHTML.slice(0, 100))"""
    )
    assert not small


def test_arrow_keys_turn_the_headings_on_the_projector(open_tab):
    lesson = next(page for page in PAGES if page[0].isdigit())
    tab = open_tab(f"{SITE.as_uri()}/{lesson}")
    tab.evaluate("document.documentElement.dataset.projector = 'on'")
    tops = []
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
        tab.wait_for_timeout(300)
        tops.append(tab.evaluate("scrollY"))
    assert tops[0] > 0
    assert tops == sorted(set(tops))
