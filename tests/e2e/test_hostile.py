"""Bytes that no well-meaning client sends: the right status or a closed connection, and a server that lives on."""

import json
import random

import pytest
from demo_model import MODEL
from raw import Raw, exchange, post

HOST = b"Host: localhost\r\n"
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST
CHAT = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 2}).encode()
SMUGGLED = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"

CASES = {
    # Request lines.
    "no http": (b"hello\r\n\r\n", 400),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 32 + b"\r\n\r\n", 400),
    "only method": (b"GET\r\n\r\n", 400),
    "no version": (b"GET /health\r\n\r\n", 400),
    "http 0.9": (b"GET /health HTTP/0.9\r\n\r\n", 505),
    "http 2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "http 3": (b"GET /health HTTP/3.0\r\n" + HOST + b"\r\n", 505),
    "version twice": (b"GET /health HTTP/1.1 HTTP/1.1\r\n" + HOST + b"\r\n", 505),
    "two spaces": (b"GET  /health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "lower-case http": (b"GET /health http/1.1\r\n" + HOST + b"\r\n", 505),
    "leading space": (b" GET /health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "tab for space": (b"GET\t/health\tHTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bad method letters": (b"G(T /health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "authority form": (b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "relative target": (b"GET health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "nul in target": (b"GET /hea\x00lth HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "escaped nul": (b"GET /health%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bad escape": (b"GET /%g1 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "short escape": (b"GET /%2 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "dot dot": (b"GET /v1/../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "escaped dot dot": (b"GET /v1/models/%2e%2e%2f%2e%2e%2fetc HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "double slash": (b"GET //health HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "long target": (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431),
    "long method": (b"A" * 20_000 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", 431),
    "bare newlines": (b"GET /health HTTP/1.1\nHost: localhost\n\n", 505),
    "absolute form": (b"GET http://localhost/health HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    "query": (b"GET /health?x=%00&y HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    "empty lines first": (b"\r\n\r\nGET /health HTTP/1.1\r\n" + HOST + b"\r\n", 200),
    # Fields.
    "no host": (b"GET /health HTTP/1.1\r\n\r\n", 400),
    "empty host": (b"GET /health HTTP/1.1\r\nHost:\r\n\r\n", 403),
    "two hosts": (b"GET /health HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
    "foreign host": (b"GET /health HTTP/1.1\r\nHost: example.com\r\n\r\n", 403),
    "field without colon": (b"GET /health HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n", 400),
    "space before colon": (b"GET /health HTTP/1.1\r\n" + HOST + b"X : 1\r\n\r\n", 400),
    "empty name": (b"GET /health HTTP/1.1\r\n" + HOST + b": 1\r\n\r\n", 400),
    "control in value": (b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", 400),
    "carriage return in value": (b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n", 400),
    "long field": (b"GET /health HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20_000 + b"\r\n\r\n", 431),
    "many fields": (b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 5000 + b"\r\n", 431),
    "odd bytes in value": (b"GET /health HTTP/1.1\r\n" + HOST + b"X: \xe4\xb8\xad\r\n\r\n", 200),
    "harmful id": (b'GET /health HTTP/1.1\r\nX-Request-Id: a"b{c}\r\n' + HOST + b"\r\n", 200),
    # Lengths: whatever two servers could read differently is refused.
    "length not a number": (HEAD + b"Content-Length: five\r\n\r\nhello", 400),
    "negative length": (HEAD + b"Content-Length: -5\r\n\r\nhello", 400),
    "length with plus": (HEAD + b"Content-Length: +5\r\n\r\nhello", 400),
    "length in hex": (HEAD + b"Content-Length: 0x5\r\n\r\nhello", 400),
    "length too long": (HEAD + b"Content-Length: 18446744073709551616\r\n\r\n", 400),
    "length of 2^64-1": (HEAD + b"Content-Length: 18446744073709551615\r\n\r\n", 413),
    "two lengths": (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 400),
    "equal lengths": (HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    "length list": (HEAD + b"Content-Length: 5, 5\r\n\r\nhello", 400),
    "empty length": (HEAD + b"Content-Length:\r\n\r\n", 400),
    "length and chunks": (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunks and length": (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunked twice": (HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 501),
    "gzip and chunked": (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "chunked not last": (HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 501),
    "unknown encoding": (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n", 501),
    "chunked hidden": (HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "chunked in 1.0": (HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    # Chunks.
    "chunk size not hex": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    "negative chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
    "chunk size with 0x": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400),
    "chunk too long": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
    "chunk of 2^64-1": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413),
    "chunk size overflows": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n", 400),
    "endless trailers": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 100_000, 400),
    "trailer that would be a length": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 50\r\n\r\n",
        400,
    ),
    "chunk without end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\n", 400),
    "long extension": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;a=" + b"x" * 100_000, 400),
    # Bodies.
    "no body": (HEAD + b"\r\n", 400),
    "gzip body": (HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", 415),
    "form body": (HEAD + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b", 415),
    "odd expectation": (HEAD + b"Expect: miracles\r\nContent-Length: 2\r\n\r\n{}", 417),
    # Upgrades are not taken up; the request is answered as it is.
    "h2c": (b"GET /health HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 200),
    "websocket": (b"GET /health HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
}

BODIES = {
    "deep arrays": (b'{"messages":' + b"[" * 1_000_000, 400),
    "deep objects": (b'{"a":' * 200_000, 400),
    "deep but legal": (b'{"model":"m","a":' + b"[" * 60 + b"]" * 60 + b',"messages":[]}', 400),
    "many keys": (b"{" + b",".join(b'"%d":0' % i for i in range(200_000)) + b"}", 400),
    "one key often": (b"{" + b'"model":"a",' * 100_000 + b'"model":"b"}', 400),
    "empty arrays": (b'{"model":"m","messages":[' + b"[]," * 500_000 + b"0]}", 400),
    "huge number": (b'{"model":"m","n":' + b"9" * 100_000 + b"}", 400),
    "huge exponent": (b'{"model":"m","temperature":1e999999999}', 400),
    "not a number": (b'{"model":"m","temperature":NaN}', 400),
    "infinity": (b'{"model":"m","temperature":Infinity}', 400),
    "comment": (b'{"model":"m"/* no */}', 400),
    "single quotes": (b"{'model':'m'}", 400),
    "trailing comma": (b'{"model":"m",}', 400),
    "byte order mark": (b"\xef\xbb\xbf" + CHAT, 400),
    "utf-16": (CHAT.decode().encode("utf-16"), 400),
    "bare control": (b'{"model":"a\nb"}', 400),
    "overlong utf-8": (b'{"model":"\xc0\xaf"}', 400),
    "surrogate in utf-8": (b'{"model":"\xed\xa0\x80"}', 400),
    "lone surrogate": (b'{"model":"\\udc00"}', 400),
    "escaped nul": (b'{"model":"\\u0000","messages":[{"role":"user","content":"x"}]}', 404),
    "nul": (b'{"model":"\x00"}', 400),
    "array for model": (b'{"model":["m"],"messages":[]}', 400),
    "object for messages": (b'{"model":"m","messages":{"0":{}}}', 400),
    "many messages": (
        b'{"model":"m","messages":[' + b",".join([b'{"role":"user","content":""}'] * 20_000) + b"]}",
        400,
    ),
    "many stops": (b'{"model":"m","messages":[],"stop":[' + b",".join([b'"x"'] * 100_000) + b"]}", 400),
    "many biases": (
        b'{"model":"nobody","messages":[{"role":"user","content":"x"}],"logit_bias":{'
        + b",".join(b'"%d":1' % i for i in range(50_000))
        + b"}}",
        404,
    ),
    "words that blow up": (
        json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "aЀ́" * 200_000}]}).encode(),
        400,
    ),
    "one long word": (
        json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "a" * 500_000}]}).encode(),
        400,
    ),
    "template talk": (
        json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "{{ 7 * 7 }}{% for x in y %}"}],
                    "max_tokens": 1}).encode(),
        200,
    ),
    "odd template variables": (
        json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "x"}], "max_tokens": 1,
                    "chat_template_kwargs": {"messages": 1, "bos_token": [], "__class__": {}}}).encode(),
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_bytes(server, name):
    data, status = CASES[name]
    got, _, body = exchange(server.port, data)
    assert got == status, body
    if status >= 400:
        assert json.loads(body)["error"]["message"]
    assert server.health()


@pytest.mark.parametrize("name", BODIES)
def test_bodies(server, name):
    body, status = BODIES[name]
    got, _, answer = exchange(server.port, post("/v1/chat/completions", body))
    assert got == status or (status is None and got in (200, 400)), answer
    json.loads(answer)
    assert server.health()


def test_a_refused_request_is_the_connections_last(server):
    """Nothing that stands behind ambiguous bytes is read as a request."""
    with Raw(server.port) as raw:
        raw.send(HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED)
        answers = raw.rest()
    assert answers.count(b"HTTP/1.1 ") == 1
    assert answers.startswith(b"HTTP/1.1 400 ")


def test_pipelined_requests_are_answered_in_order(server):
    chunked = HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
    with Raw(server.port) as raw:
        raw.send(SMUGGLED + post("/v1/chat/completions", CHAT) + chunked % (len(CHAT), CHAT) + SMUGGLED)
        kinds = [json.loads(raw.response()[2]).get("object", "health") for _ in range(4)]
    assert kinds == ["health", "chat.completion", "chat.completion", "health"]


def test_one_byte_at_a_time(server):
    with Raw(server.port) as raw:
        for byte in post("/v1/chat/completions", CHAT):
            raw.send(bytes([byte]))
        assert raw.response()[0] == 200


def test_continue(server):
    with Raw(server.port) as raw:
        request = post("/v1/chat/completions", CHAT, "Expect: 100-continue")
        raw.send(request.removesuffix(CHAT))
        assert raw.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        raw.send(CHAT)
        assert raw.response()[0] == 200


def test_http_1_0(server):
    with Raw(server.port) as raw:
        raw.send(b"GET /health HTTP/1.0\r\n\r\n")
        assert b"connection: close" in raw.rest()
    with Raw(server.port) as raw:
        body = CHAT[:-1] + b',"stream":true}'
        raw.send(post("/v1/chat/completions", body).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = raw.rest()
        assert b"chunked" not in answer
        assert answer.endswith(b"data: [DONE]\n\n")


def test_connections_that_break_off(server):
    """At every byte of a request."""
    request = post("/v1/chat/completions", CHAT)
    for end in range(0, len(request) + 1, 3):
        with Raw(server.port) as raw:
            raw.send(request[:end])
    server.wait_until_idle()


def test_noise(server):
    rng = random.Random(1)
    request = post("/v1/chat/completions", CHAT)
    for _ in range(200):
        data = bytearray(request)
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with Raw(server.port) as raw:
            raw.send(bytes(data))
            raw.socket.shutdown(1)
            raw.rest()
    server.wait_until_idle()
