"""The wings of the package are those of the map, and no import goes upward."""

import ast
import re
import subprocess
import sys

import pytest

PACKAGE = "course_utils"


@pytest.fixture(scope="module")
def floors(root):
    """Wing to (floor, what it may import), as CONTRIBUTING.md has them."""
    rows = re.findall(
        r"^\| (\d) \| `(\w+)` \| .+ \| (.*?) ?\|$",
        (root / "CONTRIBUTING.md").read_text("utf-8"),
        re.MULTILINE,
    )
    return {wing: (int(floor), allowed) for floor, wing, allowed in rows}


def modules(root):
    """Wing, name, and source of every module."""
    for path in sorted((root / PACKAGE).rglob("*.py")):
        place = path.relative_to(root / PACKAGE)
        if len(place.parts) > 1:
            yield place.parts[0], place.stem, path


def imported(path, root):
    """The (wing, module) pairs of the package that a module imports, wherever."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            _, *places = node.module.split(".")
            for alias in node.names:
                wing, *rest = [*places, alias.name]
                module = rest[0] if rest else "__init__"
                is_file = (root / PACKAGE / wing / f"{module}.py").is_file()
                yield wing, module if is_file else "__init__"


def test_the_map_has_every_wing(root, floors):
    folders = {path.parent.name for path in (root / PACKAGE).glob("*/__init__.py")}
    assert folders == set(floors)
    loose = {path.name for path in (root / PACKAGE).glob("*.py")}
    assert loose == {"__init__.py"}


def test_no_import_goes_upward_or_to_a_neighbor(root, floors):
    for wing, name, path in modules(root):
        floor, allowed = floors[wing]
        for other, _ in imported(path, root):
            if other == wing:
                continue
            assert floors[other][0] < floor, f"{wing}/{name} imports {other}"
            listed = f"`{other}`" in allowed or allowed == "all below"
            assert listed, f"{wing}/{name} imports {other}: not in the map"


def test_no_imports_in_a_circle(root):
    uses = {
        (wing, name): set(imported(path, root)) - {(wing, name)}
        for wing, name, path in modules(root)
        if name != "__init__"
    }
    done: set = set()

    def visit(place, way):
        assert place not in way, f"a circle: {way} {place}"
        if place not in done:
            for other in uses.get(place, ()):
                visit(other, [*way, place])
            done.add(place)

    for place in uses:
        visit(place, [])


def test_no_module_is_named_as_a_function_of_its_wing(root):
    for wing, name, path in modules(root):
        if name == "__init__":
            exported = re.findall(r'^    "(\w+)",$', path.read_text("utf-8"), re.M)
            files = {each.stem for each in path.parent.glob("*.py")}
            assert not files & set(exported), wing


@pytest.mark.parametrize("wing", ["runtime", "text"])
def test_these_wings_load_no_torch(wing):
    code = f"import sys, {PACKAGE}.{wing}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_map_names_files_that_exist(root):
    text = (root / "CONTRIBUTING.md").read_text("utf-8")
    for name in re.findall(r"`([\w/]+\.(?:py|js))`", text):
        found = (root / name).exists() or list((root / PACKAGE).rglob(name))
        found = found or (root / PACKAGE / name).exists()
        assert found or "NN" in name, name
