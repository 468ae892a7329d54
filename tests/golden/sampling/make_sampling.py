"""Writes sampling.json: what each sampling rule draws from thousands of random logits.

The rules that Hugging Face transformers has come from there (temperature, top-k, top-p, min-p, typical-p, repetition
penalty), run in float64. The others are written from their descriptions:

* XTC: P. E. Weidmann, text-generation-webui pull request 6335.
* DRY: P. E. Weidmann, text-generation-webui pull request 5677.
* Mirostat 1 and 2: Basu et al., arXiv 2007.14966, and the authors' mirostat.py (surprise is that of the whole
  distribution).
* Top-n-sigma: Tang et al., arXiv 2411.07641.

Logits, histories and seeds are functions of a case's number, which the test computes too, so that only drawn tokens are
stored: -1 where rounding could decide (within 1e-5 of an edge). usage: make_sampling.py > sampling.json
"""

import json
import math
import pathlib
import sys

import numpy as np
import torch
from transformers.generation import logits_process as hf

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "engine"))
from make_sampler_goldens import MASK32, philox_uniform

MASK64 = 2**64 - 1
EDGE = 1e-5
CASES, DRAWS, STEPS = 150, 4, 12


class Edge(Exception):
    """Rounding could decide this."""


def mix(n):
    """Splitmix64 (Steele, Lea, Flood 2014) at place n."""
    z = (n + 1) * 0x9E3779B97F4A7C15 & MASK64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK64
    return z ^ z >> 31


def logits_of(case, vocab):
    """Sums of three uniforms, exact in float32; standard deviation 4."""
    sums = [sum(mix((case << 32) + 3 * i + k) >> 42 for k in range(3)) for i in range(vocab)]
    return (np.array(sums, dtype=np.float64) - 3 * 2**21) / 2**19


def history_of(case, count, kinds):
    """Token ids below kinds."""
    return [mix((case << 32) + 2**31 + i) % kinds for i in range(count)]


