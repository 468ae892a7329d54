"""Every answer is on record, the record holds against an independent reading, and no record means no answer."""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from demo_model import BINARY, DEMO, MODEL, ROOT
from raw import Raw, exchange, post

sys.path.insert(0, str(ROOT / "tests/golden/audit"))
from log_verifier import read_log

QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "What is 37 + 58?"}], "seed": 7}
RECEIPT = re.compile(r"hfr_[0-9a-hjkmnp-tv-z]{26}")


@pytest.fixture
def place(tmp_path):
    """Where a log and its keys go: arguments for the server and for `audit`."""
    return ["--audit", str(tmp_path / "log"), "--audit-keys", str(tmp_path / "keys")]


def audit(*arguments: str, check: int = 0) -> str:
    done = subprocess.run([BINARY, "audit", *arguments], capture_output=True, text=True)
    assert done.returncode == check, done.stdout + done.stderr
    return done.stdout + (done.stderr if check else "")


def ask(port: int, body: dict, path: str = "/v1/chat/completions") -> tuple[str, bytes]:
    """The receipt and the answer."""
    status, fields, answer = exchange(port, post(path, json.dumps(body).encode(), "connection: close"))
    assert status == 200, answer
    return fields["holdfast-receipt"], answer


def stream(port: int, body: dict) -> tuple[str, bytes]:
    with Raw(port) as raw:
        raw.send(post("/v1/chat/completions", json.dumps(body | {"stream": True}).encode(), "connection: close"))
        answer = raw.rest()
    return RECEIPT.search(answer.decode()).group(), answer


def records(place: list[str], what: str = "") -> list[dict]:
    return [
        json.loads(line)["body"] for line in audit("show", *([what] if what else []), *place, "--json").splitlines()
    ]


def test_a_record_says_who_what_when_and_with_what(start_server, place):
    server = start_server(*place)
    receipt, _ = ask(server.port, QUESTION | {"temperature": 0.5, "top_k": 9, "n": 2})
    streamed, answer = stream(server.port, QUESTION)
    assert b"data: [DONE]" in answer
    (record,) = records(place, receipt)
    assert record["event"] == "generation" and record["outcome"] == "complete"
    assert record["who"]["id"] and record["route"] == "/v1/chat/completions"
    assert record["model"]["id"] == MODEL
    assert record["model"]["sha256"] == hashlib.sha256(DEMO.read_bytes()).hexdigest()
    assert record["sampling"]["temperature"] == 0.5 and record["sampling"]["top_k"] == 9
    assert [choice["seed"] for choice in record["choices"]] == [7, 8]
    assert record["usage"]["completion_tokens"] == sum(c["completion_tokens"] for c in record["choices"]) > 0
    assert record["ms"]["total"] >= record["ms"]["first"] >= 0
    assert "37" not in json.dumps([record["choices"], record["sampling"]]) or "payload" not in record
    assert [r["event"] for r in records(place, streamed)] == ["generation.begun", "generation"]
    assert streamed in audit("search", "generation.begun", *place)


