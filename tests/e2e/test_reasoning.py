"""How much a model thinks, who sees it, and what it is called."""

import json
import subprocess

import openai
import pytest
import scripted_model
from demo_model import BINARY, MODEL
from raw import exchange, post

QUESTION = [{"role": "user", "content": "What is 37 + 58?"}]


def ask(client, **fields):
    return client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, **fields)


def reasoning_tokens(answer):
    return answer.usage.completion_tokens_details.reasoning_tokens


@pytest.mark.parametrize(
    "fields", [{"thinking_budget": 4}, {"thinking_token_budget": 4}, {"reasoning": {"max_tokens": 4}}]
)
def test_a_budget_closes_the_thinking(client, fields):
    whole, answer = ask(client), ask(client, extra_body=fields)
    (choice,) = answer.choices
    assert choice.reasoning_finish_reason == "budget"
    assert whole.choices[0].message.reasoning_content.startswith(choice.message.reasoning_content)
    assert choice.message.content and choice.finish_reason == "stop"
    assert 4 <= reasoning_tokens(answer) <= 7 < reasoning_tokens(whole)
    assert not hasattr(whole.choices[0], "reasoning_finish_reason")
    chunks = list(ask(client, stream=True, extra_body=fields))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == choice.message.content
    assert chunks[-1].choices[0].reasoning_finish_reason == "budget"


def test_no_thinking(client):
    for fields in ({"reasoning": {"enabled": False}}, {"thinking_budget": 0}, {"reasoning_effort": "none"}):
        answer = ask(client, max_tokens=100, extra_body=fields)
        assert answer.choices[0].message.reasoning_content is None
        assert reasoning_tokens(answer) == 0
        assert answer.choices[0].message.content


def test_what_is_shown(client):
    whole = ask(client)
    for fields in ({"include_reasoning": False}, {"reasoning": {"exclude": True}}):
        answer = ask(client, extra_body=fields)
        assert answer.choices[0].message.content == whole.choices[0].message.content
        assert answer.choices[0].message.reasoning_content is None
        assert answer.usage == whole.usage or reasoning_tokens(answer) == reasoning_tokens(whole)
    counted = {"reasoning": {"visibility": "counted"}}
    message = ask(client, extra_body=counted).choices[0].message
    assert message.reasoning_content is None
    assert message.reasoning_tokens == reasoning_tokens(whole)
    deltas = [chunk.choices[0].delta for chunk in ask(client, stream=True, extra_body=counted)]
    told = [d.reasoning_tokens for d in deltas if getattr(d, "reasoning_tokens", None)]
    assert told == [reasoning_tokens(whole)]
    assert not any(getattr(d, "reasoning_content", None) for d in deltas)


def test_a_wrong_word_is_named(client):
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, extra_body={"reasoning": {"effort": "enormous"}})
    assert error.value.param == "reasoning.effort"


@pytest.mark.parametrize("names", [("reasoning",), ("reasoning_content", "reasoning")])
def test_the_field_may_have_another_name(start_server, names):
    server = start_server("--reasoning-field", "both" if len(names) == 2 else names[0])
    body = {"model": MODEL, "messages": QUESTION, "temperature": 0}
    _, _, answer = exchange(server.port, post("/v1/chat/completions", json.dumps(body).encode(), "connection: close"))
    message = json.loads(answer)["choices"][0]["message"]
    assert [name for name in ("reasoning_content", "reasoning") if name in message] == list(names)
    assert all(message[name] for name in names)


def test_a_budget_is_replayed(start_server, tmp_path):
    place = ["--audit", str(tmp_path / "log"), "--audit-keys", str(tmp_path / "keys")]
    server = start_server(*place, "--audit-payload", "encrypted")
    receipts = []
    for more in ({"thinking_budget": 3}, {"reasoning": {"enabled": False}, "n": 2}, {"reasoning_effort": "minimal"}):
        body = {"model": MODEL, "messages": QUESTION, "max_tokens": 60} | more
        status, fields, _ = exchange(
            server.port, post("/v1/chat/completions", json.dumps(body).encode(), "connection: close")
        )
        assert status == 200
        receipts.append(fields["holdfast-receipt"])
    assert server.stop() == 0
    for receipt in receipts:
        done = subprocess.run(
            [BINARY, "audit", "replay", receipt, *place, "--json"], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["same"]


def run(*flags):
    done = subprocess.run(
        [BINARY, "run", "demo", "What is 37 + 58?", "--json", *flags], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_the_command_line():
    assert run("--thinking", "off", "--max-tokens", "60")["reasoning_content"] == ""
    short = run("--thinking-budget", "3")
    assert short["reasoning_finish_reason"] == "budget" and short["content"]
    assert "reasoning_finish_reason" not in run("--thinking", "on")


def test_thinking_in_circles_is_closed(start_server, tmp_path):
    # After the closing tag's line breaks, the answer.
    scripts = {">": ["wait", ", let me", " think. "], "\n": ["I stop", " here."]}
    template = "{{ messages[0].content }}<think>"
    model = scripted_model.write(tmp_path / "circles.gguf", template, scripts, loops=(">",))
    server = start_server(str(model))
    with server.client() as client:
        fields = {"model": "circles", "messages": [{"role": "user", "content": "Go"}], "temperature": 0}
        answer = client.chat.completions.create(**fields)
        (choice,) = answer.choices
        assert choice.reasoning_finish_reason == "loop"
        assert choice.message.content == "I stop here."
        assert 128 < reasoning_tokens(answer) < 150
        assert choice.message.reasoning_content.startswith("wait, let me think. wait, let me")
        chunks = list(client.chat.completions.create(**fields, stream=True))
        assert chunks[-1].choices[0].reasoning_finish_reason == "loop"
        free = client.chat.completions.create(**fields, max_tokens=400, extra_body={"reasoning": {"stop_loops": False}})
        assert free.choices[0].finish_reason == "length" and reasoning_tokens(free) == 400