def piece(token):
    """The bytes of a token: letters that breakers are made of; one control token."""
    letters = "ab\n:"
    if token == 4:
        return ""
    return letters[token % 4] + (letters[token // 4 % 4] if token % 2 else "")


def xtc_uniform(seed, index):
    """philox_uniform with the third word of the counter 1."""
    c = [index & MASK32, index >> 32, 1, 0]
    k = [seed & MASK32, seed >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK32, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK32]
        k = [(k[0] + 0x9E3779B9) & MASK32, (k[1] + 0xBB67AE85) & MASK32]
    return float(((c[1] << 32 | c[0]) >> 11) * 2.0**-53)


def softmax(x):
    """Probabilities; -inf has none."""
    e = np.exp(x - x.max())
    return e / e.sum()


def off_edge(values, edge):
    """Raises when one of the values is so near to the edge that rounding could decide."""
    if len(values) and np.abs(np.asarray(values) - edge).min() < EDGE:
        raise Edge


def dry(logits, p, history):
    """The penalty of the pull request, place by place."""
    text, breaks = "", []
    breakers = p.get("dry_sequence_breakers", ["\n", ":", '"', "*"])
    for token in history:
        begin = len(text)
        text += piece(token)
        ends = any(text.endswith(b, 0, end) for b in breakers for end in range(begin + 1, len(text) + 1))
        breaks.append(ends or not piece(token))
    last_n = p.get("dry_penalty_last_n", -1)
    start = 0 if last_n < 0 else max(0, len(history) - last_n)
    h, b = history[start:], breaks[start:]
    out = logits.copy()
    if len(h) < 2 or b[-1]:
        return out
    lengths = {}
    for i in range(len(h) - 1):
        if h[i] != h[-1] or b[i + 1]:
            continue
        n = 1
        while n < 50 and i - n >= 0 and h[i - n] == h[-1 - n] and not b[i - n] and not b[-1 - n]:
            n += 1
        lengths[h[i + 1]] = max(n, lengths.get(h[i + 1], 0))
    allowed = p.get("dry_allowed_length", 2)
    for token, n in lengths.items():
        if n >= allowed:
            out[token] -= p["dry_multiplier"] * p.get("dry_base", 1.75) ** (n - allowed)
    return out


def hugging_face(x, p, prompt, answer):
    """The warpers of transformers, in the order in which generate() applies them."""
    ids = torch.tensor([prompt + answer])
    scores = torch.from_numpy(x)[None]
    if "repetition_penalty" in p:
        scores = hf.RepetitionPenaltyLogitsProcessor(p["repetition_penalty"])(ids, scores)
    scores = hf.TemperatureLogitsWarper(float(p["temperature"]))(ids, scores)
    if "top_k" in p:
        scores = hf.TopKLogitsWarper(p["top_k"])(ids, scores)
    if "top_p" in p:
        off_edge(np.cumsum(np.sort(softmax(scores[0].numpy()))[::-1]), p["top_p"])
        scores = hf.TopPLogitsWarper(p["top_p"])(ids, scores)
    if "min_p" in p:
        probs = softmax(scores[0].numpy())
        off_edge(probs / probs.max(), p["min_p"])
        scores = hf.MinPLogitsWarper(p["min_p"])(ids, scores)
    if "typical_p" in p:
        probs = softmax(scores[0].numpy())
        kept = probs[probs > 0]
        entropy = -(kept * np.log(kept)).sum()
        order = np.argsort(np.abs(-np.log(kept) - entropy), kind="stable")
        off_edge(np.cumsum(kept[order]), p["typical_p"])
        distances = np.sort(np.abs(-np.log(kept) - entropy))
        if len(distances) > 1 and np.diff(distances).min() < EDGE:
            raise Edge
        scores = hf.TypicalLogitsWarper(p["typical_p"])(ids, scores)
    return softmax(scores[0].numpy())


def exclude_top_choices(probs, threshold):
    """XTC: of the tokens of at least that probability only the least likely stays."""
    off_edge(probs, threshold)
    top = np.flatnonzero(probs >= threshold)
    if len(top) < 2:
        return probs
    out = probs.copy()
    out[top] = 0
    last = top[np.argmin(probs[top])]
    out[last] = probs[last]
    return out / out.sum()


def distribution(x, p, prompt, answer, seed):
    """What is drawn from."""
    if "dry_multiplier" in p:
        x = dry(x, p, prompt + answer)
    if "top_n_sigma" in p:
        sigma = x.std()
        off_edge(x, x.max() - p["top_n_sigma"] * sigma)
        x = np.where(x < x.max() - p["top_n_sigma"] * sigma, -np.inf, x)
    probs = hugging_face(x, p, prompt, answer)
    if "xtc_probability" in p and xtc_uniform(seed, len(answer)) < p["xtc_probability"]:
        probs = exclude_top_choices(probs, p["xtc_threshold"])
    return probs


def draw(probs, uniform):
    """The inverse of the cumulative distribution, by id."""
    sums = np.cumsum(probs)
    off_edge(sums[:-1], uniform)
    return int(np.searchsorted(sums, uniform, side="right"))


def mirostat(p, case, vocab):
    """The tokens of one sequence; it ends at an edge."""
    tau, eta = p["mirostat_tau"], p["mirostat_eta"]
    mu = 2 * tau
    out = []
    for step in range(STEPS):
        probs = softmax(logits_of(1000000 + case * 16 + step, vocab) / p["temperature"])
        order = np.argsort(-probs, kind="stable")
        if p["mirostat"] == 1:
            b = np.log(probs[order[:100]] / probs[order[1:101]])
            t = np.log((np.arange(100) + 2) / (np.arange(100) + 1))
            s = (t * b).sum() / (t * t).sum()
            e = s - 1
            k = (e * 2**mu / (1 - vocab**-e)) ** (1 / s)
            if abs(k - math.floor(k) - 0.5) < 1e-3:
                return out
            keep = order[: min(max(round(k), 1), vocab)]
        else:
            surprise = -np.log2(probs)
            if np.abs(surprise - mu).min() < 1e-4:
                return out
            keep = np.flatnonzero(surprise <= mu)
            if not len(keep):
                keep = order[:1]
        kept = np.zeros(vocab)
        kept[keep] = probs[keep]
        try:
            token = draw(kept / kept.sum(), philox_uniform(case, step))
        except Edge:
            return out
        out.append(token)
        mu -= eta * (-math.log2(probs[token]) - tau)
    return out


FAMILIES = [
    ({"temperature": 1, "typical_p": 0.2}, 200, 6),
    ({"temperature": 0.7, "typical_p": 0.9}, 500, 6),
    ({"temperature": 2, "typical_p": 0.95}, 900, 6),
    ({"temperature": 1.2, "top_k": 40, "top_p": 0.9, "min_p": 0.02, "typical_p": 0.8}, 300, 6),
    ({"temperature": 1, "top_p": 0.95, "repetition_penalty": 1.2}, 300, 200),
    ({"temperature": 1.5, "min_p": 0.05}, 400, 6),
    ({"temperature": 1, "xtc_probability": 1.0, "xtc_threshold": 0.05}, 100, 6),
    ({"temperature": 0.6, "xtc_probability": 0.5, "xtc_threshold": 0.1}, 60, 6),
    ({"temperature": 1, "top_p": 0.9, "min_p": 0.01, "xtc_probability": 0.7, "xtc_threshold": 0.02}, 250, 6),
    ({"temperature": 1, "top_n_sigma": 1.0}, 200, 6),
    ({"temperature": 3, "top_n_sigma": 2.0, "top_p": 0.99}, 500, 6),
    ({"temperature": 1, "dry_multiplier": 0.8}, 24, 3),
    (
        {"temperature": 1, "dry_multiplier": 2.5, "dry_base": 1.3, "dry_allowed_length": 1, "dry_penalty_last_n": 20},
        20,
        8,
    ),
    ({"temperature": 0.8, "dry_multiplier": 1, "dry_allowed_length": 3, "dry_sequence_breakers": ["ba", "\nb"]}, 16, 3),
    ({"temperature": 1, "dry_multiplier": 1.5, "dry_sequence_breakers": [], "top_k": 8}, 32, 2),
    ({"temperature": 1, "mirostat": 2, "mirostat_tau": 3.0, "mirostat_eta": 0.1}, 300, 6),
    ({"temperature": 0.7, "mirostat": 2, "mirostat_tau": 1.0, "mirostat_eta": 0.5}, 300, 6),
    ({"temperature": 1, "mirostat": 1, "mirostat_tau": 3.0, "mirostat_eta": 0.1}, 300, 6),
    ({"temperature": 1.5, "mirostat": 1, "mirostat_tau": 5.0, "mirostat_eta": 0.3}, 800, 6),
]


def main():
    """Prints the families."""
    out = []
    for number, (p, vocab, kinds) in enumerate(FAMILIES):
        cases = []
        for i in range(CASES):
            case = number * CASES + i
            if "mirostat" in p:
                cases.append(mirostat(p, case, vocab))
                continue
            history = history_of(case, 40, kinds)
            prompt, answer = history[:25], history[25:]
            x = logits_of(case, vocab)
            tokens = []
            for j in range(DRAWS):
                seed = case * DRAWS + j
                try:
                    probs = distribution(x, p, prompt, answer, seed)
                    tokens.append(draw(probs, philox_uniform(seed, len(answer))))
                except Edge:
                    tokens.append(-1)
            cases.append(tokens)
        out.append({"parameters": p, "vocab": vocab, "kinds": kinds, "cases": cases})
        told = sum(t >= 0 for c in cases for t in c)
        print(p, told, "draws", file=sys.stderr)
    print("[" + ",\n".join(json.dumps(f, separators=(",", ":")) for f in out) + "]")


if __name__ == "__main__":
    main()
