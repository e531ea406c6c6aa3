"""The progress bar: seen while it runs, and nothing of it stays."""

import contextlib
import importlib.util
import io

import nbformat
import pytest

from course_utils.runtime import progress


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


NEW_LINE = "\n"


def record(process_message, seen):
    """`process_message`, with what is displayed noted in `seen`."""

    def process(message, cell, cell_index):
        if "display_data" in message["msg_type"]:
            seen.append(message["content"]["data"])
        return process_message(message, cell, cell_index)

    return process


USE = """
import time
from course_utils.runtime import progress
with progress.bar(5, "steps <b>"{options}) as bar:
    bar.update(1)
    time.sleep({wait})
    bar.update(1)
    {then}
"""
CELLS = {
    "shown": USE.format(options="", wait=0.7, then="raise StopIteration"),
    "short": USE.format(options="", wait=0, then="pass"),
    "hidden": USE.format(options=", is_shown=False", wait=0.7, then="pass"),
}


@pytest.mark.parametrize("kind", CELLS)
def test_notebook_shows_a_bar_and_stores_nothing(kind, root, tmp_path):
    spec = importlib.util.spec_from_file_location("tool", root / "tools/notebooks.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    source = f"try:\n    {CELLS[kind].replace(NEW_LINE, NEW_LINE + '    ')}\n"
    cell = nbformat.v4.new_code_cell(source + "except StopIteration:\n    pass")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    client = tool.NotebookClient(notebook, timeout=60)
    seen = []
    client.process_message = record(client.process_message, seen)
    client.execute()
    assert [output.get("data") for output in cell.outputs] in ([], [{}])
    drawn = [data["text/html"] for data in seen if data]
    assert bool(drawn) == (kind == "shown")
    assert all("steps &lt;b&gt;" in text and "2/5" in text for text in drawn)
    assert not seen or seen[-1] == {}
    tool.normalize(notebook)
    assert cell.outputs == []
