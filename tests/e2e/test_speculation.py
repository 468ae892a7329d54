"""--speculate guesses tokens ahead and changes no byte of any answer."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from demo_model import BINARY, DEMO

ROOT = Path(__file__).resolve().parents[2]
FORM = 'Fill in the form as JSON: name, age, city.\n{"name": "Ada", "age": 36, "city": "London"}\n' * 3
WAYS = ["lookup", str(DEMO)]


def holdfast(*args, **more):
    return subprocess.run([BINARY, *map(str, args)], capture_output=True, text=True, **more)


def generate(*args):
    done = holdfast("generate", DEMO, "--prompt", FORM, "--max-tokens", 80, "--ignore-eos", "--json", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("temperature", [0, 1.2])
def test_the_same_tokens_with_and_without(temperature):
    drawing = ("--temperature", temperature, "--seed", 5)
    plain = generate(*drawing)
    assert "drafted_tokens" not in plain
    for way in WAYS:
        guessed = generate(*drawing, "--speculate", way, "--speculate-tokens", 5)
        assert guessed["tokens"] == plain["tokens"] and guessed["text"] == plain["text"]
        assert 0 <= guessed["accepted_tokens"] <= guessed["drafted_tokens"]
        if way != "lookup":  # the model guesses for itself
            assert guessed["accepted_tokens"] == guessed["drafted_tokens"] > 50


def test_lookup_finds_what_repeats():
    assert generate("--speculate", "lookup")["accepted_tokens"] > 0


def test_what_came_true_is_told():
    done = holdfast("generate", DEMO, "--prompt", FORM, "--max-tokens", 20, "--speculate", "lookup")
    assert done.returncode == 0 and "guessed tokens came true" in done.stderr
    done = holdfast("run", "demo", "What is 12 + 30?", "--json", "--seed", 1, "--speculate", "demo")
    told = json.loads(done.stdout)
    # Those behind the end of the answer could not come true.
    assert told["usage"]["accepted_tokens"] > told["usage"]["drafted_tokens"] - 8
    plain = json.loads(holdfast("run", "demo", "What is 12 + 30?", "--json", "--seed", 1).stdout)
    assert (told["content"], told["reasoning_content"]) == (plain["content"], plain["reasoning_content"])


def test_a_crowd_behind_the_api_gets_what_it_gets_without(start_server):
    plain, guessing = start_server(), start_server("--speculate", "lookup", "--parallel", "3")

    def ask(server, i):
        with server.client() as client:
            choice = client.completions.create(
                model=client.models.list().data[0].id,
                prompt=FORM[i:],
                max_tokens=30 + i,
                temperature=i % 2,
                seed=i,
                stop=["Lon", "36"] if i % 3 == 0 else None,
                logprobs=2,
            ).choices[0]
            return choice.text, choice.finish_reason, choice.logprobs.token_logprobs

    with ThreadPoolExecutor(8) as pool:
        want = list(pool.map(lambda i: ask(plain, i), range(12)))
        assert list(pool.map(lambda i: ask(guessing, i), range(12))) == want
    health = guessing.wait_until_idle()
    assert health["drafted_tokens"] >= health["accepted_tokens"] > 0
    assert plain.health()["drafted_tokens"] == 0


def test_a_draft_of_another_vocabulary_is_refused(tmp_path):
    other = tmp_path / "other.gguf"
    maker = [sys.executable, ROOT / "bench/make_model.py", "--shape", "tiny", "--type", "q8_0", "--out", other]
    subprocess.run(maker, check=True)
    for command in (("generate", DEMO, "--prompt", "x"), ("run", DEMO, "x"), ("serve", DEMO, "--port", 0)):
        done = holdfast(*command, "--speculate", other, env=os.environ | {"HOLDFAST_HOME": str(tmp_path)})
        assert done.returncode == 1, done.stderr
        assert "vocabulary" in done.stderr and "other.gguf" in done.stderr
    done = holdfast("generate", DEMO, "--prompt", "x", "--speculate", "nowhere")
    assert done.returncode != 0 and "nowhere" in done.stderr
