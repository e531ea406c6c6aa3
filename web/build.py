"""Publish the lessons as web pages that need no kernel, no network and no server.

Usage: python web/build.py [--repository ADDRESS] [NOTEBOOK ...]

Runs each notebook (all, unless some are named) and writes into build/site a page a
lesson, index.html, glossary.html, playground.html and the notebooks. A page is one
file: style, formulas, pictures and films are in it, so it works from a USB stick as
from a web server. A notebook is run again only when its code or the course has changed.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

import jinja2
import nbformat

HERE = Path(__file__).resolve().parent
COURSE = HERE.parent
sys.path[:0] = [str(HERE), str(COURSE / "tools")]

import address  # noqa: E402
import films  # noqa: E402
import pages  # noqa: E402

import notebooks  # noqa: E402

# Running


def state_of(path):
    """A digest of all that decides what the run of a notebook shows."""
    cells = nbformat.read(path, as_version=4).cells
    code = "\0".join(cell.source for cell in cells if cell.cell_type == "code")
    sources = [HERE / "films.py", *sorted((COURSE / "course_utils").rglob("*.py"))]
    return hashlib.sha256(
        b"\0".join([code.encode(), *(source.read_bytes() for source in sources)])
    ).hexdigest()


def run(path, folder):
    """The notebook with the outputs of a fresh run, films and all."""
    target, state = folder / path.name, state_of(path)
    stamp = target.with_suffix(".state")
    if target.exists() and stamp.exists() and stamp.read_text() == state:
        return target
    print(f"{path.name}: running", flush=True)
    places = (str(HERE), str(COURSE), os.environ.get("PYTHONPATH", ""))
    os.environ["PYTHONPATH"] = os.pathsep.join(places)  # the kernel finds films.py
    notebook = nbformat.read(path, as_version=4)
    notebooks.execute(notebook, path.parent, arguments=["--ext=films"])
    notebooks.normalize(notebook)
    for cell in notebook.cells:
        if "widget" in cell.metadata.get("tags", []):
            if not any(films.LIVE in out.get("data", {}) for out in cell.outputs):
                sys.exit(f"{path.name}: nothing live in {cell.id}; is films.py loaded?")
    folder.mkdir(parents=True, exist_ok=True)
    notebooks.store(notebook, target)
    stamp.write_text(state)
    return target


# Writing


def scripts(*names):
    """JavaScript for one page; film.js and playground.js are the course's own."""
    parts = []
    for name in ("film", "playground"):
        code = (COURSE / "course_utils" / "pictures" / f"{name}.js").read_text("utf-8")
        code, end = code.rsplit("export default { render };", 1)
        assert not end.strip(), f"{name}.js has changed its last line"
        code = re.sub(r"^export ", "", code, flags=re.MULTILINE)
        parts.append(f"const {name} = (() => {{\n{code}\nreturn {{ render }};\n}})();")
    parts += [(HERE / name).read_text("utf-8") for name in names]
    return "\n".join(["{", *parts, "}"])


def as_json(value):
    return json.dumps(value, ensure_ascii=False).replace("</", "<\\/")


def linked(text, by_number):
    """ "lesson 5" and links to notebooks lead to the pages that are there."""

    def link(found):
        page = by_number.get(found[2])
        return f'<a href="{page}">{found[0]}</a>' if page else found[0]

    text = re.sub(r'(href="[\w]+)\.ipynb\b', r"\1.html", text)
    closed = "(?:a|pre|h1|h2|h3|code|summary)"  # text in these stays as it is
    parts = re.split(rf"(?s)(<{closed}\b.*?</{closed}>)", text)
    parts[::2] = [
        re.sub(r"\b([Ll]esson) (\d+b?)\b(?![^<]*>)", link, part) for part in parts[::2]
    ]
    return "".join(parts)


