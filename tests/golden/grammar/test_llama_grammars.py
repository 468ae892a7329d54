"""GBNF beside llama.cpp's own tests of it: the strings of test-grammar-integration.cpp, and grammars/*.gbnf.

The peer's source package is fetched by checksum; nothing of it is kept here.
"""

import re
import sys

import pytest
from checker import ROOT, Checker

sys.path.insert(0, str(ROOT / "tools"))
import peer_source

TOKEN = re.compile(r'R"""\((?P<raw>.*?)\)"""|"(?P<plain>(?:\\.|[^"\\])*)"|//[^\n]*|(?P<mark>[{},();])', re.DOTALL)


def source():
    try:
        return peer_source.source("llama.cpp")
    except peer_source.Unavailable as error:
        pytest.skip(str(error))


def calls(text: str):
    """(description, grammar, passing, failing) of every test_grammar() call."""
    for start in re.finditer(r"^    test_grammar\(", text, re.MULTILINE):
        depth, lists, strings = 1, [], []
        glue = False  # adjacent literals are one string
        for token in TOKEN.finditer(text, start.end()):
            mark = token["mark"]
            if mark is None:
                literal = token["raw"] if token["raw"] is not None else token["plain"]
                if literal is None:
                    continue
                if token["raw"] is None:
                    literal = literal.encode("latin-1", "backslashreplace").decode("unicode_escape")
                if glue:
                    strings[-1] += literal
                else:
                    strings.append(literal)
                glue = True
                continue
            glue = False
            if mark == "{" or mark == "}":
                lists.append(strings)
                strings = []
            depth += {"(": 1, ")": -1}.get(mark, 0)
            if depth == 0:
                break
        head, passing, _, failing = lists[:4]
        yield head[0], head[1], passing, failing


def test_the_peers_own_tests() -> None:
    text = (source() / "tests/test-grammar-integration.cpp").read_text("utf-8")
    checker = Checker()
    grammars = strings = refused = 0
    for description, grammar, passing, failing in calls(text):
        answer = checker.ask("gbnf", grammar, texts=passing + failing)
        if "tokens by number or name" in answer.get("error", ""):
            refused += 1
            continue
        assert "error" not in answer, (description, answer)
        expected = [True] * len(passing) + [False] * len(failing)
        wrong = [t for t, m, e in zip(passing + failing, answer["matches"], expected, strict=True) if m != e]
        assert not wrong, (description, grammar, wrong)
        grammars += 1
        strings += len(expected)
    checker.close()
    print(f"\n{grammars} grammars, {strings} strings; {refused} grammars with tokens, which we refuse")
    assert grammars >= 10


def test_the_peers_grammars_are_taken() -> None:
    checker = Checker()
    paths = sorted((source() / "grammars").glob("*.gbnf"))
    assert len(paths) > 5
    for path in paths:
        answer = checker.ask("gbnf", path.read_text("utf-8"), samples=2, seed=1)
        assert "error" not in answer, (path.name, answer)
    checker.close()
