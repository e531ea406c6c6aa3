"""Do the stored outputs hold on another processor? Its arithmetic, on this machine.

Usage: python tests/jitter.py [--write] [--size 1e-6] [--seed 1] [LESSON ...]

Two processors (or thread counts, or builds of PyTorch) add up in another order, so
their results differ in the last bits, and training amplifies that. Here every float32
matrix product is off by up to JITTER, always in the same way, so that an output which
is printed more finely than it holds shows itself. 1e-6 is about what a processor
changes after some steps; 1e-5 is a harder test.

Run as a script, it takes lessons through all sizes and seeds, one after the other.
--write: store each result as it comes in jitter.md, and pass over what is there as
green already for the same notebook and package; so a run can be stopped and gone on
with. In a kernel that has it as a start-up file, it changes torch when a cell imports
it, if JITTER is set.
"""

import argparse
import hashlib
import importlib.abc
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from functools import wraps
from pathlib import Path

RUNS = [(1e-6, seed) for seed in (1, 2, 3, 4, 5)] + [(1e-5, 1), (1e-5, 2)]
GREEN = "green"


def off_by_a_little(torch, size, seed):
    """A wrapper of functions: what they return is off by up to `size`."""

    def change(result):
        if isinstance(result, tuple):
            return (change(result[0]), *result[1:])
        if not isinstance(result, torch.Tensor) or result.dtype != torch.float32:
            return result
        last = result.shape[-1] if result.dim() else 1
        places = torch.arange(1, last + 1, device=result.device)
        factor = 1 + size * torch.cos(12.9898 * seed * places)
        return result * (factor if result.dim() else factor[0])

    return lambda function: wraps(function)(
        lambda *args, **options: change(function(*args, **options))
    )


def install(torch):
    """Make the products of this torch a little wrong."""
    size, seed = float(os.environ["JITTER"]), float(os.environ.get("JITTER_SEED", 1))
    wrap = off_by_a_little(torch, size, seed)
    for place, names in (
        (torch.nn.functional, ("linear", "scaled_dot_product_attention")),
        (torch, ("matmul", "bmm", "mm")),
        (torch.Tensor, ("__matmul__", "matmul", "mm")),
        (torch.nn.LSTM, ("forward",)),
    ):
        for name in names:
            setattr(place, name, wrap(getattr(place, name)))


class OnImport(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Installs itself into torch when a cell imports it, and costs nothing before."""

    def find_spec(self, name, path, target=None):
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("torch")
        self.loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        install(module)


def run(root: Path, lesson: str, size: float, seed: int) -> tuple[str, str]:
    """GREEN or the cells that were red, and what pytest said."""
    with tempfile.TemporaryDirectory() as folder:
        startup = Path(folder) / "profile_default/startup"
        startup.mkdir(parents=True)
        shutil.copy(__file__, startup / "00-jitter.py")
        setting = {"IPYTHONDIR": folder, "JITTER": str(size), "JITTER_SEED": str(seed)}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", f"notebooks/{lesson}.ipynb"],
            cwd=root,
            env=os.environ | setting,
            capture_output=True,
            text=True,
            check=False,
        )
    red = re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, re.MULTILINE)
    said = done.stdout + done.stderr
    return (GREEN if done.returncode == 0 else f"red: {' '.join(red) or '?'}"), said


def state_of(root: Path, lesson: str) -> str:
    """A name for the notebook and the package as they are now."""
    files = [root / f"notebooks/{lesson}.ipynb", *(root / "course_utils").rglob("*.py")]
    found = hashlib.sha256()
    for path in sorted(files):
        found.update(path.read_bytes())
    return found.hexdigest()[:8]


class Table:
    """The results so far: a row a lesson, a column a size and seed."""

    def __init__(self, path: Path):
        self.path = path
        self.rows: dict[str, tuple[str, dict]] = {}
        for line in path.read_text("utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if (
                len(cells) == len(RUNS) + 2
                and cells[1].strip("-")
                and cells[0] != "lesson"
            ):
                results = dict(zip(RUNS, cells[2:], strict=True))
                self.rows[cells[0]] = cells[1], results

    def result(self, lesson: str, state: str, run: tuple) -> str:
        """What is stored of this run for this state, or nothing."""
        known, results = self.rows.get(lesson, (state, {}))
        return results.get(run, "") if known == state else ""

    def store(self, lesson: str, state: str, run: tuple, result: str) -> None:
        known, results = self.rows.get(lesson, (state, {}))
        results = (results if known == state else {}) | {run: result}
        self.rows[lesson] = state, results
        intro, _, _ = self.path.read_text("utf-8").partition("\n| ")
        head = [f"{size:g}, {seed}" for size, seed in RUNS]
        lines = [
            "lesson | state | " + " | ".join(head),
            "|".join(["---"] * (len(RUNS) + 2)),
        ]
        for name, (mark, found) in sorted(self.rows.items()):
            lines.append(
                " | ".join([name, mark, *(found.get(each, "") for each in RUNS)])
            )
        text = "\n".join(f"| {line} |" for line in lines)
        self.path.write_text(f"{intro}\n{text}\n", encoding="utf-8")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--size", type=float)
    parser.add_argument("--seed", type=int)
    parser.add_argument("lessons", nargs="*")
    asked = parser.parse_args(words)
    root = Path(__file__).resolve().parent.parent
    lessons = sorted(path.stem for path in (root / "notebooks").glob("*.ipynb"))
    if asked.lessons:
        lessons = [each for each in lessons if each.startswith(tuple(asked.lessons))]
    runs = [
        (size, seed)
        for size, seed in RUNS
        if asked.size in (None, size) and asked.seed in (None, seed)
    ]
    if not lessons or not runs:
        parser.error("there is no such lesson, size or seed")
    table = Table(Path(__file__).with_suffix(".md"))
    red = 0
    for size, seed in runs:
        for lesson in lessons:
            state = state_of(root, lesson)
            if asked.write and table.result(lesson, state, (size, seed)) == GREEN:
                continue
            start = time.perf_counter()
            result, said = run(root, lesson, size, seed)
            seconds = time.perf_counter() - start
            print(f"{lesson} {size:g} {seed} {seconds:.0f} s: {result}", flush=True)
            if result != GREEN:
                print(said, flush=True)
            red += result != GREEN
            if asked.write:
                table.store(lesson, state, (size, seed), result)
    ran = len(runs) * len(lessons)
    print(f"{ran - red} passed, {red} failed")
    return int(red > 0)


if os.environ.get("JITTER"):
    sys.meta_path.insert(0, OnImport())
elif __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
