"""Writes src/text/unicode_bert.inc: how Hugging Face's BertNormalizer and BertPreTokenizer see characters.

They go by tables older than our libraries' (for punctuation and marks) and newer ones (for case), and what they do is
what models were trained with. So the file holds what they do: which characters are dropped, which are punctuation,
which are accents, and where lower case is not Unicode 14's. Run with Python 3.11 and PyPI's tokenizers 0.23.
"""

import itertools
import unicodedata
from pathlib import Path

from tokenizers import normalizers, pre_tokenizers

OUT = Path(__file__).resolve().parent.parent / "src/text/unicode_bert.inc"
CODES = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
OFF = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}


def step(name: str):
    return normalizers.BertNormalizer(**{**OFF, name: True}).normalize_str


def ranges_of(codes: list[int]) -> list[tuple[int, int]]:
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return [(low, high) for low, high in ranges]


def lower_case() -> list[tuple[int, int, int]]:
    """Ranges whose lower case, unlike Unicode 14's, is this far away. One character becomes two, in both."""
    lower = step("lowercase")
    rows: list[list[int]] = []
    for code in CODES:
        theirs = lower(chr(code))
        if theirs == chr(code).lower():
            continue
        assert len(theirs) == 1 and chr(code).lower() == chr(code), f"U+{code:04X}"
        delta = ord(theirs) - code
        if rows and rows[-1][1] == code - 1 and rows[-1][2] == delta:
            rows[-1][1] = code
        else:
            rows.append([code, code, delta])
    assert [code for code in CODES if len(lower(chr(code))) > 1] == [0x130]
    return [(low, high, delta) for low, high, delta in rows]


def main() -> None:
    assert unicodedata.unidata_version == "14.0.0", "run this with Python 3.11"
    clean, accents = step("clean_text"), step("strip_accents")
    words = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    kinds = {
        "kDropped": [code for code in CODES if clean(chr(code)) == ""],
        "kAccent": [code for code in CODES if accents(chr(code)) == ""],
        "kPunctuation": [code for code in CODES if len(words(f"a{chr(code)}b")) == 3],
    }
    rows = [(low, high, f"{kind}") for kind, codes in kinds.items() for low, high in ranges_of(codes)]
    rows.sort()
    assert all(a[1] < b[0] for a, b in itertools.pairwise(rows)), "the kinds overlap"
    rows += [(low, high, f"kLower, {delta}") for low, high, delta in lower_case()]
    rows.sort()
    items = [f"{{0x{low:X}, 0x{high:X}, {kind}}}," for low, high, kind in rows]
    OUT.write_text("// Made by tools/make_unicode_bert.py.\n" + "\n".join(items) + "\n")
    print(f"{len(items)} ranges")


if __name__ == "__main__":
    main()
