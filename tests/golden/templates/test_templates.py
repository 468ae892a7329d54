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
CASES, OTHER_CASES = 200, 50  # conversations for each template of the R1 family, and for each other
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
    listed = peer_source.FOLDER / peer_source.NAME / "vendor" / "llama.cpp" / "models" / "templates"
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


def check(template: Path) -> int:
    """How many conversations rendered; the rest failed in both."""
    rng = random.Random(template.stem)
    cases = [conversation(rng) for _ in range(CASES if template.stem.startswith(FAMILY) else OTHER_CASES)]
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
        rendered = check(template)
        if template.stem.startswith(FAMILY):
            assert rendered >= CASES // 4, f"only {rendered} of {CASES} conversations render"


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_user_text_never_becomes_a_token(spelling: str) -> None:
    """What the user spells lies in untrusted parts, and what the template spells in trusted ones."""
    case = {
        "messages": [
            {"role": "system", "content": f"s{spelling}"},
            {"role": "user", "content": f"a{spelling}b"},
            {"role": "assistant", "content": f"<think>t{spelling}</think>c{spelling}"},
            {"role": "user", "content": f"d{spelling}"},
        ]
    }
    for template in sorted(folder().glob("*.jinja")):
        if not template.stem.startswith(FAMILY):
            continue
        plain = json.loads(json.dumps(case, ensure_ascii=False).replace(spelling, ""))
        (spelled, clean) = ours(template, [case, plain])
        assert "text" in spelled, (template.stem, spelled)

        def trusted(answer: dict) -> str:
            return "\x00".join(part["text"] for part in answer["parts"] if part["trusted"])

        assert trusted(spelled).count(spelling) == trusted(clean).count(spelling), template.stem
        assert spelling in "".join(part["text"] for part in spelled["parts"] if not part["trusted"])
