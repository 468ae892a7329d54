"""Writes small.json: small tokenizers in every form of tokenizer.json that we read, and what Hugging Face makes of
some texts with them. Run with PyPI's tokenizers 0.23."""

import copy
import json
import random
from pathlib import Path

import hugging_face
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

OUT = Path(__file__).resolve().parent / "small.json"
TEXT = [
    "The quick brown fox jumps over the lazy dog. It's 3:45, isn't it? Hello, hello, hello world!",
    "数据 数据库 模型 推理 中文 分词 北京 上海 我们 他们 的 了 是 在 12 345 6789",
    "def hello(name):\n    return f'hello {name}'\n\n\tprint(hello('world'))\n",
    "Ünïcödé naïve café résumé 한국어 カタカナ ひらがな",
    "<tool> the the then there these those that this thing things think thinking </tool>",
]
FIXED = [
    "",
    " ",
    "  ",
    "hello world",
    " hello  world ",
    "Hello, world! It's the 3rd of 2024.",
    "数据库的模型,推理12345个",
    "cafe\u0301 na\u00efve \u212b \u1e9b\u0323",
    "a<think>b</think>c",
    "x<mask> y<mask>z <mask>",
    " <left> <right> <both> mid<left>mid <both>",
    "word words WORD sword word.word word_word",
    "<s>hello</s>",
    "▁hello ▁ world",
    "tab\tnew\nline\r\n\r\n  end  ",
    "🦙🦙 emoji 👩\u200d👩\u200d👧",
    "<0x0A> <unk> \u0000",
    "-hyphen--double-- -",
]
SPECIAL = [
    AddedToken("<s>", special=True),
    AddedToken("</s>", special=True),
    AddedToken("<unk>", special=True),
    AddedToken("<mask>", special=True, lstrip=True),
    AddedToken("<|im_end|>", special=True),
]
ADDED = [
    AddedToken("<think>", normalized=False),
    AddedToken("</think>", normalized=False),
    AddedToken("<left>", lstrip=True, normalized=False),
    AddedToken("<right>", rstrip=True, normalized=False),
    AddedToken("<both>", lstrip=True, rstrip=True, normalized=False),
    AddedToken("word", single_word=True, normalized=False),
    AddedToken("caf\u00e9", normalized=True),
    AddedToken("éé", normalized=False),
]


def train(byte_level: bool) -> dict:
    if byte_level:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Sequence(
            [
                decoders.Replace("\u2581", " "),
                decoders.ByteFallback(),
                decoders.Fuse(),
                decoders.Strip(" ", 1, 0),
            ]
        )
        alphabet = []
    bytes_ = [] if byte_level else [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=640, special_tokens=SPECIAL + bytes_, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT * 3, trainer)
    tokenizer.add_special_tokens(SPECIAL)
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = [token for token in made["added_tokens"] if not token["content"].startswith("<0x")]
    return made


def variant(base: dict, **changes) -> dict:
    made = copy.deepcopy(base)
    for key, value in changes.items():
        if key == "model":
            made["model"] |= value
        else:
            made[key] = value
    return made


def with_added(base: dict) -> dict:
    tokenizer = Tokenizer.from_str(json.dumps(base))
    tokenizer.add_tokens(ADDED)
    return json.loads(tokenizer.to_str())


def variants() -> dict[str, dict]:
    byte, char = train(True), train(False)
    level = hugging_face.BYTE_LEVEL
    out = {"byte level": byte}
    out["added tokens"] = with_added(variant(byte, normalizer={"type": "NFC"}))
    out["added tokens, no normalizer"] = with_added(byte)
    for name in ["qwen2", "llama-bpe", "deepseek-v3", "deepseek-coder", "deepseek-llm"]:
        steps = {"type": "Sequence", "pretokenizers": hugging_face.PRE_TOKENIZERS[name]}
        out[name] = variant(byte, pre_tokenizer=steps)
    for behavior in ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        for invert in [False, True]:
            for pattern in [{"Regex": r"\p{N}{2}|[ l]|-"}, {"String": "l"}]:
                split = {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
                steps = {"type": "Sequence", "pretokenizers": [split, level]}
                out[f"{behavior} {invert} {next(iter(pattern))}"] = variant(byte, pre_tokenizer=steps)
    for individual in [False, True]:
        steps = {"type": "Sequence", "pretokenizers": [hugging_face.digits(individual), level]}
        out[f"digits {individual}"] = variant(byte, pre_tokenizer=steps)
    out["prefix space"] = variant(byte, pre_tokenizer=level | {"add_prefix_space": True, "use_regex": True})
    out["merges as text"] = variant(byte, model={"merges": [" ".join(merge) for merge in byte["model"]["merges"]]})
    out["ignore merges"] = variant(byte, model={"ignore_merges": True, "merges": byte["model"]["merges"][::2]})
    out["nested sequences"] = variant(
        byte,
        normalizer={"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": [{"type": "NFC"}]}]},
        pre_tokenizer={
            "type": "Sequence",
            "pretokenizers": [{"type": "Sequence", "pretokenizers": [hugging_face.digits(True)]}, level],
        },
    )
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    prepend = {"type": "Prepend", "prepend": "\u2581"}
    llama = {"type": "Sequence", "normalizers": [prepend, replace]}
    out["llama 2"] = with_added(variant(char, normalizer=llama, pre_tokenizer=None))
    out["no byte fallback"] = variant(
        char, normalizer=llama, pre_tokenizer=None, model={"byte_fallback": False, "fuse_unk": False}
    )
    out["fused unknown"] = variant(
        char, normalizer=llama, pre_tokenizer=None, model={"byte_fallback": False, "fuse_unk": True}
    )
    for scheme in ["always", "first", "never"]:
        for split in [True, False]:
            meta = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split}
            decoder = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, meta]}
            out[f"metaspace {scheme} {split}"] = variant(char, pre_tokenizer=meta, decoder=decoder)
    return out


def texts(seed: int) -> list[str]:
    generator = random.Random(seed)
    words = [word for line in TEXT for word in line.split()] + [token.content for token in SPECIAL + ADDED]
    mixed = []
    for _ in range(12):
        chosen = generator.choices(words, k=generator.randint(1, 8))
        mixed.append("".join(word + generator.choice(["", " ", "  ", "\n"]) for word in chosen))
    strange = [hugging_face.random_bytes(generator).decode("utf-8", "replace")[:40] for _ in range(6)]
    return FIXED + mixed + strange


def main() -> None:
    rows = []
    for seed, (name, made) in enumerate(variants().items()):
        tokenizer = Tokenizer.from_str(json.dumps(made))
        cases = []
        for text in texts(seed):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            decoded = tokenizer.decode(ids, skip_special_tokens=False)
            cases.append({"text": text, "ids": ids, "decoded": decoded})
        made = {key: made[key] for key in made if key not in ("version", "truncation", "padding")}
        rows.append({"name": name, "tokenizer": made, "cases": cases})
    lines = [json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows]
    OUT.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{OUT}: {len(rows)} tokenizers, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
