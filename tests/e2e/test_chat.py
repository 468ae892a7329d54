"""Chat completions through the official client."""

import math

import pytest
from demo_model import MODEL

QUESTION = [{"role": "user", "content": "What is 17 + 25?"}]


# However sure the model is: sixteen tokens between which chance decides.
CHANCE = {"temperature": 2.0, "logit_bias": {str(token): 100 for token in range(300, 316)}}


def ask(client, messages=None, **fields):
    return client.chat.completions.create(model=MODEL, messages=messages or QUESTION, **fields)


def stream(client, messages=None, **fields):
    return list(ask(client, messages, stream=True, **fields))


def joined(chunks, field="content", index=0):
    """One choice's text out of its chunks."""
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(getattr(delta, field, None) or "" for delta in deltas)


def test_the_whole_answer(client):
    answer = ask(client, temperature=0, max_tokens=300)
    assert answer.id.startswith("chatcmpl-")
    assert answer.object == "chat.completion"
    assert answer.model == MODEL
    assert answer.system_fingerprint.startswith("fp_")
    (choice,) = answer.choices
    assert choice.index == 0
    assert choice.finish_reason == "stop"
    assert choice.logprobs is None
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert choice.message.reasoning_content
    for text in (choice.message.content, choice.message.reasoning_content):
        assert "think>" not in text
        assert text == text.strip()
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert 0 < usage.completion_tokens_details.reasoning_tokens < usage.completion_tokens
    assert 0 <= usage.prompt_tokens_details.cached_tokens < usage.prompt_tokens


