"""The web edition's parts, without a browser: formulas, packed films, terms, links."""

import base64
import io
import re
import sys
from importlib import import_module
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from PIL import Image


@pytest.fixture(scope="module")
def web(root):
    """The modules of web/."""
    sys.path.insert(0, str(root / "web"))
    yield SimpleNamespace(**{n: import_module(n) for n in ("build", "films", "pages")})
    sys.path.remove(str(root / "web"))


@pytest.fixture(scope="module")
def markdown(root):
    """The text of all lessons, and of the README."""
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    cells = [c for p in paths for c in nbformat.read(p, as_version=4).cells]
    return [c.source for c in cells if c.cell_type == "markdown"]


def formulas(markdown):
    for text in markdown:
        text = re.sub(r"(?s)```.*?```|`[^`]*`", "", text)
        for block, inline in re.findall(r"\$\$(.+?)\$\$|\$([^$]+)\$", text, re.DOTALL):
            yield block or inline


def test_every_formula_converts_and_the_font_has_its_characters(web, root, markdown):
    font = TTFont(root / "web" / "fonts" / "course-math.woff2")
    known = set(font.getBestCmap())
    found = list(formulas(markdown))
    assert len(found) > 100
    for tex in found:
        made = web.pages.mathml(tex.replace(r"\qquad", " "))
        characters = re.sub(r"<[^>]*>", "", made)
        missing = {c for c in characters if ord(c) not in known and not c.isspace()}
        assert not missing, f"{tex}: {missing}"
        assert "\\" not in characters, f"{tex}: not converted"


def test_the_font_is_renamed_and_its_notice_stands_beside_it(root):
    font = TTFont(root / "web" / "fonts" / "course-math.woff2")
    names = {record.nameID: str(record) for record in font["name"].names}
    assert names[1] == names[4] == "Course Math"
    assert "Pagella" in names[10]
    folder = root / "web" / "fonts"
    assert "GUST" in (folder / "GUST-FONT-LICENSE.txt").read_text()
    assert "Pagella" in (folder / "README.md").read_text()
    assert "GUST Font License" in (root / "web" / "page.html").read_text()


def frame(draw):
    pixels = np.zeros((40, 100), np.uint8)
    draw(pixels)
    picture = Image.fromarray(pixels, "P")
    picture.putpalette([c for i in range(256) for c in (255 - i, i, i // 2)])
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def shown(packed, i):
    """What player.js draws: one picture upon the other."""
    under, over = (
        Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA")
        for png in (packed["under"], packed["over"][i])
    )
    return np.asarray(Image.alpha_composite(under, over).convert("RGB")).astype(int)


@pytest.mark.parametrize("colors", [3, 256])
def test_packed_frames_show_what_the_frames_show(web, colors):
    """With all 256 colors in use, the rarest one becomes its neighbor."""

    def draw(i):
        def on(pixels):
            pixels[:10] = np.arange(1000).reshape(10, 100) % colors
            pixels[20, 5 * i : 5 * i + 5] = 2
            pixels[30, 50] = i % colors

        return on

    frames = [frame(draw(i)) for i in range(12)]
    packed = web.films.pack(frames)
    for i, each in enumerate(frames):
        wanted = np.asarray(Image.open(io.BytesIO(each)).convert("RGB")).astype(int)
        off = np.abs(shown(packed, i) - wanted).max()
        assert off <= (0 if colors == 3 else 2)


def test_a_wide_picture_is_split_between_its_halves(web):
    pixels = np.full((50, 200, 3), 255, np.uint8)
    pixels[10:40, 10:80] = pixels[10:40, 105:190] = 0
    assert 80 <= web.films.split([Image.fromarray(pixels)]) <= 105
    pixels[45, 10:190] = 0
    assert web.films.split([Image.fromarray(pixels)]) is None
    assert web.films.split([Image.fromarray(pixels[:, :80])]) is None


def test_terms_are_no_labels_and_no_stress(web, markdown):
    is_term = web.pages.is_term
    assert is_term("learning rate")
    assert not any(
        map(is_term, ["Predict.", "Next:", "1.", "What is one step?", "one"])
    )
    bold = {b for text in markdown for b in re.findall(r"\*\*(.+?)\*\*", text)}
    assert web.pages.STRESSED <= bold


def test_lesson_numbers_become_links_but_not_inside_other_elements(web):
    pages = {"5": "05_momentum.html"}
    text = '<p>See lesson 5.</p><pre>lesson 5</pre><p><a href="x">lesson 5</a></p>'
    made = web.build.linked(text, pages)
    assert made.count('href="05_momentum.html"') == 1
    made = web.build.linked('<a href="07_bert.ipynb#l07-3">7</a>', pages)
    assert 'href="07_bert.html#l07-3"' in made


def test_a_change_of_text_runs_nothing_again_a_change_of_code_does(web, tmp_path):
    def state(code, text, output):
        cells = [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell(code)]
        cells[1].outputs = [nbformat.v4.new_output("stream", text=output)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
        return web.build.state_of(tmp_path / "a.ipynb")

    assert state("1", "a", "b") == state("1", "text", "c")
    assert state("1", "a", "b") != state("2", "a", "b")


def test_a_widget_cell_without_anything_live_ends_the_build(web, tmp_path, monkeypatch):
    """`--ext` fails silently."""
    cell = nbformat.v4.new_code_cell("1", metadata={"tags": ["widget"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "a.ipynb")
    monkeypatch.setattr(web.build.notebooks, "execute", lambda *_, **__: None)
    with pytest.raises(SystemExit, match="a.ipynb: nothing live in"):
        web.build.run(tmp_path / "a.ipynb", tmp_path / "run")
    assert not (tmp_path / "run" / "a.ipynb").exists()


def test_what_is_seen_stays_closed_until_the_answer_is_opened(web):
    answer = '<div class="cell"><details class="answer"><pre>1</pre></details></div>'
    check = '<div class="cell check" id="c"></div>'
    parts = [answer, check]
    text = '<p class="see">One.</p>\n<p>Next.</p>'
    assert web.pages.told_with_the_answer(parts, text).strip() == "<p>Next.</p>"
    assert parts[0].endswith('<p class="see">One.</p></details></div>')
    parts = ['<div class="cell"><pre>1</pre></div>', check]
    assert web.pages.told_with_the_answer(parts, text) == text


def test_code_that_the_lesson_keeps_closed_is_closed(web):
    cell = nbformat.v4.new_code_cell("# @title The code of room 1\nx = 1")
    assert web.pages.closed(cell) is None
    cell.metadata["jupyter"] = {"source_hidden": True}
    assert web.pages.closed(cell) == "The code of room 1"
    cell.source = "x = 1"
    assert web.pages.closed(cell) is None
