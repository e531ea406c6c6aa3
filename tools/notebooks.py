"""Execute notebooks again, in place, and store them in one normal form.

Usage: python tools/notebooks.py [NOTEBOOK ...]     (none: all in notebooks/)

Run twice, the second run changes nothing. A notebook whose cell fails is left as
it was.
"""

import hashlib
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.reader import NotJSONError

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
MACHINE_MADE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}")
CELL_TIMEOUT = 600  # seconds


class ThisPython(AsyncKernelManager):
    """Starts the Python that runs this file, whatever kernels are installed."""

    kernel_spec = KernelSpec(**get_kernel_dict())


def execute(notebook, folder, arguments=()):
    """Run all cells from a fresh kernel; a failure names the cell it happened in.

    arguments: further options of the kernel's command line
    """
    current = None

    def remember(cell, cell_index):
        nonlocal current
        current = cell_index

    client = NotebookClient(
        notebook,
        kernel_manager_class=ThisPython,
        extra_arguments=["--log-level=ERROR", *arguments],
        resources={"metadata": {"path": str(folder)}},
        timeout=CELL_TIMEOUT,
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
        on_cell_start=remember,
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise RuntimeError(f"cell {current} failed\n{error}") from error


def normalize(notebook):
    """Drop what differs from run to run or is of no use without a kernel."""
    language = notebook.metadata.get("language_info", {})
    language.pop("version", None)
    notebook.metadata = {"kernelspec": KERNEL, "language_info": language}
    seen = set()
    for cell in notebook.cells:
        cell.id = stable_id(cell, seen)
        for timing in ("execution", "ExecuteTime"):
            cell.metadata.pop(timing, None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)
            output.get("metadata", {}).pop(WIDGET_VIEW, None)
        if "outputs" in cell:  # of a progress bar nothing is left
            cell.outputs = [o for o in cell.outputs if o.get("data", True)]


def stable_id(cell, seen):
    """Keep an id given by hand; make any other from the text of the cell."""
    name, number = cell.get("id", ""), 0
    while not name or name in seen or MACHINE_MADE_ID.fullmatch(name):
        text = f"{cell.cell_type}{number}{cell.source}"
        name, number = "c" + hashlib.sha256(text.encode()).hexdigest()[:8], number + 1
    seen.add(name)
    return name


def store(notebook, path):
    """Write the notebook in one move: the file is the old one or the new one."""
    half_written = path.with_suffix(".tmp")
    try:
        nbformat.write(notebook, half_written)
        os.replace(half_written, path)
    finally:
        half_written.unlink(missing_ok=True)


def refresh(path):
    """Execute, normalize and store one notebook."""
    start = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, path.parent)
    normalize(notebook)
    store(notebook, path)
    seconds, size = time.perf_counter() - start, path.stat().st_size / 1e6
    print(f"{path.name}: {seconds:.0f} s, {size:.2f} MB", flush=True)


def main(names):
    for path in [Path(name) for name in names] or sorted(FOLDER.glob("*.ipynb")):
        try:
            refresh(path)
        except (RuntimeError, OSError, nbformat.ValidationError, NotJSONError) as error:
            sys.exit(f"{path}: {error}\n{path.name} was left as it was.")


if __name__ == "__main__":
    main(sys.argv[1:])
