"""Text completions through the official client."""

import pytest
from demo_model import MODEL


def complete(client, prompt="12 + 13 = ", **fields):
    return client.completions.create(model=MODEL, prompt=prompt, **fields)


def test_the_whole_answer(client):
    answer = complete(client, temperature=0, max_tokens=10)
    assert answer.id.startswith("cmpl-")
    assert answer.object == "text_completion"
    assert answer.model == MODEL
    (choice,) = answer.choices
    assert choice.index == 0
    assert choice.finish_reason in ("stop", "length")
    assert choice.logprobs is None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_sixteen_tokens_by_default(client):
    answer = complete(client, extra_body={"ignore_eos": True})
    assert answer.usage.completion_tokens == 16


def test_the_stream_tells_the_same(client):
    fields = {"temperature": 1.0, "seed": 3, "max_tokens": 30}
    whole = complete(client, **fields)
    chunks = list(complete(client, stream=True, stream_options={"include_usage": True}, **fields))
    *pieces, usage = chunks
    assert "".join(chunk.choices[0].text for chunk in pieces) == whole.choices[0].text
    assert len({chunk.id for chunk in chunks}) == 1
    assert len({chunk.created for chunk in chunks}) == 1
    assert {chunk.object for chunk in chunks} == {"text_completion"}
    reasons = [chunk.choices[0].finish_reason for chunk in pieces]
    assert reasons == [None] * (len(pieces) - 1) + [whole.choices[0].finish_reason]
    assert usage.choices == []
    assert usage.usage.total_tokens == whole.usage.total_tokens


def test_several_prompts_and_choices(client):
    bias = {str(token): 100 for token in range(300, 316)}  # between which chance decides
    fields = {"temperature": 2.0, "logit_bias": bias, "seed": 11, "max_tokens": 12}
    prompts = ["one ", "二 ", "3 "]
    answer = complete(client, prompts, n=2, **fields)
    assert [choice.index for choice in answer.choices] == list(range(6))
    alone = [complete(client, prompt, n=2, **fields) for prompt in prompts]
    texts = [choice.text for one in alone for choice in one.choices]
    assert [choice.text for choice in answer.choices] == texts
    assert len(set(texts)) == 6
    assert answer.usage.prompt_tokens == sum(one.usage.prompt_tokens for one in alone)
    streamed = [""] * 6
    for chunk in complete(client, prompts, n=2, stream=True, **fields):
        streamed[chunk.choices[0].index] += chunk.choices[0].text
    assert streamed == texts


def test_token_prompts(client):
    fields = {"temperature": 0, "max_tokens": 8}
    tokens = [[300, 301, 302], [400, 401]]
    both = complete(client, tokens, **fields)
    for choice, prompt in zip(both.choices, tokens, strict=True):
        alone = complete(client, prompt, **fields)
        assert alone.usage.prompt_tokens == len(prompt)
        assert alone.choices[0].text == choice.text


def test_echo(client):
    plain = complete(client, temperature=0, max_tokens=6).choices[0].text
    echoed = complete(client, temperature=0, max_tokens=6, echo=True)
    assert echoed.choices[0].text == "12 + 13 = " + plain
    chunks = list(complete(client, temperature=0, max_tokens=6, echo=True, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "12 + 13 = " + plain


def test_logprobs(client):
    choice = complete(client, temperature=0, max_tokens=10, logprobs=3, extra_body={"ignore_eos": True}).choices[0]
    logprobs = choice.logprobs
    assert "".join(logprobs.tokens) == choice.text
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == len(logprobs.text_offset) == 10
    for token, logprob, top in zip(logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs, strict=True):
        assert len(top) == 3
        assert top[token] == logprob == max(top.values())
    for token, offset in zip(logprobs.tokens, logprobs.text_offset, strict=True):
        assert choice.text[offset : offset + len(token)] == token
    chunks = list(complete(client, temperature=0, max_tokens=10, logprobs=3, stream=True,
                           extra_body={"ignore_eos": True}))  # fmt: skip
    streamed = [chunk.choices[0].logprobs for chunk in chunks if chunk.choices[0].logprobs]
    for field in ("tokens", "token_logprobs", "text_offset"):
        assert [value for part in streamed for value in getattr(part, field)] == getattr(logprobs, field)


def test_stop(client):
    text = complete(client, temperature=0, max_tokens=16, extra_body={"ignore_eos": True}).choices[0].text
    stop = text[3:5]
    answer = complete(client, temperature=0, max_tokens=16, stop=[stop], extra_body={"ignore_eos": True})
    assert answer.choices[0].text == text[: text.index(stop)]
    assert answer.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("prompt", ["", " ", "\n\n", "中文 🎉", "\u0000"])
def test_odd_prompts(client, prompt):
    """An answer, or an error that says why not; never a crash."""
    import openai

    try:
        assert complete(client, prompt, max_tokens=3).choices
    except openai.BadRequestError as error:
        assert error.param == "prompt"
