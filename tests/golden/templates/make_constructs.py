"""Writes constructs.jsonl: small templates for every construct of our subset, and what Python's jinja2 makes of them.

usage: make_constructs.py > constructs.jsonl        (needs jinja2 3.1.6)

A line is {"template", "messages", "extra", "expected"}, or "raised" (raise_exception's message), or "failed" (any other
error at rendering), or "syntax" (an error at parsing) instead of "expected".
"""

import json
import os
import time
from pathlib import Path

import jinja2
from reference import environment, render

os.environ["TZ"] = "UTC"
time.tzset()
NOW = 1_735_000_000

MESSAGES = [
    {"role": "system", "content": " Be <b>good</b>. "},
    {"role": "user", "content": "你好 World", "n": 3},
    {
        "role": "assistant",
        "content": "<think>hm</think>\n\nÄrger ß",
        "tool_calls": [{"f": {"name": "x", "arguments": {"b": 1, "a": [1.5, None, True, "q\"'"]}}}],
    },
]
EXTRA = {
    "flag": False,
    "zero": 0,
    "empty": "",
    "nothing": None,
    "pi": 3.14159,
    "big": 2**70,
    "neg": -7,
    "list": [3, 1, 2],
    "words": ["b", "A", "c", "a", "B"],
    "d": {"z": 1, "Y": 2, "items": 3, "": 4, "nest": {"k": [10, 20, {"deep": "!"}]}},
    "rows": [{"n": "x", "v": 2}, {"n": "y", "v": 1}, {"n": "X", "v": 2}, {"v": None}],
    "s": "Hello, Wörld! 🦊",
    "mixed": [1, "1", 1.0, True, None, [], {}],
    "lines": "one\n two\n\nthree\n",
    "tuple_like": [["a", 1], ["b", 2]],
    "html": "<a href='x'>&\"</a>",
    "floats": [0.1, 1e16, 1e15, 1e-5, 0.0001, -0.0, 1e300, 123456.789, 5e-324],
    "schema": {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "number"}}},
    },
}


def sources() -> list[str]:
    """constructs.txt: expressions, one a line, then whole templates as JSON strings."""
    text = (Path(__file__).parent / "constructs.txt").read_text(encoding="utf-8")
    expressions, templates = text.split("\n# statements\n")
    return ["{{ " + line + " }}" for line in expressions.split("\n")[1:]] + [
        json.loads(line) for line in templates.splitlines()
    ]


def main() -> None:
    env = environment(NOW)
    print(json.dumps({"messages": MESSAGES, "extra": EXTRA, "now": NOW}, ensure_ascii=False))
    for source in sources():
        case = {"messages": MESSAGES, "extra": EXTRA, "bos_token": "<s>"}
        try:
            result = render(env.from_string(source), case)
        except jinja2.TemplateSyntaxError as error:
            result = {"syntax": error.message}
        except SyntaxError as error:  # of the Python that jinja2 writes
            result = {"syntax": error.msg}
        print(json.dumps({"template": source} | result, ensure_ascii=False))


if __name__ == "__main__":
    main()
