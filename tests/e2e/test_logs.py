"""Logs for machines, and traces that go on."""

import json
import re
import signal
import subprocess

from demo_model import BINARY, DEMO, MODEL
from raw import exchange, post

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SECRET = "the launch code is 0000"


def test_json_lines_that_hold_no_prompt(tmp_path):
    process = subprocess.Popen(
        [BINARY, "--log-format", "json", "serve", str(DEMO), "--port", "0", "--insecure-loopback", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={"HOLDFAST_HOME": str(tmp_path)},
    )  # fmt: skip
    port = json.loads(process.stdout.readline())["port"]
    body = {"model": MODEL, "messages": [{"role": "user", "content": SECRET}], "max_tokens": 5}
    fields = (f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01", "X-Request-Id: mine")
    status, answered, _ = exchange(port, post("/v1/chat/completions", json.dumps(body).encode(), *fields))
    assert status == 200
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", answered["traceparent"])
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate()
    assert SECRET not in log
    told = [json.loads(line) for line in log.splitlines()]
    assert all({"time", "level", "message"} <= set(line) for line in told)
    (line,) = [line for line in told if line["message"] == "request"]
    assert line["route"] == "/v1/chat/completions"
    assert (line["status"], line["request_id"], line["tokens"]) == (200, "mine", 5)
    assert line["trace_id"] == TRACE
    assert line["parent_span_id"] == "00f067aa0ba902b7"
    assert line["span_id"] in answered["traceparent"]


def test_without_a_trace_there_is_none(server):
    for field in ([], ["traceparent: nonsense"]):
        assert "traceparent" not in exchange(server.port, post("/v1/completions", b"{}", *field))[1]
