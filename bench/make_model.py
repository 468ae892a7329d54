#!/usr/bin/env python3
"""Writes a GGUF of a real model's shape with random weights: for speed, where only shapes and types matter.

Quantized blocks are random bytes with scales chosen so that weights keep the deviation a trained model's have; nothing
is quantized, so a 1.5B model takes seconds. The tokenizer is copied from a GGUF (--vocab) or a trivial one of single
bytes. Needs numpy and gguf (tests/requirements.txt).

usage: bench/make_model.py --shape qwen-1.5b --type q4_k_m --out FILE.gguf [--vocab VOCAB.gguf] [--seed N]
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import gguf
import numpy as np
import shapes
from gguf import GGMLQuantizationType as Type
from shapes import Shape

CHUNK_ROWS_BYTES = 64 << 20  # written at a time


def f16(value: float) -> np.ndarray:
    return np.array([value], dtype=np.float16).view(np.uint8)


@dataclasses.dataclass(frozen=True)
class Blocks:
    """A block format: where its f16 scales lie, and what each is when the weights' deviation is 1."""

    fields: dict[int, float]  # byte offset: factor

    def fill(self, raw: np.ndarray, deviation: float) -> None:
        """raw: [blocks, block bytes], random."""
        for offset, factor in self.fields.items():
            raw[:, offset : offset + 2] = f16(factor * deviation)


# The deviation of each format's integers under random bytes, and the offset that centres them, worked out from the
# layouts: q uniform in its range; the K formats' sub-scales uniform in theirs.
BLOCKS = {
    Type.Q8_0: Blocks({0: 1 / 74}),
    Type.Q4_0: Blocks({0: 1 / 4.6}),
    Type.Q4_1: Blocks({0: 1 / 4.6, 2: -7.5 / 4.6}),
    Type.Q5_0: Blocks({0: 1 / 9.2}),
    Type.Q5_1: Blocks({0: 1 / 9.2, 2: -15.5 / 9.2}),
    Type.Q2_K: Blocks({80: 1 / 13.9, 82: 1.5 / 13.9}),
    Type.Q3_K: Blocks({108: 1 / 43}),
    Type.Q4_K: Blocks({0: 1 / 258, 2: 7.5 / 258}),
    Type.Q5_K: Blocks({0: 1 / 527, 2: 15.5 / 527}),
    Type.Q6_K: Blocks({208: 1 / 1366}),
    Type.IQ4_NL: Blocks({0: 1 / 72}),
    Type.IQ4_XS: Blocks({0: 1 / 1330}),
}


def random_rows(rng: np.random.Generator, kind: Type, rows: int, cols: int, deviation: float) -> np.ndarray:
    """`rows` rows of a matrix, as bytes."""
    if kind in BLOCKS:
        size, width = gguf.GGML_QUANT_SIZES[kind]
        raw = np.frombuffer(rng.bytes(rows * cols // size * width), np.uint8).reshape(-1, width).copy()
        BLOCKS[kind].fill(raw, deviation)
        return raw.reshape(rows, cols // size * width)
    values = (rng.random((rows, cols), np.float32) - np.float32(0.5)) * np.float32(12**0.5 * deviation)
    if kind == Type.F32:
        return values
    if kind == Type.F16:
        return values.astype(np.float16)
    if kind == Type.BF16:
        return (values.view(np.uint32) >> 16).astype(np.uint16)
    sys.exit(f"make_model: no way to make {kind.name}")


def byte_tokens() -> list[str]:
    """GPT-2's printable spellings of the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(spare)) for b in range(256)]


def trivial_tokenizer(writer: gguf.GGUFWriter, vocab: int) -> None:
    space = byte_tokens()[32]
    tokens = [*byte_tokens(), space + "t", "<|end|>"]
    tokens += [f"<unused{i}>" for i in range(vocab - len(tokens))]
    types = [gguf.TokenType.NORMAL] * vocab
    types[257] = gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([f"{space} t"])
    writer.add_eos_token_id(257)
    writer.add_add_bos_token(False)


def copy_tokenizer(writer: gguf.GGUFWriter, path: Path) -> int:
    """The tokenizer of another GGUF; returns its size."""
    vocab = 0
    for field in gguf.GGUFReader(path).fields.values():
        if not field.name.startswith("tokenizer."):
            continue
        inner = field.types[1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, field.contents(), field.types[0], inner)
        if field.name == "tokenizer.ggml.tokens":
            vocab = len(field.data)
    return vocab


def write(shape: Shape, kind: str, out: Path, vocab: Path | None, seed: int) -> None:
    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(out, shape.architecture)
    writer.add_name(f"random weights, {out.stem}")
    shapes.describe(writer, shape)
    if vocab is None:
        trivial_tokenizer(writer, shape.vocab)
    else:
        shape = dataclasses.replace(shape, vocab=copy_tokenizer(writer, vocab))
    writer.add_vocab_size(shape.vocab)

    plan = []
    for matrix in shapes.matrices(shape):
        chosen = shapes.weight_type(kind, matrix, shape.layers)
        rows, cols = max(1, matrix.stack) * matrix.rows, matrix.cols
        size, width = gguf.GGML_QUANT_SIZES[chosen]
        if cols % size:
            sys.exit(f"make_model: {matrix.tensor} has rows of {cols}, no multiple of {chosen.name}'s {size}")
        bytes_in_all = rows * cols // size * width
        writer.add_tensor_info(matrix.tensor, matrix.dimensions, np.dtype(np.float32), bytes_in_all, chosen)
        plan.append((matrix.tensor, rows, cols, chosen))
    for name, count in shapes.vectors(shape):
        writer.add_tensor_info(name, (count,), np.dtype(np.float32), 4 * count)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()

    stream = writer.fout[0]
    for name, rows, cols, chosen in plan:
        writer.write_padding(stream, stream.tell())
        # As trained ones: the embedding's values near 0.02, a matrix's near 1 / sqrt(in).
        deviation = 0.02 if name.startswith("token_embd") else cols**-0.5
        size, width = gguf.GGML_QUANT_SIZES[chosen]
        step = max(1, CHUNK_ROWS_BYTES // (cols // size * width))
        for begin in range(0, rows, step):
            random_rows(rng, chosen, min(step, rows - begin), cols, deviation).tofile(stream)
        writer.write_padding(stream, stream.tell())
    for name, count in shapes.vectors(shape):
        writer.write_padding(stream, stream.tell())
        unit = rng.random(count, np.float32) - np.float32(0.5)
        (unit * np.float32(0.2) + np.float32(1.0 if "norm" in name else 0.0)).tofile(stream)
        writer.write_padding(stream, stream.tell())
    writer.close()


def main() -> None:
    kinds = ["q4_k_m", "f32", "f16", "bf16", *(t.name.lower() for t in BLOCKS)]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=shapes.SHAPES, default="qwen-1.5b")
    parser.add_argument("--type", choices=kinds, default="q4_k_m")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vocab", type=Path, help="a GGUF whose tokenizer is copied")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    unfinished = options.out.with_suffix(".part")
    write(shapes.SHAPES[options.shape], options.type, unfinished, options.vocab, options.seed)
    unfinished.rename(options.out)


if __name__ == "__main__":
    main()
