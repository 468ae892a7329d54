"""Greedy decoding of many prompts at once, with a key-value cache."""

import torch


class Cache:
    """Keys and values of every layer, with room for `size` positions."""

    def __init__(self, model, rows, size):
        c = model.cfg
        shape = (rows, c.kv_heads, size, c.head_dim)
        self.store = {b.self_attn: (torch.zeros(shape), torch.zeros(shape)) for b in model.layers}
        self.used = 0

    def append(self, layer, k, v):
        """Adds a layer's new keys and values; returns all so far."""
        keys, values = self.store[layer]
        end = self.used + k.shape[2]
        keys[:, :, self.used : end], values[:, :, self.used : end] = k, v
        return keys[:, :, :end], values[:, :, :end]

    def keep(self, rows):
        """Drops the rows that are not wanted any more."""
        self.store = {b: (k[rows], v[rows]) for b, (k, v) in self.store.items()}


@torch.no_grad()
def greedy(model, prompts, stop, limit=420):
    """The ids that follow each prompt (list of ids) up to and without `stop`."""
    width = max(map(len, prompts))
    ids = torch.zeros(len(prompts), width, dtype=torch.long)
    real = torch.zeros(len(prompts), width + limit, dtype=torch.bool)
    for i, p in enumerate(prompts):
        ids[i, width - len(p) :] = torch.tensor(p)
        real[i, width - len(p) :] = True
    first = torch.tensor([width - len(p) for p in prompts])
    cache = Cache(model, len(prompts), width + limit)
    positions = (torch.arange(width) - first[:, None]).clamp(min=0)
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    mask = causal & real[:, None, :width] | torch.eye(width, dtype=torch.bool)
    h = model.hidden(ids, positions, mask[:, None], cache)
    cache.used = width
    out, rows = [[] for _ in prompts], torch.arange(len(prompts))
    for _ in range(limit):
        new = model.logits(h[:, -1]).argmax(-1)
        alive = new != stop
        for r, t in zip(rows[alive].tolist(), new[alive].tolist(), strict=True):
            out[r].append(t)
        if not alive.any():
            break
        if not alive.all():
            rows, new, first, real = rows[alive], new[alive], first[alive], real[alive]
            cache.keep(alive)
        mask = real[:, None, None, : cache.used + 1]
        h = model.hidden(new[:, None], (cache.used - first)[:, None], mask, cache)
        cache.used += 1
    return out
