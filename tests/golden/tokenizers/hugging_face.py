"""Hugging Face tokenizers with the vocabulary of a GGUF: the independent implementation that ours is compared with.

The pre-tokenizers are those of the models' own tokenizer.json files.
"""

import functools
import json
import random
from pathlib import Path

import gguf
import tokenizers

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN2.replace(r"\p{N}| ?", r"\p{N}{1,3}| ?", 1)
DEEPSEEK_V3 = [
    r"\p{N}{1,3}",
    "[一-龥\u3040-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+",
]
EAST_ASIAN = "[一-龥\u0800-一가-\ud7ff]+"
# The letters that have case, as of Unicode 11.
CASED = (
    "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373"
    "\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481"
    "\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b"
    "\u1d6b-\u1d77\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b"
    "\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb"
    "\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128"
    "\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4"
    "\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf"
    "\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3"
    "\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943"
)
DEEPSEEK_LLM = [
    "[\r\n]",
    rf"\s?[{CASED}]+",
    r"\s?[!-/:-~！-／：-～‘-‟　-。]+",
    r"\s+$",
    EAST_ASIAN,
]


def split(pattern: str) -> dict:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def digits(individual: bool) -> dict:
    return {"type": "Digits", "individual_digits": individual}


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
PRE_TOKENIZERS = {
    "qwen2": [split(QWEN2), BYTE_LEVEL],
    "llama-bpe": [split(LLAMA3), BYTE_LEVEL],
    "deepseek-v3": [*map(split, DEEPSEEK_V3), BYTE_LEVEL],
    "deepseek-llm": [*map(split, DEEPSEEK_LLM), digits(True), BYTE_LEVEL],
    "deepseek-coder": [
        *map(split, ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", EAST_ASIAN]),
        digits(True),
        BYTE_LEVEL,
    ],
    "gpt-2": [BYTE_LEVEL | {"use_regex": True}],
}
PRE_TOKENIZERS["deepseek-r1-qwen"] = PRE_TOKENIZERS["qwen2"]
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


@functools.cache
def arrays(path: Path) -> dict:
    """The tokenizer.ggml values of a GGUF by their last name."""
    prefix = "tokenizer.ggml."
    fields = gguf.GGUFReader(path).fields
    return {name.removeprefix(prefix): field.contents() for name, field in fields.items() if name.startswith(prefix)}


def with_pre(path: Path, pre: str, out: Path) -> None:
    """The vocabulary of `path` under another pre-tokenizer's name."""
    values = arrays(path)
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(64)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model(values["model"])
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(values["tokens"])
    writer.add_token_types(values["token_type"])
    writer.add_token_merges(values["merges"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def is_filler(token: str, index: int) -> bool:
    return token == f"[PAD{index}]"


def added_tokens(values: dict) -> list[dict]:
    kinds = {CONTROL: True, UNKNOWN: True, USER_DEFINED: False}
    flags = dict.fromkeys(["single_word", "lstrip", "rstrip", "normalized"], False)
    return [
        {"id": index, "content": token, **flags, "special": kinds[kind]}
        for index, (token, kind) in enumerate(zip(values["tokens"], values["token_type"], strict=True))
        if kind in kinds and not is_filler(token, index)
    ]


def byte_level(values: dict, pre: str) -> dict:
    """tokenizer.json of a byte-level BPE."""
    vocabulary = {}
    for index, token in enumerate(values["tokens"]):
        if values["token_type"][index] == NORMAL:
            vocabulary.setdefault(token, index)
    return {
        "version": "1.0",
        "added_tokens": added_tokens(values),
        "normalizer": {"type": "NFC"} if "qwen" in pre else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": PRE_TOKENIZERS[pre]},
        "post_processor": None,
        "decoder": BYTE_LEVEL,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "byte_fallback": False,
            "ignore_merges": pre == "llama-bpe",
            "vocab": vocabulary,
            "merges": [merge.split(" ") for merge in values["merges"]],
        },
    }


def sentencepiece(values: dict) -> dict:
    """tokenizer.json of a SentencePiece BPE: every way to make a piece of two, the best pieces first."""
    pieces = {token: index for index, token in enumerate(values["tokens"])}
    scores = values["scores"]
    merges = []
    for token, index in pieces.items():
        if values["token_type"][index] != NORMAL:
            continue
        local = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
        local = [pair for pair in local if pair[0] in pieces and pair[1] in pieces]
        local.sort(key=lambda pair: (pieces[pair[0]], pieces[pair[1]]))
        merges += [(pair, scores[index]) for pair in local]
    merges.sort(key=lambda merge: merge[1], reverse=True)
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    return {
        "version": "1.0",
        "added_tokens": added_tokens(values),
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, replace]},
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": pieces,
            "merges": [list(pair) for pair, _ in merges],
        },
    }


