"""Weights out of a checkpoint or out of a shipped GGUF file."""

import gguf
import torch

from model import Config, Model

LAYER_NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
TOP_NAMES = {"embed_tokens.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}


def gguf_name(name):
    """A parameter's name in a GGUF file."""
    if name in TOP_NAMES:
        return TOP_NAMES[name]
    _, number, rest = name.split(".", 2)
    stem, kind = rest.rsplit(".", 1)
    return f"blk.{number}.{LAYER_NAMES[stem]}.{kind}"


def from_checkpoint(path):
    """The averaged weights of a training checkpoint, and the checkpoint."""
    state = torch.load(path)
    model = Model(Config(**state["config"]))
    model.load_state_dict(state["ema"])
    return model.eval(), state


def from_gguf(path):
    """The model as shipped: quantized weights turned back into floats."""
    reader = gguf.GGUFReader(path)

    def field(key):
        return reader.fields["qwen2." + key].contents()

    tensors = {t.name: torch.from_numpy(gguf.dequantize(t.data, t.tensor_type).copy()) for t in reader.tensors}
    heads, hidden = field("attention.head_count"), field("embedding_length")
    cfg = Config(
        vocab=tensors["token_embd.weight"].shape[0],
        hidden=hidden,
        layers=field("block_count"),
        heads=heads,
        kv_heads=field("attention.head_count_kv"),
        head_dim=hidden // heads,
        ffn=field("feed_forward_length"),
        context=field("context_length"),
        rope_theta=field("rope.freq_base"),
        eps=field("attention.layer_norm_rms_epsilon"),
    )
    model = Model(cfg)
    model.load_state_dict({k: tensors[gguf_name(k)] for k in model.state_dict()})
    return model.eval()
