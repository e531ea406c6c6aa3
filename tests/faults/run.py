"""Plant each small fault of the table in a copy of the course: do its tests see it?

Usage: python tests/faults/run.py [--write] [WORD ...]

WORD: only faults with it in their name or file. --write: store the results, README.md.
A fault is caught if a named test FAILS; an error outside a test does not count.
"""

import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
PYTEST = "-o addopts= -p no:cacheprovider --hypothesis-seed=0 -x -q".split()
NOTEBOOKS = "--nbval --nbval-current-env --nbval-cell-timeout=900".split()
NO_NOTEBOOKS = ["-p", "no:nbval"]  # which takes seconds to start
# Each child is forked from a process that has these already, so it starts at once.
PRELOADED = "torch scipy.linalg scipy.optimize matplotlib.figure anywidget".split()
TIMEOUT = 900  # seconds for the tests of one fault
CAUGHT, MISSED = "caught", "MISSED"


@dataclass(frozen=True)
class Fault:
    """`new` in place of `old`, which stands once in `file`; `tests` must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def table() -> list[Fault]:
    """All faults, from the files beside this one. `file` may be given once for all."""
    faults = []
    for path in sorted(FOLDER.glob("*.toml")):
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
        common = {"file": entries["file"]} if "file" in entries else {}
        for entry in entries["fault"]:
            tests = tuple(entry.pop("tests"))
            faults.append(Fault(**common | entry, tests=tests))
    return faults


def copy_course(root: Path, copy: Path) -> None:
    """The course without what git does not keep."""
    unwanted = shutil.ignore_patterns(".*", "__pycache__", "dist", "build")
    shutil.copytree(root, copy, ignore=unwanted)


def run_tests(folder: Path, tests, timeout: float = TIMEOUT) -> str:
    """CAUGHT if one of these tests fails, MISSED if all pass, else what is wrong."""
    report, log = folder.with_suffix(".xml"), folder.with_suffix(".log")
    report.unlink(missing_ok=True)
    has_notebook = any(test.endswith(".ipynb") for test in tests)
    options = [*PYTEST, *(NOTEBOOKS if has_notebook else NO_NOTEBOOKS)]
    arguments = [*options, f"--junitxml={report}", *tests]
    children = multiprocessing.get_context("forkserver")
    children.set_forkserver_preload(PRELOADED)
    child = children.Process(target=call_pytest, args=(folder, arguments, log))
    child.start()
    child.join(timeout)
    if child.exitcode is None:
        child.kill()
        return f"no end after {timeout} s"
    if child.exitcode == 0:
        return MISSED
    (counts,) = ElementTree.parse(report).iter("testsuite") if report.exists() else [{}]
    if child.exitcode == 1 and counts.get("errors") == "0" != counts.get("failures"):
        return CAUGHT
    last = (log.read_text().strip().splitlines() or ["nothing was said"])[-1]
    return f"no failed test, but exit code {child.exitcode}: {last}"


def call_pytest(folder: Path, arguments: list[str], log: Path) -> None:
    """Be `python -m pytest` in this folder: what a child process does."""
    import pytest

    os.chdir(folder)
    os.environ |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(int(pytest.main(arguments)))


def plant(copy: Path, fault: Fault) -> str:
    """The verdict of the fault's tests; the copy is sound again afterwards."""
    path = copy / fault.file
    sound = path.read_text(encoding="utf-8")
    if sound.count(fault.old) != 1:
        return f"its old text stands {sound.count(fault.old)} times in {fault.file}"
    path.write_text(sound.replace(fault.old, fault.new), encoding="utf-8")
    try:
        return run_tests(copy, fault.tests)
    finally:
        path.write_text(sound, encoding="utf-8")


def plant_all(faults: list[Fault]) -> list[str]:
    """The verdict on each fault, after its tests passed on a copy without any."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "course"
        copy_course(ROOT, copy)
        tests = dict.fromkeys(test for fault in faults for test in fault.tests)
        verdict = run_tests(copy, tests, timeout=6 * TIMEOUT)
        if verdict != MISSED:
            print(copy.with_suffix(".log").read_text())
            sys.exit("The tests do not pass without a fault.")
        verdicts = []
        for fault in faults:
            start = time.perf_counter()
            verdicts.append(plant(copy, fault))
            seconds = time.perf_counter() - start
            print(f"{verdicts[-1]}  {seconds:3.0f} s  {fault.file}: {fault.name}")
            sys.stdout.flush()
        return verdicts


def page(faults: list[Fault], verdicts: list[str]) -> str:
    """README.md: its text up to the table, then the table anew."""
    intro, _, _ = (FOLDER / "README.md").read_text("utf-8").partition("\n| ")
    rows = ["| file | fault | seen by | verdict |", "|---|---|---|---|"]
    for fault, verdict in zip(faults, verdicts, strict=True):
        tests = ", ".join(f"`{test.split('::')[-1]}`" for test in fault.tests)
        rows.append(f"| `{fault.file}` | {fault.name} | {tests} | {verdict} |")
    return intro + "\n" + "\n".join(rows) + "\n"


def main(words: list[str]) -> int:
    is_stored = "--write" in words
    words = [word for word in words if word != "--write"]
    if is_stored and words:
        sys.exit("--write stores the results of all faults: give it no WORD")
    faults = [
        fault
        for fault in table()
        if not words or any(word in f"{fault.file} {fault.name}" for word in words)
    ]
    if not faults:
        sys.exit(f"no fault is called {' or '.join(words)}")
    verdicts = plant_all(faults)
    if is_stored:
        (FOLDER / "README.md").write_text(page(faults, verdicts), encoding="utf-8")
    caught = verdicts.count(CAUGHT)
    print(f"{len(faults)} faults planted: {caught} caught, {len(faults) - caught} not")
    return int(caught < len(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
