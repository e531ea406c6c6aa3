"""A lesson that was run, as the body of a page: text, formulas, cells, films, terms."""

import base64
import html
import io
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import films
import latex2mathml.converter
import nbformat
import numpy as np
from mistune import HTMLRenderer
from nbconvert.filters.ansi import strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

FOLDED = {"setup": "Setup", "check": "Check", "solution": "Solution", "claim": "Code"}
# Bold for stress, or as the name of a thing: no terms for the glossary.
STRESSED = set(
    """ε BERT GPT Summary Predict Shift+Enter adds ask show give sign tenfold stable
    best hidden saturates explode vanishes fresh normed order one share nothing
    mended""".split()
)


# Formulas


def mathml(tex, display="inline"):
    """A formula as MathML, with what latex2mathml leaves to be wished put right."""
    text = latex2mathml.converter.convert(tex.strip(), display=display)
    root = ElementTree.fromstring(re.sub(' xmlns="[^"]*"', "", text, count=1))
    root.set("alttext", tex.strip())
    for parent in root.iter():
        for child, after in pairwise([*parent, None]):
            name = child.text or ""
            if child.tag == "msub" and child[0].text in ("min", "max"):
                child.tag = "munder" if display == "block" else "msub"
            elif child.tag in ("mi", "mo") and name.isalpha() and len(name) > 1:
                opens = after is None or after.text == "("
                child.tag, space = "mo", "0" if opens else "0.17em"
                child.attrib |= {"lspace": "0", "rspace": space}
            elif name == "‖":  # as high as a letter, not as high as the row
                child.attrib |= {"stretchy": "false", "lspace": "0", "rspace": "0"}
            elif name == "⟺":
                child.tag = "mo"
    return ElementTree.tostring(root, encoding="unicode")


# Text


def slug(text):
    return re.sub(r"\W+", "-", text.lower()).strip("-")


def plain(markup):
    """Text without tags; a formula is gone."""
    text = re.sub(r"(?s)<math.*?</math>", "…", markup)
    return " ".join(html.unescape(re.sub("<[^>]*>", "", text)).split())


class Renderer(IPythonRenderer):
    """Markdown to HTML: formulas are MathML; headings and bold terms are remembered."""

    def __init__(self):
        super().__init__(escape=False)
        self.headings, self.terms, self.ids = [], {}, set()
        self.explains = True  # are the bold words of this cell terms?

    def inline_math(self, body):
        return mathml(body)

    def block_math(self, body):
        parts = "".join(mathml(part, "block") for part in body.split(r"\qquad"))
        return f'<span class="formula">{parts}</span>'

    def heading(self, text, level, **attrs):
        name = self.unused(slug(plain(text)))
        self.headings.append((level, name, plain(text)))
        return HTMLRenderer.heading(self, text, level, id=name)

    def strong(self, text):
        term = re.sub(r"^An? ", "", plain(text))
        if not (self.explains and is_term(term)) or slug(term) in self.terms:
            return super().strong(text)
        name = self.unused(f"term-{slug(term)}")
        self.terms[slug(term)] = (term, name)
        return f'<strong id="{name}">{text}</strong>'

    def unused(self, name):
        while name in self.ids:
            name += "-again"
        self.ids.add(name)
        return name


def is_term(text):
    """Is this bold text a term that it explains, not a label, a question or stress?"""
    is_label = re.search(r"[.:?…]$|^\W|^\d", text) or len(text.split()) > 3
    return not is_label and text not in STRESSED


def sentence_with(place, markup):
    """The sentence of the paragraph that holds the element with this id."""
    blocks = re.findall(
        r"(?s)<(?:p|li)\b[^>]*>((?:(?!<p\b|<li\b).)*?)</(?:p|li)>", markup
    )
    block = next((block for block in blocks if f'id="{place}"' in block), "")
    for said in re.split(r"(?<=[.?!])\s+(?=[A-Z<])", block):
        if f'id="{place}"' in said:
            return re.sub(r' id="[^"]*"', "", said)
    return ""


