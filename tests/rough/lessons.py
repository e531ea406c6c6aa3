"""Lessons in the hands of a learner who clicks twice and presses stop.

Run by `make test-rough`; every notebook takes part, also one that is added later.
"""

import pytest
from rough.kernels import LESSONS, Kernel, check_said, code_cells, tags

IMPATIENCE = 1.0  # seconds after which a cell is interrupted
STOPPED = {"KeyboardInterrupt", "Interrupted"}  # Python's own, and that of fit


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_cell_may_be_interrupted_and_run_twice(path):
    """A cell that takes long gets a SIGINT; then it and the rest run as ever, twice.

    The setup cell is let through: Python cannot go on with a half-imported PyTorch.
    """
    with Kernel() as kernel:
        for cell in code_cells(path):
            patience = None if "setup" in tags(cell) else IMPATIENCE
            outputs = kernel.run(cell, interrupt_after=patience)
            if STOPPED.isdisjoint(output.get("ename") for output in outputs):
                check_said(outputs, cell)
            else:
                kernel.require(cell)
            kernel.require(cell)
