"""A stand-in for an accelerator: tensors that say they are elsewhere.

They compute as on the CPU, refuse to meet a tensor that is not there, and have no
`.numpy()`. They show what would mix devices; not what a real one computes.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

FAR = torch.device("meta")  # the one device besides the CPU that autograd has here
MOVES = ("aten::_to_copy", "aten::copy_")


class Far(torch.Tensor):
    """What is far away; `near` holds its numbers."""

    is_meta = False

    @staticmethod
    def __new__(cls, near):
        return torch.Tensor._make_wrapper_subclass(
            cls, near.shape, strides=near.stride(), dtype=near.dtype, device=FAR
        )

    def __init__(self, near):
        self.near = near

    def __repr__(self):
        return f"Far({self.near})"

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return call(function, args, kwargs or {})


class Everywhere(TorchDispatchMode):
    """Within, tensors made with `device=FAR` are far, too."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return call(function, args, kwargs or {})


def call(function, args, kwargs):
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    far = [t for t in tensors if isinstance(t, Far)]
    name = function._schema.name
    near = [t for t in tensors if t.dim() and not isinstance(t, Far)]
    if far and near and name not in MOVES:
        raise RuntimeError(f"{name}: tensors on the CPU and far away do not mix")
    device = kwargs.get("device")
    goes_far = bool(far) if device is None else torch.device(device) == FAR
    if device is not None:
        kwargs = kwargs | {"device": torch.device("cpu")}
    result = function(*tree_map(nearer, args), **tree_map(nearer, kwargs))
    if function._schema.is_mutable and "_foreach" not in name:
        changed = kwargs["out"] if "out" in kwargs else args[0]
        return changed
    return tree_map(farther, result) if goes_far else result


def nearer(value):
    return value.near if isinstance(value, Far) else value


def farther(value):
    return Far(value) if type(value) is torch.Tensor else value


def move(model):
    """The same model, far away."""
    for module in model.modules():
        for name, param in list(module._parameters.items()):
            if param is not None:
                away = Far(param.detach().clone()).requires_grad_(param.requires_grad)
                module._parameters[name] = torch.nn.Parameter(away, param.requires_grad)
        for name, buffer in list(module._buffers.items()):
            if buffer is not None:
                module._buffers[name] = Far(buffer.clone())
    return model
