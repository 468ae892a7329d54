"""Sampling rules by the API and by the command line: they hold in streams, in replays and with guesses."""

import json
import subprocess

import pytest
from demo_model import BINARY, DEMO, MODEL
from raw import exchange, post

QUESTION = [{"role": "user", "content": "What is 37 + 58?"}]
RULES = [
    {"typical_p": 0.5},
    {"xtc_probability": 0.7, "xtc_threshold": 0.05},
    {"dry_multiplier": 1.5, "dry_allowed_length": 1, "dry_sequence_breakers": ["\n"]},
    {"mirostat": 2, "mirostat_tau": 2.0, "mirostat_eta": 0.3},
    {"mirostat_mode": 1},
    {"top_n_sigma": 1.5},
    {"bad_words": ["1", "five"]},
]


def ask(client, **fields):
    return client.chat.completions.create(model=MODEL, messages=QUESTION, **fields)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: next(iter(rule)))
def test_a_rule_gives_the_same_in_streams(client, rule):
    fields = {"temperature": 1.5, "seed": 5, "max_tokens": 60, "extra_body": rule}
    message = ask(client, **fields).choices[0].message
    deltas = [chunk.choices[0].delta for chunk in ask(client, stream=True, **fields)]
    assert "".join(d.content or "" for d in deltas) == message.content
    assert "".join(getattr(d, "reasoning_content", None) or "" for d in deltas) == message.reasoning_content


def test_a_banned_string_never_appears(client):
    plain = ask(client, temperature=0).choices[0].message
    assert "95" in plain.content
    for banned in (["95"], ["9"], [plain.content[-6:]], ["9", "5", "7"]):
        for more in ({"temperature": 0}, {"temperature": 1.3, "seed": 1, "n": 4}):
            answer = ask(client, max_tokens=200, extra_body={"banned_strings": banned}, **more)
            for choice in answer.choices:
                for text in (choice.message.content, choice.message.reasoning_content or ""):
                    assert not any(word in text for word in banned)


def test_best_of_gives_the_likeliest(client):
    fields = {"model": MODEL, "prompt": "The answer is", "temperature": 1.5, "seed": 7, "max_tokens": 12}
    several = client.completions.create(n=4, logprobs=0, **fields)
    means = [sum(c.logprobs.token_logprobs) / len(c.logprobs.token_logprobs) for c in several.choices]
    order = sorted(range(4), key=lambda i: -means[i])
    for n in (1, 2):
        best = client.completions.create(n=n, best_of=4, **fields)
        assert [c.text for c in best.choices] == [several.choices[i].text for i in order[:n]]
        assert [c.index for c in best.choices] == list(range(n))
        assert best.choices[0].logprobs is None
        assert best.usage.completion_tokens == several.usage.completion_tokens
        assert best.usage.prompt_tokens == several.usage.prompt_tokens


COMMON = ["--max-tokens", "60", "--temperature", "1", "--seed", "3", "--ignore-eos", "--json", "--prompt"]
COMMON.append("one two three one two three one two")


def generate(*arguments):
    done = subprocess.run(
        [
            BINARY,
            "generate",
            str(DEMO),
            "--prompt",
            "one two three one two three one two",
            "--max-tokens",
            "60",
            "--temperature",
            "1",
            "--seed",
            "3",
            "--ignore-eos",
            "--json",
            *arguments,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "flags",
    [
        ("--mirostat", "2", "--mirostat-tau", "1", "--mirostat-eta", "0.5"),
        ("--dry-multiplier", "9", "--dry-allowed-length", "1", "--dry-sequence-breaker", "~"),
        ("--xtc-probability", "0.5", "--xtc-threshold", "0.01"),
        ("--ban", "e", "--ban", "1", "--typical-p", "0.9"),
    ],
    ids=lambda flags: flags[0],
)
def test_guesses_change_no_rule(flags):
    plain = generate(*flags)
    assert plain["tokens"] != generate()["tokens"]
    for way in ("lookup", str(DEMO)):
        assert generate(*flags, "--speculate", way)["tokens"] == plain["tokens"]
    if flags[0] == "--ban":
        assert not set("e1") & set(plain["text"])


def test_answers_are_replayed(start_server, tmp_path):
    place = ["--audit", str(tmp_path / "log"), "--audit-keys", str(tmp_path / "keys")]
    server = start_server(*place, "--audit-payload", "encrypted")
    receipts = []

    def send(path, body):
        body = {"model": MODEL, "temperature": 1.2, "max_tokens": 40} | body
        status, fields, answer = exchange(server.port, post(path, json.dumps(body).encode(), "connection: close"))
        assert status == 200, answer
        receipts.append(fields["holdfast-receipt"])

    for rule in RULES:
        send("/v1/chat/completions", {"messages": QUESTION} | rule)
    send("/v1/completions", {"prompt": ["one two one", "2"], "best_of": 3, "mirostat": 2, "dry_multiplier": 1})
    assert server.stop() == 0
    for receipt in receipts:
        done = subprocess.run(
            [BINARY, "audit", "replay", receipt, *place, "--json"], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["same"]
