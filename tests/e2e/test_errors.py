"""Every error has OpenAI's shape, the right status, and names the field at fault."""

import json
import re

import openai
import pytest
from demo_model import MODEL
from raw import exchange, post

QUESTION = [{"role": "user", "content": "hi"}]


def check(answer, status, code=None, param=None):
    """One response is a well-formed error."""
    got, fields, body = answer
    assert got == status, body
    assert fields["content-type"] == "application/json"
    assert "x-request-id" in fields
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert error["type"] == ("server_error" if status >= 500 else "permission_error" if status == 403 else
                             "invalid_request_error")  # fmt: skip
    if code:
        assert error["code"] == code
    assert error["param"] == param
    return error


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 2.5}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"n": 17}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"frequency_penalty": -3}, "frequency_penalty"),
        ({"logit_bias": {"1": 1000}}, "logit_bias.1"),
        ({"logit_bias": {"99999999": 1}}, "logit_bias"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
    ],
)
def test_values_out_of_range(client, fields, param):
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(**{"model": MODEL, "messages": QUESTION} | fields)
    assert error.value.param == param
    assert error.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"}, "tool_choice"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"audio": {"voice": "alloy", "format": "wav"}}, "audio"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
            "messages[0].content[0].type",
        ),
    ],
)
def test_known_fields_that_are_not_done_yet(client, fields, param):
    with pytest.raises(openai.BadRequestError) as error:
        client.chat.completions.create(**{"model": MODEL, "messages": QUESTION} | fields)
    assert error.value.param == param
    assert error.value.code == "unsupported_parameter"


@pytest.mark.parametrize(("fields", "param"), [({"suffix": "x"}, "suffix"), ({"best_of": 1, "n": 2}, "best_of")])
def test_completion_fields_that_are_not_done_yet(client, fields, param):
    with pytest.raises(openai.BadRequestError) as error:
        client.completions.create(model=MODEL, prompt="x", **fields)
    assert error.value.param == param


def test_an_unknown_model(client):
    for call in (
        lambda: client.chat.completions.create(model="gpt-4", messages=QUESTION),
        lambda: client.chat.completions.create(model="gpt-4", messages=QUESTION, stream=True),
        lambda: client.completions.create(model="gpt-4", prompt="x"),
    ):
        with pytest.raises(openai.NotFoundError) as error:
            call()
        assert error.value.code == "model_not_found"


def test_more_than_the_context_holds(client):
    """Refused with both counts, in the prompt or with the answer; nothing is cut to fit."""
    long = "seven " * 3000
    for call in (
        lambda: client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": long}]),
        lambda: client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": long}], stream=True),
        lambda: client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=5000),
        lambda: client.completions.create(model=MODEL, prompt=long),
        lambda: client.completions.create(model=MODEL, prompt=[300] * 2049),
        lambda: client.completions.create(model=MODEL, prompt=[300] * 2000, max_tokens=49),
    ):
        with pytest.raises(openai.BadRequestError) as error:
            call()
        assert error.value.code == "context_length_exceeded"
        numbers = [int(number) for number in re.findall(r"\d+", error.value.message)]
        assert 2048 in numbers
        assert any(number > 2048 for number in numbers), error.value.message


def test_exactly_what_the_context_holds(client):
    answer = client.completions.create(model=MODEL, prompt=[300] * 2000, max_tokens=48, extra_body={"ignore_eos": True})
    assert answer.usage.total_tokens == 2048


def test_a_token_outside_the_vocabulary(client):
    with pytest.raises(openai.BadRequestError) as error:
        client.completions.create(model=MODEL, prompt=[10_000_000])
    assert error.value.param == "prompt"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b"nul", b'{"model": }', b"{} {}", b"\xff\xfe", b'{"a": "\xc3"}', b'{"a": "\\ud800"}',
     b'{"a":' + b"[" * 100_000, b'{"a":1}' * 2],
)  # fmt: skip
def test_bad_json(server, body):
    check(exchange(server.port, post("/v1/chat/completions", body)), 400, "invalid_json")


def test_routes_and_methods(server):
    def get(method, path):
        return exchange(server.port, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    for path in ("/", "/v1", "/v1/", "/v1/chat", "/v2/models", "/v1/models/", "/v1/chat/completions/", "/health/x"):
        check(get("GET", path), 404, "route_not_found")
    for method, path, allow in (
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", f"/v1/models/{MODEL}", "GET, HEAD"),
        ("BREW", "/health", "GET, HEAD"),
    ):
        answer = get(method, path)
        check(answer, 405, "method_not_allowed")
        assert answer[1]["allow"] == allow


def test_a_body_that_is_too_large(client, server):
    for size in (17 << 20, 40 << 20):
        with pytest.raises(openai.APIStatusError) as error:
            client.completions.create(model=MODEL, prompt="x" * size)
        assert error.value.status_code == 413
        assert error.value.code == "body_too_large"
    # The head alone is enough to know.
    head = b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n"
    assert exchange(server.port, head + b"\r\n")[0] == 413
    assert exchange(server.port, head + b"Expect: 100-continue\r\n\r\n")[0] == 413


def test_a_body_that_is_not_json(server):
    request = post("/v1/chat/completions", b"{}").replace(b"application/json", b"text/plain")
    check(exchange(server.port, request), 415, "unsupported_media_type")


def test_pages_from_elsewhere_are_refused(server):
    """A web page in a local browser must not reach the server, by its own name or a rebound one."""
    body = json.dumps({"model": MODEL, "messages": QUESTION}).encode()
    foreign = post("/v1/chat/completions", body, "Origin: https://example.com")
    check(exchange(server.port, foreign), 403, "origin_not_allowed")
    rebound = post("/v1/chat/completions", body).replace(b"Host: localhost", b"Host: example.com")
    check(exchange(server.port, rebound), 403, "host_not_allowed")