def test_the_log_holds_against_an_independent_reading(start_server, place):
    server = start_server(*place, "--audit-segment", "8192")
    threads = [threading.Thread(target=lambda i=i: stream(server.port, QUESTION | {"seed": i})) for i in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(audit("verify", *place, "--json"))["ok"]  # while it runs
    assert server.stop() == 0
    report = json.loads(audit("verify", *place, "--json"))
    assert report["ok"] and report["key_trusted"]
    log = read_log(Path(place[1]), Path(place[3]) / "audit-signing.pem.pub")
    assert len(log.leaves) == report["end"] == 2 * 24 + 2  # and the server's start and stop
    assert log.root.hex() == report["root"]
    assert log.checkpoints == report["checkpoints"]
    assert {body["event"] for body in log.bodies} == {
        "server.started",
        "generation.begun",
        "generation",
        "server.stopped",
    }


def test_a_copy_verifies_offline_and_a_change_is_named(start_server, place, tmp_path):
    server = start_server(*place)
    receipts = [ask(server.port, QUESTION | {"seed": i})[0] for i in range(5)]
    assert server.stop() == 0
    copy = tmp_path / "copy"
    shutil.copytree(place[1], copy)
    key = tmp_path / "key.pub"
    shutil.copy(Path(place[3]) / "audit-signing.pem.pub", key)
    elsewhere = ["--audit", str(copy), "--audit-keys", "/nowhere", "--public-key", str(key)]
    assert "ok" in audit("verify", *elsewhere)
    (segment,) = copy.glob("*.audit")
    whole = segment.read_bytes()
    segment.write_bytes(whole.replace(receipts[3].encode(), receipts[2].encode()))
    report = json.loads(audit("verify", *elsewhere, "--json", check=1))
    assert report["first_bad_record"] == 4  # record 0 is the server's start
    segment.write_bytes(whole)

    # Proofs stand without the log.
    proof = tmp_path / "proof.json"
    proof.write_text(audit("export", "--proof", receipts[1], *place))
    assert receipts[1] in audit("verify", "--proof", str(proof), *elsewhere[2:])
    proof.write_text(proof.read_text().replace(receipts[1], receipts[2]))
    assert "not in the log" in audit("verify", "--proof", str(proof), *elsewhere[2:], check=1)


def test_an_older_version_of_the_log_is_found(start_server, place, tmp_path):
    server = start_server(*place)
    ask(server.port, QUESTION)
    assert server.stop() == 0
    old, checkpoint = tmp_path / "old", tmp_path / "checkpoint"
    shutil.copytree(place[1], old)
    first = tmp_path / "first"
    first.write_text(audit("export", "--checkpoint", *place))
    server = start_server(*place)
    ask(server.port, QUESTION)
    assert server.stop() == 0
    checkpoint.write_text(audit("export", "--checkpoint", *place))
    proof = tmp_path / "proof.json"
    proof.write_text(audit("export", "--consistency", str(first), *place))
    assert "begin with" in audit("verify", "--proof", str(proof), *place)
    shutil.rmtree(place[1])
    shutil.copytree(old, place[1])
    elsewhere = ["--audit-keys", "/nowhere", "--public-key", f"{place[3]}/audit-signing.pem.pub"]
    assert "ok" in audit("verify", *place[:2], *elsewhere)  # good in itself
    assert "the log ends at" in audit("verify", *place[:2], *elsewhere, "--checkpoint", str(checkpoint), check=1)
    assert "the log ends at" in audit("verify", *place, check=1)  # the server's own memory
    done = subprocess.run(
        [BINARY, "serve", str(DEMO), "--insecure-loopback", "--port", "0", *place], capture_output=True, text=True
    )
    assert done.returncode == 1 and "were acknowledged" in done.stderr


@pytest.mark.parametrize("payload", ["encrypted", "plain"])
def test_an_answer_is_replayed_to_the_bit(start_server, place, payload):
    server = start_server(*place, "--audit-payload", payload)
    chat, answer = ask(server.port, QUESTION | {"n": 3, "temperature": 1.5, "stop": ["9"]})
    text, _ = ask(server.port, {"model": MODEL, "prompt": ["2 + 2", "3"], "max_tokens": 9, "n": 2}, "/v1/completions")
    streamed, _ = stream(server.port, QUESTION | {"temperature": 2.0})
    assert server.stop() == 0
    for receipt in (chat, text, streamed):
        replayed = json.loads(audit("replay", receipt, *place, "--threads", "1", "--json"))
        assert replayed["same"]
    choices = json.loads(answer)["choices"]
    replayed = json.loads(audit("replay", chat, *place, "--threads", "1", "--json"))
    assert [c["content"] for c in replayed["choices"]] == [c["message"]["content"] for c in choices]
    stored = json.dumps(records(place, chat))
    assert ("What is 37" in stored) == (payload == "plain")
    # Another model cannot stand in.
    other = Path(place[1]).parent / "other.gguf"
    other.write_bytes(DEMO.read_bytes() + b"\0")
    assert "not the model" in audit("replay", chat, *place, "--model", str(other), check=1)


def test_digests_alone_need_the_request(start_server, place, tmp_path):
    server = start_server(*place)
    receipt, _ = ask(server.port, QUESTION)
    assert server.stop() == 0
    assert "only digests" in audit("replay", receipt, *place, check=1)
    kept = tmp_path / "request.json"
    kept.write_text(json.dumps(QUESTION))
    assert "the same, to the bit" in audit("replay", receipt, *place, "--request", str(kept), "--threads", "1")
    kept.write_text(json.dumps(QUESTION | {"seed": 8}))
    assert "not the recorded request" in audit("replay", receipt, *place, "--request", str(kept), check=1)


def test_a_client_that_leaves_is_on_record(start_server, place):
    server = start_server(*place)
    with Raw(server.port) as raw:
        raw.send(
            post(
                "/v1/chat/completions",
                json.dumps(QUESTION | {"stream": True, "max_tokens": 1900, "ignore_eos": True}).encode(),
            )
        )
        receipt = RECEIPT.search(raw.until(b"\n\n").decode()).group()
    server.wait_until_idle()
    assert server.stop() == 0
    assert [r.get("outcome") for r in records(place, receipt)] == [None, "cancelled"]


def test_a_log_that_is_full_closes_the_server_and_not_for_ever(start_server, place):
    """The process may not write files over some KiB: as a full disk."""
    server = start_server(*place)
    ask(server.port, QUESTION)
    size = next(Path(place[1]).glob("*.audit")).stat().st_size
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + 3000, resource.RLIM_INFINITY))
    statuses = []
    for _ in range(10):
        status, fields, body = exchange(server.port, post("/v1/chat/completions", json.dumps(QUESTION).encode()))
        statuses.append(status)
    assert statuses[0] == 200 and statuses[-1] == 503
    error = json.loads(body)["error"]
    assert error["code"] == "audit_unavailable" and error["type"] == "server_error"
    assert fields["retry-after"]
    with Raw(server.port) as raw:
        raw.send(post("/v1/chat/completions", json.dumps(QUESTION | {"stream": True}).encode(), "connection: close"))
        answer = raw.rest()
    assert b"audit_unavailable" in answer and b"[DONE]" not in answer
    assert exchange(server.port, b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n")[0] == 200
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    while exchange(server.port, post("/v1/chat/completions", json.dumps(QUESTION).encode()))[0] != 200:
        pass
    assert server.stop() == 0
    assert json.loads(audit("verify", *place, "--json"))["ok"]


def test_a_route_may_be_told_to_go_on(start_server, place):
    server = start_server(*place, "--audit-open", "/v1/completions")
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    body = json.dumps({"model": MODEL, "prompt": "2 + 2", "max_tokens": 4}).encode()
    assert exchange(server.port, post("/v1/completions", body))[0] == 200
    assert exchange(server.port, post("/v1/chat/completions", json.dumps(QUESTION).encode()))[0] == 503
    assert exchange(server.port, post("/v1/completions", body))[0] == 200
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def test_killed_at_any_moment_the_log_is_whole_and_nothing_is_lost(start_server, place):
    acknowledged = []
    for moment in range(4):
        server = start_server(*place)
        stop = threading.Event()

        def client(server=server, stop=stop):
            while not stop.is_set():
                try:
                    receipt, answer = stream(server.port, QUESTION | {"max_tokens": 5})
                except (OSError, AttributeError):
                    return
                if b"data: [DONE]" in answer:
                    acknowledged.append(receipt)

        clients = [threading.Thread(target=client) for _ in range(4)]
        for thread in clients:
            thread.start()
        while len(acknowledged) < 6 * (moment + 1):
            pass
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        stop.set()
        for thread in clients:
            thread.join()
    server = start_server(*place)
    assert server.stop() == 0
    assert json.loads(audit("verify", *place, "--json"))["ok"]
    complete = {r["receipt"] for r in records(place) if r.get("outcome") == "complete"}
    assert set(acknowledged) <= complete


def test_syslog_gets_the_records_too(start_server, place, tmp_path):
    path = tmp_path / "syslog"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(path))
        server = start_server(*place, "--audit-syslog", str(path), "--audit-payload", "plain")
        receipt, _ = ask(server.port, QUESTION)
        daemon.setblocking(False)
        messages = []
        while True:
            try:
                messages.append(daemon.recv(1 << 16).decode())
            except BlockingIOError:
                break
    record = next(m for m in messages if receipt in m)
    assert re.match(r"<110>1 \d{4}-\d\d-\d\dT[\d:.]+Z \S+ holdfast \d+ record \[audit@32473 log=", record)
    assert "payload" not in record and "What is" not in record
    assert any(" checkpoint [" in m for m in messages)
    # Nobody listens any more: what must be in both is in neither.
    assert exchange(server.port, post("/v1/chat/completions", json.dumps(QUESTION).encode()))[0] == 503


def test_a_cold_disk_and_what_it_saves(start_server, place, tmp_path):
    cold = ["--audit-cold", str(tmp_path / "cold")]
    server = start_server(*place, "--audit-segment", "4096")
    for i in range(12):
        ask(server.port, QUESTION | {"seed": i})
    assert server.stop() == 0
    before = json.loads(audit("storage", *place, "--json"))
    assert before["segments"] > 2
    after = json.loads(audit("storage", *place, *cold, "--move", "--json"))
    assert after["uncompressed_bytes"] == before["uncompressed_bytes"]
    assert after["fast_bytes"] < before["uncompressed_bytes"] and after["cold_bytes"] > 0
    assert after["movable_bytes"] == 0
    assert "save" in audit("storage", *place, *cold)
    assert json.loads(audit("verify", *place, *cold, "--json"))["ok"]
    assert not json.loads(audit("verify", *place, "--json", check=1))["ok"]


def test_off_means_off(start_server):
    server = start_server("--audit", "off")
    _, fields, _ = exchange(server.port, post("/v1/chat/completions", json.dumps(QUESTION).encode()))
    assert "holdfast-receipt" not in fields
    assert "audit" not in os.listdir(server.scratch.name)
