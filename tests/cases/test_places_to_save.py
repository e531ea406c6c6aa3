import tempfile
from pathlib import Path

import pytest
import torch

from course_utils.training import checkpoints


def test_folder_that_is_not_there_yet():  # SafetensorError "I/O error ... .tmpXXXX"
    with tempfile.TemporaryDirectory() as f:
        try:
            checkpoints.write(Path(f) / "runs" / "one", {"a": torch.ones(2)})
        except FileNotFoundError as error:
            assert "runs" in str(error)
            assert ".tmp" not in str(error)


def test_home(monkeypatch):
    with tempfile.TemporaryDirectory() as f:
        monkeypatch.setenv("HOME", f)
        try:
            checkpoints.write("~/run", {"a": torch.ones(2)})
            assert (Path(f) / "run").is_file()
        except (FileNotFoundError, ValueError) as error:
            assert ".tmp" not in str(error)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
# on Windows a mapped file cannot be replaced (os error 1224)
def test_nothing_read_keeps_the_file_mapped():
    with tempfile.TemporaryDirectory() as f:
        path = Path(f) / "mapped.run"
        checkpoints.write(path, {"a": torch.ones(1000)})
        state = checkpoints.read(path)
        assert "mapped.run" not in Path("/proc/self/maps").read_text()
        assert state["a"].sum() == 1000