def tokenizer_json(path: Path, pre: str) -> dict:
    values = arrays(path)
    return sentencepiece(values) if values["model"] == "llama" else byte_level(values, pre)


@functools.cache
def tokenizer(path: Path, pre: str) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(path, pre)))


def characters(*ranges: tuple[int, int]) -> list[str]:
    return [chr(code) for low, high in ranges for code in range(low, high + 1)]


ALPHABETS = [
    characters((0x20, 0x7E)),
    characters((0x4E00, 0x9FFF)),
    characters((0x4E00, 0x4FFF)),
    list("的一是不了人我在有他这为之大来以个中上们，。！？、；：“”（）《》"),
    [" ", "  ", "   ", "\t", "\n", "\r", "\r\n", "\n\n", "\u00a0", "\u3000", "\u2003", "\u2028", "\u0085", "\u180e"],
    [" ", "\n", "\u200b", "\u200d", "\ufeff", "\u00ad", "\x00", "\x0b", "\x0c", "\x1c", "\x7f"],
    list("0123456789"),
    characters((0x660, 0x669), (0x966, 0x96F), (0xFF10, 0xFF19), (0x2160, 0x2188), (0xB2, 0xB3), (0x2460, 0x2473)),
    characters((0x1F300, 0x1F64F), (0x1F680, 0x1F6FF), (0x1F1E6, 0x1F1FF), (0x2600, 0x27BF)),
    ["👩‍👩‍👧", "👍🏽", "🏳️‍🌈", "\ufe0f", "🦙", "😶‍🌫️", "✅", "🇨🇳"],
    characters((0x300, 0x36F), (0x591, 0x5BD), (0x64B, 0x652), (0x900, 0x903), (0x1AB0, 0x1ABE), (0x20D0, 0x20F0)),
    ["e\u0301", "a\u0323\u0302", "ờ", "ế", "Å", "Å", "Ω", "ﬁ", "각", "각", "ữ", "q\u0307\u0323", "が", "ガ"],
    characters((0xC0, 0x24F)),
    characters((0x400, 0x4FF), (0x370, 0x373), (0x388, 0x38A)),
    characters((0x3041, 0x3096), (0x30A0, 0x30FF), (0xAC00, 0xAD00), (0x1100, 0x11FF)),
    characters((0xE01, 0xE3A), (0xE40, 0xE5B), (0x1780, 0x17DD), (0x905, 0x939), (0x627, 0x64A)),
    ["'s", "'S", "'t", "'re", "'VE", "'ll", "'D", "'m", "'\u017f", "\u212a", "’s", "'", "''", "don't", "I'Ve"],
    ["the", "of", "and", "to", "in", "is", "was", "he", "for", "it", "with", "as", "his", "on", "be", "at", "they"],
    ["def", "return", "();", "{}", "[0]", "!=", "->", "::", "//", "/*", "#include", "<|", "|>", "\\n", "...", "_x"],
    ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<s>", "</s>", "<unk>", "<｜end▁of▁sentence｜>", "<|im_start|>"],
    characters((0xFF01, 0xFF5E), (0x2010, 0x2027), (0x3001, 0x3011), (0xA1, 0xBF)),
    characters((0x10400, 0x1044F), (0x1D400, 0x1D433), (0x20000, 0x20100), (0x2126, 0x2126), (0xFB00, 0xFB06)),
]


def random_bytes(generator: random.Random) -> bytes:
    """A text of mixed scripts; one in eight is not UTF-8."""
    parts = []
    for _ in range(generator.randint(1, 12)):
        alphabet = generator.choice(ALPHABETS)
        separator = generator.choice(["", "", "", " "])
        parts.append(separator.join(generator.choices(alphabet, k=generator.randint(1, 10))))
        parts.append(generator.choice(["", "", " ", "\n"]))
    text = bytearray("".join(parts).encode())
    if generator.random() < 1 / 8:
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(text) + 1)
            match generator.randrange(3):
                case 0:
                    text[at : at + 1] = b""
                case 1:
                    text[at:at] = bytes([generator.randrange(0x80, 0x100)])
                case 2:
                    text[at:at] = generator.choice(
                        [b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xc0\x80", b"\xf0\x9f", b"\xff"]
                    )
    return bytes(text)
