"""The course's own classifiers: an MLP, an LSTM."""

import torch
from torch import Tensor, nn

from course_utils.runtime import arguments


class MLP(nn.Module):
    """Two linear layers with a ReLU between: (B, in_dim) to (B, out_dim) logits.

    Sizes are whole numbers from 1. Errors: ValueError for another size, or for
    features whose last axis is not in_dim.
    """

    def __init__(self, in_dim: int, hidden_dim: int, out_dim: int):
        super().__init__()
        sizes = {"in_dim": in_dim, "hidden_dim": hidden_dim, "out_dim": out_dim}
        in_dim, hidden_dim, out_dim = (
            arguments.whole(size, name) for name, size in sizes.items()
        )
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


class LSTMClassifier(nn.Module):
    """Embedding, LSTM, linear layer: token_ids (B, T) to logits (B, C).

    It reads from left to right and classifies by what it holds at the last real token,
    so padding on the right changes nothing. dropout: of what the linear layer reads.
    Errors: ValueError for a size below 1, a mask that does not fit or has gaps, or a
    message without tokens.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_dim: int = 64,
        hidden_dim: int = 64,
        *,
        num_classes: int = 2,
        dropout: float = 0.0,
    ):
        super().__init__()
        sizes = {"vocab_size": vocab_size, "embedding_dim": embedding_dim,
                 "hidden_dim": hidden_dim, "num_classes": num_classes}  # fmt: skip
        vocab_size, embedding_dim, hidden_dim, num_classes = (
            arguments.whole(size, name) for name, size in sizes.items()
        )
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_dim, num_classes)

    def forward(self, token_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits (B, C); attention_mask (B, T) is True for real tokens, on the left."""
        lengths = attention_mask.sum(dim=1)  # (B,)
        places = torch.arange(token_ids.shape[1], device=token_ids.device)
        if not torch.equal(attention_mask, places < lengths[:, None]):
            raise ValueError("attention_mask has a gap: pad on the right only")
        if not lengths.all():
            raise ValueError("a message has no tokens: leave it out")
        outputs, _ = self.lstm(self.embedding(token_ids))  # (B, T, D)
        rows = torch.arange(len(outputs), device=outputs.device)
        last = outputs[rows, lengths - 1]  # (B, D)
        return self.out(self.dropout(last))  # (B, C)
