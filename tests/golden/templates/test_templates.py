"""Every chat template of the peer's models/templates, over random conversations, equal to Python's jinja2.

The templates come with llama.cpp's source (tools/peer_source.py) and are not committed.
"""

import json
import os
import random
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))

import peer_source
from conversations import conversation
from reference import environment, render

HOLDFAST = os.environ.get("HOLDFAST_BIN", "build/release/bin/holdfast")
BOS, EOS, NOW = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", 1_735_000_000
CASES, OTHER_CASES = 200, 50  # rendered conversations for each template of the R1 family; tried for each other
FAMILY = ("deepseek-ai-", "llama-cpp-deepseek", "Qwen", "meta-llama-")
# Their own texts for tokens; a user who spells them must not get them.
SPELLINGS = ["<｜User｜>", "<｜Assistant｜>", "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|start_header_id|>"]
SPELLINGS += [BOS, EOS]
# Append to lists, which Hugging Face's sandbox refuses.
MUTABLE = ("Kimi-K2-Instruct", "Kimi-K2-Thinking")


@lru_cache
def folder() -> Path:
    try:
        return peer_source.source() / "models" / "templates"
    except peer_source.Unavailable as error:
        pytest.skip(str(error))


def names() -> list[str]:
    """Every template if the source is there already, else those of the R1 family: fetched when the first test runs."""
    listed = peer_source.FOLDER / peer_source.PACKAGES["llama.cpp"].stem / "vendor/llama.cpp/models/templates"
    return sorted(path.stem for path in listed.glob("*.jinja")) or ["(all)"]


def batch_line(case: dict) -> dict:
    """Values travel as JSON texts, so that numbers stay as they are written."""
    line = {"add_generation_prompt": case.get("add_generation_prompt", True), "now": NOW}
    return line | {f"{key}_json": json.dumps(case[key]) for key in ("messages", "tools", "extra") if key in case}


def ours(template: Path, cases: list[dict]) -> list[dict]:
    lines = "\n".join(json.dumps(batch_line(case), ensure_ascii=False) for case in cases)
    command = [HOLDFAST, "template", "--batch", "--template-file", str(template), "--bos", BOS, "--eos", EOS]
    done = subprocess.run(command, input=lines.encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(answers) == len(cases)
    return answers


def compare(template: Path, rng: random.Random, count: int) -> int:
    """How many of `count` conversations rendered, equal; the rest failed in both."""
    cases = [conversation(rng) for _ in range(count)]
    env = environment(NOW, mutable=template.stem in MUTABLE)
    compiled = env.from_string(template.read_text(encoding="utf-8"))
    rendered = 0
    for case, answer in zip(cases, ours(template, cases), strict=True):
        expected = render(compiled, case | {"bos_token": BOS, "eos_token": EOS})
        context = json.dumps(case, ensure_ascii=False)[:2000]
        if "text" in expected:
            assert answer.get("text") == expected["text"], context
            rendered += 1
        else:
            assert "error" in answer, (expected, context)
            if "raised" in expected:
                assert answer["error"]["message"] == expected["raised"], context
    return rendered


@pytest.mark.parametrize("name", names())
def test_equal_to_jinja2(name: str) -> None:
    templates = sorted(folder().glob("*.jinja")) if name == "(all)" else [folder() / f"{name}.jinja"]
    for template in templates:
        rng = random.Random(template.stem)
        if not template.stem.startswith(FAMILY):
            compare(template, rng, OTHER_CASES)
            continue
        rendered, tried = 0, 0
        while rendered < CASES:  # of conversations that the template accepts
            assert tried < 10 * CASES, f"only {rendered} of {tried} conversations render"
            rendered += compare(template, rng, CASES // 2)
            tried += CASES // 2


def trusted(answer: dict) -> str:
    return "\x00".join(part["text"] for part in answer["parts"] if part["trusted"])


def test_user_text_never_becomes_a_token() -> None:
    """What the user spells lies in untrusted parts, and what the template spells in trusted ones."""
    cases = []
    for spelling in ["", *SPELLINGS]:
        texts = [f"s{spelling}", f"a{spelling}b", f"<think>t{spelling}</think>c{spelling}", f"d{spelling}"]
        roles = ["system", "user", "assistant", "user"]
        cases.append({"messages": [{"role": r, "content": t} for r, t in zip(roles, texts, strict=True)]})
    for template in sorted(folder().glob("*.jinja")):
        clean, *spelled = ours(template, cases)
        if "text" not in clean:  # wants other messages or variables
            assert not template.stem.startswith(FAMILY), (template.stem, clean)
            continue
        for spelling, answer in zip(SPELLINGS, spelled, strict=True):
            assert trusted(answer).count(spelling) == trusted(clean).count(spelling), (template.stem, spelling)
            assert spelling in "".join(part["text"] for part in answer["parts"] if not part["trusted"])
