"""Anthropic's Messages API, with its own client."""

import json
from collections.abc import Iterator

import anthropic
import pytest
from demo_model import MODEL
from raw import Raw, exchange, post

QUESTION = [{"role": "user", "content": "What is 37 + 58?"}]
GREEDY = {"temperature": 0}  # as extra_body: this client's newest models have no temperature


@pytest.fixture
def messages(server) -> Iterator[anthropic.resources.Messages]:
    with anthropic.Anthropic(base_url=server.url, api_key="none", max_retries=0) as client:
        yield client.messages


def test_an_answer(messages, client):
    answer = messages.create(model=MODEL, max_tokens=300, messages=QUESTION, extra_body=GREEDY)
    assert answer.type == "message"
    assert answer.role == "assistant"
    assert answer.stop_reason == "end_turn"
    assert [block.type for block in answer.content] == ["text"]  # thinking was not asked for
    same = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0)
    assert answer.content[0].text == same.choices[0].message.content
    read = answer.usage.input_tokens + answer.usage.cache_read_input_tokens
    assert read == same.usage.prompt_tokens
    assert answer.usage.output_tokens == same.usage.completion_tokens


def test_thinking_blocks(messages):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = messages.create(model=MODEL, max_tokens=1500, messages=QUESTION, thinking=thinking)
    assert [block.type for block in answer.content] == ["thinking", "text"]
    assert answer.content[0].thinking
    # They may come back, and a conversation goes on.
    turns = [*QUESTION, {"role": "assistant", "content": answer.content}, {"role": "user", "content": "And 1 + 1?"}]
    again = messages.create(model=MODEL, max_tokens=300, messages=turns)
    assert "2" in again.content[-1].text


def test_a_stream_is_what_the_whole_is(messages):
    request = {"model": MODEL, "max_tokens": 1500, "messages": QUESTION, "extra_body": GREEDY}
    request["thinking"] = {"type": "enabled", "budget_tokens": 1024}
    whole = messages.create(**request)
    with messages.stream(**request) as stream:
        events = [event.type for event in stream]
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert [getattr(block, "text", None) or block.thinking for block in final.content] == [
        getattr(block, "text", None) or block.thinking for block in whole.content
    ]
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert events[0] == "message_start"
    assert events[-1] == "message_stop"
    assert events.count("content_block_start") == events.count("content_block_stop") == 2


def test_the_events_as_bytes(server):
    body = json.dumps({"model": MODEL, "max_tokens": 5, "messages": QUESTION, "stream": True}).encode()
    with Raw(server.port) as raw:
        raw.send(post("/v1/messages", body, "Connection: close"))
        text = raw.rest().decode()
    names = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert names[0] == "message_start"
    assert names[-2:] == ["message_delta", "message_stop"]
    assert '"stop_reason":"max_tokens"' in text
    assert "[DONE]" not in text


def test_what_ended_it(messages):
    answer = messages.create(model=MODEL, max_tokens=400, messages=QUESTION, extra_body=GREEDY, stop_sequences=["95"])
    assert answer.stop_reason == "stop_sequence"
    assert answer.stop_sequence == "95"
    assert messages.create(model=MODEL, max_tokens=3, messages=QUESTION).stop_reason == "max_tokens"


def test_system_and_blocks(messages, server, client):
    blocks = [{"type": "text", "text": "What is"}, {"type": "text", "text": "37 + 58?"}]
    counted = messages.count_tokens(model=MODEL, system="Be brief.", messages=[{"role": "user", "content": blocks}])
    same = client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is\n37 + 58?"}],
        max_tokens=1,
    )
    assert counted.input_tokens == same.usage.prompt_tokens


def test_results_of_tools_are_read(messages):
    turns = [
        *QUESTION,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 37}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "95"}]},
    ]
    assert messages.count_tokens(model=MODEL, messages=turns).input_tokens > 0


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"model": "claude"}, anthropic.NotFoundError),
        ({"max_tokens": 0}, anthropic.BadRequestError),
        ({"messages": []}, anthropic.BadRequestError),
        ({"messages": [{"role": "system", "content": "x"}]}, anthropic.BadRequestError),
        ({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}, anthropic.BadRequestError),
        ({"extra_body": {"temperature": 3}}, anthropic.BadRequestError),
        ({"max_tokens": 5000}, anthropic.BadRequestError),
    ],
)
def test_errors_in_its_form(messages, fields, error):
    request = {"model": MODEL, "max_tokens": 5, "messages": QUESTION} | fields
    with pytest.raises(error) as raised:
        messages.create(**request)
    assert raised.value.body["type"] == "error"
    assert raised.value.body["error"]["type"] in ("invalid_request_error", "not_found_error")


def test_errors_of_the_server_too(server):
    status, _, body = exchange(server.port, post("/v1/messages", b"{"))
    assert status == 400
    assert json.loads(body)["type"] == "error"
