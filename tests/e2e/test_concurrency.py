"""Many at once: the same bytes as alone, and clients that leave take nothing with them."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from demo_model import MODEL
from raw import Raw, post

ENDLESS = {"model": MODEL, "max_tokens": 1900, "ignore_eos": True}


def requests():
    """Sixteen that differ in text, length, sampling and form."""
    out = []
    for i in range(16):
        question = (f"What is {i * 7} + {i + 13}?", f"{i * 3} 乘以 {i + 2} 等于多少？", "What is 1? " * (i * 4 + 1))
        fields = ({"temperature": 0}, {"temperature": 1.0, "seed": i}, {"temperature": 0.7, "top_p": 0.9, "seed": 99})
        out.append(
            {"messages": [{"role": "user", "content": question[i % 3]}], "max_tokens": 20 + 5 * i, **fields[i // 2 % 3]}
        )
    return out


def answer(client, request, stream):
    if not stream:
        message = client.chat.completions.create(model=MODEL, **request).choices[0].message
        return (message.reasoning_content or "", message.content)
    reasoning = content = ""
    for chunk in client.chat.completions.create(model=MODEL, stream=True, **request):
        delta = chunk.choices[0].delta
        reasoning += getattr(delta, "reasoning_content", None) or ""
        content += delta.content or ""
    return (reasoning, content)


def test_sixteen_at_once_say_what_each_says_alone(server):
    with server.client() as client:
        alone = [answer(client, request, False) for request in requests()]
    for turn in range(2):
        start = threading.Barrier(16)

        def together(i, start=start, turn=turn):
            with server.client() as client:
                start.wait()
                return answer(client, requests()[i], (i + turn) % 2 == 0)

        with ThreadPoolExecutor(16) as pool:
            assert list(pool.map(together, range(16))) == alone


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("family", ["chat", "text"])
def test_a_client_that_leaves_frees_its_pages(server, stream, family):
    before = server.wait_until_idle()
    if family == "chat":
        path, body = "/v1/chat/completions", ENDLESS | {"messages": [{"role": "user", "content": "hi"}]}
    else:
        path, body = "/v1/completions", ENDLESS | {"prompt": "hi"}
    with Raw(server.port) as raw:
        raw.send(post(path, json.dumps(body | {"stream": stream}).encode()))
        if stream:
            raw.until(b"\n\n")
        server.wait_for(lambda h: h["running"] == 1)
    after = server.wait_until_idle()
    assert after["generated_tokens"] - before["generated_tokens"] < 1900
    assert after["pages_free"] == before["pages_total"]


def test_every_choice_of_a_client_that_leaves_ends(server):
    before = server.wait_until_idle()
    body = ENDLESS | {"messages": [{"role": "user", "content": "hi"}], "n": 8, "stream": True}
    with Raw(server.port) as raw:
        raw.send(post("/v1/chat/completions", json.dumps(body).encode()))
        server.wait_for(lambda h: h["running"] == 8)
    after = server.wait_until_idle()
    assert after["generated_tokens"] - before["generated_tokens"] < 8 * 1900


def test_a_client_that_does_not_read_holds_nobody_up(server):
    body = ENDLESS | {"messages": [{"role": "user", "content": "hi"}], "stream": True, "logprobs": True}
    with Raw(server.port) as lazy, server.client() as client:
        lazy.send(post("/v1/chat/completions", json.dumps(body | {"top_logprobs": 20}).encode()))
        server.wait_for(lambda h: h["running"] == 1)
        request = {"messages": [{"role": "user", "content": "What is 2 + 2?"}], "max_tokens": 10}
        for _ in range(3):
            assert answer(client, request, True)
    server.wait_until_idle()


def test_two_hundred_streams_beside_a_thousand_idle_connections(server):
    idle = [Raw(server.port) for _ in range(1000)]
    try:
        body = {"model": MODEL, "messages": [{"role": "user", "content": "What is 1 + 1?"}], "stream": True}
        request = post("/v1/chat/completions", json.dumps(body | {"max_tokens": 8, "temperature": 0}).encode())
        streams = [Raw(server.port) for _ in range(200)]
        for raw in streams:
            raw.send(request)
        answers = []
        for raw in streams:
            raw.until(b"\r\n\r\n")
            events = raw.until(b"data: [DONE]\n\n").decode()
            deltas = [json.loads(line[6:])["choices"][0] for line in events.split("\n") if line.startswith("data: {")]
            answers.append([delta["delta"] for delta in deltas])
            assert deltas[-1]["finish_reason"] == "length"
            raw.socket.close()
        assert all(one == answers[0] for one in answers)
        # The idle ones still work.
        for raw in idle[::100]:
            raw.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert raw.response()[0] == 200
    finally:
        for raw in idle:
            raw.socket.close()
    server.wait_until_idle()
