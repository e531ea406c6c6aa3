"""A place where learners' code can do no harm: no network, nothing to write to.

On Linux the whole program starts itself again inside it: with bubblewrap where that is
installed, else in a network namespace of its own. Elsewhere there is none, and
`describe` says so.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

MARK = "COURSE_SANDBOX"  # set inside, to what kind it is
WORDS = {
    "bwrap": "bubblewrap: no network, and only the output folder can be written",
    "namespace": "a network namespace: no network; files can still be written",
    "": "none: install bubblewrap, or mark on a machine that holds nothing else",
}


def describe() -> str:
    """Which sandbox this program runs in."""
    return WORDS[os.environ.get(MARK, "")]


def enter(module: str, arguments: list[str], *, writable: Path, readable: Path) -> None:
    """Run the module inside a sandbox, if there is one, and exit with its status.

    Inside, and where there is none, it returns. writable: the one folder that can be
    written; readable: must be seen inside, wherever it lies.
    """
    if MARK in os.environ or sys.platform != "linux":
        return
    writable.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", module, *arguments]
    for kind, wrap in _wraps(writable.resolve(), readable.resolve()).items():
        if shutil.which(wrap[0]) and _works(wrap):
            environment = os.environ | {MARK: kind}
            sys.exit(subprocess.run([*wrap, *command], env=environment).returncode)


def _wraps(writable: Path, readable: Path) -> dict[str, list[str]]:
    here, out, given = str(Path.cwd()), str(writable), str(readable)
    bwrap = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    bwrap += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    bwrap += ["--tmpfs", "/tmp", "--ro-bind", here, here, "--ro-bind", given, given]
    bwrap += ["--ro-bind", sys.prefix, sys.prefix, "--bind", out, out, "--chdir", here]
    namespace = "-n" if os.geteuid() == 0 else "-rn"
    return {"bwrap": bwrap, "namespace": ["unshare", namespace]}


def _works(wrap: list[str]) -> bool:
    return not subprocess.run([*wrap, "true"], capture_output=True).returncode
