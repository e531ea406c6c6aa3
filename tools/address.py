"""Write the one address of the course everywhere it stands.

Usage: python tools/address.py [ADDRESS]     (none: the one of `git remote`)
       python tools/address.py --unset

It goes into pyproject.toml ([project.urls] Repository), from where the web edition
reads it, and into README.md, CITATION.cff and every lesson: a link to Colab in the
first cell, and the cell that installs the course where it is missing. Run twice, the
second run changes nothing.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MISSING = """\
from importlib.util import find_spec

assert find_spec("course_utils"), "Not installed: follow the README, then try again."
"""
INSTALL = """\
from importlib.util import find_spec

if not find_spec("course_utils"):
    print("Installing the course: about two minutes.")
    get_ipython().run_line_magic("pip", "install -q git+ADDRESS")
    assert find_spec("course_utils"), "Not installed: connect to a network, try again."
"""
BADGE = re.compile(r"\n\n\[Open in Colab\]\(.*?\)")
IN_README = re.compile(r"(?s)(<!-- address -->\n).*?(<!-- end -->)")


def normal(address):
    """https://host/owner/name of any form that git takes; errors: ValueError."""
    host, path = r"([\w.-]+\.\w+)", r"([\w.-]+(?:/[\w.-]+)+)/?"
    start = r"(?:(?:https?|ssh|git)://)?(?:[^@/]+@)?"  # a password goes, too
    found = re.fullmatch(f"{start}{host}[:/]{path}", address.strip())
    if not found:
        raise ValueError(
            f"{address!r} is no address such as https://github.com/me/course"
        )
    return f"https://{found[1]}/{found[2].removesuffix('.git')}"


def of_git(root):
    """The address of the remote `origin`, or of the first remote; None without one."""
    command = ["git", "-C", str(root), "remote"]
    names = subprocess.run(command, capture_output=True, text=True).stdout.split()
    if not names:
        return None
    name = "origin" if "origin" in names else names[0]
    command += ["get-url", name]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def place(address):
    """owner/name on GitHub, else None: Colab and Binder open these."""
    return (
        address.split("/", 3)[3] if address.startswith("https://github.com/") else None
    )


def colab(address, name):
    return (
        f"https://colab.research.google.com/github/{place(address)}/blob/HEAD/notebooks/"
        f"{name}"
    )


def binder(address, name):
    return (
        f"https://mybinder.org/v2/gh/{place(address)}/HEAD"
        f"?urlpath=lab/tree/notebooks/{name}"
    )


def write(root, address):
    """Write `address`, or "" for none, into all files below `root`."""
    change(root / "pyproject.toml", in_pyproject, address)
    change(root / "CITATION.cff", in_citation, address)
    change(root / "README.md", in_readme, address)
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        change(
            path, lambda text, to, name=path.name: in_lesson(text, to, name), address
        )


def change(path, rewrite, address):
    before = path.read_text("utf-8")
    after = rewrite(before, address)
    if after != before:
        path.write_text(after, "utf-8")


def in_pyproject(text, address):
    text = re.sub(r"\[project\.urls\]\n(?:\w+ = .*\n)+\n", "", text)
    urls = f'[project.urls]\nRepository = "{address}"\n\n' if address else ""
    return text.replace(
        "[project.optional-dependencies]", urls + "[project.optional-dependencies]"
    )


def in_citation(text, address):
    text = re.sub(r"^repository-code: .*\n", "", text, flags=re.MULTILINE)
    return text + (f'repository-code: "{address}"\n' if address else "")


def in_readme(text, address):
    links = ""
    if place(address):
        first = "00_start_here.ipynb"
        opened = {"Colab": colab(address, first), "Binder": binder(address, first)}
        opened["Source"] = address
        links = " · ".join(f"[{name}]({to})" for name, to in opened.items()) + "\n"
    elif address:
        links = f"[Source]({address})\n"
    return IN_README.sub(lambda found: found[1] + links + found[2], text)


def in_lesson(text, address, name):
    notebook = json.loads(text)
    first = notebook["cells"][0]
    said = BADGE.sub("", "".join(first["source"]))
    if place(address):
        said += f"\n\n[Open in Colab]({colab(address, name)})"
    first["source"] = said.splitlines(keepends=True)
    code = (INSTALL.replace("ADDRESS", address) if address else MISSING).strip()
    for cell in notebook["cells"]:
        if "install" in cell["metadata"].get("tags", []):
            cell["source"] = code.splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main(arguments):
    try:
        if arguments == ["--unset"]:
            address = ""
        else:
            given = arguments[0] if arguments else of_git(ROOT)
            if not given:
                sys.exit("No address: no git remote here. Try: make address ARGS=…")
            address = normal(given)
    except ValueError as error:
        sys.exit(str(error))
    write(ROOT, address)
    print(f"The course's address: {address or 'none'}")


def current(root=ROOT):
    """The address that is set, or ""."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return project.get("urls", {}).get("Repository", "")


if __name__ == "__main__":
    main(sys.argv[1:])
