"""Files and batches, with OpenAI's client; and what a server that is killed leaves."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import openai
import pytest
from demo_model import BINARY, DEMO, MODEL
from raw import exchange
from server_process import Server


def request(number: int, **body) -> dict:
    body = {"model": MODEL, "prompt": f"{number} +", "max_tokens": 20, "seed": number, "ignore_eos": True} | body
    return {"custom_id": f"line-{number}", "method": "POST", "url": "/v1/completions", "body": body}


def lines(*requests: dict) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in requests)


def finished(client: openai.OpenAI, batch_id: str):
    while (batch := client.batches.retrieve(batch_id)).status == "in_progress":
        time.sleep(0.02)
    return batch


def results(client: openai.OpenAI, file_id: str) -> dict[str, dict]:
    told = [json.loads(line) for line in client.files.content(file_id).text.splitlines()]
    by_id = {one["custom_id"]: one["response"] for one in told}
    assert len(by_id) == len(told), "a line has two results"
    return by_id


def start(client: openai.OpenAI, content: bytes, endpoint: str = "/v1/completions", **more):
    file = client.files.create(file=("input.jsonl", content), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h", **more)


def test_files(client):
    file = client.files.create(file=("a.txt", b"\x00bytes\r\n--"), purpose="user_data")
    assert (file.filename, file.bytes, file.purpose) == ("a.txt", 10, "user_data")
    assert client.files.retrieve(file.id).id == file.id
    assert client.files.content(file.id).content == b"\x00bytes\r\n--"
    assert file.id in [one.id for one in client.files.list()]
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)
    with pytest.raises(openai.BadRequestError):
        client.files.create(file=("a.txt", b"x"), purpose="fine-tune")


def test_a_batch_gives_what_the_route_gives(client):
    asked = [request(number) for number in range(12)] + [request(99, temperature=7)]
    batch = start(client, lines(*asked), metadata={"for": "a test"})
    assert batch.metadata == {"for": "a test"}
    done = finished(client, batch.id)
    assert done.status == "completed"
    assert (done.request_counts.total, done.request_counts.completed, done.request_counts.failed) == (13, 12, 1)
    told = results(client, done.output_file_id)
    assert list(told) == [f"line-{number}" for number in range(12)]  # in their order
    for one in asked[:3]:
        same = client.completions.create(**{k: v for k, v in one["body"].items() if k != "ignore_eos"},
                                         extra_body={"ignore_eos": True})  # fmt: skip
        assert told[one["custom_id"]]["status_code"] == 200
        assert told[one["custom_id"]]["body"]["choices"][0]["text"] == same.choices[0].text
    wrong = results(client, done.error_file_id)["line-99"]
    assert (wrong["status_code"], wrong["body"]["error"]["param"]) == (400, "temperature")
    assert batch.id in [one.id for one in client.batches.list()]


def test_every_family(client):
    messages = [{"role": "user", "content": "What is 1 + 1?"}]
    for endpoint, body in {
        "/v1/chat/completions": {"messages": messages, "max_tokens": 3},
        "/v1/messages": {"messages": messages, "max_tokens": 3},
        "/v1/responses": {"input": messages, "max_output_tokens": 3},
    }.items():
        batch = start(client, lines({"custom_id": "a", "body": {"model": MODEL} | body}), endpoint)
        done = finished(client, batch.id)
        assert results(client, done.output_file_id)["a"]["status_code"] == 200, endpoint


def test_a_stream_is_no_line_of_a_batch(client):
    done = finished(client, start(client, lines(request(1, stream=True))).id)
    assert results(client, done.error_file_id)["line-1"]["body"]["error"]["param"] == "stream"


def test_cancelling(client):
    batch = start(client, lines(*[request(number, max_tokens=1500) for number in range(40)]))
    stopped = client.batches.cancel(batch.id)
    assert stopped.status == "cancelled"
    assert client.batches.retrieve(batch.id).status == "cancelled"


@pytest.mark.parametrize(
    ("content", "endpoint", "param"),
    [
        (b"", "/v1/completions", "input_file_id"),
        (b"{", "/v1/completions", "input_file_id"),
        (lines(request(1), request(1)), "/v1/completions", "input_file_id"),
        (lines(request(1)), "/v1/chat/completions", "input_file_id"),
        (lines(request(1)), "/v1/files", "endpoint"),
    ],
)
def test_what_is_no_batch(client, content, endpoint, param):
    with pytest.raises(openai.BadRequestError) as error:
        start(client, content, endpoint)
    assert error.value.param == param
    with pytest.raises(openai.NotFoundError):
        client.batches.create(input_file_id="file-x", endpoint="/v1/completions", completion_window="24h")


def test_killed_at_random_moments(tmp_path):
    """Every line runs to its one result, whatever is in the middle of what."""
    chance = random.Random(1)
    arguments = ["--insecure-loopback", "--batch-lines", "3", "--audit", "off"]

    def serve() -> Server:
        return Server(str(DEMO), *arguments, home=tmp_path)

    asked = [request(number, max_tokens=60) for number in range(60)]
    server = serve()
    with server.client() as client:
        batch = start(client, lines(*asked))
        kept = client.files.create(file=("kept", b"kept"), purpose="user_data")
    kills = 0
    while True:
        with server.client() as client:
            state = client.batches.retrieve(batch.id)
            assert client.files.content(kept.id).content == b"kept"
        if state.status != "in_progress" or kills == 8:
            break
        time.sleep(chance.uniform(0, 0.15))
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.communicate()
        kills += 1
        server = serve()
    assert kills >= 2
    with server.client() as client:
        done = finished(client, batch.id)
        told = results(client, done.output_file_id)
        assert set(told) == {one["custom_id"] for one in asked}
        assert done.request_counts.completed == 60
        for one in chance.sample(asked, 5):
            body = {k: v for k, v in one["body"].items() if k != "ignore_eos"}
            same = client.completions.create(**body, extra_body={"ignore_eos": True})
            assert told[one["custom_id"]]["body"]["choices"][0]["text"] == same.choices[0].text
    assert server.stop() == 0


def test_tenants_do_not_see_each_other(start_server, tmp_path: Path):
    policy = tmp_path / "access_control.yaml"
    policy.write_text(
        "roles: {user: [model:read, data:read, data:write], reader: [data:read]}\ntenants: {a: {}, b: {}}\n"
    )

    def key(name: str, role: str, tenant: str) -> str:
        command = [BINARY, "access", "key", "create", name, "--role", role, "--tenant", tenant, "--json"]
        environment = os.environ | {"HOLDFAST_HOME": str(tmp_path)}
        return json.loads(subprocess.run(command, capture_output=True, check=True, env=environment).stdout)["key"]

    keys = {name: key(name, role, tenant) for name, role, tenant in
            [("anna", "user", "a"), ("ada", "reader", "a"), ("ben", "user", "b")]}  # fmt: skip
    server = start_server("--insecure-loopback", "--access", str(policy), home=tmp_path)

    def client(name: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=server.url + "/v1", api_key=keys[name], max_retries=0)

    batch = start(client("anna"), lines(request(1)))
    done = finished(client("anna"), batch.id)
    assert results(client("ada"), done.output_file_id)
    with pytest.raises(openai.PermissionDeniedError):
        client("ada").files.create(file=("a", b"a"), purpose="batch")
    for ask in (lambda c: c.batches.retrieve(batch.id), lambda c: c.files.content(done.output_file_id),
                lambda c: c.batches.cancel(batch.id), lambda c: c.files.delete(done.output_file_id)):  # fmt: skip
        with pytest.raises(openai.NotFoundError):
            ask(client("ben"))
    assert not client("ben").files.list().data


def test_forms_that_are_none(server):
    head = "POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n"
    for kind, body, status in (
        ("application/json", b"{}", 415),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=x", b"--x--", 400),
    ):
        assert exchange(server.port, head.format(kind, len(body)).encode() + body)[0] == status
