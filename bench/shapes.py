"""Shapes of real models: which tensors each has, for make_model.py."""

import dataclasses

import gguf
from gguf import GGMLQuantizationType as Type


@dataclasses.dataclass(frozen=True)
class Shape:
    architecture: str
    hidden: int
    layers: int
    ffn: int
    heads: int
    kv_heads: int
    vocab: int
    head_dim: int = 128
    rope_theta: float = 10000.0
    tied: bool = False
    context: int = 131072


@dataclasses.dataclass(frozen=True)
class DeepSeekShape(Shape):
    """Multi-head latent attention and a mixture of experts (arXiv 2412.19437)."""

    q_rank: int = 1536
    kv_rank: int = 512
    rope_dim: int = 64  # head_dim is the rest of a key, and a value
    experts: int = 256
    used: int = 8
    shared: int = 1
    expert_ffn: int = 2048
    dense_layers: int = 1
    groups: int = 8
    used_groups: int = 4


SHAPES = {
    # DeepSeek-R1-Distill-Qwen-1.5B and -7B, -Llama-8B; Qwen3-0.6B; and one that fits anywhere.
    "qwen-1.5b": Shape("qwen2", 1536, 28, 8960, 12, 2, 151936),
    "qwen-7b": Shape("qwen2", 3584, 28, 18944, 28, 4, 152064),
    "llama-8b": Shape("llama", 4096, 32, 14336, 32, 8, 128256, rope_theta=500000.0),
    "qwen3-0.6b": Shape("qwen3", 1024, 28, 3072, 16, 8, 151936, rope_theta=1000000.0, tied=True),
    # The first's with a seventh of its layers: for contexts whose computation would take too long.
    "qwen-1.5b-4l": Shape("qwen2", 1536, 4, 8960, 12, 2, 151936),
    # DeepSeek-V3's, scaled to fit: real heads, ranks, experts and routing; hidden 2048 of 7168, expert width 512 of
    # 2048, 16 heads of 128, 9 layers of 61.
    "deepseek-moe": DeepSeekShape("deepseek2", 2048, 9, 4608, 16, 1, 129280, context=163840, expert_ffn=512),
    "tiny": Shape("qwen2", 256, 4, 768, 4, 2, 2048, head_dim=64),
    "small": Shape("qwen2", 1024, 8, 3072, 16, 4, 8192),  # 230 MB of bf16: weights outweigh the program
    "tiny-moe": DeepSeekShape(
        "deepseek2", 256, 3, 512, 4, 1, 2048, expert_ffn=256, q_rank=256, kv_rank=256, experts=16, used=4
    ),
}


@dataclasses.dataclass(frozen=True)
class Matrix:
    name: str
    layer: int  # -1: of none
    rows: int
    cols: int
    stack: int = 0  # so many matrices in one tensor
    plain: bool = False  # never quantized

    @property
    def tensor(self) -> str:
        return f"{self.name}.weight" if self.layer < 0 else f"blk.{self.layer}.{self.name}.weight"

    @property
    def dimensions(self) -> tuple[int, ...]:
        return (self.stack, self.rows, self.cols) if self.stack else (self.rows, self.cols)


def attention(s: Shape, i: int) -> list[Matrix]:
    if isinstance(s, DeepSeekShape):
        key = s.head_dim + s.rope_dim
        return [
            Matrix("attn_q_a", i, s.q_rank, s.hidden),
            Matrix("attn_q_b", i, s.heads * key, s.q_rank),
            Matrix("attn_kv_a_mqa", i, s.kv_rank + s.rope_dim, s.hidden),
            Matrix("attn_k_b", i, s.kv_rank, s.head_dim, stack=s.heads),
            Matrix("attn_v_b", i, s.head_dim, s.kv_rank, stack=s.heads),
            Matrix("attn_output", i, s.hidden, s.heads * s.head_dim),
        ]
    q, kv = s.heads * s.head_dim, s.kv_heads * s.head_dim
    return [
        Matrix("attn_q", i, q, s.hidden),
        Matrix("attn_k", i, kv, s.hidden),
        Matrix("attn_v", i, kv, s.hidden),
        Matrix("attn_output", i, s.hidden, q),
    ]


