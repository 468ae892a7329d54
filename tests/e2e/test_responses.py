"""OpenAI's Responses API, with its own client."""

import openai
import pytest
from demo_model import MODEL

QUESTION = "What is 37 + 58?"


def test_an_answer(client):
    answer = client.responses.create(model=MODEL, input=QUESTION, temperature=0)
    same = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": QUESTION}], temperature=0)
    assert answer.status == "completed"
    assert answer.output_text == same.choices[0].message.content
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert answer.output[0].content[0].text == same.choices[0].message.reasoning_content
    assert answer.usage.input_tokens == same.usage.prompt_tokens
    assert answer.usage.output_tokens == same.usage.completion_tokens
    assert answer.usage.output_tokens_details.reasoning_tokens > 0


def test_a_stream_is_what_the_whole_is(client):
    whole = client.responses.create(model=MODEL, input=QUESTION, temperature=0)
    events = list(client.responses.create(model=MODEL, input=QUESTION, temperature=0, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done") == 2
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    thought = "".join(event.delta for event in events if event.type == "response.reasoning_text.delta")
    final = events[-1].response
    assert said == final.output_text == whole.output_text
    assert thought == final.output[0].content[0].text
    assert final.usage == whole.usage or final.usage.output_tokens == whole.usage.output_tokens


def test_the_clients_own_stream(client):
    with client.responses.stream(model=MODEL, input=QUESTION) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().status == "completed"


def test_an_answer_that_is_cut(client):
    answer = client.responses.create(model=MODEL, input=QUESTION, max_output_tokens=3)
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"


def test_a_conversation_goes_on(client):
    first = client.responses.create(model=MODEL, input=QUESTION, instructions="Be brief.")
    second = client.responses.create(model=MODEL, input="And 1 + 1?", previous_response_id=first.id, temperature=0)
    assert second.previous_response_id == first.id
    # The same as the conversation in full; instructions do not carry over.
    turns = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": first.output_text},
        {"role": "user", "content": "And 1 + 1?"},
    ]
    same = client.responses.create(model=MODEL, input=turns, temperature=0)
    assert second.usage.input_tokens == same.usage.input_tokens
    assert second.output_text == same.output_text


def test_items_come_back_as_input(client):
    first = client.responses.create(model=MODEL, input=QUESTION)
    items = [{"role": "user", "content": QUESTION}, *[item.model_dump(exclude_none=True) for item in first.output]]
    answer = client.responses.create(model=MODEL, input=[*items, {"role": "user", "content": "And 1 + 1?"}])
    assert "2" in answer.output_text


def test_what_is_stored(client):
    kept = client.responses.create(model=MODEL, input=QUESTION)
    assert client.responses.retrieve(kept.id).output_text == kept.output_text
    client.responses.delete(kept.id)
    not_kept = client.responses.create(model=MODEL, input=QUESTION, store=False)
    for gone in (kept.id, not_kept.id, "resp_nothing"):
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(gone)
    with pytest.raises(openai.NotFoundError) as error:
        client.responses.create(model=MODEL, input="x", previous_response_id=kept.id)
    assert error.value.param == "previous_response_id"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 5}, "input"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:,"}]}]},
         "input[0].content[0]"),
        ({"background": True}, "background"),
        ({"truncation": "auto"}, "truncation"),
        ({"temperature": 3}, "temperature"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ],
)  # fmt: skip
def test_errors_name_the_field(client, fields, param):
    with pytest.raises(openai.BadRequestError) as error:
        client.responses.create(**{"model": MODEL, "input": QUESTION} | fields)
    assert error.value.param == param
