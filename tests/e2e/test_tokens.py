"""Tokens of texts and back, by llama-server's names and by vLLM's."""

import json
import subprocess

import pytest
from demo_model import BINARY, DEMO, MODEL
from raw import exchange, post

TEXTS = ["What is 37 + 58?", "", "<think>a</think>", "中文 😀\n\ttabs"]


def ask(server, path: str, body: dict, status: int = 200) -> dict:
    got, _, answer = exchange(server.port, post(path, json.dumps(body).encode()))
    assert got == status, answer
    return json.loads(answer)


@pytest.mark.parametrize("text", TEXTS)
def test_tokens_and_back(server, text):
    told = subprocess.run(
        [BINARY, "tokenize", str(DEMO), "--special", "--json"], input=text, capture_output=True, text=True, check=True
    )
    tokens = ask(server, "/tokenize", {"content": text})["tokens"]
    assert tokens == json.loads(told.stdout)["tokens"]
    back = ask(server, "/detokenize", {"tokens": tokens})
    assert back["content"] == back["prompt"] == text


def test_pieces(server):
    told = ask(server, "/tokenize", {"content": "What is 😀?", "with_pieces": True})["tokens"]
    data = b"".join(t["piece"].encode() if isinstance(t["piece"], str) else bytes(t["piece"]) for t in told)
    assert data.decode() == "What is 😀?"


def test_as_vllm_asks(server, client):
    messages = [{"role": "user", "content": "What is 37 + 58?"}]
    told = ask(server, "/tokenize", {"model": MODEL, "messages": messages, "return_token_strs": True})
    used = client.chat.completions.create(model=MODEL, messages=messages, max_tokens=1).usage
    assert told["count"] == len(told["tokens"]) == len(told["token_strs"]) == used.prompt_tokens
    assert told["max_model_len"] == 2048
    prompt = ask(server, "/apply-template", {"messages": messages})["prompt"]
    assert "".join(told["token_strs"]) == prompt
    assert "What is 37 + 58?" in prompt


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/tokenize", {}),
        ("/tokenize", {"content": 5}),
        ("/tokenize", {"messages": []}),
        ("/detokenize", {}),
        ("/detokenize", {"tokens": [10**9]}),
        ("/detokenize", {"tokens": ["a"]}),
        ("/apply-template", {}),
    ],
)
def test_what_is_wrong(server, path, body):
    assert ask(server, path, body, status=400)["error"]["type"] == "invalid_request_error"
    assert ask(server, path, body | {"model": "other"}, status=404)["error"]["code"] == "model_not_found"
