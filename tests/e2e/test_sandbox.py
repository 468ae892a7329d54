"""A server lets nothing out but its answers, and its own tools say so."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from demo_model import BINARY, DEMO, MODEL
from raw import Raw, exchange, post

QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "What is 37 + 58?"}], "seed": 7}
FILES = ("reading /etc/passwd", "writing /tmp")


def doctor() -> tuple[int, dict]:
    done = subprocess.run([BINARY, "doctor", "--egress", "--json"], capture_output=True, text=True)
    if not done.stdout:
        pytest.skip(f"no fences on this machine: {done.stderr}")
    return done.returncode, json.loads(done.stdout)


def fenced(server) -> bool:
    """Whether this build fences its server by default (sanitizer builds do not)."""
    return "Seccomp:\t2" in Path(f"/proc/{server.process.pid}/status").read_text()


def test_the_doctor_finds_no_way_out():
    status, report = doctor()
    tried = {attempt["name"]: attempt for attempt in report["attempts"]}
    for name in ("TCP connection", "UDP datagram", "DNS query", "raw socket", "a shell", "io_uring"):
        assert tried[name]["refused"], tried[name]
    possible = [name for name, attempt in tried.items() if not attempt["refused"]]
    assert set(possible) <= set(FILES)  # only where the kernel has no Landlock
    assert status == (1 if possible else 0)


def test_every_thread_of_a_server_is_fenced(server):
    if not fenced(server):
        pytest.skip("this build serves without a sandbox")
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        status = (task / "status").read_text()
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status, task.name
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    assert next(line for line in limits.splitlines() if line.startswith("Max core")).split()[4:6] == ["0", "0"]
    assert os.stat(f"/proc/{server.process.pid}/environ").st_uid == 0  # not its user's any more


def test_it_works_all_the_same_and_off_means_off(server, start_server):
    # Sanitizer builds cannot live behind the fences.
    for arguments in [["--sandbox", "on"]] * fenced(server) + [["--sandbox", "off"]]:
        server = start_server(*arguments, "--audit-segment", "4096")
        for seed in range(8):  # the audit log begins files, compresses, removes
            status, _, _ = exchange(
                server.port, post("/v1/chat/completions", json.dumps(QUESTION | {"seed": seed}).encode())
            )
            assert status == 200
        assert fenced(server) == (arguments[1] == "on")
        assert server.stop() == 0


def test_models_behind_links_are_found(tmp_path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    blobs.mkdir()
    snapshot.mkdir()
    (blobs / "1").write_bytes(DEMO.read_bytes())
    (snapshot / "model.gguf").symlink_to("../blobs/1")
    process = subprocess.Popen(
        [BINARY, "serve", str(snapshot / "model.gguf"), "--insecure-loopback", "--port", "0", "--json",
         "--audit", str(tmp_path / "log"), "--audit-keys", str(tmp_path / "keys")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = process.stdout.readline()
    process.terminate()
    _, log = process.communicate()
    assert json.loads(line or "{}").get("models") == ["model"], log


SECRETS = {
    "prompt": "the-patient-is-Zaphod-Beeblebrox",
    "key": "hfk_0123456789abcdef_planted-api-key-3141592653",
    "completion": "planted-completion-prompt-2718281828",
    "broken": "planted-in-broken-json-1618033988",
    "query": "planted-in-a-query-5772156649",
    "header": "planted-in-a-header-4669201609",
}


def test_what_is_secret_stays_out_of_everything_that_is_kept_or_shown(start_server):
    server = start_server(log_level="debug")
    auth = f"authorization: Bearer {SECRETS['key']}"
    chat = QUESTION | {"messages": [{"role": "user", "content": SECRETS["prompt"]}], "max_tokens": 20}
    requests = [
        post("/v1/chat/completions", json.dumps(chat).encode(), auth),
        post("/v1/chat/completions", json.dumps(chat | {"stream": True}).encode(), auth, "connection: close"),
        post("/v1/chat/completions", json.dumps(chat | {"temperature": 9}).encode(), auth),
        post("/v1/chat/completions", json.dumps(chat | {"tools": [1]}).encode(), auth),
        post("/v1/chat/completions", json.dumps(chat | {"stop": SECRETS["prompt"]}).encode(), auth),
        post(
            "/v1/completions", json.dumps({"model": MODEL, "prompt": SECRETS["completion"], "max_tokens": 4}).encode()
        ),
        post("/v1/completions", ('{"model": "x", "prompt": "' + SECRETS["broken"]).encode(), auth),
        post(
            "/v1/chat/completions?key=" + SECRETS["query"], json.dumps(chat).encode(), "x-other: " + SECRETS["header"]
        ),
        post("/v1/nowhere?key=" + SECRETS["query"], b"{}", auth),
        b"GARBAGE " + SECRETS["header"].encode() + b"\r\n\r\n",
    ]
    shown = []
    for request in requests:
        with Raw(server.port) as raw:
            raw.send(request)
            if b"connection: close" in request or b"GARBAGE" in request:
                raw.rest()  # a stream: its text is the answer itself
            else:
                status, fields, body = raw.response()
                shown.append(json.dumps(fields))
                if status != 200:
                    shown.append(body.decode())
    shown.append(json.dumps(server.health()))
    shown.append(Path(f"/proc/{server.process.pid}/cmdline").read_text())
    shown.append(Path(f"/proc/{server.process.pid}/environ").read_bytes().decode("latin-1"))
    kept = [path.read_bytes().decode("latin-1") for path in Path(server.scratch.name).rglob("*") if path.is_file()]
    assert len(kept) >= 5
    server.process.terminate()
    _, log = server.process.communicate()
    for name, secret in SECRETS.items():
        for text in (*shown, *kept, log):
            assert secret not in text, name
