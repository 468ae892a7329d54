"""Peak memory while loading and running: the weights, the KV cache, and little more, in every way weights are held."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from demo_model import sanitized

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = Path(os.environ.get("HOLDFAST_BUILD", ROOT / "build/release")) / "bin/holdfast"
PROMPT, GENERATE = 32, 4
# The program, its libraries and its threads' stacks, the tokenizer of 8192 tokens, activations of 32 rows.
BASE = 48 << 20


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")

    def make(kind):
        path = folder / f"{kind}.gguf"
        if not path.exists():
            maker = [sys.executable, ROOT / "bench/make_model.py", "--shape", "small", "--type", kind, "--out", path]
            subprocess.run(maker, check=True)
        return path

    return make


@pytest.mark.skipif(sanitized(), reason="a sanitizer takes memory of its own")
@pytest.mark.parametrize("kind", ["bf16", "q8_0", "q4_k_m"])
def test_peak_memory_is_weights_and_cache(models, kind):
    model = models(kind)
    command = [HOLDFAST, "bench", model, "--json", "--prompt", PROMPT, "--generate", GENERATE, "--repetitions", 1]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    peak = json.loads(done.stdout)["results"][0]["peak_rss_bytes"]
    weights = model.stat().st_size
    cache = 8 * 2 * 4 * 64 * 2 * (PROMPT + GENERATE)  # layers, K and V, heads, width, f16, tokens
    assert peak <= 1.1 * (weights + cache) + BASE, (peak, weights)
