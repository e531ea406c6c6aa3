"""The progress bar: seen while it runs, and nothing of it stays."""

import contextlib
import importlib.util
import io

import nbformat
import pytest

from course_utils import progress


def use(**options):
    with progress.bar(5, "steps", **options) as bar:
        for _ in range(5):
            bar.update()


@pytest.mark.parametrize("is_shown", [True, False])
def test_nothing_is_printed_where_output_goes_to_a_file(capfd, is_shown):
    use(is_shown=is_shown)
    assert capfd.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("fails", [False, True])
def test_terminal_shows_a_line_and_wipes_it(monkeypatch, fails):
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    expected = pytest.raises(KeyError) if fails else contextlib.nullcontext()
    with expected, progress.bar(5, "steps") as bar:
        bar.update(2)
        bar.refresh()
        if fails:
            raise KeyError
    lines = terminal.getvalue().split("\r")
    assert any("steps" in line and "2/5" in line for line in lines)
    assert lines[-1].strip() == lines[-2].strip() == ""


def test_terminal_shows_nothing_where_nothing_is_asked_for(monkeypatch):
    monkeypatch.setattr("sys.stderr", terminal := Terminal())
    use(is_shown=False)
    assert terminal.getvalue() == ""


USE = """
from course_utils import progress
with progress.bar(5, "steps"{options}) as bar:
    bar.update(2)
    {then}
"""
CELLS = {
    "shown": USE.format(options="", then="shown = bar.container"),
    "hidden": USE.format(options=", is_shown=False", then="pass"),
    "failing": "try:" + USE.format(options="", then="raise KeyError").replace(
        "\n", "\n    "
    ) + "\nexcept KeyError:\n    pass",
    "left": """
import gc
del bar
gc.collect()
print(shown.comm)
""",
}  # fmt: skip


def test_notebook_shows_a_widget_and_stores_nothing(root, tmp_path):
    spec = importlib.util.spec_from_file_location("tool", root / "tools/notebooks.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    tool.execute(notebook, tmp_path)
    views = [[list(output.data) for output in cell.outputs] for cell in cells[:3]]
    assert views == [[[tool.WIDGET_VIEW]], [], [[tool.WIDGET_VIEW]]]
    tool.normalize(notebook)
    assert [cell.outputs for cell in notebook.cells[:3]] == [[], [], []]
    (left,) = notebook.cells[3].outputs
    assert left.text == "None\n"
