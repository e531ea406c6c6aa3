"""A Llama in a GGUF file, as a `transformers` model in float32 and its tokenizer.

`transformers` reads such a file, too, in three times the time: it walks through the
vocabulary three times. A test compares the two, weight by weight and token by token.
The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from pathlib import Path

LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
CONTROL = 3  # the type of a token that stands for no text, such as <|im_end|>


def read(path: Path, *, attention: str):
    """(model, tokenizer) of a GGUF file that holds a Llama with tied embeddings.

    attention: "sdpa" or "eager".
    """
    from gguf import GGUFReader

    reader = GGUFReader(path)
    facts = {
        name: field.contents()
        for name, field in reader.fields.items()
        if name.startswith(("llama.", "tokenizer."))
    }
    return _model(facts, reader.tensors, attention), _tokenizer(facts)


def _model(facts, tensors, attention):
    import torch
    from gguf import dequantize
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=facts["llama.vocab_size"],
        hidden_size=facts["llama.embedding_length"],
        intermediate_size=facts["llama.feed_forward_length"],
        num_hidden_layers=facts["llama.block_count"],
        num_attention_heads=facts["llama.attention.head_count"],
        num_key_value_heads=facts["llama.attention.head_count_kv"],
        max_position_embeddings=facts["llama.context_length"],
        rms_norm_eps=facts["llama.attention.layer_norm_rms_epsilon"],
        rope_parameters={
            "rope_type": "default",
            "rope_theta": facts["llama.rope.freq_base"],
        },
        bos_token_id=facts["tokenizer.ggml.bos_token_id"],
        eos_token_id=facts["tokenizer.ggml.eos_token_id"],
        pad_token_id=facts["tokenizer.ggml.padding_token_id"],
        tie_word_embeddings=True,
    )
    weights = {}
    for tensor in tensors:
        weight = torch.tensor(dequantize(tensor.data, tensor.tensor_type))
        name = _name(tensor.name.removesuffix(".weight"))
        for part in ("q_proj", "k_proj"):
            if name.endswith(part):
                weight = _halves(weight, facts["llama.rope.dimension_count"])
        weights[f"{name}.weight"] = weight
    return LlamaForCausalLM.from_pretrained(
        None,
        config=config,
        state_dict=weights,
        attn_implementation=attention,
        dtype=torch.float32,
    )


def _name(name: str) -> str:
    """The name of a tensor in `transformers`: blk.3.attn_q is layer 3's q_proj."""
    if name in OUTSIDE:
        return OUTSIDE[name]
    _, number, part = name.split(".")
    return f"model.layers.{number}.{LAYER[part]}"


def _halves(weight, head_dim: int):
    """Rows (H·K, D) as `transformers` turns them: the file has the two numbers that a
    position turns side by side, `transformers` half a head apart."""
    pairs = weight.reshape(-1, head_dim // 2, 2, weight.shape[1])  # (H, K/2, 2, D)
    return pairs.transpose(1, 2).reshape(weight.shape).contiguous()


def _tokenizer(facts):
    """Byte pairs; every digit is a token, as the file's name for its rule asks."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = facts["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in facts["tokenizer.ggml.merges"]]
    backend = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    kinds = facts["tokenizer.ggml.token_type"]
    backend.add_special_tokens(
        [token for token, kind in zip(tokens, kinds, strict=True) if kind == CONTROL]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=tokens[facts["tokenizer.ggml.bos_token_id"]],
        eos_token=tokens[facts["tokenizer.ggml.eos_token_id"]],
        unk_token=tokens[facts["tokenizer.ggml.unknown_token_id"]],
        pad_token=tokens[facts["tokenizer.ggml.padding_token_id"]],
        chat_template=facts["tokenizer.chat_template"],
        model_max_length=facts["llama.context_length"],
        padding_side="left",
    )
