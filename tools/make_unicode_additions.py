"""Writes src/text/unicode_additions.inc: the characters that Unicode 16 added to each general category since 14.

Debian 12's PCRE2 and utf8proc know Unicode 14 (as does Python 3.11); Hugging Face tokenizers, whose tokens ours must
equal, asks an Oniguruma that knows Unicode 16. Run with Python 3.11 and PyPI's tokenizers 0.23.
"""

import unicodedata
from pathlib import Path

from tokenizers import Regex, normalizers

OUT = Path(__file__).resolve().parent.parent / "src/text/unicode_additions.inc"
# Marks as one: some moved between Mn and Mc.
CATEGORIES = ["Lu", "Ll", "Lt", "Lm", "Lo", "M", "Nd", "Nl", "No", "Z"]
CATEGORIES += ["Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"]
CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def members(category: str) -> set[int]:
    """What Oniguruma counts to it: what is gone after replacing it by nothing."""
    left = normalizers.Replace(Regex(rf"\p{{{category}}}"), "").normalize_str("".join(map(chr, CODES)))
    return set(CODES) - set(map(ord, left))


def main() -> None:
    assert unicodedata.unidata_version == "14.0.0", "run this with Python 3.11"
    rows = []
    for category in CATEGORIES:
        theirs = members(category)
        known = {code for code in CODES if unicodedata.category(chr(code)).startswith(category)}
        assert known <= theirs, f"{category} lost characters: the additions alone do not tell the difference"
        ranges: list[list[int]] = []
        for code in sorted(theirs - known):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
        rows += [(low, high, category) for low, high in ranges]
    lines = [f'{{0x{low:X}, 0x{high:X}, "{category}"}},' for low, high, category in sorted(rows)]
    OUT.write_text("// Made by tools/make_unicode_additions.py.\n" + "\n".join(lines) + "\n")
    print(f"{OUT}: {len(lines)} ranges")


if __name__ == "__main__":
    main()
