"""Answers that are held to a form: JSON, regular expressions, grammars, choices."""

import json
import re
import subprocess

import openai
import pytest
from demo_model import BINARY, DEMO, MODEL

QUESTION = [{"role": "user", "content": "What is 37 + 58?"}]


def chat(client, **fields):
    request = {"model": MODEL, "messages": QUESTION, "seed": 1, "temperature": 1.0, "max_tokens": 400}
    return client.chat.completions.create(**request | fields).choices[0]


def tokens_of(text: str) -> list[int]:
    command = [BINARY, "tokenize", str(DEMO), "-", "--json"]
    return json.loads(subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout)["tokens"]


def test_json_mode(client):
    bias = {str(tokens_of(character)[0]): 8 for character in '"}'}  # or it would talk and talk
    whole = 0
    for seed in range(6):
        choice = chat(client, response_format={"type": "json_object"}, seed=seed, logit_bias=bias)
        assert choice.message.reasoning_content, "the constraint begins after the thinking"
        assert choice.message.content.startswith("{")
        if choice.finish_reason == "stop":
            assert isinstance(json.loads(choice.message.content), dict)
            whole += 1
    assert whole > 0


SUM = {
    "type": "object",
    "properties": {
        "result": {"type": "integer", "minimum": 0, "maximum": 999},
        "unit": {"enum": ["m", "kg", None]},
        "steps": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 2},
    },
    "required": ["result", "unit"],
}


@pytest.mark.parametrize("temperature", [0.0, 1.0, 2.0])
def test_a_schema(client, temperature):
    form = {"type": "json_schema", "json_schema": {"name": "sum", "schema": SUM, "strict": True}}
    choice = chat(client, response_format=form, temperature=temperature)
    assert choice.finish_reason == "stop"
    answer = json.loads(choice.message.content)
    assert list(answer) in (["result", "unit"], ["result", "unit", "steps"])
    assert 0 <= answer["result"] <= 999
    assert answer["unit"] in ("m", "kg", None)
    assert all(len(step) <= 20 for step in answer.get("steps", []))


@pytest.mark.parametrize("temperature", [0.0, 1.0, 2.0])
def test_a_regular_expression(client, temperature):
    pattern = r"[A-F]{3}-\d{4}(, [a-z]{1,8}){2}\."
    choice = chat(client, extra_body={"guided_regex": pattern}, temperature=temperature)
    assert choice.finish_reason == "stop"
    assert re.fullmatch(pattern, choice.message.content)


def test_a_choice_streamed(client):
    words = ["approved", "rejected", "needs review"]
    request = {"model": MODEL, "messages": QUESTION, "max_tokens": 400, "stream": True}
    chunks = list(client.chat.completions.create(**request, extra_body={"guided_choice": words}))
    content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert content in words
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize("field", ["grammar", "guided_grammar"])
def test_a_grammar(client, field):
    grammar = 'root ::= "(" root ")" | [0-9]{2}'
    choice = chat(client, extra_body={field: grammar})
    opened = len(choice.message.content) - len(choice.message.content.lstrip("("))
    if choice.finish_reason == "stop":
        assert re.fullmatch(r"\(" * opened + r"\d\d" + r"\)" * opened, choice.message.content)


def test_completions_are_held_from_their_first_token(client):
    answer = client.completions.create(
        model=MODEL, prompt="12 + 13 = ", max_tokens=50, n=4, extra_body={"guided_regex": "[0-9]{1,3}"}
    )
    for choice in answer.choices:
        assert re.fullmatch("[0-9]{1,3}", choice.text)
        assert choice.finish_reason == "stop"


def test_an_answer_that_is_cut(client):
    choice = chat(client, extra_body={"guided_regex": "x{200}"}, max_tokens=60)
    assert choice.finish_reason == "length"
    assert re.fullmatch("x*", choice.message.content or "")


def test_the_same_bytes_alone_and_in_a_crowd(client):
    fields = {"seed": 5, "extra_body": {"guided_regex": "[a-z]{20}"}}
    alone = chat(client, **fields).message.content
    request = {"model": MODEL, "messages": QUESTION, "temperature": 1.0, "max_tokens": 400, "n": 4} | fields
    request["seed"] = 3
    crowd = client.chat.completions.create(**request)
    assert crowd.choices[2].message.content == alone


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"guided_regex": "(a"}, "guided_regex", "character 3"),
        ({"guided_regex": "(?=a)b"}, "guided_regex", "look-around"),
        ({"grammar": "root ::= x"}, "grammar", "line 1"),
        ({"guided_json": {"properties": {"a": {"not": {}}}}}, "guided_json", "#/properties/a/not"),
        ({"guided_choice": []}, "guided_choice", "one or more"),
        ({"guided_regex": "a", "guided_choice": ["b"]}, "guided_choice", "one of them"),
    ],
)
def test_what_is_refused(client, fields, param, says):
    with pytest.raises(openai.BadRequestError) as error:
        chat(client, extra_body=fields)
    assert error.value.param == param
    assert says in error.value.message


def generate(*arguments: str) -> subprocess.CompletedProcess:
    command = [BINARY, "generate", str(DEMO), "--prompt", "Report: ", "--threads", "1", "--seed", "3", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_line(tmp_path):
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(SUM))
    grammar = tmp_path / "list.gbnf"
    grammar.write_text('root ::= ("- " [a-z]{3} "\\n"){2}')
    for flags, check in [
        (["--json-schema", str(schema)], lambda text: "result" in json.loads(text)),
        (["--regex", "[0-9]{2}-[a-z]{4}"], lambda text: re.fullmatch("[0-9]{2}-[a-z]{4}", text)),
        (["--grammar", str(grammar)], lambda text: re.fullmatch("(- [a-z]{3}\n){2}", text)),
    ]:
        texts = []
        for guesses in ([], ["--speculate", "lookup"]):
            done = generate("--json", "--temperature", "0.8", "--max-tokens", "200", *flags, *guesses)
            assert done.returncode == 0, done.stderr
            texts.append(json.loads(done.stdout)["text"])
        assert texts[0] == texts[1], "guesses change nothing"
        assert check(texts[0]), texts[0]
    wrong = generate("--regex", "(a")
    assert wrong.returncode == 1
    assert "character 3" in wrong.stderr
    assert generate("--regex", "a", "--grammar", str(grammar)).returncode == 2
