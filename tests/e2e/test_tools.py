"""Calls of tools through the official client, in the three formats, by models that say what a test wants."""

import json

import openai
import pytest
import scripted_model
from demo_model import DEMO
from server_process import Server

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": "Adds.",
            "parameters": {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]},
        },
    }
    for name in ("add", "get_weather")
]
LOOP = "{% for m in messages %}[{{ m.role }}]"
# As Qwen2.5's, which wants objects; as DeepSeek's, which joins text and lists no tools; as Llama's.
TEMPLATES = {
    "hermes": "{% if tools %}{{ tools | tojson }} <tool_call>{% endif %}" + LOOP + "{{ m.content or '' }}"
    "{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.name }}{{ c.function.arguments | tojson }}{% endfor %}"
    "{% endfor %}",
    "deepseek": LOOP + "{% if m.role == 'assistant' and m.content is none %}{% for c in m.tool_calls %}"
    "{{ '<｜tool▁call▁begin｜>' + c.function.name + '<｜tool▁sep｜>' + c.function.arguments }}{% endfor %}"
    "{% else %}{{ m.content }}{% endif %}{% endfor %}",
    "llama": "{% if tools %}{{ tools | tojson }}{% endif %}<|python_tag|>" + LOOP + "{{ m.content or '' }}"
    "{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}",
}
BEGIN, END = "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"
CALL, SEPARATOR, CLOSE = "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"


def pieces(text):
    return text.split("|")


SCRIPTS = {
    "hermes": {
        "1": [
            "Let me",
            " see.\n",
            "<tool_call>",
            '\n{"name": "ad',
            'd", "arguments": {"a"',
            ": 1}",
            "}\n",
            "</tool_call>",
        ],
        "2": [
            "<tool_",
            'call>{"name": "add", "arguments": {}}</tool_call>\n<tool_call>',
            '{"name": "get_weather", ',
            '"arguments": {"a": "Ö',
            '"}}',
            "</tool_call>",
        ],
        "0": ["No <tool", " for that."],
    },
    "deepseek": {
        "1": [
            "Let me",
            " see.\n\n",
            BEGIN,
            CALL,
            "function",
            SEPARATOR,
            "add\n",
            "```json\n",
            '{"a": 1}',
            "\n```",
            CLOSE,
            END,
        ],
        "2": [
            BEGIN + CALL + "add",
            SEPARATOR + "{}" + CLOSE + CALL,
            "get_weather" + SEPARATOR + '{"a": "Ö"}',
            CLOSE + END,
        ],
        "0": ["No <tool", " for that."],
    },
    "llama": {
        "1": ["<|python_tag|>", '{"name": "add", "param', 'eters": {"a": 1}', "}"],
        "2": ['{"name": "add", "parameters": {}}', '; {"name": "get_weather",', ' "parameters": {"a": "Ö"}}'],
        "0": ['{"name": "Ada"', "} for that."],
    },
}
CONTROL = {"hermes": ("<tool_call>", "</tool_call>"), "deepseek": (BEGIN, CALL, SEPARATOR, CLOSE, END)}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One server for the three models."""
    folder = tmp_path_factory.mktemp("models")
    paths = []
    for name, scripts in SCRIPTS.items():
        control = CONTROL.get(name, ("<|python_tag|>",))
        # A control token stands in one script only: elsewhere the same letters are text.
        paths.append(scripted_model.write(folder / f"{name}.gguf", TEMPLATES[name], scripts, control))
    server = Server(str(DEMO), *map(str, paths))
    with server.client() as client:
        yield client
    assert server.stop() == 0


def ask(client, model, question, **fields):
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(
        **{"model": model, "messages": messages, "tools": TOOLS, "temperature": 0} | fields
    )


def streamed(client, model, question, **fields):
    """(content, [[name, arguments]…], finish_reason)"""
    content, calls, finish = "", [], None
    for chunk in ask(client, model, question, stream=True, **fields):
        (choice,) = chunk.choices
        content += choice.delta.content or ""
        for call in choice.delta.tool_calls or []:
            if call.index == len(calls):
                assert call.id.startswith("call_") and call.type == "function"
                calls.append([call.function.name, ""])
            else:
                assert call.id is None and call.function.name is None
            calls[call.index][1] += call.function.arguments or ""
        finish = choice.finish_reason or finish
    return content, calls, finish


EXPECTED = {
    "1": [["add", '{"a": 1}']],
    "2": [["add", "{}"], ["get_weather", '{"a": "Ö"}']],
}


@pytest.mark.parametrize("model", SCRIPTS)
@pytest.mark.parametrize("question", EXPECTED)
def test_calls_come_whole_and_streamed(models, model, question):
    (choice,) = ask(models, model, question).choices
    assert choice.finish_reason == "tool_calls"
    calls = [[c.function.name, c.function.arguments] for c in choice.message.tool_calls]
    assert calls == EXPECTED[question]
    assert len({c.id for c in choice.message.tool_calls}) == len(calls)
    assert choice.message.content == ("Let me see." if question == "1" and model != "llama" else None)
    assert streamed(models, model, question) == (choice.message.content or "", calls, "tool_calls")


@pytest.mark.parametrize("model", SCRIPTS)
def test_one_call_at_a_time(models, model):
    (choice,) = ask(models, model, "2", parallel_tool_calls=False).choices
    assert [c.function.name for c in choice.message.tool_calls] == ["add"]
    assert choice.finish_reason == "tool_calls"
    assert streamed(models, model, "2", parallel_tool_calls=False)[1:] == ([["add", "{}"]], "tool_calls")


@pytest.mark.parametrize("model", SCRIPTS)
def test_what_is_no_call_is_content(models, model):
    (choice,) = ask(models, model, "0").choices
    assert choice.message.content == "".join(SCRIPTS[model]["0"])
    assert choice.message.tool_calls is None and choice.finish_reason == "stop"
    # Nobody may call: then what looks like a call is text.
    (choice,) = ask(models, model, "2", tool_choice="none").choices
    assert choice.message.tool_calls is None and "add" in choice.message.content


@pytest.mark.parametrize("model", SCRIPTS)
def test_a_conversation_goes_on_with_the_result(models, model):
    first = ask(models, model, "1").choices[0].message
    messages = [
        {"role": "user", "content": "1"},
        first.model_dump(exclude_none=True) | {"content": None},
        {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "0"},
    ]
    answer = ask(models, model, "", messages=messages)
    assert answer.choices[0].message.content == "".join(SCRIPTS[model]["0"])
    assert json.loads(first.tool_calls[0].function.arguments) == {"a": 1}


def test_the_demo_model_has_no_place_for_tools(models):
    with pytest.raises(openai.BadRequestError) as error:
        ask(models, "holdfast-demo", "1")
    assert error.value.param == "tools"
    assert ask(models, "holdfast-demo", "1", tool_choice="none", max_tokens=5).choices