def playgrounds():
    """Every surface with every rule: the body of a page, and what player.js plays."""
    from course_utils.pictures import playground
    from course_utils.steps import surfaces

    offered = {
        "a bowl": surfaces.bowl(condition=10.0),
        "a narrow valley": surfaces.bowl(condition=100.0, angle=0.5),
        "two wells": surfaces.wells(),
        "Rosenbrock's valley": surfaces.rosenbrock(),
        "Himmelblau's four minima": surfaces.himmelblau(),
    }
    rules = list(playground.RULES)
    shown = [
        playground.Playground(each, rules=rules, momentum=0.9)
        for each in offered.values()
    ]
    live = {
        "controls": [{"name": "surface", "options": list(offered), "index": 0}],
        "playgrounds": [films.settings(each)["playground"] for each in shown],
    }
    still = base64.b64encode(shown[0].still()).decode()
    data = {"image/png": still, "text/plain": repr(shown[0])}
    text = (
        "# Playground\n\n**What would a step do here?** Drag the orange dot, turn the "
        "dials, choose another surface or rule. Your browser computes each step."
    )
    name = "live-playground"
    return pages.markdown(text, pages.widget(name, data)), {name: live}


def terms(lessons):
    """(term, address, sentence, lesson) of all bold terms, each where it is first."""
    found = {}
    for lesson in lessons:
        for term, place, said in lesson.glossary():
            found.setdefault(term.lower(), (term, place, said, lesson.title))
    return [found[term] for term in sorted(found)]


def write(lessons, out, repository):
    """All pages, and the notebooks to download."""
    font = base64.b64encode((HERE / "fonts" / "course-math.woff2").read_bytes())
    css = (HERE / "site.css").read_text("utf-8")
    css = css.replace("course-math.woff2", f"data:font/woff2;base64,{font.decode()}")
    loader = jinja2.FileSystemLoader(HERE)
    template = jinja2.Environment(loader=loader).get_template("page.html")
    (out / "notebooks").mkdir(parents=True, exist_ok=True)
    by_number = {lesson.number: lesson.page for lesson in lessons}
    common = {
        "css": css,
        "repository": repository,
        "as_json": as_json,
        "address": address,
        "js": scripts("player.js", "reader.js"),
    }

    def save(page, body, **content):
        content |= {"page": page, "body": linked(body, by_number)}
        (out / page).write_text(template.render(common | content), "utf-8")

    for i, lesson in enumerate(lessons):
        shutil.copy(lesson.path, out / "notebooks")
        save(
            lesson.page,
            lesson.body,
            title=lesson.title,
            lesson=lesson,
            headings=lesson.headings,
            live=lesson.live,
            before=lessons[i - 1] if i else None,
            after=lessons[i + 1] if i + 1 < len(lessons) else None,
        )
    body, live = playgrounds()
    save("playground.html", body, title="Playground", live=live)
    found = terms(lessons)
    save("glossary.html", "", title="Glossary", terms=found, slug=pages.slug)
    defined = [(place, f"{term} (glossary)", pages.plain(said))
               for term, place, said, _ in found]  # fmt: skip
    readme = (COURSE / "README.md").read_text("utf-8").split("\n\n")
    first, shown = lessons[0].first_film()
    save(
        "index.html",
        pages.markdown("\n\n".join(readme[:2]), shown),
        title="One Step at a Time",
        lessons=lessons,
        live={first: lessons[0].live[first]},
        index=[*defined, *(part for lesson in lessons for part in lesson.sections())],
        js=scripts("player.js", "reader.js", "search.js"),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repository", default=address.current(), help="its address")
    parser.add_argument("notebooks", nargs="*", type=Path)
    options = parser.parse_args()
    build = COURSE / "build"
    paths = options.notebooks or sorted((COURSE / "notebooks").glob("*.ipynb"))
    lessons = [pages.Lesson(path, run(path.resolve(), build / "run")) for path in paths]
    write(lessons, build / "site", options.repository.rstrip("/"))
    print(f"{build / 'site' / 'index.html'}: {len(lessons)} lessons")


if __name__ == "__main__":
    main()
