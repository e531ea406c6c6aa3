"""The tools: setup.sh with Pythons that fail in every way, and notebooks.py.

A fake Python stands in for the real one. It takes part in the version check with a
version of its own and only pretends to make an environment or to install.
"""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time

import nbformat
import pytest

needs_sh = pytest.mark.skipif(os.name == "nt", reason="Windows has no make and no sh")
COMMANDS = """
    sh cat chmod cksum cmp cp dirname grep head mkdir mktemp mv rm sed sleep tail uname
""".split()
FAKE_PYTHON = """#!/bin/sh
case "$*" in
*version_info*) exec '{python}' -c "import sys; sys.version_info = $FAKE_VERSION; $2" ;;
*ensurepip*) [ "$FAKE_VENV" != missing ] ;;
"-m venv"*)
    mkdir -p .venv/bin
    [ "$FAKE_VENV" = works ] || {{ echo; echo "Error: no ensurepip"; exit 1; }}
    cp "$0" .venv/bin/python ;;
"-m pip index"*) echo "Available versions: $FAKE_INDEX" ;;
*"-r data/writer.txt")
    echo pip >>pip.calls
    sleep "$FAKE_WRITER_SECONDS"
    echo "$FAKE_WRITER" >&2
    [ -z "$FAKE_WRITER" ] ;;
"-m pip install"*)
    echo pip >>pip.calls
    echo "$PIP_NO_INDEX $PIP_FIND_LINKS" >>pip.places
    sleep "$FAKE_SECONDS"
    echo "$FAKE_PIP" >&2
    [ -z "$FAKE_PIP" ] ;;
esac
"""
REQUIREMENTS = (
    "pyproject.toml",
    "constraints.txt",
    "tests/oracles.txt",
    "tools/overrides.json",
)
PIP_CALLS = 3  # the course, what its tests compare with, the language model
GOOD = {
    "FAKE_VERSION": "(3, 12)",
    "FAKE_VENV": "works",
    "FAKE_INDEX": "2.13.0",
    "FAKE_PIP": "",
    "FAKE_SECONDS": "0",
    "FAKE_WRITER": "",
    "FAKE_WRITER_SECONDS": "0",
}


