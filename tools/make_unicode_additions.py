"""Writes where Hugging Face tokenizers, whose tokens ours must equal, know another Unicode than our libraries.

Debian 12's PCRE2 and utf8proc know Unicode 14 (as does Python 3.11). Hugging Face asks an Oniguruma that knows Unicode
16 for categories: src/text/unicode_additions.inc has the characters that each one gained since 14. And it normalizes
as of Unicode 9: src/text/unicode_unnormalized.inc has the characters that it leaves alone though they have been given
a combining class or a decomposition since. Run with Python 3.11 and PyPI's tokenizers 0.23.
"""

import unicodedata
from pathlib import Path

from tokenizers import Regex, normalizers

FOLDER = Path(__file__).resolve().parent.parent / "src/text"
# Marks as one: some moved between Mn and Mc.
CATEGORIES = ["Lu", "Ll", "Lt", "Lm", "Lo", "M", "Nd", "Nl", "No", "Z"]
CATEGORIES += ["Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"]
CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def members(category: str) -> set[int]:
    """What Oniguruma counts to it: what is gone after replacing it by nothing."""
    left = normalizers.Replace(Regex(rf"\p{{{category}}}"), "").normalize_str("".join(map(chr, CODES)))
    return set(CODES) - set(map(ord, left))


def ranges_of(codes: list[int]) -> list[list[int]]:
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def additions() -> list[str]:
    rows = []
    for category in CATEGORIES:
        theirs = members(category)
        known = {code for code in CODES if unicodedata.category(chr(code)).startswith(category)}
        assert known <= theirs, f"{category} lost characters: the additions alone do not tell the difference"
        rows += [(low, high, category) for low, high in ranges_of(sorted(theirs - known))]
    return [f'{{0x{low:X}, 0x{high:X}, "{category}"}},' for low, high, category in sorted(rows)]


def probes(code: int) -> list[str]:
    """Texts whose normal form shows whether the character has its combining class and decomposition."""
    character = chr(code)
    texts = [character]
    if unicodedata.combining(character):
        texts += [f"e{character}{mark}" for mark in "\u0334\u0301\u0345\u0327"] + [f"e\u0334{character}"]
    parts = unicodedata.decomposition(character)
    if parts and not parts.startswith("<"):
        texts.append("".join(chr(int(part, 16)) for part in parts.split()))
    return texts


def unnormalized() -> list[str]:
    theirs = normalizers.NFC().normalize_str
    strange = [
        code for code in CODES if any(theirs(text) != unicodedata.normalize("NFC", text) for text in probes(code))
    ]
    return [f"{{0x{low:X}, 0x{high:X}}}," for low, high in ranges_of(strange)]


def main() -> None:
    assert unicodedata.unidata_version == "14.0.0", "run this with Python 3.11"
    for name, lines in [("unicode_additions.inc", additions()), ("unicode_unnormalized.inc", unnormalized())]:
        (FOLDER / name).write_text("// Made by tools/make_unicode_additions.py.\n" + "\n".join(lines) + "\n")
        print(f"{name}: {len(lines)} ranges")


if __name__ == "__main__":
    main()
