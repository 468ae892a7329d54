"""What clients see when there are too many of them: an answer or a clear refusal, by class and by deadline."""

import json
import os
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from demo_model import BINARY, MODEL
from raw import Raw, post

HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}
ENDLESS = HELLO | {"max_tokens": 1900, "extra_body": {"ignore_eos": True}}


def start_endless(server, count: int) -> list[Raw]:
    """Connections whose streams run, or wait."""
    body = HELLO | {"max_tokens": 1900, "ignore_eos": True, "stream": True}
    raws = []
    for i in range(count):
        raws.append(Raw(server.port))
        raws[-1].send(post("/v1/chat/completions", json.dumps(body).encode()))
        server.wait_for(lambda h, i=i: h["running"] + h["waiting"] == i + 1)
    return raws


def test_a_full_line_says_when_to_try_again(start_server):
    server = start_server("--parallel", "1", "--max-waiting", "5")
    raws = start_endless(server, 5)  # one runs, four wait: all that one tenant may
    with server.client() as client:
        with pytest.raises(openai.RateLimitError) as refused:
            client.chat.completions.create(**HELLO)
        assert refused.value.code == "resource_exhausted"
        assert 1 <= int(refused.value.response.headers["retry-after"]) <= 600
        assert server.health()["refused"] == 1
        for raw in raws:
            raw.socket.close()
        server.wait_until_idle()
        assert client.chat.completions.create(**HELLO, max_tokens=3).choices[0]


def test_everybody_gets_an_answer_or_a_refusal(start_server):
    server = start_server("--parallel", "4", "--max-waiting", "8")

    def ask(i: int) -> str:
        with server.client() as client:
            try:
                return (
                    client.chat.completions.create(**HELLO, max_tokens=40, seed=1, temperature=0)
                    .choices[0]
                    .finish_reason
                )
            except openai.APIStatusError as error:
                assert error.response.headers["retry-after"]
                return str(error.status_code)

    with ThreadPoolExecutor(40) as pool:
        results = list(pool.map(ask, range(120)))
    assert set(results) <= {"stop", "length", "429", "503"}
    assert sum(result in ("stop", "length") for result in results) >= 12
    health = server.wait_until_idle()
    assert health["refused"] == sum(result in ("429", "503") for result in results)


def test_deadlines(start_server):
    server = start_server("--parallel", "1", "--request-timeout", "3600")
    with server.client() as client:
        with pytest.raises(openai.InternalServerError) as late:
            client.chat.completions.create(**{**ENDLESS, "extra_body": {"ignore_eos": True, "timeout": 0.01}})
        assert late.value.status_code == 503
        assert "deadline" in late.value.message
        events = list(
            client.completions.with_raw_response.create(
                model=MODEL, prompt="x", max_tokens=1900, stream=True, extra_body={"ignore_eos": True, "timeout": 0.02}
            ).http_response.iter_lines()
        )
        assert "deadline" in events[-2] or "deadline" in events[-1], events[-3:]
        assert "data: [DONE]" not in events
        assert client.chat.completions.create(**HELLO, max_tokens=3, extra_body={"timeout": 3000}).choices[0]
    assert server.health()["expired"] == 2
    server.wait_until_idle()


def test_an_urgent_request_does_not_wait_for_a_low_one(start_server):
    server = start_server("--parallel", "1")
    with server.client() as client:
        said = []

        def slow() -> None:
            body = {"ignore_eos": True, "priority": "low"}
            answer = client.completions.create(model=MODEL, prompt="x", max_tokens=1500, seed=3, extra_body=body)
            said.append((time.monotonic(), answer.choices[0].text))

        thread = threading.Thread(target=slow)
        thread.start()
        server.wait_for(lambda h: h["running"] == 1)
        client.chat.completions.create(**HELLO, max_tokens=3, extra_body={"priority": "high"})
        done = time.monotonic()
        preemptions = server.health()["preemptions"]
        thread.join()
        if preemptions:  # else the slow one had ended already
            assert said[0][0] > done
        body = {"ignore_eos": True}
        again = client.completions.create(model=MODEL, prompt="x", max_tokens=1500, seed=3, extra_body=body)
        assert again.choices[0].text == said[0][1]


POLICY = """\
roles:
  plain: [model:read]
  batch: {permissions: [model:read], priority: low}
  urgent: {permissions: [model:read], priority: high}
"""


def test_roles_limit_priorities(tmp_path, start_server):
    (tmp_path / "access_control.yaml").write_text(POLICY)
    server = start_server(home=tmp_path)
    trusting = ssl.create_default_context(cafile=server.announced["ca"])

    def ask(role: str, priority: str) -> int:
        made = subprocess.run(
            [BINARY, "access", "key", "create", role, "--role", role, "--json"],
            capture_output=True,
            check=True,
            env=os.environ | {"HOLDFAST_HOME": str(tmp_path)},
        )
        key = json.loads(made.stdout)["key"]
        http = openai.DefaultHttpxClient(verify=trusting)
        with openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0, http_client=http) as client:
            try:
                client.chat.completions.create(**HELLO, max_tokens=1, extra_body={"priority": priority})
                return 200
            except openai.APIStatusError as error:
                assert error.body["code"] == "priority_not_allowed"
                assert error.body["param"] == "priority"
                return error.status_code

    assert [ask("batch", p) for p in ("low", "normal", "high")] == [200, 403, 403]
    assert [ask("plain", p) for p in ("low", "normal", "high")] == [200, 200, 403]
    assert [ask("urgent", p) for p in ("low", "normal", "high")] == [200, 200, 200]