class Course:
    """A folder with what setup.sh reads, and a PATH with one fake Python."""

    def __init__(self, root, folder):
        self.folder, self.bin = folder / "my course", folder / "bin"
        (self.folder / "tools").mkdir(parents=True)
        (self.folder / "tests").mkdir()
        (self.folder / "data").mkdir()
        for name in ("tools/setup.sh", "data/writer.txt", *REQUIREMENTS):
            shutil.copy(root / name, self.folder / name)
        self.bin.mkdir()
        for command in COMMANDS:
            (self.bin / command).symlink_to(shutil.which(command))
        python = self.bin / "python3.12"
        python.write_text(FAKE_PYTHON.format(python=sys.executable))
        python.chmod(python.stat().st_mode | stat.S_IEXEC)

    def start(self, **behavior):
        return subprocess.Popen(
            ["sh", "tools/setup.sh"],
            cwd=self.folder,
            env={"PATH": str(self.bin), **GOOD, **behavior},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def setup(self, **behavior):
        """Run setup.sh to its end: exit code, what it said, what it complained of."""
        process = self.start(**behavior)
        said, complaint = process.communicate(timeout=60)
        return process.returncode, said, complaint

    def pip_calls(self):
        calls = self.folder / "pip.calls"
        return len(calls.read_text().split()) if calls.exists() else 0

    def leftovers(self):
        expected = {"tools", "tests", "data", "pip.calls", "pip.places", "wheels"}
        expected |= {"pyproject.toml", "constraints.txt"}
        return {path.name for path in self.folder.iterdir()} - expected


@pytest.fixture
def course(root, tmp_path):
    return Course(root, tmp_path)


@needs_sh
@pytest.mark.parametrize(
    ("behavior", "sentence"),
    [
        ({"FAKE_VERSION": "(3, 10)"}, "No Python from 3.11 to 3.14 was found"),
        ({"FAKE_VERSION": "(3, 15)"}, "No Python from 3.11 to 3.14 was found"),
        ({"FAKE_VENV": "missing"}, "python3.12 has no venv module: install it"),
        ({"FAKE_VENV": "broken"}, "installation failed: Error: no ensurepip"),
        ({"FAKE_PIP": "ERROR: bad wheel"}, "installation failed: ERROR: bad wheel"),
        ({"FAKE_PIP": "[Errno 28] No space left on device"}, "The disk is full"),
        ({"FAKE_PIP": "Failed to establish a new connection"}, "check the network"),
        ({"FAKE_PIP": "x (from versions: none)\nERROR: No match"}, "check the network"),
    ],
)
def test_a_failure_says_one_sentence_and_leaves_nothing(course, behavior, sentence):
    code, _, complaint = course.setup(**behavior)
    assert code == 1
    assert sentence in complaint
    assert complaint.count("\n") == 1
    assert course.leftovers() == set()


@needs_sh
@pytest.mark.parametrize("version", ["(3, 11)", "(3, 14)"])
def test_supported_pythons_are_found(course, version):
    assert course.setup(FAKE_VERSION=version)[0] == 0


@needs_sh
def test_no_python_at_all(course):
    (course.bin / "python3.12").unlink()
    code, _, complaint = course.setup()
    assert code == 1
    assert complaint.startswith("No Python from 3.11 to 3.14 was found")


@needs_sh
def test_second_call_installs_nothing(course):
    assert course.setup()[0] == 0
    assert course.setup() == (0, "", "")
    assert course.pip_calls() == PIP_CALLS
    assert course.leftovers() == {".venv"}


@needs_sh
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one PyTorch")
@pytest.mark.parametrize(
    ("index", "size"), [("2.13.0", "3 GB"), ("2.13.0+cpu, 2.13.0", "0.5 GB")]
)
def test_download_is_announced(course, index, size):
    assert f"about {size}" in course.setup(FAKE_INDEX=index)[1]


@needs_sh
@pytest.mark.parametrize("name", REQUIREMENTS)
def test_changed_requirements_are_installed(course, name):
    course.setup()
    with (course.folder / name).open("a") as file:
        file.write("# changed\n")
    course.setup()
    assert course.pip_calls() == 2 * PIP_CALLS - 1  # the language model is there


@needs_sh
def test_with_a_folder_of_wheels_no_network_is_asked(course):
    (course.folder / "wheels").mkdir()
    code, said, _ = course.setup()
    assert code == 0
    assert "from the folder wheels" in said
    assert "to download" not in said
    places = (course.folder / "pip.places").read_text().splitlines()
    assert set(places) == {f"1 {course.folder}/wheels"}


@needs_sh
def test_wheels_of_another_computer_are_named(course):
    (course.folder / "wheels").mkdir()
    none = "x (from versions: none)\nERROR: No matching distribution found for x"
    code, _, complaint = course.setup(FAKE_PIP=none)
    assert code == 1
    assert "folder wheels lacks something" in complaint
    assert "network" not in complaint.split("remove it")[0]
    assert course.leftovers() == set()


@needs_sh
def test_jupyterlab_does_not_ask_about_news(course):
    course.setup()
    settings = course.folder / ".venv/share/jupyter/lab/settings/overrides.json"
    ((_, chosen),) = json.loads(settings.read_text("utf-8")).items()
    assert chosen == {"fetchNews": "false", "checkForUpdates": False}


@needs_sh
def test_the_language_model_is_announced_and_installed_once(course):
    assert "93 MB to download" in course.setup()[1]
    assert course.setup() == (0, "", "")
    with (course.folder / "data/writer.txt").open("a") as file:
        file.write("# changed\n")
    assert "93 MB" in course.setup()[1]
    assert course.pip_calls() == PIP_CALLS + 1  # and only the model


@needs_sh
def test_without_the_language_model_the_course_is_installed(course):
    """One sentence says so, and the next call tries again."""
    code, _, complaint = course.setup(FAKE_WRITER="ERROR: connection lost")
    assert code == 0
    assert complaint.count("\n") == 1
    assert "(ERROR: connection lost): all other lessons run" in complaint
    assert "run this command again" in complaint
    calls = course.pip_calls()
    assert course.setup()[2] == ""
    assert course.pip_calls() == calls + 1


@needs_sh
def test_an_interrupted_download_of_the_model_is_taken_up_again(course):
    process = course.start(FAKE_WRITER_SECONDS="30")
    deadline = time.monotonic() + 30
    while course.pip_calls() < PIP_CALLS and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert course.leftovers() == {".venv"}  # the course itself is there
    assert course.setup()[0] == 0
    assert course.pip_calls() == PIP_CALLS + 1


@needs_sh
def test_failed_update_keeps_what_works(course):
    course.setup()
    (course.folder / ".venv" / "mine").touch()
    (course.folder / "constraints.txt").write_text("torch==2.13.1\n")
    code, _, complaint = course.setup(FAKE_PIP="connection lost")
    assert code == 1
    assert ".venv still holds what was installed before" in complaint
    assert (course.folder / ".venv" / "mine").exists()
    course.setup()
    # The failed update was tried again; the language model was there already.
    assert course.pip_calls() == 2 * PIP_CALLS


@needs_sh
@pytest.mark.parametrize("fault", ["moved", "broken"])
def test_unusable_environment_is_made_anew(course, fault):
    course.setup()
    mine = course.folder / ".venv" / "mine"
    mine.touch()
    if fault == "broken":
        (course.folder / ".venv" / "bin" / "python").unlink()
    else:
        moved = course.folder.with_name("moved")
        course.folder, mine = course.folder.rename(moved), moved / ".venv" / "mine"
    assert course.setup(FAKE_PIP="connection lost")[0] == 1
    assert mine.exists()  # better than nothing, until there is a new one
    assert course.setup()[0] == 0
    assert not mine.exists()
    assert course.leftovers() == {".venv"}


@needs_sh
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_setup_leaves_nothing(course, number):
    process = course.start(FAKE_SECONDS="30")
    deadline = time.monotonic() + 30
    while not course.pip_calls() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, number)
    process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert course.leftovers() == set()


