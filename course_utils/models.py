"""The course's models."""

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """Two linear layers with a ReLU between: (B, in_dim) to (B, out_dim) logits.

    Sizes are whole numbers from 1. Errors: ValueError for another size, or for
    features whose last axis is not in_dim.
    """

    def __init__(self, in_dim: int, hidden_dim: int, out_dim: int):
        super().__init__()
        sizes = {"in_dim": in_dim, "hidden_dim": hidden_dim, "out_dim": out_dim}
        for name, size in sizes.items():
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} is {size!r}: give a whole number from 1")
        self.hidden = nn.Linear(in_dim, hidden_dim)
        self.out = nn.Linear(hidden_dim, out_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (B, out_dim) for features (B, in_dim)."""
        if features.ndim < 1 or features.shape[-1] != self.hidden.in_features:
            raise ValueError(
                f"features has shape {tuple(features.shape)}: its last axis must be "
                f"{self.hidden.in_features} wide"
            )
        return self.out(torch.relu(self.hidden(features)))  # (B, out_dim)
