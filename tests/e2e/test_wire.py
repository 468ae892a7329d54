"""What proxies, browsers and operators expect of any HTTP server."""

import json
import os
import signal
import subprocess
import time

import pytest
from demo_model import BINARY, MODEL
from raw import Raw, exchange, post

CHAT = json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}).encode()


def get(port: int, path: str, *fields: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *fields]
    return exchange(port, "\r\n".join([*lines, "", ""]).encode())


def test_health_of_every_kind(server):
    assert json.loads(get(server.port, "/health/live")[2]) == {"status": "ok"}
    assert json.loads(get(server.port, "/health/ready")[2]) == {"status": "ok"}
    assert json.loads(get(server.port, "/health")[2])["status"] == "ok"


def test_request_ids(server):
    assert get(server.port, "/v1/models", "X-Request-Id: mine-1")[1]["x-request-id"] == "mine-1"
    assert get(server.port, "/v1/models")[1]["x-request-id"].startswith("req_")
    assert get(server.port, "/nothing", "X-Request-Id: mine-2")[1]["x-request-id"] == "mine-2"


def test_pipelined_requests_are_answered_in_order(server):
    with Raw(server.port) as raw:
        one = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: %d\r\n\r\n"
        raw.send(one % 1 + post("/v1/chat/completions", CHAT, "X-Request-Id: 2") + one % 3)
        assert [raw.response()[1]["x-request-id"] for _ in range(3)] == ["1", "2", "3"]


def test_pages_of_listed_origins(start_server):
    server = start_server("--cors-origin", "https://chat.corp")
    question = ("Origin: https://chat.corp", "Access-Control-Request-Method: POST")
    status, fields, _ = get(server.port, "/v1/chat/completions", *question, method="OPTIONS")
    assert status == 204
    assert fields["access-control-allow-origin"] == "https://chat.corp"
    assert "POST" in fields["access-control-allow-methods"]
    status, fields, _ = exchange(server.port, post("/v1/chat/completions", CHAT, "Origin: https://chat.corp"))
    assert status == 200
    assert fields["access-control-allow-origin"] == "https://chat.corp"
    assert "x-request-id" in fields["access-control-expose-headers"]
    assert get(server.port, "/health", "Origin: https://other.corp")[0] == 403


@pytest.mark.parametrize("origin", ["*", "chat.corp", "https://chat.corp/", "HTTPS://chat.corp", "ftp://chat.corp"])
def test_what_is_no_origin_is_refused(start_server, origin):
    with pytest.raises(RuntimeError, match="origin"):
        start_server("--cors-origin", origin)


def test_what_is_left_of_a_limit(start_server, tmp_path):
    policy = tmp_path / "access_control.yaml"
    policy.write_text(
        """\
roles:
  user:
    permissions: [model:read]
    quotas: {requests: {per_minute: 1000, per_day: 3}, tokens: {per_day: 100000}}
"""
    )
    command = [BINARY, "access", "key", "create", "anna", "--role", "user", "--json"]
    made = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"HOLDFAST_HOME": str(tmp_path)}
    )
    key = json.loads(made.stdout)["key"]
    server = start_server("--insecure-loopback", "--access", str(policy), home=tmp_path)
    left = []
    for _ in range(3):
        status, fields, body = exchange(server.port, post("/v1/chat/completions", CHAT, f"Authorization: Bearer {key}"))
        assert status == 200, body
        assert fields["x-ratelimit-limit-requests"] == "3"
        assert fields["x-ratelimit-limit-tokens"] == "100000"
        assert fields["x-ratelimit-reset-requests"].endswith("s")
        left.append((int(fields["x-ratelimit-remaining-requests"]), int(fields["x-ratelimit-remaining-tokens"])))
    assert [requests for requests, _ in left] == [2, 1, 0]
    tokens = [remaining for _, remaining in left]
    assert tokens == sorted(tokens, reverse=True)
    assert len(set(tokens)) == 3
    status, fields, _ = exchange(server.port, post("/v1/chat/completions", CHAT, f"Authorization: Bearer {key}"))
    assert status == 429
    assert int(fields["retry-after"]) > 1
    assert fields["x-ratelimit-remaining-requests"] == "0"


def hang_up(server) -> str:
    """SIGHUP, and the line of the log that says what came of it."""
    server.process.send_signal(signal.SIGHUP)
    while "reloaded" not in (line := server.process.stderr.readline()):
        assert line
    return line


def test_the_config_is_read_again_all_or_nothing(start_server, tmp_path):
    file = tmp_path / "holdfast.yaml"

    def write(server: str, engine: str = "context: 512") -> None:
        file.write_text(f"server: {{insecure_loopback: true, {server}}}\nengine: {{{engine}}}\n")

    write("max_body: 1kb, cors_origins: [https://a.corp]")
    server = start_server("--config", str(file), home=tmp_path, log_level="info")
    large = post("/v1/completions", b" " * 2000)

    def state() -> tuple[int, int, int]:
        origins = (get(server.port, "/health", f"Origin: https://{name}.corp")[0] for name in "ab")
        return exchange(server.port, large)[0], *origins

    assert state() == (413, 200, 403)
    write("max_body: 1mb, cors_origins: [https://b.corp]")
    assert "nothing" not in hang_up(server)
    assert state() == (400, 403, 200)
    for wrong in (
        ("max_body: many, cors_origins: [https://a.corp]",),
        ("max_body: 1kb, cors_origins: ['*']",),
        ("max_body: 1kb, cors_origins: [https://a.corp]", "context: 1024"),  # only a restart changes it
        ("max_body: 1kb, prot: 1",),
    ):
        write(*wrong)
        assert "nothing reloaded" in hang_up(server), wrong
        assert state() == (400, 403, 200), wrong
    file.unlink()
    assert "nothing reloaded" in hang_up(server)
    assert state() == (400, 403, 200)


def test_stopping_loses_nothing_that_was_accepted(start_server):
    """Answers that run when SIGTERM comes end whole; new connections find nobody."""
    server = start_server("--grace", "60")
    body = json.dumps({"model": MODEL, "prompt": "a", "max_tokens": 200, "seed": 1, "ignore_eos": True}).encode()
    clients = [Raw(server.port) for _ in range(8)]
    for client in clients:
        client.send(post("/v1/completions", body))
    while server.health()["running"] + server.health()["waiting"] < len(clients):
        time.sleep(0.001)
    server.process.send_signal(signal.SIGTERM)
    answers = [client.response() for client in clients]
    assert {status for status, _, _ in answers} == {200}
    assert len({json.loads(answer)["choices"][0]["text"] for _, _, answer in answers}) == 1
    assert server.process.wait() == 0
