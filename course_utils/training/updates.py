"""One update of a run: what may move, its gradient clipped, its size, its memory."""

from contextlib import contextmanager

import torch
from torch import Tensor, nn


def update_ratio(before: list[Tensor], after: list[Tensor]) -> float:
    """‖after - before‖ / ‖before‖ over all tensors; changes `before`."""
    length = _length(before)
    steps = [old.sub_(new.detach()) for old, new in zip(before, after, strict=True)]
    return (_length(steps) / length).item()


def _length(tensors: list[Tensor]) -> Tensor:
    """Of all as one vector; faster and nearer than `get_total_norm` on a CPU."""
    flat = (tensor.detach().flatten() for tensor in tensors)
    return torch.stack([each.dot(each) for each in flat]).sum().sqrt()


@contextmanager
def only_trainable(model: nn.Module, params: list[Tensor]):
    """Within, only `params` require a gradient."""
    chosen = set(map(id, params))
    frozen = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
    for param in frozen:
        param.requires_grad_(False)
    try:
        yield
    finally:
        for param in frozen:
            param.requires_grad_(True)


@contextmanager
def memory_error(token_ids: Tensor):
    """PyTorch's complaint about memory as a MemoryError that says what to do."""
    try:
        yield
    except RuntimeError as error:
        if "tried to allocate" not in str(error).lower():
            raise
        B, T = token_ids.shape
        raise MemoryError(
            f"a batch of {B} messages of {T} tokens does not fit in memory: give a "
            "smaller batch_size, or cut the messages (batches.encode, max_length)"
        ) from error


def clip(params: list[Tensor], max_norm: float) -> Tensor:
    """Clip the gradient to this length, and return the length that it had."""
    grads = [p.grad for p in params if p.grad is not None]
    if not any(grad.is_sparse for grad in grads):
        return nn.utils.clip_grad_norm_(params, max_norm)
    for param in params:
        if param.grad is not None and param.grad.is_sparse:
            param.grad = param.grad.coalesce()  # each row once
    values = [p.grad for p in params if p.grad is not None]
    values = [grad.values() if grad.is_sparse else grad for grad in values]
    total = nn.utils.get_total_norm(values)
    for value in values:
        value.mul_((max_norm / (total + 1e-6)).clamp(max=1))
    return total
