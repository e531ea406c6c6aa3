"""Lessons as lists of code cells, and kernels of this Python that run them."""

import os
import signal
import threading
from pathlib import Path

import nbformat
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
OUTPUTS = ("stream", "execute_result", "display_data", "error")
CELL_TIMEOUT = 900  # seconds


def code_cells(path):
    """The code cells of a lesson, in order."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def solved(cells):
    """The cells of a learner who did every exercise as its solution does."""
    cells = [nbformat.from_dict(cell) for cell in cells]
    for i, cell in enumerate(cells):
        if "exercise" in tags(cell):
            solution = next(c for c in cells[i:] if "solution" in tags(c))
            cell.source = solution.source.replace("_solution", "")
    return cells


def said(outputs):
    """What a reader can read: printed text, texts of results, names of errors."""
    words = []
    for output in outputs:
        if output.output_type == "stream":
            words.append(output.text if output.name == "stdout" else "")
        elif output.output_type == "error":
            words.append(f"[{output.ename}]")
        elif output.data:  # a progress bar that is done is an output without any
            words.append(f"[{output.data.get('text/plain')}]")
    return "".join(words)


class Kernel:
    """A fresh kernel in this folder; `with` shuts it down.

    env: its environment, that of the tests if None. prefix: a command that starts it.
    """

    def __init__(self, folder=ROOT / "notebooks", *, env=None, prefix=()):
        spec = get_kernel_dict(["--log-level=ERROR"])
        spec["argv"] = [*prefix, *spec["argv"]]
        kind = type("Manager", (KernelManager,), {"kernel_spec": KernelSpec(**spec)})
        self.manager = kind()
        self.manager.start_kernel(cwd=str(folder), env=env or dict(os.environ))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=180)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, cell, *, interrupt_after=None):
        """The outputs of a cell; `interrupt_after` so many seconds it gets a SIGINT."""
        outputs = []

        def keep(message):
            if message["msg_type"] in OUTPUTS:
                outputs.append(nbformat.v4.output_from_msg(message))

        timer = threading.Timer(interrupt_after or CELL_TIMEOUT, self._interrupt)
        timer.start()
        try:
            self.client.execute_interactive(
                cell.source, output_hook=keep, timeout=CELL_TIMEOUT + 60
            )
        finally:
            timer.cancel()
        return outputs

    def _interrupt(self):
        os.kill(self.manager.provisioner.pid, signal.SIGINT)

    def require(self, cell):
        """Run a cell; fail unless it says what the stored lesson says."""
        check_said(self.run(cell), cell)


def check_said(outputs, cell):
    """Fail unless these outputs read as those stored in the cell."""
    errors = [output for output in outputs if output.output_type == "error"]
    if "nbval-ignore-output" in tags(cell):
        assert not errors, explain(cell, errors)
    else:
        assert said(outputs) == said(cell.outputs), explain(cell, errors)


def explain(cell, errors):
    """The cell and the end of what went wrong."""
    traces = ["\n".join(error.traceback[-3:]) for error in errors]
    return "\n".join([f"in the cell\n\n{cell.source}\n", *traces])
