"""`holdfast eval` and `holdfast bench`: what their --json holds, and every computed type from file to figure."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = Path(os.environ.get("HOLDFAST_BUILD", ROOT / "build/release")) / "bin/holdfast"
DEMO = ROOT / "models/demo/holdfast-demo.gguf"
TYPES = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k"]
TYPES += ["iq4_nl", "iq4_xs", "q4_k_m"]


def holdfast(*args):
    """The one JSON document on stdout."""
    done = subprocess.run([HOLDFAST, *map(str, args), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # progress is for terminals
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("What is 12 + 30?\n12 + 30 = 42\n\n王师傅有 5 个苹果，又买了 7 个。\n" * 12, encoding="utf-8")
    return path


def test_perplexity_counts_the_second_halves(text):
    tokens = holdfast("tokenize", DEMO, text)["tokens"]
    whole = holdfast("eval", "perplexity", DEMO, text, "--context", 64)
    assert whole["tokens"] == len(tokens) // 64 * 31
    assert whole["perplexity"] > 1 and whole["standard_error"] > 0
    assert holdfast("eval", "perplexity", DEMO, text, "--context", 64, "--chunks", 2)["tokens"] == 62
    assert holdfast("eval", "perplexity", DEMO, text, "--context", 64, "--threads", 1) == whole


def test_divergence_from_itself_is_nothing(text):
    figures = holdfast("eval", "kl", DEMO, "--reference", DEMO, text, "--context", 64)
    assert (figures["mean_kl"], figures["p99_kl"], figures["top1_agreement"]) == (0, 0, 1)


def test_bench_tells_every_batch():
    results = holdfast("bench", DEMO, "--prompt", 16, "--generate", 4, "--batch", "1,3")["results"]
    assert [row["batch"] for row in results] == [1, 3]
    for row in results:
        assert row["prefill_tok_s"] > 0 and row["decode_tok_s"] > 0
        assert row["load_s"] > 0 and row["peak_rss_bytes"] > 1 << 20


def test_bench_shows_limits_and_operations():
    told = holdfast("bench", DEMO, "--prompt", 16, "--generate", 4, "--repetitions", 2, "--roofline", "--profile")
    assert {"read_bytes_s", "int8_ops_s", "bf16_ops_s", "fp32_ops_s"} == set(told["peaks"])
    assert told["peaks"]["read_bytes_s"] > 1e8 and told["peaks"]["int8_ops_s"] > 1e8
    (row,) = told["results"]
    assert 0 < row["prefill_limit_share"] < 2 and 0 < row["decode_limit_share"] < 2
    for phase, steps in (("prefill", 2), ("decode", 8)):
        operations = {one["operation"]: one for one in row["profile"][phase]}
        assert operations["attention"]["calls"] % steps == 0
        assert operations["embed"]["calls"] == steps
        assert {"norm", "rope", "kv append", "swiglu", "read", "outside operations"} <= set(operations)
        assert any(name.startswith("linear ") for name in operations)
        assert any(name.startswith("logits ") for name in operations)
        assert all(one["seconds"] >= 0 for one in operations.values())


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_computes(kind, text, tmp_path):
    """A synthetic model of each type: random weights know nothing, but their logits are numbers and not far off."""
    model = tmp_path / "model.gguf"
    maker = [sys.executable, ROOT / "bench/make_model.py", "--shape", "tiny", "--type", kind, "--out", model]
    subprocess.run(maker, check=True)
    figures = holdfast("eval", "perplexity", model, text, "--context", 128, "--chunks", 2)
    assert figures["tokens"] == 126
    assert 1000 < figures["perplexity"] < 20000


def test_errors_name_what_is_wrong(text, tmp_path):
    model = tmp_path / "cut.gguf"
    model.write_bytes(DEMO.read_bytes()[:-1000])
    done = subprocess.run([HOLDFAST, "eval", "perplexity", model, text], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert "cut.gguf" in done.stderr
    command = [HOLDFAST, "eval", "perplexity", DEMO, text, "--context", "4096"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "8192" in done.stderr
