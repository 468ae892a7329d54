"""`holdfast tokenize` against llama.cpp's test vectors and against Hugging Face tokenizers on random strings.

The vocabularies are those of the peer's source package, fetched once into build/peer (see tools/peer_source.py).
More strings: compare.py beside this file.
"""

import json
import random
import subprocess
from pathlib import Path

import compare
import hugging_face
import pytest

STRINGS = 5000  # for each pre-tokenizer
SEPARATOR = "\n__ggml_vocab_test__\n"
VECTORS = ["qwen2", "llama-bpe", "deepseek-llm", "deepseek-coder", "gpt-2", "llama-spm", "phi-3"]


@pytest.fixture(scope="module")
def models() -> Path:
    try:
        return compare.peer_source.source() / "models"
    except compare.peer_source.Unavailable as error:
        pytest.skip(f"the vocabularies cannot be fetched: {error}")


@pytest.mark.parametrize("name", VECTORS)
def test_peer_vectors(models: Path, name: str) -> None:
    model = models / f"ggml-vocab-{name}.gguf"
    with Path(f"{model}.inp").open(encoding="utf-8", newline="") as file:
        texts = file.read().removesuffix(SEPARATOR).split(SEPARATOR)
    expected = [[int(token) for token in line.split()] for line in Path(f"{model}.out").read_text().splitlines()]
    got = compare.ours(model, [text.encode() for text in texts])
    assert len(texts) == len(expected) > 40
    for text, want, have in zip(texts, expected, got, strict=True):
        assert have == want, repr(text)


@pytest.mark.parametrize("name", compare.VOCABULARIES)
def test_random_strings(models: Path, name: str, tmp_path: Path) -> None:
    generator = random.Random(20)
    texts = [hugging_face.random_bytes(generator) for _ in range(STRINGS)]
    assert compare.differences(name, [compare.model_file(name, tmp_path)], texts) == []
    assert compare.differences(name, [compare.model_folder(name, tmp_path)], texts[: STRINGS // 5]) == []


def tokenize(*arguments: object, text: str | bytes = "") -> subprocess.CompletedProcess:
    data = text.encode() if isinstance(text, str) else text
    return subprocess.run([compare.HOLDFAST, "tokenize", *map(str, arguments)], input=data, capture_output=True)


def test_command(models: Path, tmp_path: Path) -> None:
    model = models / "ggml-vocab-qwen2.gguf"
    text = "Hello, 世界!<|im_end|>\n"
    file = tmp_path / "text"
    file.write_text(text)

    plain = json.loads(tokenize(model, file, "--json").stdout)["tokens"]
    assert plain == json.loads(tokenize(model, "--json", text=text).stdout)["tokens"]
    assert [int(token) for token in tokenize(model, file).stdout.split()] == plain
    special = json.loads(tokenize(model, file, "--json", "--special").stdout)["tokens"]
    assert 151645 in special and 151645 not in plain

    assert tokenize(model, "--decode", text=json.dumps(plain)).stdout.decode() == text
    assert tokenize(model, "--decode", text=json.dumps(special)).stdout.decode() == text.replace("<|im_end|>", "")
    assert tokenize(model, "--decode", "--special", text=json.dumps(special)).stdout.decode() == text
    decoded = json.loads(tokenize(model, "--decode", "--json", text=" ".join(map(str, plain))).stdout)
    assert decoded == {"text": text}

    llama = models / "ggml-vocab-llama-spm.gguf"
    assert json.loads(tokenize(llama, "--json", "--bos", text="a").stdout)["tokens"][0] == 1
    assert json.loads(tokenize(llama, "--json", text="a").stdout)["tokens"][0] != 1


def test_command_errors(models: Path, tmp_path: Path) -> None:
    model = models / "ggml-vocab-qwen2.gguf"
    for arguments, text, status, message in [
        ((tmp_path / "none.gguf",), "", 1, "none.gguf"),
        ((model, tmp_path / "none.txt"), "", 1, "none.txt"),
        ((model, "--decode"), "1 999999", 1, "999999"),
        ((model, "--lines"), "nonsense", 1, "line 1"),
        ((model, "--lines", "--decode"), "", 2, "--decode"),
        ((models / "ggml-vocab-bert-bge.gguf",), "", 1, "bert"),
        ((), "", 2, "MODEL"),
    ]:
        done = tokenize(*arguments, text=text)
        assert done.returncode == status, done
        assert message in done.stderr.decode(), done
        assert done.stdout == b""
