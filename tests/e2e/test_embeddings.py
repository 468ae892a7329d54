"""Embeddings and reranking through the official client and over the wire, with tiny random models."""

import base64
import json
import math
import struct
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from demo_model import BINARY, DEMO, MODEL
from raw import exchange, post
from server_process import Server

GOLDEN = Path(__file__).resolve().parents[1] / "golden/embeddings"
EXPECTED = json.loads((GOLDEN / "expected.json").read_text("utf-8"))
TEXTS = [row["text"] for row in EXPECTED["texts"]]


@pytest.fixture(scope="module")
def embedders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server of a chat model, an encoder, a reranker, and the chat model as a model of embeddings."""
    models = [str(DEMO), str(GOLDEN / "bert"), str(GOLDEN / "cross_encoder"), "--embed", str(DEMO)]
    names = ["--alias", MODEL, "--alias", "tiny", "--alias", "cross", "--alias", "pooled"]
    server = Server(*models, *names)
    yield server
    assert server.stop() == 0


@pytest.fixture
def client(embedders: Server) -> Iterator[openai.OpenAI]:
    with embedders.client() as client:
        yield client


def close(got: list[float], expected: list[float], most: float = 1e-5) -> bool:
    return len(got) == len(expected) and max(abs(a - b) for a, b in zip(got, expected, strict=True)) < most


def call(server: Server, route: str, body: dict) -> tuple[int, dict, dict]:
    status, fields, answer = exchange(server.port, post(route, json.dumps(body).encode(), "connection: close"))
    return status, fields, json.loads(answer)


def test_embeddings_of_transformers(client):
    answer = client.embeddings.create(model="tiny", input=TEXTS)  # the client asks for base64
    assert answer.model == "tiny" and answer.object == "list"
    assert [row.index for row in answer.data] == list(range(len(TEXTS)))
    for row, expected in zip(answer.data, EXPECTED["texts"], strict=True):
        assert close(row.embedding, expected["mean"])
    tokens = sum(len(row["tokens"]) for row in EXPECTED["texts"])
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == tokens


def test_all_forms_give_the_same(client, embedders):
    one = client.embeddings.create(model="tiny", input=TEXTS[0], encoding_format="float").data[0].embedding
    many = client.embeddings.create(model="tiny", input=TEXTS * 20, encoding_format="float").data
    tokens = EXPECTED["texts"][0]["tokens"]
    assert one == many[0].embedding == many[len(TEXTS)].embedding
    assert one == client.embeddings.create(model="tiny", input=tokens, encoding_format="float").data[0].embedding
    _, _, answer = call(
        embedders, "/v1/embeddings", {"model": "tiny", "input": [tokens, [5]], "encoding_format": "base64"}
    )
    raw = base64.b64decode(answer["data"][0]["embedding"])
    assert one == [pytest.approx(value, abs=1e-7) for value in struct.unpack(f"<{len(raw) // 4}f", raw)]


def test_what_is_refused(embedders):
    for body, status, param, code in [
        ({"model": "tiny"}, 400, "input", "missing_required_parameter"),
        ({"input": "a"}, 400, "model", "missing_required_parameter"),
        ({"model": "tiny", "input": []}, 400, "input", "invalid_type"),
        ({"model": "tiny", "input": ["a"] * 2049}, 400, "input", "invalid_value"),
        ({"model": "tiny", "input": ""}, 400, "input", "invalid_argument"),
        ({"model": "tiny", "input": [[1], [99999]]}, 400, "input", "invalid_argument"),
        ({"model": "tiny", "input": "a " * 60}, 400, "input", "context_length_exceeded"),
        ({"model": "tiny", "input": "a", "encoding_format": "hex"}, 400, "encoding_format", "invalid_value"),
        ({"model": "tiny", "input": "a", "dimensions": 8}, 400, "dimensions", "invalid_value"),
        ({"model": "none", "input": "a"}, 404, "model", "model_not_found"),
        ({"model": "cross", "input": "a"}, 404, "model", "model_not_found"),
        ({"model": MODEL, "input": "a"}, 404, "model", "model_not_found"),
    ]:
        got, _, answer = call(embedders, "/v1/embeddings", body)
        assert got == status, (body, answer)
        assert (answer["error"]["param"], answer["error"]["code"]) == (param, code), (body, answer)
    status, _, answer = call(
        embedders,
        "/v1/chat/completions",
        {"model": "tiny", "messages": [{"role": "user", "content": "a"}]},
    )
    assert status == 404 and MODEL in answer["error"]["message"]


def test_long_texts_are_cut_when_asked(embedders):
    body = {"model": "tiny", "truncate": True, "encoding_format": "float"}
    _, _, long = call(embedders, "/v1/embeddings", body | {"input": "a " * 60})
    _, _, whole = call(embedders, "/v1/embeddings", body | {"input": "a " * 46})
    assert long["data"] == whole["data"] and long["usage"]["prompt_tokens"] == 48


def test_rerank(embedders):
    documents = [row["document"] for row in EXPECTED["scores"]]
    scores = [1 / (1 + math.exp(-row["logit"])) for row in EXPECTED["scores"]]
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    body = {"model": "cross", "query": EXPECTED["query"], "documents": documents}
    status, _, answer = call(embedders, "/v1/rerank", body)
    assert status == 200 and answer["model"] == "cross"
    assert [row["index"] for row in answer["results"]] == order
    assert close([row["relevance_score"] for row in answer["results"]], [scores[i] for i in order])
    assert "document" not in answer["results"][0]
    assert answer["usage"]["total_tokens"] == sum(len(row["tokens"]) for row in EXPECTED["scores"])
    short = body | {"top_n": 2, "return_documents": True, "documents": [{"text": text} for text in documents]}
    _, _, best = call(embedders, "/v1/rerank", short)
    assert [row["document"]["text"] for row in best["results"]] == [documents[i] for i in order[:2]]
    for wrong, param in [
        ({"query": ""}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": [{"title": "x"}]}, "documents[0]"),
        ({"top_n": 0}, "top_n"),
        ({"query": "! " * 80}, "query"),
        ({"model": "tiny"}, "model"),
    ]:
        status, _, answer = call(embedders, "/v1/rerank", body | wrong)
        assert status in (400, 404) and answer["error"]["param"] == param, (wrong, answer)


def test_a_model_that_generates_gives_embeddings(client):
    answer = client.embeddings.create(model="pooled", input=["What is 37 + 58?", "What is 37 + 58?", "x"])
    a, b, c = (row.embedding for row in answer.data)
    assert a == b != c
    assert abs(sum(value * value for value in a) - 1) < 1e-5


def test_every_model_is_listed_and_chat_goes_on(client, embedders):
    assert [model.id for model in client.models.list().data] == [MODEL, "tiny", "cross", "pooled"]
    assert client.models.retrieve("tiny").id == "tiny" and client.models.retrieve("cross").id == "cross"
    assert embedders.announced["models"] == [MODEL, "tiny", "cross", "pooled"]
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "1 + 1"}], max_tokens=8)
    assert answer.usage.completion_tokens > 0
    with urllib.request.urlopen(embedders.url + "/health") as response:
        states = json.load(response)["embedders"]
    assert [state["id"] for state in states] == ["tiny", "cross", "pooled"]
    assert states[0]["context"] == 48 and states[0]["texts"] > 0 and states[0]["waiting"] == 0


def test_answers_are_on_record(tmp_path):
    place = ["--audit", str(tmp_path / "audit"), "--audit-keys", str(tmp_path / "keys")]
    server = Server(str(GOLDEN / "bert"), str(GOLDEN / "cross_encoder"), *place)
    _, fields, _ = call(server, "/v1/embeddings", {"model": "bert", "input": TEXTS})
    receipt = fields["holdfast-receipt"]
    body = {"model": "cross_encoder", "query": "a", "documents": ["b"]}
    _, fields, _ = call(server, "/v1/rerank", body)
    assert server.stop() == 0
    shown = {}
    for name, wanted in [("embedding", receipt), ("rerank", fields["holdfast-receipt"])]:
        done = subprocess.run(
            [BINARY, "audit", "show", wanted, *place, "--json"], capture_output=True, text=True, check=True
        )
        (shown[name],) = [json.loads(line)["body"] for line in done.stdout.splitlines()]
        assert shown[name]["event"] == name and shown[name]["outcome"] == "complete"
        assert shown[name]["request_hmac"] and shown[name]["answer_hmac"]
    assert shown["embedding"]["model"]["id"] == "bert" and len(shown["embedding"]["model"]["sha256"]) == 64
    assert shown["embedding"]["usage"]["prompt_tokens"] == sum(len(row["tokens"]) for row in EXPECTED["texts"])


def embed(*arguments: str, text: str = "") -> subprocess.CompletedProcess:
    return subprocess.run([BINARY, "embed", *arguments], input=text, capture_output=True, text=True)


def test_the_command(tmp_path):
    bert, cross = str(GOLDEN / "bert"), str(GOLDEN / "cross_encoder")
    answer = json.loads(embed(bert, "--json", TEXTS[0], TEXTS[1]).stdout)
    assert answer["model"] == "bert" and answer["tokens"] == 15
    assert close(answer["embeddings"][0], EXPECTED["texts"][0]["mean"])
    lines = embed(bert, "--file", "-", text=f"{TEXTS[0]}\n{TEXTS[1]}\n").stdout.splitlines()
    assert close([float(value) for value in lines[1].split()], EXPECTED["texts"][1]["mean"])
    first = json.loads(embed(bert, "--pooling", "cls", "--json", TEXTS[0]).stdout)["embeddings"][0]
    cls = EXPECTED["texts"][0]["cls"]
    length = math.sqrt(sum(value * value for value in cls))
    assert close(first, [value / length for value in cls])
    scores = json.loads(embed(cross, "--query", EXPECTED["query"], "--json", "Rain in the clouds.").stdout)["scores"]
    assert close(scores, [1 / (1 + math.exp(-EXPECTED["scores"][0]["logit"]))])
    for arguments, status, message in [
        ((bert,), 2, "TEXT"),
        ((bert, "a " * 60), 1, "48"),
        ((bert, "--query", "a", "b"), 1, "reranker"),
        ((cross, "a"), 1, "reranker"),
        ((str(tmp_path), "a"), 1, "config.json"),
        ((str(DEMO), "--pooling", "cls", "a"), 1, "pooling"),
    ]:
        done = embed(*arguments)
        assert done.returncode == status and message in done.stderr, (arguments, done)