# notebooks.py


@pytest.fixture(scope="module")
def tool(load):
    return load("tools/notebooks.py")


def notebook_of(*sources):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture
def foreign_kernel(tmp_path, monkeypatch):
    """A kernel named python3 that is not this Python, as users have them installed."""
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": ["no-such-python"], "display_name": "", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))


@pytest.mark.usefixtures("foreign_kernel")
def test_second_run_changes_nothing(tool, tmp_path):
    path = tmp_path / "a.ipynb"
    cells = (
        "import sys; print(1, flush=True)\nprint(2)",
        "import ipywidgets as w; w.IntSlider()",
    )
    nbformat.write(notebook_of(*cells, "sys.prefix"), path)
    tool.main([path])
    first = path.read_bytes()
    tool.main([path])
    assert path.read_bytes() == first
    notebook = nbformat.read(path, as_version=4)
    printed, slider, prefix = (cell.outputs for cell in notebook.cells)
    assert [output.text for output in printed] == ["1\n2\n"]  # one stream
    assert list(slider[0].data) == ["text/plain"]
    assert prefix[0].data["text/plain"] == repr(sys.prefix)  # this environment's kernel
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert "version" not in notebook.metadata.language_info
    assert b"timestamp" not in first
    assert first.endswith(b"}\n")


@pytest.mark.parametrize(
    ("source", "reason"),
    [("1 / 0", "ZeroDivisionError"), ("import os; os._exit(1)", "died")],
)
def test_failing_cell_is_named_and_nothing_is_written(tool, tmp_path, source, reason):
    path = tmp_path / "bad.ipynb"
    nbformat.write(notebook_of("x = 1", source), path)
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"bad\.ipynb: cell 1 failed") as stopped:
        tool.main([path])
    assert reason in str(stopped.value)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["bad.ipynb"]


def test_failing_disk_leaves_the_notebook_alone(tool, tmp_path, monkeypatch):
    def full(*paths):
        raise OSError("disk full")

    path = tmp_path / "a.ipynb"
    path.write_text("old")
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        tool.store(notebook_of("1"), path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.ipynb"]


@pytest.mark.parametrize("text", ["", "{}", "no JSON"])
def test_file_that_is_no_notebook(tool, tmp_path, text):
    path = tmp_path / "bad.ipynb"
    path.write_text(text)
    with pytest.raises(SystemExit, match=r"bad\.ipynb"):
        tool.main([path])
    assert path.read_text() == text


def test_outputs_of_which_nothing_is_left_are_dropped(tool):
    notebook = notebook_of("a")
    view = {tool.WIDGET_VIEW: {"model_id": "1"}}
    kept = [
        nbformat.v4.new_output("stream", text="so"),
        nbformat.v4.new_output("display_data", {"text/plain": "bar"}),
        nbformat.v4.new_output("error", ename="E", evalue="", traceback=[]),
        nbformat.v4.new_output("execute_result", {"text/plain": "2"}),
    ]
    bar = nbformat.v4.new_output("display_data", view)
    with_text = nbformat.v4.new_output("display_data", view | {"text/plain": "bar"})
    notebook.cells[0].outputs = [bar, kept[0], with_text, *kept[2:], bar]
    notebook.cells.append(nbformat.v4.new_markdown_cell("b"))
    tool.normalize(notebook)
    assert notebook.cells[0].outputs == kept
    assert "outputs" not in notebook.cells[1]


def test_ids_by_hand_stay_and_others_come_from_the_text(tool):
    notebook = notebook_of("a", "a", "b")
    notebook.cells[2].id = "step-check"
    again = notebook_of("a", "a", "b")
    for each in (notebook, again):
        tool.normalize(each)
    ids = [cell.id for cell in notebook.cells]
    assert ids[:2] == [cell.id for cell in again.cells][:2]
    assert len(set(ids)) == 3
    assert ids[2] == "step-check"
