"""`holdfast tokenize` with BERT's tokenizer against Hugging Face tokenizers on random strings."""

import json
import random
import unicodedata
from pathlib import Path

import compare
import hugging_face
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

STRINGS = 4000
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FORMS = {
    "uncased": {},
    "cased": {"lowercase": False},
    "accents": {"strip_accents": False},
    "cased_without_accents": {"lowercase": False, "strip_accents": True},
    "as_it_is": {"lowercase": False, "clean_text": False, "handle_chinese_chars": False},
}
CONFIG = {
    "model_type": "bert",
    "hidden_size": 2,
    "intermediate_size": 1,
    "max_position_embeddings": 16,
    "num_attention_heads": 1,
    "num_hidden_layers": 1,
    "vocab_size": 1,
}


def random_text(generator: random.Random) -> bytes:
    """Half of them of any characters at all, which the usual strings have few of."""
    if generator.random() < 0.5:
        return hugging_face.random_bytes(generator)
    codes = [generator.choice([32, 97, generator.randrange(0x3000), generator.randrange(0x20000)]) for _ in range(30)]
    return "".join(chr(c) for c in codes if not 0xD800 <= c < 0xE000).encode()


def vocabulary(texts: list[bytes]) -> dict[str, int]:
    """Most characters of the texts and of their forms, so that a wrong form shows as a wrong token."""
    decoded = "".join(text.decode("utf-8", "replace") for text in texts)
    forms = [decoded, decoded.lower(), *(unicodedata.normalize(form, decoded) for form in ("NFD", "NFC"))]
    characters = sorted({c for form in forms for c in form + unicodedata.normalize("NFD", form.lower())})
    words = ["the", "and", "##ing", "##ed", "hello", "world", "ab", "##ab", "##abc", "1234", "##34"]
    tokens = SPECIAL + characters + ["##" + c for c in characters] + words
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


def tokenizer_of(vocab: dict[str, int], form: dict) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=20))
    tokenizer.normalizer = normalizers.BertNormalizer(**form)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", vocab["[SEP]"]), ("[CLS]", vocab["[CLS]"]))
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def folder_of(path: Path, files: dict[str, str]) -> Path:
    path.mkdir()
    for name, text in ({"config.json": json.dumps(CONFIG)} | files).items():
        (path / name).write_text(text, encoding="utf-8")
    header = json.dumps({"embeddings.LayerNorm.bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    return path


@pytest.mark.parametrize("name", FORMS)
def test_random_strings(name: str, tmp_path: Path) -> None:
    generator = random.Random(len(name))
    texts = [random_text(generator) for _ in range(STRINGS)]
    tokenizer = tokenizer_of(vocabulary(texts), FORMS[name])
    model = folder_of(tmp_path / name, {"tokenizer.json": tokenizer.to_str()})
    decoded = [text.decode("utf-8", "replace") for text in texts]
    expected = [encoding.ids for encoding in tokenizer.encode_batch(decoded, add_special_tokens=False)]
    got = compare.ours(model, texts, "--special")
    wrong = [(texts[i], expected[i], got[i]) for i in range(STRINGS) if expected[i] != got[i]]
    assert len(got) == STRINGS and not wrong, wrong[:3]


def test_vocab_txt_is_the_same_tokenizer(tmp_path: Path) -> None:
    generator = random.Random(5)
    texts = [random_text(generator) for _ in range(STRINGS)]
    # A line of a text file is no character that ends lines.
    vocab = {token: i for i, token in enumerate(t for t in vocabulary(texts) if not t.endswith(("\n", "\r")))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(SPECIAL)
    lines = "".join(token + "\n" for token in vocab)
    model = folder_of(tmp_path / "model", {"vocab.txt": lines, "tokenizer_config.json": '{"do_lower_case": true}'})
    decoded = [text.decode("utf-8", "replace") for text in texts]
    expected = [encoding.ids for encoding in tokenizer.encode_batch(decoded, add_special_tokens=False)]
    got = compare.ours(model, texts, "--special")
    wrong = [(texts[i], expected[i], got[i]) for i in range(STRINGS) if expected[i] != got[i]]
    assert len(got) == STRINGS and not wrong, wrong[:3]
