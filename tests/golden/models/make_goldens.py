#!/usr/bin/env python3
"""Makes the goldens of the model families: small random models through Hugging Face transformers.

    python make_goldens.py [NAME...]      needs torch, transformers, safetensors, numpy

Each NAME.json holds a config.json, a list of tensors by Hugging Face's names, and what transformers
computes from them in float32 on a CPU: logits of some rows of three prompts, and 64 greedy tokens
after each. Weights are not stored: both sides make them from a hash of name and index (`weights`
below; tests/model/golden_model.cpp holds the same in C++).
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import safetensors.numpy
import torch
import transformers

GREEDY = 64
PROMPT_LENGTHS = (5, 23, 45)
VOCAB = 256

# fmt: off
LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0, "vocab_size": VOCAB, "attention_bias": False, "mlp_bias": False,
    "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32",
}
QWEN2 = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu",
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0, "vocab_size": VOCAB, "tie_word_embeddings": False,
    "use_sliding_window": False, "sliding_window": 4096, "max_window_layers": 3,
    "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32",
}
QWEN3 = {
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu",
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 32, "max_position_embeddings": 256,
    "rms_norm_eps": 1e-6, "vocab_size": VOCAB, "attention_bias": False,
    "tie_word_embeddings": True, "use_sliding_window": False, "sliding_window": None,
    "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32",
}
DEEPSEEK = {
    "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 96, "moe_intermediate_size": 32,
    "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 4,
    "kv_lora_rank": 32, "q_lora_rank": 48, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
    "v_head_dim": 24, "first_k_dense_replace": 1, "moe_layer_freq": 1, "n_routed_experts": 16,
    "n_shared_experts": 2, "num_experts_per_tok": 4, "max_position_embeddings": 256,
    "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "vocab_size": VOCAB, "attention_bias": False,
    "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32",
}
V2 = DEEPSEEK | {
    "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2",
    "scoring_func": "softmax", "norm_topk_prob": False,
}
V3 = DEEPSEEK | {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3",
    "scoring_func": "sigmoid", "topk_method": "noaux_tc", "norm_topk_prob": True, "n_group": 4,
    "topk_group": 2, "routed_scaling_factor": 2.5, "n_shared_experts": 1,
}


def yarn(mscale: float | None = None, mscale_all_dim: float | None = None) -> dict:
    scaling = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
               "beta_fast": 32, "beta_slow": 1}
    if mscale is not None:
        scaling |= {"mscale": mscale, "mscale_all_dim": mscale_all_dim}
    return scaling


MODELS = {
    "llama": LLAMA,
    "llama_tied_llama3_rope":
        LLAMA | {"tie_word_embeddings": True,
                 "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                                  "high_freq_factor": 4.0,
                                  "original_max_position_embeddings": 32}},
    "llama_linear_rope":
        LLAMA | {"num_key_value_heads": 4, "rope_theta": 10000.0,
                 "rope_scaling": {"type": "linear", "factor": 4.0}},
    "qwen2": QWEN2,
    "qwen2_tied_yarn": QWEN2 | {"tie_word_embeddings": True, "rope_scaling": yarn()},
    "qwen3": QWEN3 | {"rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}},
    "deepseek_v2_lite":
        V2 | {"q_lora_rank": None, "topk_method": "greedy", "n_group": 1, "topk_group": 1,
              "routed_scaling_factor": 1.0, "rope_scaling": yarn(0.707, 0.707)},
    "deepseek_v2_groups":
        V2 | {"topk_method": "group_limited_greedy", "n_group": 4, "topk_group": 2,
              "routed_scaling_factor": 16.0},
    "deepseek_v3": V3 | {"rope_scaling": yarn(1.0, 1.0)},
    "deepseek_v3_uneven_mscale":
        V3 | {"q_lora_rank": None, "norm_topk_prob": False, "num_hidden_layers": 4,
              "first_k_dense_replace": 2, "rope_scaling": yarn(0.9, 0.6)},
}


# fmt: on
def attention(prefix: str, c: dict) -> dict:
    hidden, heads = c["hidden_size"], c["num_attention_heads"]
    if "kv_lora_rank" in c:
        rope, nope, rank = c["qk_rope_head_dim"], c["qk_nope_head_dim"], c["kv_lora_rank"]
        value, q_rank = c["v_head_dim"], c["q_lora_rank"]
        shapes = {
            "kv_a_proj_with_mqa.weight": (rank + rope, hidden),
            "kv_a_layernorm.weight": (rank,),
            "kv_b_proj.weight": (heads * (nope + value), rank),
            "o_proj.weight": (hidden, heads * value),
        }
        if q_rank is None:
            shapes["q_proj.weight"] = (heads * (nope + rope), hidden)
        else:
            shapes |= {
                "q_a_proj.weight": (q_rank, hidden),
                "q_a_layernorm.weight": (q_rank,),
                "q_b_proj.weight": (heads * (nope + rope), q_rank),
            }
    else:
        dim = c.get("head_dim") or hidden // heads
        q, kv = heads * dim, c["num_key_value_heads"] * dim
        shapes = {
            "q_proj.weight": (q, hidden),
            "k_proj.weight": (kv, hidden),
            "v_proj.weight": (kv, hidden),
            "o_proj.weight": (hidden, q),
        }
        if c["model_type"] == "qwen2":
            shapes |= {"q_proj.bias": (q,), "k_proj.bias": (kv,), "v_proj.bias": (kv,)}
        if c["model_type"] == "qwen3":
            shapes |= {"q_norm.weight": (dim,), "k_norm.weight": (dim,)}
    return {prefix + "self_attn." + name: shape for name, shape in shapes.items()}


def gated(prefix: str, width: int, hidden: int) -> dict:
    return {
        prefix + "gate_proj.weight": (width, hidden),
        prefix + "up_proj.weight": (width, hidden),
        prefix + "down_proj.weight": (hidden, width),
    }


def feed_forward(prefix: str, layer: int, c: dict) -> dict:
    hidden = c["hidden_size"]
    if layer >= c.get("first_k_dense_replace", 1 << 30):
        width = c["moe_intermediate_size"]
        shapes = {prefix + "mlp.gate.weight": (c["n_routed_experts"], hidden)}
        if c["model_type"] == "deepseek_v3":
            shapes[prefix + "mlp.gate.e_score_correction_bias"] = (c["n_routed_experts"],)
        for expert in range(c["n_routed_experts"]):
            shapes |= gated(f"{prefix}mlp.experts.{expert}.", width, hidden)
        return shapes | gated(prefix + "mlp.shared_experts.", width * c["n_shared_experts"], hidden)
    return gated(prefix + "mlp.", c["intermediate_size"], hidden)


def tensor_shapes(c: dict) -> dict:
    hidden = c["hidden_size"]
    shapes = {"model.embed_tokens.weight": (VOCAB, hidden), "model.norm.weight": (hidden,)}
    if not c["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (VOCAB, hidden)
    for layer in range(c["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        shapes |= {prefix + "input_layernorm.weight": (hidden,), prefix + "post_attention_layernorm.weight": (hidden,)}
        shapes |= attention(prefix, c) | feed_forward(prefix, layer, c)
    return shapes


def spread(name: str, shape: tuple) -> tuple[float, float]:
    """(centre, amplitude) of a tensor's uniform values: logits come out with a deviation near 2."""
    if name.endswith("correction_bias"):
        return 0.0, 0.25
    if name.endswith(".bias"):
        return 0.0, 0.5
    if len(shape) == 1:
        return 1.0, 0.375
    if name.endswith("embed_tokens.weight"):
        return 0.0, 0.5
    gain = 4.0 if name.endswith(("mlp.gate.weight", "lm_head.weight")) else 2.0
    return 0.0, round(gain / shape[1] ** 0.5, 4)


