"""Seconds, peak memory and size of every lesson, run from a fresh kernel.

    python benchmarks/lessons.py [NOTEBOOK ...]     (none: all in notebooks/)

Peak memory is the kernel's largest resident set (on Linux; a Mac counts in bytes).
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
ASK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


def measure(path):
    """(seconds, peak memory in MB) of one run; the file is left as it is."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(ASK))
    resources = {"metadata": {"path": str(path.parent)}}
    start = time.perf_counter()
    NotebookClient(notebook, timeout=1200, resources=resources).execute()
    seconds = time.perf_counter() - start
    return seconds, int(notebook.cells[-1].outputs[0].text) / 1e3


def main(names):
    print(f"{'lesson':<24} {'seconds':>8} {'peak MB':>8} {'file MB':>8}")
    for path in [Path(name) for name in names] or sorted(FOLDER.glob("*.ipynb")):
        seconds, peak = measure(path)
        size = path.stat().st_size / 1e6
        print(f"{path.stem:<24} {seconds:>8.0f} {peak:>8.0f} {size:>8.2f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
