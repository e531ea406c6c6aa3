"""Lessons in places that nobody prepared: every hardship alone, then all at once.

Run by `make test-rough`. Lesson 00 meets each hardship alone; every lesson meets all of
them together, with two kernels at once, one of a learner who has solved the exercises.
"""

import locale
import os
import shutil
import subprocess

import pytest
from rough.kernels import LESSONS, ROOT, Kernel, code_cells, solved

WRITES = ("XDG_", "JUPYTER_", "IPYTHON", "MPLCONFIGDIR", "HF_", "TORCH_HOME")
READ_ONLY = """
    mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0/notebooks" &&
    ! touch here 2>/dev/null && exec "$@"
"""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
HARDSHIPS = ("read-only", "no home", "foreign locale", "ASCII", "odd path")


class Place:
    """A copy of the course, where a kernel meets the hardships asked for."""

    def __init__(self, folder, hardships):
        self.root = folder / ("Kurs 1 – 课程" if "odd path" in hardships else "course")
        for name in ("course_utils", "notebooks", "data"):
            unwanted = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(ROOT / name, self.root / name, ignore=unwanted)
        self.env = os.environ | {"PYTHONPATH": str(self.root)}
        self.prefix = ()
        if "no home" in hardships:
            kept = self.env.items()
            self.env = {name: v for name, v in kept if not name.startswith(WRITES)}
            self.env["HOME"] = "/dev/null/home"  # not even root can make it
        if "foreign locale" in hardships:
            self.env["LC_ALL"] = foreign_locale()
        if "ASCII" in hardships:
            self.env |= ASCII
        if "read-only" in hardships:
            self.prefix = (*mount_namespace(), "sh", "-c", READ_ONLY, str(self.root))

    def kernel(self):
        return Kernel(self.root / "notebooks", env=self.env, prefix=self.prefix)


def foreign_locale():
    """A locale with another decimal sign or other capitals, if there is one."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        for name in ("tr_TR.UTF-8", "de_DE.UTF-8", "fr_FR.UTF-8"):
            try:
                return locale.setlocale(locale.LC_ALL, name)
            except locale.Error:
                continue
    finally:
        locale.setlocale(locale.LC_ALL, before)
    return pytest.skip("this machine has no locale of another language")


def mount_namespace():
    """The command that runs another where mounts are its own."""
    for command in (("unshare", "-m"), ("unshare", "-rm")):
        try:
            subprocess.run([*command, "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    return pytest.skip("this machine allows no mount namespace")


@pytest.mark.parametrize("hardship", HARDSHIPS)
def test_one_hardship(hardship, tmp_path):
    with Place(tmp_path, [hardship]).kernel() as kernel:
        for cell in code_cells(LESSONS[0]):
            kernel.require(cell)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_two_learners_in_a_hard_place(path, tmp_path):
    place = Place(tmp_path, ["read-only", "no home", "ASCII", "odd path"])
    cells = code_cells(path)
    with place.kernel() as one, place.kernel() as other:
        for cell, solution in zip(cells, solved(cells), strict=True):
            one.require(cell)
            other.require(solution)