def closed(cell):
    """The title of a cell whose code the lesson keeps closed, or None."""
    is_hidden = cell.metadata.get("jupyter", {}).get("source_hidden")
    title = re.match("# @title (.+)", cell.source)
    return title[1] if is_hidden and title else None


# Cells

ANSWER_ENDS = "</details></div>"


def markdown(text, more=""):
    """Markdown that stands in no lesson, and what follows it."""
    return in_sections(MarkdownWithMath(renderer=Renderer()).render(text) + more)


@dataclass
class Lesson:
    """A page: a notebook that was run."""

    path: Path  # the notebook
    run: Path  # the same with the outputs of a run
    live: dict = field(default_factory=dict)  # element id -> what player.js plays
    renderer: Renderer = field(default_factory=Renderer)

    @cached_property
    def cells(self):
        """Texts of the notebook, outputs of its run; without the cell that installs."""
        ran = {c.id: c for c in nbformat.read(self.run, as_version=4).cells}
        cells = nbformat.read(self.path, as_version=4).cells
        for cell in cells:
            if cell.cell_type == "code":
                cell.outputs = ran[cell.id].outputs
        last = cells[-1].source.rstrip().splitlines()  # "shut down this kernel"
        cells[-1].source = "\n".join(last[:-1])
        cells[0].source = re.sub(r"\n\n\[Open in Colab\].*", "", cells[0].source)
        return [c for c in cells if "install" not in c.metadata.get("tags", [])]

    @property
    def page(self):
        return f"{self.path.stem}.html"

    @cached_property
    def number(self):
        return self.path.stem.split("_")[0].lstrip("0") or "0"

    @cached_property
    def title(self):
        return re.match(r"# (.*)", self.cells[0].source)[1]

    @cached_property
    def question(self):
        return re.search(r"\*\*(.*?)\*\*", self.cells[0].source)[1]

    @cached_property
    def minutes(self):
        return re.search(r"(\d+) minutes", self.cells[1].source)[1]

    @property
    def headings(self):
        return [head for head in self.renderer.headings if head[0] == 2]

    @cached_property
    def body(self):
        markdown = MarkdownWithMath(renderer=self.renderer)
        parts, predict = [], False
        for cell in self.cells:
            if cell.cell_type == "markdown":
                labels = r"(\*\*You will|\*\*Summary|## Summary)"
                self.renderer.explains = not re.search(f"(?m)^{labels}", cell.source)
                text = prose(markdown.render(cell.source))
                parts.append(told_with_the_answer(parts, text))
                if not parts[1:]:
                    parts.append(self.poster())
                predict = cell.source.rsplit("\n\n", 1)[-1].startswith("**Predict.**")
            elif cell.cell_type == "code":
                self.renderer.explains = False
                parts.append(self.code(cell, markdown, predict))
                predict = False
        return in_sections("\n".join(parts))

    def first_film(self):
        """Element id and markup of the first film or playground."""
        for cell in self.cells:
            for output in cell.get("outputs", []):
                if films.LIVE in output.get("data", {}):
                    return f"live-{cell.id}", self.output(output, cell.id, None)
        return None, ""

    def poster(self):
        """The picture of the first film, as a link to it."""
        name, markup = self.first_film()
        image = re.search("<img[^>]*>", markup)
        return f'<a class="poster" href="#{name}">{image[0]}</a>' if name else ""

    def code(self, cell, markdown, predict):
        tags = [tag.split(":")[0] for tag in cell.metadata.get("tags", [])]
        source = highlight(cell.source, PythonLexer(), HtmlFormatter(nowrap=True))
        source = f'<pre class="code"><code>{source}</code></pre>'
        outputs = "".join(self.output(o, cell.id, markdown) for o in cell.outputs)
        if "Not filled in yet" in outputs:  # what the checker tells an empty exercise
            outputs = ""
        fold = next((FOLDED[tag] for tag in tags if tag in FOLDED), closed(cell))
        if fold == "Solution":
            source, outputs = source + outputs, ""
        if fold:
            source = f"<details><summary>{fold}</summary>{source}</details>"
        elif predict and outputs and 'class="live' not in outputs:
            outputs = (
                '<details class="answer"><summary>Show what happens</summary>'
                f"{outputs}</details>"
            )
        kind = " ".join(["cell", *tags])
        return f'<div class="{kind}" id="{cell.id}">{source}{outputs}</div>'

    def output(self, output, cell_id, markdown):
        data = output.get("data", {})
        if "text" in output:
            return printed(output.text)
        if "traceback" in output:
            return printed(f"{output.ename}: {output.evalue}")
        if films.LIVE in data:
            self.live[f"live-{cell_id}"] = data[films.LIVE]
            return widget(f"live-{cell_id}", data)
        if "image/png" in data:
            return f"<figure>{picture(data)}</figure>"
        if "text/markdown" in data:
            return f'<div class="table">{markdown.render(data["text/markdown"])}</div>'
        return printed(data["text/plain"]) if "text/plain" in data else ""

    def sections(self):
        """What the search looks through: (page#id, heading, text) of each section."""
        for part in re.split(r"(?=<h[12])", self.body):
            if head := re.match(r'<h[12] id="(.*?)">(.*?)</h[12]>', part):
                part = re.sub(r'(?s)<pre class="code".*?</pre>', " ", part)
                name = plain(head[2])
                name = name if name == self.title else f"{self.title}: {name}"
                yield f"{self.page}#{head[1]}", name, plain(part[head.end() :])

    def glossary(self):
        """(term, address, sentence) of each term, where this lesson first has it."""
        for term, place in self.renderer.terms.values():
            yield term, f"{self.page}#{place}", sentence_with(place, self.body)