def feed_forward(s: Shape, i: int) -> list[Matrix]:
    def gated(suffix: str, width: int, stack: int = 0) -> list[Matrix]:
        return [
            Matrix(f"ffn_gate{suffix}", i, width, s.hidden, stack),
            Matrix(f"ffn_up{suffix}", i, width, s.hidden, stack),
            Matrix(f"ffn_down{suffix}", i, s.hidden, width, stack),
        ]

    if not isinstance(s, DeepSeekShape) or i < s.dense_layers:
        return gated("", s.ffn)
    router = Matrix("ffn_gate_inp", i, s.experts, s.hidden, plain=True)
    return [router, *gated("_exps", s.expert_ffn, s.experts), *gated("_shexp", s.expert_ffn * s.shared)]


def matrices(s: Shape) -> list[Matrix]:
    found = [Matrix("token_embd", -1, s.vocab, s.hidden)]
    if not s.tied:
        found.append(Matrix("output", -1, s.vocab, s.hidden))
    for i in range(s.layers):
        found += attention(s, i) + feed_forward(s, i)
    return found


def vectors(s: Shape) -> list[tuple[str, int]]:
    found = [("output_norm.weight", s.hidden)]
    for i in range(s.layers):
        found += [(f"blk.{i}.attn_norm.weight", s.hidden), (f"blk.{i}.ffn_norm.weight", s.hidden)]
        if s.architecture == "qwen2":
            found += [(f"blk.{i}.attn_q.bias", s.heads * s.head_dim)]
            found += [(f"blk.{i}.attn_{x}.bias", s.kv_heads * s.head_dim) for x in "kv"]
        if s.architecture == "qwen3":
            found += [(f"blk.{i}.attn_{x}_norm.weight", s.head_dim) for x in "qk"]
        if isinstance(s, DeepSeekShape):
            found += [(f"blk.{i}.attn_q_a_norm.weight", s.q_rank), (f"blk.{i}.attn_kv_a_norm.weight", s.kv_rank)]
            if i >= s.dense_layers:
                found += [(f"blk.{i}.exp_probs_b.bias", s.experts)]
    return found


def more_bits(layer: int, layers: int) -> bool:
    """Where llama.cpp's Q4_K_M spends 6 bits: the first and last eighth, and every third layer between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def weight_type(kind: str, m: Matrix, layers: int) -> Type:
    if m.plain:
        return Type.F32
    if kind != "q4_k_m":
        return Type[kind.upper()]
    six = m.name == "output" or (m.name.startswith(("attn_v", "ffn_down")) and more_bits(m.layer, layers))
    if m.cols % 256:  # no whole super-blocks: llama.cpp's second choice
        return Type.Q8_0 if six else Type.Q5_0
    return Type.Q6_K if six else Type.Q4_K


def describe(writer: gguf.GGUFWriter, s: Shape) -> None:
    """The model's keys, but for its vocabulary's."""
    writer.add_context_length(s.context)
    writer.add_embedding_length(s.hidden)
    writer.add_block_count(s.layers)
    writer.add_feed_forward_length(s.ffn)
    writer.add_head_count(s.heads)
    writer.add_head_count_kv(s.kv_heads)
    writer.add_rope_freq_base(s.rope_theta)
    writer.add_layer_norm_rms_eps(1e-6)
    if not isinstance(s, DeepSeekShape):
        writer.add_key_length(s.head_dim)
        writer.add_value_length(s.head_dim)
        writer.add_rope_dimension_count(s.head_dim)
        return
    writer.add_q_lora_rank(s.q_rank)
    writer.add_kv_lora_rank(s.kv_rank)
    writer.add_key_length(s.kv_rank + s.rope_dim)  # as the compressed cache has them
    writer.add_value_length(s.kv_rank)
    writer.add_key_length_mla(s.head_dim + s.rope_dim)
    writer.add_value_length_mla(s.head_dim)
    writer.add_rope_dimension_count(s.rope_dim)
    writer.add_leading_dense_block_count(s.dense_layers)
    writer.add_expert_count(s.experts)
    writer.add_expert_used_count(s.used)
    writer.add_expert_shared_count(s.shared)
    writer.add_expert_feed_forward_length(s.expert_ffn)
    writer.add_expert_group_count(s.groups)
    writer.add_expert_group_used_count(s.used_groups)
    writer.add_expert_weights_scale(2.5)
    writer.add_expert_weights_norm(True)
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
