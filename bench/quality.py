#!/usr/bin/env python3
"""How far quantized weights and caches move a model's predictions, beside llama.cpp on the same files and text.

For each file: the perplexity, and the mean KL divergence from the F16 file of the same model, once with the cache each
program takes by default and once with an 8-bit one. The F16 reference is each program's own. llama-perplexity keeps
reference logits in 16 bits, so its divergences have a floor (measured too: the F16 file against itself).

usage: bench/quality.py [--base MODEL.gguf] [--text FILE] [--types q4_k,q8_0] [--context 256]
"""

import argparse
import json
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import peer
import perplexity as files
from perplexity import FOLDER, HOLDFAST, ROOT, run

CACHES = {"default": ([], []), "8 bits": (["--kv-type", "q8"], ["-fa", "on", "-ctk", "q8_0", "-ctv", "q8_0"])}


def ours(model: Path, reference: Path, text: Path, context: int, threads: int, cache: str) -> tuple[float, float]:
    common = [text, "--context", context, "--threads", threads, "--json", *CACHES[cache][0]]
    plain = json.loads(run([HOLDFAST, "eval", "perplexity", model, *common]).splitlines()[0])
    apart = json.loads(run([HOLDFAST, "eval", "kl", model, "--reference", reference, *common]).splitlines()[0])
    return plain["perplexity"], apart["mean_kl"]


def theirs(programs: Path, model: Path, logits: Path, context: int, threads: int, cache: str) -> tuple[float, float]:
    command = [programs / "llama-perplexity", "-m", model, "-t", threads, "-c", context, "-b", context]
    said = run([*command, "--kl-divergence-base", logits, "--kl-divergence", *CACHES[cache][1]])
    found = {name: re.search(rf"^Mean +{name} *: *([-0-9.e+]+)", said, re.M) for name in (r"PPL\(Q\)", "KLD")}
    if not all(found.values()):
        sys.exit(f"quality: llama-perplexity said nothing of its divergence:\n{said[-1000:]}")
    return float(found[r"PPL\(Q\)"][1]), float(found["KLD"][1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "models/demo/holdfast-demo.gguf")
    parser.add_argument("--text", type=Path, help="default: problems such as the demo model knows")
    parser.add_argument("--types", default="f16,q8_0,q6_k,q5_k,q4_k,q4_0,iq4_xs")
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()

    programs = peer.build()
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = options.text or files.demo_text()
    print("| model | cache | perplexity | llama.cpp | mean KL | llama.cpp |\n|---|---|---|---|---|---|")
    reference, logits = files.quantized(programs, options.base, "f16"), FOLDER / "quality-logits.bin"
    command = [programs / "llama-perplexity", "-m", reference, "-f", text, "-t", options.threads]
    run([*command, "-c", options.context, "-b", options.context, "--kl-divergence-base", logits])
    for kind in options.types.split(","):
        model = files.quantized(programs, options.base, kind)
        for cache in CACHES:
            mine = ours(model, reference, text, options.context, options.threads, cache)
            other = theirs(programs, model, logits, options.context, options.threads, cache)
            figures = f"{mine[0]:.3f} | {other[0]:.3f} | {mine[1]:.2e} | {other[1]:.2e}"
            print(f"| {model.stem} | {cache} | {figures} |", flush=True)
    logits.unlink()


if __name__ == "__main__":
    main()
