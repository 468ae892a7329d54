"""Regular expressions beside Python's re, over random patterns and texts; and what comes out of random sampling."""

import random
import re

from checker import Checker

LETTERS = "ab0_- é你\n"


def pattern(chance: random.Random, depth: int = 0) -> str:
    kind = chance.randrange(9 if depth < 4 else 5)
    if kind == 0:
        return re.escape(chance.choice(LETTERS))
    if kind == 1:
        return chance.choice([".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", r"\n", r"\x61", r"\u4f60"])
    if kind in (2, 3):
        members = "".join(
            chance.choice(["a", "b-é", "0-9", r"\w", r"\s", r"\-", "_", r"\n"]) for _ in range(chance.randint(1, 3))
        )
        return f"[{chance.choice(['', '^'])}{members}]"
    if kind == 4:
        return chance.choice("ab0")
    if kind == 5:
        return pattern(chance, depth + 1) + pattern(chance, depth + 1)
    if kind == 6:
        return f"(?:{pattern(chance, depth + 1)}|{pattern(chance, depth + 1)})"
    bounds = chance.choice(["*", "+", "?", "{2}", "{0,3}", "{1,}", "*?", "{,2}"])
    return f"({pattern(chance, depth + 1)}){bounds}"


def test_random_patterns_agree_with_python() -> None:
    checker = Checker()
    chance = random.Random(3)
    sampled = 0
    for _ in range(1500):
        source = "".join(pattern(chance) for _ in range(chance.randint(1, 3)))
        reference = re.compile(source, re.ASCII)
        texts = ["".join(chance.choice(LETTERS) for _ in range(chance.randrange(7))) for _ in range(30)]
        answer = checker.ask("regex", source, texts=texts, samples=3, seed=chance.randrange(1 << 30))
        assert "error" not in answer, (source, answer)
        expected = [reference.fullmatch(text) is not None for text in texts]
        assert answer["matches"] == expected, (source, texts)
        for text in answer["samples"]:
            assert reference.fullmatch(text), (source, text)
        sampled += len(answer["samples"])
    checker.close()
    assert sampled > 1000
