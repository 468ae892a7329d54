"""Compares `holdfast tokenize` with Hugging Face tokenizers on random strings, for every pre-tokenizer.

usage: compare.py [--strings 100000] [--seed 1] [NAME...]     (HOLDFAST_BIN names the program)
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import hugging_face

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))
import peer_source  # noqa: E402

HOLDFAST = os.environ.get("HOLDFAST_BIN", str(ROOT / "build/release/bin/holdfast"))
# Pre-tokenizer -> the vocabulary it is tried with. For two of them the peer has none; any will do.
VOCABULARIES = {
    "qwen2": "qwen2",
    "deepseek-r1-qwen": "qwen2",
    "llama-bpe": "llama-bpe",
    "deepseek-v3": "deepseek-llm",
    "deepseek-llm": "deepseek-llm",
    "deepseek-coder": "deepseek-coder",
    "gpt-2": "gpt-2",
    "llama-spm": "llama-spm",
}

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 2,
    "intermediate_size": 1,
    "max_position_embeddings": 16,
    "num_attention_heads": 1,
    "num_hidden_layers": 1,
    "num_key_value_heads": 1,
    "rms_norm_eps": 1e-6,
    "vocab_size": 1,
}


def vocabulary(name: str) -> Path:
    return peer_source.source() / "models" / f"ggml-vocab-{VOCABULARIES[name]}.gguf"


def model_file(name: str, folder: Path) -> Path:
    """A GGUF with that pre-tokenizer."""
    if VOCABULARIES[name] == name:
        return vocabulary(name)
    path = folder / f"{name}.gguf"
    hugging_face.with_pre(vocabulary(name), name, path)
    return path


def model_folder(name: str, folder: Path) -> Path:
    """A Hugging Face directory with the same tokenizer, as tokenizer.json."""
    path = folder / f"{name}-hf"
    path.mkdir()
    (path / "tokenizer.json").write_text(json.dumps(hugging_face.tokenizer_json(vocabulary(name), name)))
    (path / "config.json").write_text(json.dumps(CONFIG))
    # One tensor, in the format of https://github.com/huggingface/safetensors: a directory needs a weights file.
    header = json.dumps({"model.norm.weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    return path


def ours(model: Path, texts: list[bytes], *options: str) -> list[list[int]]:
    lines = []
    for text in texts:
        try:
            lines.append(json.dumps(text.decode()))
        except UnicodeDecodeError:
            lines.append(json.dumps({"hex": text.hex()}))
    command = [HOLDFAST, "tokenize", str(model), "--lines", *options]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def differences(name: str, models: list[Path], texts: list[bytes]) -> list[str]:
    """What ours (of each model) and theirs tokenize differently, one line each."""
    theirs = hugging_face.tokenizer(vocabulary(name), name)
    decoded = [text.decode("utf-8", "replace") for text in texts]
    expected = [encoding.ids for encoding in theirs.encode_batch(decoded, add_special_tokens=False)]
    found = []
    for model in models:
        got = ours(model, texts, "--special")
        if len(got) != len(expected):
            return [f"{model.name}: {len(got)} answers to {len(expected)} texts"]
        found += [
            f"{model.name}: {text!r} {[hex(ord(c)) for c in decoded[i]]}: expected {expected[i]}, got {got[i]}"
            for i, text in enumerate(texts)
            if got[i] != expected[i]
        ]
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--strings", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.names or VOCABULARIES:
            generator = random.Random(arguments.seed)
            texts = [hugging_face.random_bytes(generator) for _ in range(arguments.strings)]
            models = [model_file(name, Path(folder)), model_folder(name, Path(folder))]
            found = differences(name, models, texts)
            print(f"{name}: {len(texts)} strings, as GGUF and as tokenizer.json: {len(found)} differ", flush=True)
            for line in found[:5]:
                print("  ", line)
            failed += bool(found)
    return failed


if __name__ == "__main__":
    sys.exit(main())
