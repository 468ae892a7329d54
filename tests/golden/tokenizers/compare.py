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

sys.path.insert(0, str(Path(__file__).resolve().parent))
import hugging_face

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))
import peer_source

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


def differences(name: str, model: Path, texts: list[bytes]) -> list[str]:
    """What ours and theirs tokenize differently, one line each."""
    theirs = hugging_face.tokenizer(vocabulary(name), name)
    decoded = [text.decode("utf-8", "replace") for text in texts]
    expected = [encoding.ids for encoding in theirs.encode_batch(decoded, add_special_tokens=False)]
    got = ours(model, texts, "--special")
    if len(got) != len(expected):
        return [f"{name}: {len(got)} answers to {len(expected)} texts"]
    return [
        f"{name}: {text!r} {[hex(ord(c)) for c in decoded[i]]}: expected {expected[i]}, got {got[i]}"
        for i, text in enumerate(texts)
        if got[i] != expected[i]
    ]


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
            found = differences(name, model_file(name, Path(folder)), texts)
            print(f"{name}: {len(texts)} strings, {len(found)} differ", flush=True)
            for line in found[:5]:
                print("  ", line)
            failed += bool(found)
    return failed


if __name__ == "__main__":
    sys.exit(main())
