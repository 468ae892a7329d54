"""Writes sampler.json: what sampling must give, computed with NumPy in double precision.

Every case holds logits, parameters, a history, the tokens that may be drawn, draws for (seed, index) pairs, and
logprobs. An independent statement of the rules in src/engine/sampler.h; usage: make_sampler_goldens.py > sampler.json
"""

import json

import numpy as np

MASK32 = 0xFFFFFFFF


def philox_uniform(seed, index):
    """Philox4x32-10 (Salmon et al. 2011), first two words as 53 bits in [0, 1)."""
    c = [index & MASK32, index >> 32, 0, 0]
    k = [seed & MASK32, seed >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK32, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK32]
        k = [(k[0] + 0x9E3779B9) & MASK32, (k[1] + 0xBB67AE85) & MASK32]
    return float(((c[1] << 32 | c[0]) >> 11) * 2.0**-53)


def distribution(logits, p, prompt, answer):
    """Probabilities of every token under the parameters p."""
    x = logits.astype(np.float64).copy()
    for token, bias in p.get("logit_bias", []):
        x[token] += bias
    r = p.get("repetition_penalty", 1.0)
    for t in set(prompt) | set(answer):
        x[t] = x[t] / r if x[t] > 0 else x[t] * r
    for t in set(answer):
        x[t] -= p.get("presence_penalty", 0.0) + p.get("frequency_penalty", 0.0) * answer.count(t)
    if p["temperature"] == 0:
        probs = np.zeros(len(x))
        probs[np.argmax(x)] = 1.0
        return probs
    x /= p["temperature"]
    order = np.lexsort((np.arange(len(x)), -x))  # most likely first, lowest id among equals
    probs = np.exp(x - x.max())
    if p.get("top_k", 0) > 0:
        probs[order[p["top_k"] :]] = 0
    probs /= probs.sum()
    if p.get("top_p", 1.0) < 1.0:
        sums = np.cumsum(probs[order])
        keep = int(np.searchsorted(sums, p["top_p"], side="left")) + 1
        assert abs(sums[keep - 1] - p["top_p"]) > 1e-6 and (keep < 2 or abs(sums[keep - 2] - p["top_p"]) > 1e-6)
        probs[order[keep:]] = 0
    if p.get("min_p", 0.0) > 0:
        probs[probs < p["min_p"] * probs.max()] = 0
    return probs / probs.sum()


def logprobs(logits, count):
    """The best tokens and their log-softmax of the unmodified logits."""
    x = logits.astype(np.float64)
    lp = x - x.max() - np.log(np.exp(x - x.max()).sum())
    order = np.lexsort((np.arange(len(x)), -x))[:count]
    return [[int(t), float(lp[t])] for t in order]


def main():
    """Prints the cases."""
    rng = np.random.default_rng(20)
    parameters = [
        {"temperature": 0},
        {"temperature": 0, "repetition_penalty": 1.5},
        {"temperature": 0, "logit_bias": [[5, 100.0]]},
        {"temperature": 1},
        {"temperature": 0.6, "top_p": 0.95},
        {"temperature": 1.7, "top_p": 0.5},
        {"temperature": 1, "top_p": 0.05},
        {"temperature": 1, "top_k": 1},
        {"temperature": 1, "top_k": 10},
        {"temperature": 2, "top_k": 10, "top_p": 0.8},
        {"temperature": 1, "top_k": 1000000},
        {"temperature": 1, "min_p": 0.1},
        {"temperature": 1.5, "min_p": 0.3, "top_k": 20, "top_p": 0.9},
        {"temperature": 1, "min_p": 1.0},
        {"temperature": 1, "presence_penalty": 1.5},
        {"temperature": 1, "frequency_penalty": 0.7},
        {"temperature": 1, "presence_penalty": -1.0, "frequency_penalty": -0.5},
        {"temperature": 1, "repetition_penalty": 1.3},
        {"temperature": 0.8, "repetition_penalty": 0.7, "frequency_penalty": 0.2, "presence_penalty": 0.1},
        {"temperature": 1, "logit_bias": [[3, 4.0], [7, -100.0], [9, 2.5]]},
        {"temperature": 0.7, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.1, "logit_bias": [[1, 1.0]]},
    ]
    cases = []
    for number, p in enumerate(parameters):
        for vocab, scale in ((37, 2.0), (200, 5.0)):
            logits = (rng.standard_normal(vocab) * scale).astype(np.float32)
            logits[11] = logits[4]  # equals
            if number % 3 == 0:
                logits[20] = logits.max()
                logits[2] = logits[20]
            prompt = [int(t) for t in rng.integers(0, vocab, 12)]
            answer = [int(t) for t in rng.integers(0, vocab, 9)]
            probs = distribution(logits, p, prompt, answer)
            sums = np.cumsum(probs)
            draws = []
            while len(draws) < 48:
                seed = int(rng.integers(0, 2**63))
                u = philox_uniform(seed, len(answer))
                if np.abs(sums - u).min() > 1e-5:  # no draw on an edge
                    draws.append([seed, int(np.searchsorted(sums, u, side="right"))])
            cases.append(
                {
                    "parameters": p,
                    "logits": [float(v) for v in logits],
                    "prompt": prompt,
                    "answer": answer,
                    "allowed": [int(t) for t in np.flatnonzero(probs)],
                    "draws": draws,
                    "logprobs": logprobs(logits, 5),
                }
            )
    uniforms = [[s, i, int(philox_uniform(s, i) * 2**53)] for s, i in ((0, 0), (1, 0), (0, 1), (2**63 + 5, 2**40 + 3))]
    print(json.dumps({"uniforms": uniforms, "cases": cases}, separators=(",", ":")))


if __name__ == "__main__":
    main()
