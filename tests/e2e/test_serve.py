"""`holdfast serve` as an operator sees it."""

import json
import signal
import socket
import subprocess

from demo_model import BINARY, DEMO, MODEL
from raw import Raw, post

ENDLESS = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "hi"}],
    "max_tokens": 1900,
    "ignore_eos": True,
    "stream": True,
}


def fail_to_serve(*arguments: str) -> str:
    """What it says when it does not start."""
    command = [BINARY, "serve", str(DEMO), "--insecure-loopback", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stdout == ""
    return done.stderr


def test_announces_itself(start_server):
    announced = start_server().announced
    assert announced == {
        "url": f"http://127.0.0.1:{announced['port']}",
        "host": "127.0.0.1",
        "port": announced["port"],
        "models": [MODEL],
    }


def test_says_so_in_plain_words():
    process = subprocess.Popen(
        [BINARY, "serve", str(DEMO), "--port", "0", "--insecure-loopback"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("listening on http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, log = process.communicate()
    assert process.returncode == 0
    assert "plain HTTP" in log


def test_a_busy_port_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        assert port in fail_to_serve("--port", port)


def test_addresses_that_others_reach_are_refused():
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        assert "loopback" in fail_to_serve("--host", host, "--port", "0")
    assert "not an address" in fail_to_serve("--host", "example.com", "--port", "0")


def test_a_model_that_is_not_there_is_named():
    done = subprocess.run([BINARY, "serve", "--insecure-loopback", "/nowhere/x.gguf"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "/nowhere/x.gguf" in done.stderr


def test_wrong_use_is_2():
    for arguments in (["--port", "x"], ["--kv-type", "f16"], ["--parallel", "0"]):
        assert subprocess.run([BINARY, "serve", *arguments], capture_output=True).returncode == 2


def test_a_running_answer_finishes_after_a_signal(start_server):
    server = start_server()
    body = ENDLESS | {"max_tokens": 300}
    with Raw(server.port) as raw:
        raw.send(post("/v1/chat/completions", json.dumps(body).encode()))
        raw.until(b"\n\n")
        server.process.send_signal(signal.SIGTERM)
        answer = raw.rest()
    assert b'"finish_reason":"length"' in answer
    assert b"data: [DONE]" in answer
    assert server.process.wait() == 0


def test_a_second_signal_cuts_it(start_server):
    server = start_server("--grace", "3600")
    with Raw(server.port) as raw:
        raw.send(post("/v1/chat/completions", json.dumps(ENDLESS).encode()))
        raw.until(b"\n\n")
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGINT)
        answer = raw.rest()
    assert server.process.wait() == 0
    assert b'"error"' in answer
    assert b"[DONE]" not in answer


def test_the_grace_ends(start_server):
    server = start_server("--grace", "0")
    with Raw(server.port) as raw:
        raw.send(post("/v1/chat/completions", json.dumps(ENDLESS).encode()))
        raw.until(b"\n\n")
        server.process.send_signal(signal.SIGTERM)
        raw.rest()
    assert server.process.wait() == 0


def test_a_small_cache_makes_requests_wait_not_fail(start_server):
    """Room for about two sequences; eight come."""
    server = start_server("--context", "256", "--parallel", "2")
    streams = [Raw(server.port) for _ in range(8)]
    body = ENDLESS | {"max_tokens": 60}
    for raw in streams:
        raw.send(post("/v1/chat/completions", json.dumps(body).encode()))
    for raw in streams:
        assert b'"finish_reason":"length"' in raw.until(b"data: [DONE]\n\n")
        raw.socket.close()
    server.wait_until_idle()
