"""`holdfast run` and `holdfast generate`, as a person and as a script meet them, with the demonstration model."""

import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = Path(os.environ.get("HOLDFAST_BUILD", ROOT / "build/release")) / "bin/holdfast"
DEMO = ROOT / "models/demo/holdfast-demo.gguf"
QUESTION, ANSWER = "What is 12 + 30?", "12 + 30 = 42"


def holdfast(*args, stdin="", **environment):
    """Runs the program and returns what came of it."""
    return subprocess.run(
        [HOLDFAST, *map(str, args)], input=stdin, capture_output=True, text=True, env=os.environ | environment
    )


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, *args, **environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm", "LC_ALL": "C.UTF-8"} | environment)
            os.execv(HOLDFAST, ["holdfast", *args])
        self.shown = b""
        self.seen = 0  # bytes of it that read_until() has passed

    def read_until(self, wanted):
        """What is shown from where the last call ended up to `wanted`; fails at the end of the program."""
        start = self.seen
        while (found := self.shown.find(wanted.encode(), start)) < 0:
            if not self._read():
                pytest.fail(f"ended without {wanted!r}: {self.shown[start:].decode(errors='replace')}")
        self.seen = found + len(wanted.encode())
        return self.shown[start : self.seen].decode(errors="replace")

    def _read(self):
        select.select([self.fd], [], [])
        try:
            data = os.read(self.fd, 4096)
        except OSError:  # the other side is closed
            data = b""
        self.shown += data
        return data

    def type(self, text):
        """Presses keys."""
        os.write(self.fd, text.encode())

    def wait(self):
        """The exit status."""
        while self._read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_prompt_gets_its_answer_alone_on_stdout():
    """The demo model by default; thinking does not go down a pipe."""
    result = holdfast("run", QUESTION)
    assert (result.returncode, result.stdout) == (0, ANSWER + "\n")
    assert holdfast("run", "demo", QUESTION).stdout == ANSWER + "\n"
    assert holdfast("run", DEMO, stdin=QUESTION).stdout == ANSWER + "\n"


def test_run_as_json():
    """Thinking, answer and counts in one document."""
    answer = json.loads(holdfast("run", "--json", "demo", QUESTION).stdout)
    assert answer["content"] == ANSWER
    assert "think>" not in answer["reasoning_content"] and answer["reasoning_content"]
    assert answer["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] > answer["usage"]["reasoning_tokens"] > 0


def test_a_seed_repeats():
    """Same seed, same answer; any thread count."""
    command = ["run", "--json", "--temperature", "1.2", "--max-tokens", "30", "demo", "Tell me something."]
    first = holdfast(*command, "--threads", 1)
    seed = json.loads(first.stdout)["seed"]
    assert holdfast(*command, "--seed", seed, "--threads", 2).stdout == first.stdout
    assert holdfast(*command, "--seed", seed + 1).stdout != first.stdout


def test_what_cannot_run_says_so():
    """Exit status and one clear line; no model, no prompt, a bad option."""
    missing = holdfast("run", "no-such-model", QUESTION)
    assert missing.returncode == 1 and "no-such-model" in missing.stderr and missing.stdout == ""
    assert holdfast("run", stdin=" \n").returncode != 0
    assert holdfast("run", "--temperature", "-1", "demo", QUESTION).returncode == 2
    assert holdfast("generate", DEMO).returncode == 2
    assert holdfast("generate", DEMO, "--prompt-file", "/nonexistent").returncode == 1


def test_a_name_in_the_local_store(tmp_path):
    """MODEL may be a name below $HOLDFAST_HOME/models."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/small.gguf").symlink_to(DEMO)
    result = holdfast("run", "--temperature", 0, "small", QUESTION, HOLDFAST_HOME=str(tmp_path))
    assert result.stdout == ANSWER + "\n"
    assert holdfast("run", "../models/small", QUESTION, HOLDFAST_HOME=str(tmp_path)).returncode == 1


def test_generate_is_exact(tmp_path):
    """Tokens in, tokens out; the text is theirs."""
    prompt = tmp_path / "prompt"
    prompt.write_text("<｜User｜>" + QUESTION + "<｜Assistant｜><think>\n")
    result = json.loads(
        holdfast("generate", DEMO, "--prompt-file", prompt, "--special", "--max-tokens", 90, "--json").stdout
    )
    assert result["text"].endswith("</think>\n\n" + ANSWER)
    again = json.loads(holdfast("tokenize", DEMO, prompt, "--special", "--json").stdout)["tokens"]
    assert result["prompt_tokens"][-len(again) :] == again
    as_text = json.loads(holdfast("generate", DEMO, "--prompt-file", prompt, "--max-tokens", 1, "--json").stdout)
    assert len(as_text["prompt_tokens"]) > len(result["prompt_tokens"])
    assert len(as_text["tokens"]) <= 1


def test_chat_in_a_terminal():
    """Editing (a wide character taken back), thinking dimmed, commands, the end."""
    terminal = Terminal("run")
    assert "demonstration" in terminal.read_until(">>> ")
    terminal.type("What is 1好\x7f2 + 30?\n")
    shown = terminal.read_until(ANSWER)
    assert "\x1b[2m" in shown and "\x1b[0m" in shown
    terminal.read_until(">>> ")
    terminal.type("/help\n")
    assert "/clear" in terminal.read_until(">>> ")
    terminal.type("/clear\n")
    terminal.read_until(">>> ")
    terminal.type("/exit\n")
    assert terminal.wait() == 0


def test_ctrl_c_stops_the_answer_and_then_ends():
    """The first stops what runs; at the prompt it ends the chat."""
    terminal = Terminal("run", "--temperature", "100", "--top-p", "1", "--seed", "1")  # babble without end
    terminal.read_until(">>> ")
    terminal.type("Tell me everything.\n")
    terminal.read_until("\x1b[2m")
    terminal.type("\x03")
    assert "(stopped)" in terminal.read_until(">>> ")
    time.sleep(0.2)
    terminal.type("\x03")
    assert terminal.wait() == 0


def test_no_escapes_where_the_terminal_has_none():
    """TERM=dumb gets plain text, thinking included; --hide-thinking takes it away."""
    terminal = Terminal("run", QUESTION, TERM="dumb")
    assert terminal.wait() == 0
    assert b"\x1b[2m" not in terminal.shown and ANSWER.encode() in terminal.shown
    hidden = Terminal("run", "--hide-thinking", "demo", QUESTION, TERM="dumb")
    assert hidden.wait() == 0
    assert len(hidden.shown) < len(terminal.shown)


@pytest.mark.parametrize("question", ["12+30=?", "计算12+30", QUESTION])
def test_a_question_alone_goes_to_the_demo_model(question):
    done = holdfast("run", question)
    assert done.returncode == 0, done.stderr
    assert "42" in done.stdout


def test_a_name_alone_is_a_model():
    done = holdfast("run", "no-such-model")
    assert done.returncode == 1
    assert "there is no model 'no-such-model'" in done.stderr
