"""Rough handling that is quick to test; `make test-rough` does the rest."""

import pytest
from rough.kernels import LESSONS, Kernel, code_cells


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_the_last_cell_after_a_restart_says_what_is_missing(path):
    last = code_cells(path)[-1]
    with Kernel() as kernel:
        (error,) = kernel.run(last)
    assert error.ename == "NameError"
    assert error.evalue.endswith("is not defined")