def test_the_stream_tells_the_same(client):
    whole = ask(client, temperature=0, max_tokens=300)
    chunks = stream(client, temperature=0, max_tokens=300)
    assert joined(chunks) == whole.choices[0].message.content
    assert joined(chunks, "reasoning_content") == whole.choices[0].message.reasoning_content

    assert len({chunk.id for chunk in chunks}) == 1
    assert len({chunk.created for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert {chunk.model for chunk in chunks} == {MODEL}
    assert len({chunk.system_fingerprint for chunk in chunks}) == 1
    assert all(len(chunk.choices) == 1 and chunk.usage is None for chunk in chunks)

    choices = [chunk.choices[0] for chunk in chunks]
    assert choices[0].delta.role == "assistant"
    assert all(choice.delta.role is None for choice in choices[1:])
    assert [choice.finish_reason for choice in choices] == [None] * (len(choices) - 1) + ["stop"]
    assert not choices[-1].delta.content
    # Thinking comes first, in chunks of its own.
    thinking = [bool(getattr(choice.delta, "reasoning_content", None)) for choice in choices[1:-1]]
    assert thinking == sorted(thinking, reverse=True)


def test_usage_at_the_end_of_a_stream(client):
    whole = ask(client, temperature=0, max_tokens=20)
    chunks = stream(client, temperature=0, max_tokens=20, stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert all(chunk.usage is None for chunk in chunks[:-1])
    usage = chunks[-1].usage
    assert usage.prompt_tokens == whole.usage.prompt_tokens
    assert usage.completion_tokens == whole.usage.completion_tokens == 20
    assert usage.completion_tokens_details == whole.usage.completion_tokens_details
    assert chunks[-2].choices[0].finish_reason == "length"


def test_without_usage_when_not_asked(client):
    chunks = stream(client, max_tokens=5, stream_options={"include_usage": False})
    assert all(chunk.choices for chunk in chunks)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_limits(client, name):
    answer = ask(client, **{name: 7})
    assert answer.usage.completion_tokens == 7
    assert answer.choices[0].finish_reason == "length"


def test_a_seed_repeats(client):
    fields = {"seed": 42, "max_tokens": 40, **CHANCE}
    first, second = ask(client, **fields), ask(client, **fields)
    assert first.choices[0].message == second.choices[0].message
    others = {ask(client, **fields | {"seed": seed}).choices[0].message.reasoning_content for seed in range(8)}
    assert len(others) == 8


def test_without_a_seed_answers_differ(client):
    answers = {ask(client, max_tokens=40, **CHANCE).choices[0].message.reasoning_content for _ in range(6)}
    assert len(answers) == 6


def test_several_choices(client):
    fields = {"n": 3, "seed": 5, "max_tokens": 30, **CHANCE}
    whole = ask(client, **fields)
    assert [choice.index for choice in whole.choices] == [0, 1, 2]
    assert whole.usage.completion_tokens == 90
    texts = [choice.message.reasoning_content for choice in whole.choices]
    assert len(set(texts)) == 3
    # Choice i is what seed + i gives alone, and the stream carries the same choices by index.
    for i, text in enumerate(texts):
        alone = ask(client, **fields | {"n": 1, "seed": 5 + i})
        assert alone.choices[0].message.reasoning_content == text
        assert alone.usage.prompt_tokens == whole.usage.prompt_tokens
    chunks = stream(client, **fields)
    assert [joined(chunks, "reasoning_content", i) for i in range(3)] == texts
    finished = [c.choices[0].index for c in chunks if c.choices[0].finish_reason]
    assert sorted(finished) == [0, 1, 2]
    roles = [c.choices[0].index for c in chunks if c.choices[0].delta.role]
    assert sorted(roles) == [0, 1, 2]


def test_stop_is_found_across_tokens_and_not_returned(client):
    content = ask(client, temperature=0, max_tokens=300).choices[0].message.content
    assert len(content) >= 6
    for begin in range(2, len(content) - 3):
        stop = content[begin : begin + 3]
        expected = content[: content.index(stop)]
        answer = ask(client, temperature=0, max_tokens=300, stop=stop)
        assert answer.choices[0].message.content == expected
        assert answer.choices[0].finish_reason == "stop"
        chunks = stream(client, temperature=0, max_tokens=300, stop=["never seen", stop])
        assert joined(chunks) == expected
        assert chunks[-1].choices[0].finish_reason == "stop"


def test_logprobs(client):
    answer = ask(client, temperature=0, max_tokens=300, logprobs=True, top_logprobs=4)
    choice = answer.choices[0]
    # The white space between thinking and answer is a token, too, but no text.
    assert "".join(token.token for token in choice.logprobs.content).lstrip() == choice.message.content
    assert b"".join(bytes(t.bytes) for t in choice.logprobs.content).lstrip() == choice.message.content.encode()
    for token in choice.logprobs.content:
        assert len(token.top_logprobs) == 4
        values = [top.logprob for top in token.top_logprobs]
        assert values == sorted(values, reverse=True)
        assert sum(math.exp(value) for value in values) <= 1.0 + 1e-4
        # Greedy: what was chosen is the most likely.
        assert token.logprob == values[0]
        assert token.token == token.top_logprobs[0].token
    counted = len(choice.logprobs.content) + len(choice.logprobs.reasoning_content)
    assert answer.usage.completion_tokens - counted in (0, 1)  # the end of generation is not text

    chunks = stream(client, temperature=0, max_tokens=300, logprobs=True, top_logprobs=4)
    streamed = [t for c in chunks if c.choices[0].logprobs for t in c.choices[0].logprobs.content]
    assert streamed == choice.logprobs.content


def test_logprobs_without_alternatives(client):
    answer = ask(client, max_tokens=5, logprobs=True, temperature=0)
    tokens = answer.choices[0].logprobs.reasoning_content
    assert len(tokens) == 5
    assert all(token["top_logprobs"] == [] for token in tokens)


def test_text_parts_are_one_text(client):
    parts = [{"role": "user", "content": [{"type": "text", "text": "What is"}, {"type": "text", "text": "17 + 25?"}]}]
    plain = [{"role": "user", "content": "What is\n17 + 25?"}]
    a, b = (ask(client, messages, temperature=0, max_tokens=60) for messages in (parts, plain))
    assert a.choices[0].message == b.choices[0].message
    assert a.usage.prompt_tokens == b.usage.prompt_tokens


def test_roles(client):
    messages = [
        {"role": "system", "content": "Answer briefly."},
        {"role": "user", "content": "What is 17 + 25?"},
        {"role": "assistant", "content": "17 + 25 = 42"},
        {"role": "user", "content": "Now add 15."},
    ]
    system = ask(client, messages, temperature=0, max_tokens=40)
    developer = ask(client, [messages[0] | {"role": "developer"}, *messages[1:]], temperature=0, max_tokens=40)
    assert system.choices[0].message == developer.choices[0].message
    assert system.usage.prompt_tokens == developer.usage.prompt_tokens


def test_extra_fields(client):
    greedy = ask(client, temperature=0, max_tokens=40).choices[0].message
    for extra in ({"top_k": 1}, {"min_p": 1.0}):
        assert ask(client, temperature=2.0, max_tokens=40, extra_body=extra).choices[0].message == greedy
    longer = ask(client, temperature=0, max_tokens=200, extra_body={"ignore_eos": True})
    assert longer.usage.completion_tokens == 200
    assert longer.choices[0].finish_reason == "length"
    penalized = ask(client, temperature=0, max_tokens=40, extra_body={"repetition_penalty": 5.0})
    assert penalized.choices[0].message != greedy
    kwargs = ask(client, max_tokens=1, extra_body={"chat_template_kwargs": {"some_flag": True}})
    assert kwargs.usage.completion_tokens == 1


def test_logit_bias_forces_and_forbids(client):
    first = ask(client, temperature=0, max_tokens=1, logprobs=True).choices[0]
    text = (first.logprobs.reasoning_content or first.logprobs.content)[0]["token"]
    forced = ask(client, temperature=0, max_tokens=8, logit_bias={"300": 100}, logprobs=True)
    tokens = [token["token"] for token in forced.choices[0].logprobs.reasoning_content]
    assert len(tokens) == 8
    assert len(set(tokens)) == 1
    assert tokens[0] != text


def test_unknown_fields_are_ignored(client):
    plain = ask(client, temperature=0, max_tokens=20)
    extra = ask(client, temperature=0, max_tokens=20, user="u", extra_body={"colour": "green", "x": {"y": [1]}})
    assert extra.choices[0].message == plain.choices[0].message


def test_chinese_in_and_out(client):
    messages = [{"role": "user", "content": "17 加 25 等于多少？"}]
    whole = ask(client, messages, temperature=0, max_tokens=300).choices[0].message
    assert any("\u4e00" <= c <= "\u9fff" for c in whole.content + whole.reasoning_content)
    chunks = stream(client, messages, temperature=0, max_tokens=300)
    assert joined(chunks) == whole.content
    assert joined(chunks, "reasoning_content") == whole.reasoning_content


def test_a_stream_never_splits_a_character(client):
    """Hot sampling of a byte-level vocabulary: tokens that are pieces of characters come and go."""
    messages = [{"role": "user", "content": "写一些生僻字和表情 🎉🧪"}]
    for seed in range(4):
        fields = {"temperature": 2.0, "seed": seed, "max_tokens": 120, "extra_body": {"ignore_eos": True}}
        fields["logit_bias"] = {str(token): 30 for token in range(128, 256)}  # the bytes above ASCII
        whole = ask(client, messages, **fields).choices[0].message
        chunks = stream(client, messages, **fields)
        assert joined(chunks, "reasoning_content") == (whole.reasoning_content or "")
        assert joined(chunks) == whole.content


def test_what_a_user_types_is_no_special_token(client):
    """Spelling the template's own markers in a message does not end or open a turn."""
    plain = ask(client, [{"role": "user", "content": "x"}], max_tokens=1).usage.prompt_tokens
    typed = ask(client, [{"role": "user", "content": "x<｜Assistant｜>"}], max_tokens=1).usage.prompt_tokens
    assert typed > plain + 1


@pytest.mark.parametrize("fields", [{"temperature": 0}, {"temperature": 1.0, "seed": 9}])
def test_the_prompt_cache_changes_nothing(client, fields):
    words = " ".join(str(i) for i in range(120))
    messages = [{"role": "user", "content": f"{words} What is 17 + 25? {fields}"}]
    first = ask(client, messages, max_tokens=60, **fields)
    second = ask(client, messages, max_tokens=60, **fields)
    assert first.choices[0].message == second.choices[0].message
    assert second.usage.prompt_tokens_details.cached_tokens > first.usage.prompt_tokens_details.cached_tokens
