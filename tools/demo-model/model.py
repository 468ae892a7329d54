"""The network: Qwen2's architecture in plain PyTorch."""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    """Sizes of the network."""

    vocab: int = 2304
    hidden: int = 256
    layers: int = 5
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 64
    ffn: int = 768
    context: int = 2048
    rope_theta: float = 10000.0
    eps: float = 1e-6

    def dict(self):
        """The sizes as a dictionary, for a checkpoint."""
        return asdict(self)


class RMSNorm(nn.Module):
    """Root-mean-square norm with a learnt weight."""

    def __init__(self, dim, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x):
        y = x.float()
        y = y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + self.eps)
        return (y * self.weight).to(x.dtype)


def rope_table(cfg, positions):
    """Cosines and sines for the given positions (any shape)."""
    half = cfg.head_dim // 2
    inv = cfg.rope_theta ** (-torch.arange(half, dtype=torch.float32) / half)
    angle = positions.float().unsqueeze(-1) * inv
    return torch.cat([angle.cos()] * 2, -1), torch.cat([angle.sin()] * 2, -1)


def rotate(x, cos, sin):
    """Rotary position embedding, halves paired as in Qwen2."""
    a, b = x.chunk(2, -1)
    return x * cos.to(x.dtype) + torch.cat((-b, a), -1) * sin.to(x.dtype)


def attend(q, k, v, mask):
    """Plain attention; on a CPU and at these lengths faster than the fused one."""
    score = (q * q.shape[-1] ** -0.5) @ k.mT
    if mask is None:
        score = score + torch.full(score.shape[-2:], -1e4, dtype=score.dtype).triu(1)
    else:
        score = score.masked_fill(~mask, -1e4)
    return torch.softmax(score, -1, dtype=score.dtype) @ v


class Attention(nn.Module):
    """Grouped-query attention with biases on q, k and v."""

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        wide, narrow = cfg.heads * cfg.head_dim, cfg.kv_heads * cfg.head_dim
        self.q_proj = nn.Linear(cfg.hidden, wide)
        self.k_proj = nn.Linear(cfg.hidden, narrow)
        self.v_proj = nn.Linear(cfg.hidden, narrow)
        self.o_proj = nn.Linear(wide, cfg.hidden, bias=False)

    def forward(self, x, rope, mask, cache):
        c, (n, t) = self.cfg, x.shape[:2]
        q = self.q_proj(x).view(n, t, c.heads, c.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(n, t, c.kv_heads, c.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(n, t, c.kv_heads, c.head_dim).transpose(1, 2)
        q, k = rotate(q, *rope), rotate(k, *rope)
        if cache is not None:
            k, v = cache.append(self, k, v)
        group = c.heads // c.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        y = attend(q, k, v, mask)
        return self.o_proj(y.transpose(1, 2).reshape(n, t, -1))


class MLP(nn.Module):
    """SwiGLU feed-forward."""

    def __init__(self, cfg):
        super().__init__()
        self.gate_proj = nn.Linear(cfg.hidden, cfg.ffn, bias=False)
        self.up_proj = nn.Linear(cfg.hidden, cfg.ffn, bias=False)
        self.down_proj = nn.Linear(cfg.ffn, cfg.hidden, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """One transformer layer."""

    def __init__(self, cfg):
        super().__init__()
        self.input_layernorm = RMSNorm(cfg.hidden, cfg.eps)
        self.self_attn = Attention(cfg)
        self.post_attention_layernorm = RMSNorm(cfg.hidden, cfg.eps)
        self.mlp = MLP(cfg)

    def forward(self, x, rope, mask, cache):
        x = x + self.self_attn(self.input_layernorm(x), rope, mask, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class Model(nn.Module):
    """Embedding, layers, last norm; the output matrix is the embedding."""

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.embed_tokens = nn.Embedding(cfg.vocab, cfg.hidden)
        self.layers = nn.ModuleList(Block(cfg) for _ in range(cfg.layers))
        self.norm = RMSNorm(cfg.hidden, cfg.eps)
        self.reset()

    def reset(self):
        """Initial weights."""
        deep = (2 * self.cfg.layers) ** -0.5
        for name, p in self.named_parameters():
            if p.dim() < 2:
                if name.endswith("bias"):
                    nn.init.zeros_(p)
                continue
            std = 0.02 if "embed" in name else p.shape[1] ** -0.5 * 0.6
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                std *= deep
            nn.init.normal_(p, std=std)

    def hidden(self, ids, positions, mask, cache=None):
        """Last hidden states; `mask` is True where attention is allowed, None means causal."""
        rope = rope_table(self.cfg, positions)
        if positions.dim() == 2:
            rope = tuple(r.unsqueeze(1) for r in rope)
        x = self.embed_tokens(ids)
        for block in self.layers:
            x = block(x, rope, mask, cache)
        return self.norm(x)

    def logits(self, x):
        """Scores over the vocabulary."""
        return F.linear(x, self.embed_tokens.weight)