def weights(seed: int, name: str, shape: tuple, centre: float, amplitude: float) -> np.ndarray:
    """splitmix64 of (FNV-1a of the name, seed) and the index; 24 bits of it, in [-1, 1)."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    golden = 0x9E3779B97F4A7C15
    key = key ^ (seed * golden % 2**64)
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        z = np.uint64(key) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(golden)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    unit = (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1.0)
    return (np.float32(centre) + unit * np.float32(amplitude)).reshape(shape)


def load(config: dict, tensors: list, seed: int):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(config))
        data = {
            name: weights(seed, name, tuple(shape), centre, amplitude) for name, shape, centre, amplitude in tensors
        }
        safetensors.numpy.save_file(data, Path(folder, "model.safetensors"), {"format": "pt"})
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
    if info["missing_keys"] or info["unexpected_keys"] or info["mismatched_keys"]:
        sys.exit(f"tensors do not fit the model: {info}")
    return model.eval()


@torch.no_grad()
def run(model, tokens: list) -> tuple[list, torch.Tensor, float]:
    """Greedy tokens, the logits of all rows, and the smallest lead of a chosen token."""
    text = list(tokens)
    for _ in range(GREEDY):  # no cache: the plainest computation there is
        text.append(int(model(torch.tensor([text])).logits[0, -1].argmax()))
    logits = model(torch.tensor([text])).logits[0]
    best = torch.topk(logits[len(tokens) - 1 : -1], 2, dim=-1).values
    lead = (best[:, 0] - best[:, 1]).min() / logits.abs().max()
    return text[len(tokens) :], logits, lead.item()


def attempt(config: dict, tensors: list, seed: int) -> list | None:
    """The prompts' goldens; None where a greedy choice is so near a tie that 1e-4 may turn it."""
    model = load(config, tensors, seed)
    rng = np.random.default_rng(seed)
    prompts = []
    for length in PROMPT_LENGTHS:
        tokens = rng.integers(3, VOCAB, length).tolist()
        greedy, logits, lead = run(model, tokens)
        if lead < 2.5e-4:
            return None
        if logits.std() < 0.5:
            sys.exit(f"logits are not spread: deviation {logits.std().item():.2f}")
        rows = sorted({length // 2, length - 1, length + GREEDY - 1})
        prompts.append(
            {
                "tokens": tokens,
                "greedy": greedy,
                "logits": [[row, [float(f"{x:.8g}") for x in logits[row].tolist()]] for row in rows],
            }
        )
    return prompts


def main() -> None:
    for number, name in enumerate(MODELS):
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        config = MODELS[name]
        tensors = [[n, list(shape), *spread(n, shape)] for n, shape in tensor_shapes(config).items()]
        seed = 100 * number
        while (prompts := attempt(config, tensors, seed := seed + 1)) is None:
            pass
        golden = {"config": config, "seed": seed, "tensors": tensors, "prompts": prompts}
        path = Path(__file__).with_name(name + ".json")
        path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
        print(name, "seed", seed)


if __name__ == "__main__":
    main()
