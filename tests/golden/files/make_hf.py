#!/usr/bin/env python3
"""Writes hf_fp8/ (a sharded DeepSeek-V3 directory in FP8 with block scales, rope in the old layout),
hf_fused/ (experts in one tensor, rope in the new layout) and hf_llama/ (with a tokenizer), with the
safetensors and tokenizers packages: implementations that are not ours. Needs torch, too.

Every tensor's values are known by rule, so that the test can check them: value i of a tensor is
(seed + i) % 13 - 6, where seed is the sum of the bytes of its Hugging Face name.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
HIDDEN, EXPERTS, EXPERT_FFN, BLOCK = 16, 4, 8, 8


def tensor(name: str, *shape: int) -> torch.Tensor:
    count = 1
    for dim in shape:
        count *= dim
    seed = sum(name.encode())
    return torch.tensor([(seed + i) % 13 - 6 for i in range(count)], dtype=torch.float32).reshape(shape)


CONFIG = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "hidden_act": "silu",
    "hidden_size": HIDDEN,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_nextn_predict_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "vocab_size": 10,
    "max_position_embeddings": 163840,
    "rms_norm_eps": 1e-6,
    "q_lora_rank": 12,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
    "n_routed_experts": EXPERTS,
    "num_experts_per_tok": 2,
    "n_shared_experts": 1,
    "moe_intermediate_size": EXPERT_FFN,
    "first_k_dense_replace": 1,
    "moe_layer_freq": 1,
    "n_group": 2,
    "topk_group": 1,
    "topk_method": "noaux_tc",
    "scoring_func": "sigmoid",
    "norm_topk_prob": True,
    "routed_scaling_factor": 2.5,
    "rope_theta": 10000,
    "tie_word_embeddings": False,
}


def write(folder: Path, name: str, value: dict | str) -> None:
    text = value if isinstance(value, str) else json.dumps(value, indent=1)
    (folder / name).write_text(text, encoding="utf-8")


def fp8() -> None:
    folder = HERE / "hf_fp8"
    folder.mkdir(exist_ok=True)
    scaling = {"type": "yarn", "factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0,
               "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1}  # fmt: skip
    quantization = {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [BLOCK, BLOCK]}
    write(folder, "config.json", CONFIG | {"rope_scaling": scaling, "quantization_config": quantization})
    shards: list[dict[str, torch.Tensor]] = [{}, {}]

    def plain(shard: int, name: str, *shape: int) -> None:
        shards[shard][name] = tensor(name, *shape).to(torch.bfloat16)

    def quantized(shard: int, name: str, rows: int, cols: int) -> None:
        shards[shard][name] = tensor(name, rows, cols).to(torch.float8_e4m3fn)
        tiles = -(-rows // BLOCK), -(-cols // BLOCK)
        scales = torch.arange(1, tiles[0] * tiles[1] + 1, dtype=torch.float32).reshape(tiles)
        shards[1 - shard][name + "_scale_inv"] = scales  # in the other file: that happens

    plain(0, "model.embed_tokens.weight", 10, HIDDEN)
    plain(1, "lm_head.weight", 10, HIDDEN)
    plain(1, "model.norm.weight", HIDDEN)
    quantized(0, "model.layers.0.self_attn.kv_a_proj_with_mqa.weight", 20, HIDDEN)
    plain(1, "model.layers.1.mlp.gate.weight", EXPERTS, HIDDEN)
    shards[1]["model.layers.1.mlp.gate.e_score_correction_bias"] = tensor("bias", EXPERTS)
    for expert in range(EXPERTS):
        for part, rows, cols in [("gate", EXPERT_FFN, HIDDEN), ("up", EXPERT_FFN, HIDDEN),
                                 ("down", HIDDEN, EXPERT_FFN)]:  # fmt: skip
            quantized(expert % 2, f"model.layers.1.mlp.experts.{expert}.{part}_proj.weight", rows, cols)
    plain(0, "model.layers.2.eh_proj.weight", 4, 4)  # next-token prediction: not the model's
    weight_map = {}
    for i, shard in enumerate(shards):
        file = f"model-{i + 1:05}-of-00002.safetensors"
        save_file(shard, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(shard, file)
    write(folder, "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    tokenizer = {"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": "ByteLevel"}}
    write(folder, "tokenizer.json", tokenizer)
    templates = [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}]
    write(folder, "tokenizer_config.json", {"chat_template": templates})
    write(folder, "generation_config.json", {"temperature": 0.6})


def fused() -> None:
    folder = HERE / "hf_fused"
    folder.mkdir(exist_ok=True)
    config = {key: value for key, value in CONFIG.items() if key != "rope_theta"}
    write(folder, "config.json", config | {"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}})
    names = {"model.embed_tokens.weight": (10, HIDDEN),
             "model.layers.0.self_attn.kv_b_proj.weight": (2 * (8 + 8), 16),
             "model.layers.1.mlp.experts.gate_up_proj": (EXPERTS, 2 * EXPERT_FFN, HIDDEN),
             "model.layers.1.mlp.experts.down_proj": (EXPERTS, HIDDEN, EXPERT_FFN)}  # fmt: skip
    save_file({name: tensor(name, *shape) for name, shape in names.items()}, folder / "model.safetensors")
    write(folder, "tokenizer_config.json", {"chat_template": "from the config"})
    write(folder, "chat_template.jinja", "from the file")


def llama() -> None:
    folder = HERE / "hf_llama"
    folder.mkdir(exist_ok=True)
    tokenizer = Tokenizer(models.BPE())
    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|begin|>", "<|end|>", "<|turn|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=270, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(["the cat sat on the mat, the hat and the rat"] * 9, trainer)
    tokenizer.add_tokens(["<think>"])
    template = [("<|begin|>", tokenizer.token_to_id("<|begin|>"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="<|begin|> $A", special_tokens=template)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"bos_token": {"content": "<|begin|>"}, "eos_token": "<|end|>", "chat_template": "{{ x }}"}
    write(folder, "tokenizer_config.json", config)
    ids = [tokenizer.token_to_id(token) for token in special]
    write(folder, "generation_config.json", {"eos_token_id": [ids[1], ids[2]], "top_p": 0.95})
    rope = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64}  # fmt: skip
    config = {"model_type": "llama", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1,
              "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 272, "rms_norm_eps": 1e-5,
              "max_position_embeddings": 512, "rope_theta": 10000.0, "rope_scaling": rope}  # fmt: skip
    write(folder, "config.json", config)
    names = {"model.embed_tokens.weight": (272, 32), "model.layers.0.self_attn.q_proj.weight": (32, 32),
             "model.layers.0.self_attn.k_proj.weight": (16, 32),
             "model.layers.0.self_attn.k_proj.bias": (16,),
             "model.layers.0.self_attn.v_proj.weight": (16, 32),
             "model.layers.0.mlp.down_proj.weight": (32, 48)}  # fmt: skip
    tensors = {name: tensor(name, *shape).to(torch.float16) for name, shape in names.items()}
    save_file(tensors, folder / "model.safetensors")


if __name__ == "__main__":
    fp8()
    fused()
    llama()
