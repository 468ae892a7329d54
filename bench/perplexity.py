#!/usr/bin/env python3
"""Perplexity of Holdfast beside llama-perplexity's on the same files and text; fails where they differ by over 0.5%.

Each weight type is made from one base model by llama-quantize (--pure: every matrix that can be of that type is). With
--random, files of a 1.5B model's shape with random weights (make_model.py) join: their perplexity says nothing about
language, but every shape and kernel is that of a real model.

usage: bench/perplexity.py [--base MODEL.gguf] [--text FILE] [--context 256] [--types q4_k,...] [--random q4_k_m,...]
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import peer

ROOT = Path(__file__).resolve().parent.parent
HOLDFAST = Path(os.environ.get("HOLDFAST_BIN", ROOT / "build/release/bin/holdfast"))
FOLDER = ROOT / "build/bench"
# Every computed type, by the name llama-quantize gives to a file of it.
TYPES = {
    "f32": "F32",
    "f16": "F16",
    "bf16": "BF16",
    "q8_0": "Q8_0",
    "q4_0": "Q4_0",
    "q4_1": "Q4_1",
    "q5_0": "Q5_0",
    "q5_1": "Q5_1",
    "q2_k": "Q2_K",
    "q3_k": "Q3_K_M",
    "q4_k": "Q4_K_M",
    "q5_k": "Q5_K_M",
    "q6_k": "Q6_K",
    "iq4_nl": "IQ4_NL",
    "iq4_xs": "IQ4_XS",
}
TOLERANCE = 0.005


def run(command: list) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"perplexity: {command[0]} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout + done.stderr


def demo_text() -> Path:
    """Problems and worked answers such as the demo model knows, in English and Chinese; the same on every run."""
    sys.path.insert(0, str(ROOT / "tools/demo-model"))
    import tasks

    rng = random.Random("perplexity")
    parts = []
    # Long enough that the rounding of activations, which both do in their own way, averages out.
    while sum(map(len, parts)) < 80_000:
        sample = tasks.draw(rng, rng.choice(list(tasks.TASKS)), rng.choice(tasks.LANGS), test=True)
        parts.append(f"{sample.prompt}\n{sample.think}\n\n{sample.answer}\n\n")
    path = FOLDER / "perplexity.txt"
    path.write_text("".join(parts), encoding="utf-8")
    return path


def ours(model: Path, text: Path, context: int, threads: int, chunks: int) -> float:
    command = [HOLDFAST, "eval", "perplexity", model, text, "--context", context, "--chunks", chunks, "--json"]
    return json.loads(run([*command, "--threads", threads]).splitlines()[0])["perplexity"]


def theirs(programs: Path, model: Path, text: Path, context: int, threads: int) -> tuple[int, float]:
    """Chunks and their perplexity. Of the figures printed along the way, the last: those after it, and the line that
    sums up, are lost where the process ends before its logging thread has written them."""
    command = [programs / "llama-perplexity", "-m", model, "-f", text, "-c", context, "-b", context, "-t", threads]
    found = re.findall(r"\[(\d+)\]([0-9.]+),", run(command))
    return (int(found[-1][0]), float(found[-1][1])) if found else sys.exit("perplexity: llama-perplexity was silent")


def quantized(programs: Path, base: Path, kind: str) -> Path:
    path = FOLDER / f"{base.stem}-{kind}.gguf"
    if not path.exists() or path.stat().st_mtime < base.stat().st_mtime:
        run([programs / "llama-quantize", "--allow-requantize", "--pure", base, path, TYPES[kind]])
    return path


def synthetic(kind: str) -> Path:
    path = FOLDER / f"qwen-1.5b-{kind}.gguf"
    if not path.exists():
        maker = [sys.executable, ROOT / "bench/make_model.py", "--shape", "qwen-1.5b", "--type", kind]
        run([*maker, "--out", path])
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/demo/holdfast-demo.gguf")
    parser.add_argument("--text", type=Path, help="default: problems such as the demo model knows")
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--types", default=",".join(TYPES))
    parser.add_argument("--random", default="", help="types of random 1.5B models, such as q4_k_m,q8_0")
    parser.add_argument("--random-bytes", type=int, default=4096, help="of the text that those see")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()

    programs = peer.build()
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = options.text or demo_text()
    short = FOLDER / "perplexity-short.txt"
    short.write_bytes(text.read_bytes().decode("utf-8", "ignore").encode()[: options.random_bytes])

    runs = [(kind, quantized, text) for kind in options.types.split(",") if kind]
    runs += [(kind, synthetic, short) for kind in options.random.split(",") if kind]
    worst = 0.0
    print("| model | Holdfast | llama.cpp | difference |\n|---|---|---|---|")
    for kind, make, read in runs:
        model = make(programs, options.base, kind) if make is quantized else make(kind)
        chunks, other = theirs(programs, model, read, options.context, options.threads)
        mine = ours(model, read, options.context, options.threads, chunks)
        worst = max(worst, abs(mine / other - 1))
        print(f"| {model.stem} | {mine:.4f} | {other:.4f} | {100 * (mine / other - 1):+.3f}% |", flush=True)
    if worst > TOLERANCE:
        sys.exit(f"perplexity: differs by {100 * worst:.2f}%, more than {100 * TOLERANCE}%")


if __name__ == "__main__":
    main()
