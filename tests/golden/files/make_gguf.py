#!/usr/bin/env python3
"""Writes the small GGUF files of this folder with gguf-py: an implementation of the format that is not
ours. Needs the packages gguf and numpy.

  values.gguf       every value type, tensors of several types, alignment 64
  llama.gguf        a Llama's metadata, rope_freqs, two layers of tiny tensors
  deepseek2.gguf    a DeepSeek-V3's metadata and one expert stack
"""

from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, RopeScalingType, quantize
from gguf.constants import ExpertGatingFuncType

HERE = Path(__file__).parent


def finish(writer: GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def values() -> None:
    w = GGUFWriter(HERE / "values.gguf", "test")
    w.add_custom_alignment(64)
    w.add_uint8("v.u8", 200)
    w.add_int8("v.i8", -100)
    w.add_uint16("v.u16", 60000)
    w.add_int16("v.i16", -30000)
    w.add_uint32("v.u32", 4000000000)
    w.add_int32("v.i32", -2000000000)
    w.add_float32("v.f32", 1.5)
    w.add_bool("v.bool", True)
    w.add_string("v.string", "Grüße, 世界")
    w.add_uint64("v.u64", 2**63 + 5)
    w.add_int64("v.i64", -(2**62))
    w.add_float64("v.f64", -2.25)
    w.add_array("v.ints", [1, -2, 3])
    w.add_array("v.floats", [0.5, 0.25])
    w.add_array("v.strings", ["a", "", "ccc"])
    w.add_array("v.bools", [True, False])
    rng = np.random.default_rng(1)
    w.add_tensor("a.f32", np.arange(12, dtype=np.float32).reshape(3, 4))
    w.add_tensor("b.f16", np.arange(6, dtype=np.float16).reshape(1, 2, 3))
    q = quantize(rng.normal(0, 1, (2, 64)).astype(np.float32), GGMLQuantizationType.Q8_0)
    w.add_tensor("c.q8_0", q, raw_dtype=GGMLQuantizationType.Q8_0)
    w.add_tensor("d.i32", np.array([7, 8], dtype=np.int32))
    finish(w)


def tokenizer(w: GGUFWriter) -> None:
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("llama-bpe")
    w.add_token_list(["a", "b", "ab", "<s>", "</s>"])
    w.add_token_types([1, 1, 1, 3, 3])
    w.add_token_merges(["a b"])
    w.add_bos_token_id(3)
    w.add_eos_token_id(4)
    w.add_add_bos_token(True)
    w.add_chat_template("{{ messages[0]['content'] }}")


def llama() -> None:
    w = GGUFWriter(HERE / "llama.gguf", "llama")
    w.add_name("Tiny Llama")
    w.add_block_count(2)
    w.add_context_length(2048)
    w.add_embedding_length(32)
    w.add_feed_forward_length(64)
    w.add_head_count(4)
    w.add_head_count_kv(2)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_freq_base(500000.0)
    w.add_rope_dimension_count(8)
    w.add_vocab_size(5)
    tokenizer(w)
    rng = np.random.default_rng(2)

    def add(name: str, *shape: int) -> None:
        w.add_tensor(name, rng.normal(0, 1, shape).astype(np.float32))

    add("token_embd.weight", 5, 32)
    add("output_norm.weight", 32)
    w.add_tensor("rope_freqs.weight", np.array([1, 1, 4, 8], dtype=np.float32))
    for i in range(2):
        add(f"blk.{i}.attn_norm.weight", 32)
        add(f"blk.{i}.attn_k.weight", 16, 32)
    finish(w)


def deepseek2() -> None:
    w = GGUFWriter(HERE / "deepseek2.gguf", "deepseek2")
    w.add_block_count(3)
    w.add_context_length(4096)
    w.add_embedding_length(64)
    w.add_feed_forward_length(128)
    w.add_head_count(4)
    w.add_head_count_kv(1)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_rope_freq_base(10000.0)
    w.add_vocab_size(5)
    w.add_leading_dense_block_count(1)
    w.add_q_lora_rank(48)
    w.add_kv_lora_rank(32)
    w.add_key_length(32 + 8)
    w.add_value_length(32)
    w.add_key_length_mla(16 + 8)
    w.add_value_length_mla(20)
    w.add_rope_dimension_count(8)
    w.add_rope_scaling_type(RopeScalingType.YARN)
    w.add_rope_scaling_factor(40.0)
    w.add_rope_scaling_orig_ctx_len(1024)
    w.add_rope_scaling_yarn_log_mul(0.1)
    w.add_expert_count(8)
    w.add_expert_used_count(2)
    w.add_expert_shared_count(1)
    w.add_expert_feed_forward_length(32)
    w.add_expert_group_count(4)
    w.add_expert_group_used_count(2)
    w.add_expert_gating_func(ExpertGatingFuncType.SIGMOID)
    w.add_expert_weights_norm(True)
    w.add_expert_weights_scale(2.5)
    tokenizer(w)
    stack = np.arange(8 * 2 * 3, dtype=np.float32).reshape(8, 2, 3)
    w.add_tensor("blk.1.ffn_gate_exps.weight", stack)
    finish(w)


if __name__ == "__main__":
    values()
    llama()
    deepseek2()
