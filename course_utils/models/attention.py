"""Attention, and the encoder block built round it, in the order BERT runs it.

No dropout and no training tricks: these blocks say what a trained encoder computes.
`Encoder.from_bert` copies the weights of a real one.

Shapes: B batch, T tokens, S tokens attended to, D embedding, H heads, K head width.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """softmax(QKᵀ/√K)·V, and the attention weights.

    query: (..., T, K); key: (..., S, K); value: (..., S, D); mask: bool, broadcast to
    (..., T, S), True where a token may be attended to. Returns output (..., T, D) and
    attention_weights (..., T, S). A row that may attend to nothing gets zero weights
    and a zero output, as in PyTorch's own.

    Source: A. Vaswani and others, "Attention Is All You Need", 2017, equation 1.
    Errors: TypeError for a mask that is not boolean, ValueError for shapes that do
    not fit.
    """
    _check_shapes(query, key, value, mask)
    attention_scores = query @ key.mT / math.sqrt(query.shape[-1])  # (..., T, S)
    if mask is not None:
        attention_scores = attention_scores.masked_fill(~mask, -torch.inf)
    attention_weights = torch.softmax(attention_scores, dim=-1)  # (..., T, S)
    if mask is not None:  # softmax of a row of -inf is nan
        attention_weights = attention_weights.masked_fill(~mask, 0.0)
    return attention_weights @ value, attention_weights  # (..., T, D)


def causal_mask(num_tokens: int) -> Tensor:
    """(T, T), True on and below the diagonal: each token sees itself and the past."""
    return torch.ones(num_tokens, num_tokens, dtype=torch.bool).tril()


class MultiHeadAttention(nn.Module):
    """Self-attention in several heads side by side, each on its own K = D / H columns.

    Errors: ValueError where num_heads does not divide embedding_dim.
    """

    def __init__(self, embedding_dim: int, num_heads: int):
        super().__init__()
        if num_heads < 1 or embedding_dim % num_heads:
            raise ValueError(
                f"num_heads is {num_heads}: give a divisor of embedding_dim, "
                f"{embedding_dim}"
            )
        self.num_heads = num_heads
        self.query = nn.Linear(embedding_dim, embedding_dim)
        self.key = nn.Linear(embedding_dim, embedding_dim)
        self.value = nn.Linear(embedding_dim, embedding_dim)
        self.out = nn.Linear(embedding_dim, embedding_dim)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Output (B, T, D) and attention_weights (B, H, T, T) for x (B, T, D).

        mask: bool, (B, T) tokens that may be attended to, or (B, T, T) for each query.
        """
        B, T, D = x.shape
        H, K = self.num_heads, D // self.num_heads
        query = self.query(x).view(B, T, H, K).transpose(1, 2)  # (B, H, T, K)
        key = self.key(x).view(B, T, H, K).transpose(1, 2)  # (B, H, T, K)
        value = self.value(x).view(B, T, H, K).transpose(1, 2)  # (B, H, T, K)
        if mask is not None:
            mask = mask[:, None, None] if mask.ndim == 2 else mask[:, None]
        mixed, attention_weights = scaled_dot_product_attention(query, key, value, mask)
        mixed = mixed.transpose(1, 2).reshape(B, T, D)  # (B, T, D), heads side by side
        return self.out(mixed), attention_weights


