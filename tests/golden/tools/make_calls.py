"""Writes calls.json: answers that hold calls of tools, as the models' makers document them, and what they mean.

Written by hand from the formats' public descriptions: the chat templates of Qwen2.5 and Qwen3, of DeepSeek-V3, R1 and
V3.1, and Meta's "Llama 3.1: prompt formats". What a correct answer looks like is built here from the call, so that the
expected values are inputs, not outputs, of any parser. usage: make_calls.py > calls.json
"""

import json

WEATHER = ["get_weather", '{"city": "München", "days": 2}']
ADD = ["add", '{"a": [1, {"b": "}]\\"</tool_call>```"}], "c": null, "d": -1.5e3}']
EMPTY = ["get_weather", "{}"]


def hermes(*calls):
    return "\n".join(f'<tool_call>\n{{"name": "{n}", "arguments": {a}}}\n</tool_call>' for n, a in calls)


def deepseek(*calls):
    each = "\n".join(
        f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{n}\n```json\n{a}\n```<｜tool▁call▁end｜>" for n, a in calls
    )
    return f"<｜tool▁calls▁begin｜>{each}<｜tool▁calls▁end｜>"


def deepseek_v31(*calls):
    each = "".join(f"<｜tool▁call▁begin｜>{n}<｜tool▁sep｜>{a}<｜tool▁call▁end｜>" for n, a in calls)
    return f"<｜tool▁calls▁begin｜>{each}<｜tool▁calls▁end｜>"


def llama(*calls):
    return "; ".join(f'{{"name": "{n}", "parameters": {a}}}' for n, a in calls)


def main():
    """Prints the vectors."""
    out = []

    def add(form, text, content="", calls=()):
        out.append({"format": form, "text": text, "content": content, "calls": [list(c) for c in calls]})

    for form, write in [("hermes", hermes), ("deepseek", deepseek), ("deepseek", deepseek_v31)]:
        add(form, write(WEATHER), calls=[WEATHER])
        add(form, write(WEATHER, ADD, EMPTY), calls=[WEATHER, ADD, EMPTY])
        add(form, "Let me look.\n\n" + write(ADD), "Let me look.", [ADD])
        add(form, write(WEATHER) + "\n", calls=[WEATHER])
        add(form, "\n\n" + write(WEATHER), calls=[WEATHER])
    for text in ["", "Hello.\n", "a < b and <tool", "<｜tool", "{}", '{"name": "ad', "x\n\n", "  {x", "[1, 2]"]:
        for form in ("hermes", "deepseek", "llama", "none"):
            add(form, text, text)
    # Hermes: what only looks like a call stays text; what stops in the middle is told as far as it went.
    add("hermes", "<tool_call>\nget_weather\n</tool_call>", "<tool_call>\nget_weather\n</tool_call>")
    add("hermes", '<tool_call>{"arguments": {}}', '<tool_call>{"arguments": {}}')
    add("hermes", '<tool_call>{"name": 7, "arguments": {}} tail', '<tool_call>{"name": 7, "arguments": {}} tail')
    add("hermes", '<tool_call>{"name": ""}', '<tool_call>{"name": ""}')
    add("hermes", '<tool_call>{"name": "add"}</tool_call>', calls=[["add", "{}"]])
    add("hermes", '<tool_call>\n{"arguments": {"a": 1}, "name": "add"}\n</tool_call>', calls=[["add", '{"a": 1}']])
    add("hermes", '<tool_call>{"name": "add", "id": 3, "arguments": {"a"', calls=[["add", '{"a"']])
    add("hermes", '<tool_call>{"name": "add", "arguments": "{\\"a\\": \\"\\u00e9\\"}"}', calls=[["add", '{"a": "é"}']])
    add("hermes", '<tool_call>{"name": "add", "arguments": {"a": 1]} x</tool_call> y', " y", [["add", '{"a": 1']])
    add("hermes", hermes(WEATHER) + "\nDone.", "\nDone.", [WEATHER])
    add("hermes", '<tool_call>{"name": "a\\"b\\n", "arguments": 5}</tool_call>', calls=[['a"b\n', "5"]])
    # DeepSeek: without the outer marks, without a fence, without an end.
    begin, end = "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>"
    add("deepseek", f'{begin}function<｜tool▁sep｜>add\n{{"a": 1}}{end}', calls=[["add", '{"a": 1}']])
    add("deepseek", f'{begin}function<｜tool▁sep｜>add\n```json\n{{"a": "`', calls=[["add", '{"a": "`']])
    add("deepseek", f"{begin}function<｜tool▁sep｜>add\n{end}{begin}add<｜tool▁sep｜>{{}}", calls=[["add", "{}"]] * 2)
    add("deepseek", f"{begin}function", f"{begin}function")
    add("deepseek", "Say <｜User｜>", "Say <｜User｜>")
    # Llama: the whole answer, a known name; the tag; several.
    for tag in ("", "<|python_tag|>", "\n<|python_tag|> "):
        add("llama", tag + llama(WEATHER), calls=[WEATHER])
        add("llama", tag + llama(ADD, WEATHER), calls=[ADD, WEATHER])
        add("llama", tag + llama(EMPTY) + "\n", calls=[EMPTY])
    add("llama", '{"type": "function", ' + llama(WEATHER)[1:], calls=[WEATHER])
    add("llama", '{"name": "Ada", "age": 36}', '{"name": "Ada", "age": 36}')
    add("llama", '{"name": "add"', calls=[["add", "{}"]])
    add("llama", 'I say {"name": "add", "parameters": {}}', 'I say {"name": "add", "parameters": {}}')
    add("llama", '<|python_tag|>brave_search.call(query="x")', 'brave_search.call(query="x")')
    add("llama", llama(WEATHER) + " and", " and", [WEATHER])
    print("[" + ",\n".join(json.dumps(v, ensure_ascii=False) for v in out) + "]")


if __name__ == "__main__":
    main()
