#!/usr/bin/env python3
"""Writes the corpora gguf/, safetensors/, hf_config/ and blocks/ from the small valid files of
tests/golden: each whole, cut in several places, and with numbers in its header replaced by hostile ones.
Needs only Python."""

import random
import struct
from pathlib import Path

HERE = Path(__file__).parent
FILES = HERE.parent.parent / "golden" / "files"
TENSOR = HERE.parent.parent / "golden" / "tensor"
HOSTILE = [0, 1, 0x7FFFFFFF, 1 << 32, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]


def write(folder: str, name: str, data: bytes) -> None:
    (HERE / folder).mkdir(exist_ok=True)
    (HERE / folder / name).write_bytes(data)


def variants(folder: str, name: str, whole: bytes, header: int, rng: random.Random) -> None:
    """`header`: how many bytes at the front hold numbers worth replacing."""
    write(folder, f"{name}-whole", whole)
    for share in (0.1, 0.5, 0.9):
        write(folder, f"{name}-cut-{int(share * 100)}", whole[: int(len(whole) * share)])
    for i, number in enumerate(HOSTILE):
        at = rng.randrange(4, header - 8)
        write(folder, f"{name}-number-{i}", whole[:at] + struct.pack("<Q", number) + whole[at + 8 :])


def main() -> None:
    rng = random.Random(1)
    for name in ("values", "deepseek2"):
        whole = (FILES / f"{name}.gguf").read_bytes()
        variants("gguf", name, whole, min(len(whole), 600), rng)
        for at, what in ((8, "tensors"), (16, "keys"), (24, "length")):
            write("gguf", f"{name}-huge-{what}", whole[:at] + b"\xff" * 8 + whole[at + 8 :])
    whole = (FILES / "hf_fp8" / "model-00002-of-00002.safetensors").read_bytes()
    variants("safetensors", "fp8", whole, 64, rng)
    size = struct.unpack("<Q", whole[:8])[0]
    for i, (old, new) in enumerate(
        [(b"BF16", b"F128"), (b'"shape":[', b'"shape":[-'), (b'_offsets":[0', b'_offsets":[9'),
         (b'"dtype"', b'"dtyp"'), (b"[10,16]", b"[4611686018427387904,4]")]
    ):  # fmt: skip
        header = whole[8 : 8 + size].replace(old, new)
        write("safetensors", f"fp8-header-{i}", struct.pack("<Q", len(header)) + header + whole[8 + size :])
    texts = {0: "config.json", 1: "generation_config.json", 2: "tokenizer.json", 3: "tokenizer_config.json",
             4: "generation_config.json"}  # fmt: skip
    for folder in ("hf_fp8", "hf_llama"):
        for kind, name in texts.items():
            text = (FILES / folder / name).read_bytes()
            write("hf_config", f"{folder}-{kind}", bytes([kind]) + text)
            write("hf_config", f"{folder}-{kind}-cut", bytes([kind]) + text[: len(text) // 2])
    blocks = (TENSOR / "blocks.bin").read_bytes()
    for kind in range(16):
        at = rng.randrange(len(blocks) - 1200)
        write("blocks", f"type-{kind}", bytes([kind]) + blocks[at : at + 1100])


if __name__ == "__main__":
    main()