class EncoderBlock(nn.Module):
    """Attention, then a feed-forward network; each added to its input, then normed.

    (The norm comes after the sum, as in BERT and the first Transformer; later models
    norm before.) hidden_dim: width inside the feed-forward network, whose activation
    is GELU.
    """

    def __init__(self, embedding_dim: int, num_heads: int, hidden_dim: int):
        super().__init__()
        self.attention = MultiHeadAttention(embedding_dim, num_heads)
        self.attention_norm = nn.LayerNorm(embedding_dim, eps=1e-12)
        self.expand = nn.Linear(embedding_dim, hidden_dim)
        self.contract = nn.Linear(hidden_dim, embedding_dim)
        self.norm = nn.LayerNorm(embedding_dim, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Output (B, T, D) and attention_weights (B, H, T, T) for x (B, T, D)."""
        mixed, attention_weights = self.attention(x, mask)
        x = self.attention_norm(x + mixed)  # (B, T, D)
        x = self.norm(x + self.contract(F.gelu(self.expand(x))))  # (B, T, D)
        return x, attention_weights


class Encoder(nn.Module):
    """Token and position embeddings, then a stack of blocks: BERT without its head."""

    def __init__(self, config):
        """config: a `transformers.BertConfig`, for the sizes."""
        super().__init__()
        D = config.hidden_size
        self.tokens = nn.Embedding(config.vocab_size, D)
        self.positions = nn.Embedding(config.max_position_embeddings, D)
        self.types = nn.Embedding(config.type_vocab_size, D)  # first or second text
        self.norm = nn.LayerNorm(D, eps=1e-12)
        self.blocks = nn.ModuleList(
            EncoderBlock(D, config.num_attention_heads, config.intermediate_size)
            for _ in range(config.num_hidden_layers)
        )

    def forward(
        self, token_ids: Tensor, mask: Tensor | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Hidden states, L + 1 of (B, T, D), and attention weights, L of (B, H, T, T).

        token_ids: (B, T); mask: (B, T), True where a token may be attended to.
        """
        places = torch.arange(token_ids.shape[1], device=token_ids.device)  # (T,)
        x = self.tokens(token_ids) + self.positions(places) + self.types.weight[0]
        hidden_states, attention_weights = [self.norm(x)], []  # (B, T, D)
        for block in self.blocks:
            x, weights = block(hidden_states[-1], mask)
            hidden_states.append(x)
            attention_weights.append(weights)
        return hidden_states, attention_weights

    @classmethod
    def from_bert(cls, bert) -> "Encoder":
        """An encoder with a copy of the weights of a `transformers.BertModel`."""
        encoder = cls(bert.config)
        named = [(_our_name(name), value) for name, value in bert.state_dict().items()]
        encoder.load_state_dict({name: value for name, value in named if name})
        return encoder


OUR_NAMES = {  # BERT's names, longest first, and ours
    "embeddings.word_embeddings": "tokens",
    "embeddings.position_embeddings": "positions",
    "embeddings.token_type_embeddings": "types",
    "embeddings.LayerNorm": "norm",
    "encoder.layer": "blocks",
    "attention.output.LayerNorm": "attention_norm",
    "attention.output.dense": "attention.out",
    "attention.self": "attention",
    "intermediate.dense": "expand",
    "output.LayerNorm": "norm",
    "output.dense": "contract",
}


def _our_name(name: str) -> str | None:
    """What a weight of `transformers.BertModel` is called here; None if not used."""
    if name.startswith("pooler") or name.endswith("_ids"):
        return None
    for theirs, ours in OUR_NAMES.items():
        name = name.replace(theirs, ours)
    return name


def _check_shapes(query, key, value, mask) -> None:
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(
            f"query {tuple(query.shape)}, key {tuple(key.shape)} and value "
            f"{tuple(value.shape)} do not fit: query and key need one width, key and "
            "value one number of tokens"
        )
    if mask is None:
        return
    if mask.dtype != torch.bool:
        raise TypeError(
            f"mask has dtype {mask.dtype}: give booleans, True where a token may be "
            "attended to (a tokenizer's 0 and 1 become that with .bool())"
        )
    rows = torch.broadcast_shapes(query.shape[:-2], key.shape[:-2])
    shape = (*rows, query.shape[-2], key.shape[-2])  # (..., T, S)
    try:
        mask.expand(shape)
    except RuntimeError:
        raise ValueError(
            f"mask has shape {tuple(mask.shape)}: the scores have {shape}, and the "
            "mask must broadcast to that"
        ) from None
