#!/usr/bin/env python3
"""Writes blocks.bin: random blocks of every computed type and the SHA-256 of what gguf-py decodes.

Needs the packages gguf and numpy, and torch for E4M3. Layout, little-endian, one record a type:
  u32 ggml type id (1000: F8_E4M3), u32 bytes of blocks, u32 values,
  the blocks, the 32 bytes of SHA-256 over the decoded float32 values (NaNs as 0x7fc00000).
"""

import hashlib
import struct
from pathlib import Path

import numpy as np
import torch
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize

TYPES = [
    "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0",
    "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS",
]  # fmt: skip
# Where the f16 fields of a block lie: they get every kind of value, extreme ones included.
F16_FIELDS = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
    "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0],
}  # fmt: skip
EXTREMES = np.array([0.0, -0.0, 6e-8, -6e-8, 6.1e-5, 65504.0, -65504.0, 1.0, np.inf, -np.inf], dtype=np.float16)


def digest(values: np.ndarray) -> bytes:
    values = np.ascontiguousarray(values, dtype=np.float32).reshape(-1).copy()
    bits = values.view(np.uint32)
    bits[np.isnan(values)] = 0x7FC00000
    return hashlib.sha256(bits.tobytes()).digest()


def main() -> None:
    rng = np.random.default_rng(20240601)
    out = bytearray()
    for name in TYPES:
        qtype = GGMLQuantizationType[name]
        block, size = GGML_QUANT_SIZES[qtype]
        count = 64 if block > 1 else 4096
        blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
        for field in F16_FIELDS.get(name, []):
            scales = rng.normal(0, 0.01, count).astype(np.float16)
            chosen = rng.integers(0, count, count // 4)
            scales[chosen] = rng.choice(EXTREMES, len(chosen))
            blocks[:, field : field + 2] = scales.view(np.uint8).reshape(count, 2)
        with np.errstate(all="ignore"):
            values = dequantize(blocks, qtype)
        out += struct.pack("<III", qtype.value, blocks.size, count * block)
        out += blocks.tobytes() + digest(values)
    every_byte = np.arange(256, dtype=np.uint8)
    values = torch.from_numpy(every_byte).view(torch.float8_e4m3fn).float().numpy()
    out += struct.pack("<III", 1000, 256, 256) + every_byte.tobytes() + digest(values)
    Path(__file__).with_name("blocks.bin").write_bytes(out)


if __name__ == "__main__":
    main()
