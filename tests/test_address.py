"""One address drives everything: what `make address` writes, and where."""

import importlib.util
import json
import shutil
import subprocess

import pytest

FIRST = "https://github.com/first/one-step"
FORK = "https://github.com/second/my-fork"


@pytest.fixture(scope="module")
def address(load):
    return load("tools/address.py")


@pytest.fixture
def fork(root, tmp_path):
    """A copy of all files that hold the address."""
    for name in ("pyproject.toml", "CITATION.cff", "README.md"):
        shutil.copy(root / name, tmp_path / name)
    shutil.copytree(root / "notebooks", tmp_path / "notebooks")
    return tmp_path


def texts(folder):
    paths = [*folder.glob("*.*"), *folder.glob("notebooks/*.ipynb")]
    return {path.name: path.read_text("utf-8") for path in paths if path.is_file()}


def lessons(folder):
    for path in sorted(folder.glob("notebooks/*.ipynb")):
        yield path.name, json.loads(path.read_text("utf-8"))["cells"]


def installs(cells):
    return [c for c in cells if "install" in c["metadata"].get("tags", [])]


def test_every_lesson_installs_first_and_with_the_same_text(root):
    told = set()
    for name, cells in lessons(root):
        (cell,) = installs(cells)
        assert cell is next(c for c in cells if c["cell_type"] == "code"), name
        told.add("".join(cell["source"]))
    (text,) = told
    assert len(text.splitlines()) <= 6


@pytest.mark.parametrize("one", [FIRST, ""])
def test_the_installing_cell_does_nothing_where_the_course_is(address, one):
    code = address.INSTALL.replace("ADDRESS", one) if one else address.MISSING
    assert len(code.strip().splitlines()) <= 6
    exec(code, {})


def test_it_says_in_one_sentence_what_is_missing(address, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    asked = []
    shell = type("Shell", (), {"run_line_magic": lambda *call: asked.append(call[1:])})
    code = address.INSTALL.replace("ADDRESS", FIRST)
    with pytest.raises(AssertionError, match="^Not installed: connect to a network"):
        exec(code, {"get_ipython": shell})
    assert asked == [("pip", f"install -q git+{FIRST}")]  # never the bare name
    with pytest.raises(AssertionError, match="^Not installed: follow the README"):
        exec(address.MISSING, {})


def test_a_fork_has_its_own_address_everywhere_and_no_other(address, fork):
    address.write(fork, "")
    without = texts(fork)
    address.write(fork, FIRST)
    once = texts(fork)
    address.write(fork, FIRST)
    assert texts(fork) == once
    address.write(fork, FORK)
    assert address.current(fork) == FORK
    now = texts(fork)
    assert not [name for name, text in now.items() if "first/one-step" in text]
    for name in ("pyproject.toml", "CITATION.cff", "README.md"):
        assert FORK in now[name], name
    for name, cells in lessons(fork):
        first = "".join(cells[0]["source"])
        assert first.count("[Open in Colab](") == 1
        assert f"second/my-fork/blob/HEAD/notebooks/{name})" in first
        (cell,) = installs(cells)
        assert f"git+{FORK}" in "".join(cell["source"])
    address.write(fork, "")
    assert texts(fork) == without


def test_without_an_address_there_is_no_badge(address, fork):
    address.write(fork, "")
    for _, cells in lessons(fork):
        assert "Open in Colab" not in "".join(cells[0]["source"])
    assert "[Source](" not in texts(fork)["README.md"]
    assert "repository-code" not in texts(fork)["CITATION.cff"]


@pytest.mark.parametrize(
    "given",
    [
        "git@github.com:me/x.git",
        "https://user:token@github.com/me/x.git",
        "https://github.com/me/x/",
        "ssh://git@github.com/me/x",
    ],
)
def test_every_form_of_an_address_is_one(address, given):
    assert address.normal(given) == "https://github.com/me/x"


@pytest.mark.parametrize("given", ["nonsense", "/srv/course", "https://github.com"])
def test_what_is_no_address_is_refused(address, given):
    with pytest.raises(ValueError, match="is no address such as"):
        address.normal(given)


def test_it_is_found_in_git(address, tmp_path):
    assert address.of_git(tmp_path) is None
    for command in (["init", "-q"], ["remote", "add", "mine", "git@github.com:me/x"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    assert address.of_git(tmp_path) == "git@github.com:me/x"


def test_elsewhere_than_github_there_is_no_link_to_colab(address, fork):
    address.write(fork, "https://gitlab.com/me/x")
    for _, cells in lessons(fork):
        assert "Open in Colab" not in "".join(cells[0]["source"])
        assert "git+https://gitlab.com/me/x" in "".join(installs(cells)[0]["source"])
    assert "[Source](https://gitlab.com/me/x)" in texts(fork)["README.md"]
