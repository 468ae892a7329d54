"""The demo model's chat template, run by Jinja itself."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "demo-model"))

import chat

jinja2 = pytest.importorskip("jinja2")


def render(messages, more=True):
    template = jinja2.Environment().from_string(chat.TEMPLATE)
    return template.render(messages=messages, bos_token=chat.BOS, add_generation_prompt=more)


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def test_one_question():
    assert render([user("2+3=?")]) == chat.prompt_text("2+3=?")
    assert render([user("a")], more=False) == chat.BOS + chat.USER + "a"


def test_system_text_comes_first():
    messages = [{"role": "system", "content": "Be brief."}, user("2+3=?")]
    assert render(messages) == chat.prompt_text("2+3=?", system="Be brief.")


def test_earlier_thinking_is_dropped():
    want = chat.prompt_text("b", [("a", "x")])
    assert render([user("a"), assistant("x"), user("b")]) == want
    assert render([user("a"), assistant("<think>\nhm\n</think>x"), user("b")]) == want
    assert render([user("a"), assistant("hm\n</think>\n\nx"), user("b")]) == chat.prompt_text("b", [("a", "\n\nx")])
