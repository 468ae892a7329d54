#!/usr/bin/env python3
"""Prints the SHA-256 of gguf-py's Q8_0 encoding of the values that encode_test.cpp makes, for its
kQ8_0Digest. Needs the packages gguf and numpy."""

import hashlib

import numpy as np
from gguf import GGMLQuantizationType, quantize

COUNT = 4096


def values() -> np.ndarray:
    state, out = 1, []
    for _ in range(COUNT):  # the same generator as in encode_test.cpp
        total = 0
        for _ in range(4):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            total += state >> 48
        out.append((total - 2 * 65535) / 65536.0)
    return np.array(out, dtype=np.float32)


if __name__ == "__main__":
    blocks = quantize(values().reshape(1, -1), GGMLQuantizationType.Q8_0)
    print(hashlib.sha256(blocks.tobytes()).hexdigest())