def told_with_the_answer(parts, text):
    """Move "What you see." into the closed answer before it; return what is left."""
    seen = re.match(r'\s*<p class="see">.*?</p>', text, re.DOTALL)
    place = next((i for i in range(len(parts) - 1, -1, -1)
                  if 'class="cell check"' not in parts[i]), None)  # fmt: skip
    if not seen or place is None or 'class="answer"' not in parts[place]:
        return text
    parts[place] = parts[place].removesuffix(ANSWER_ENDS) + seen[0] + ANSWER_ENDS
    return text[seen.end() :]


def prose(text):
    """Paragraphs of every lesson get a look of their own; no line begins with "?"."""
    text = re.sub(r"(</math>)([^\s<])", r"\1&#8288;\2", text)
    text = text.replace("<p><strong>Predict.", '<p class="predict"><strong>Predict.')
    return text.replace("<p><em>What you see.", '<p class="see"><em>What you see.')


def in_sections(body):
    """A section for each heading: the projector shows one after the other."""
    parts = [part for part in re.split(r"(?=<h[12] )", body) if part.strip()]
    return "\n".join(f"<section>{part}</section>" for part in parts)


def printed(text):
    return f'<pre class="printed">{html.escape(strip_ansi(text))}</pre>'


def picture(data):
    """An image at half its size in pixels, with the column at which it may be split."""
    png = base64.b64decode(data["image/png"])
    width, height, place, _ = look_at(png)
    at = f' data-split="{place / width:.4f}"' if place else ""
    return (
        f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}" '
        f'width="{width // films.SHARPER}" height="{height // films.SHARPER}" '
        f'class="{kind_of(data)}" alt="{html.escape(data["text/plain"])}"{at}>'
    )


def kind_of(data):
    """ "full" where little paper is left: colors are a scale, and stay as they are."""
    return "full" if look_at(base64.b64decode(data["image/png"]))[3] < 0.6 else "drawn"


@cache
def look_at(png):
    """Width, height, where to split (or None), share of pixels that are paper."""
    with Image.open(io.BytesIO(png)) as image:
        pixels = np.asarray(image.convert("RGB"))
        paper = (pixels == pixels[0, 0]).all(axis=2).mean()
        return *image.size, films.split([image.convert("RGB")]), paper


def widget(name, data):
    """The still picture and its sentence, until player.js puts the live one there."""
    return (
        f'<figure class="live {kind_of(data)}" id="{name}">{picture(data)}'
        f"<figcaption>{html.escape(data['text/plain'])}</figcaption></figure>"
    )
