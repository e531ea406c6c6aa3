"""A nested state (dicts, lists, tensors, numbers, text) in one safetensors file.

No pickle: what is read back is data, never code. A checksum finds altered bytes.
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

FORMAT = "course_utils checkpoint 1"


def write(path: str | Path, state) -> None:
    """Store `state` in one move: the file at `path` is the old one or the new one.

    A folder that is not there is made; `~` is the home folder.
    Errors: TypeError for a value that is neither a tensor nor plain data.
    """
    tensors: dict[str, Tensor] = {}
    plan = json.dumps(_pack(state, tensors, {}))
    checksum = _checksum(plan, tensors)
    metadata = {"format": FORMAT, "state": plan, "checksum": checksum}
    path = Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    half_written = path.with_name(path.name + ".half")
    try:
        save_file(tensors, half_written, metadata)
        os.replace(half_written, path)
    finally:
        half_written.unlink(missing_ok=True)


def read(path: str | Path):
    """The state that `write` stored.

    Errors: FileNotFoundError, or ValueError where the file is no checkpoint, cut
    short, or altered.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}: write one first")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            # Copies: Windows does not replace a file that something still looks into.
            tensors = {n: file.get_tensor(n).clone() for n in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"{path} is no checkpoint, or cut short ({error}): use an earlier one"
        ) from None
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path} is no checkpoint of this course's training")
    if _checksum(metadata.get("state", ""), tensors) != metadata.get("checksum"):
        raise ValueError(f"{path} was altered since it was written: use another one")
    return _unpack(json.loads(metadata["state"]), tensors)


def _pack(value, tensors: dict[str, Tensor], seen: dict):
    """Plain JSON in which each tensor is a name; one that occurs twice is kept once."""
    if isinstance(value, Tensor):
        place = (value.data_ptr(), value.dtype, tuple(value.shape), value.stride())
        if place not in seen or not value.numel():
            memory, stored = value.untyped_storage().data_ptr(), value.detach()
            # safetensors takes no two tensors of one memory: a view gets its own.
            stored = stored.clone() if memory in seen else stored.contiguous()
            seen[place] = seen[memory] = f"{len(tensors):05d}"
            tensors[seen[place]] = stored.contiguous()
        return {"tensor": seen[place]}
    if isinstance(value, dict):
        pairs = [
            [_plain(key), _pack(item, tensors, seen)] for key, item in value.items()
        ]
        return {"dict": pairs}
    if isinstance(value, list | tuple):
        items = [_pack(item, tensors, seen) for item in value]
        return {type(value).__name__: items}
    return _plain(value)


def _plain(value):
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"state holds a {type(value).__name__}: give tensors or plain data")


def _unpack(value, tensors: dict[str, Tensor]):
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _unpack(item, tensors) for key, item in content}
    items = [_unpack(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items


def _checksum(plan: str, tensors: dict[str, Tensor]) -> str:
    found = hashlib.sha256(plan.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
