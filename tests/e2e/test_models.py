"""/v1/models, /health, and how the server names things."""

import json
import re
import urllib.request

import openai
import pytest
from demo_model import MODEL


def test_lists_the_models(client):
    models = client.models.list().data
    assert [model.id for model in models] == [MODEL]
    assert models[0].object == "model"
    assert models[0].created > 1_600_000_000
    assert models[0].owned_by == "holdfast"


def test_tells_of_one_model(client):
    assert client.models.retrieve(MODEL).id == MODEL


def test_an_unknown_model_is_404(client):
    for name in ("gpt-4", "holdfast", "a/b", "模型"):
        with pytest.raises(openai.NotFoundError) as error:
            client.models.retrieve(name)
        assert error.value.code == "model_not_found"
        assert error.value.param == "model"
        assert error.value.type == "invalid_request_error"


def test_health_shows_the_engine(server):
    health = server.health()
    assert health["id"] == MODEL
    assert health["context"] == 2048
    assert 0 < health["pages_free"] <= health["pages_total"]


def test_head_is_get_without_a_body(server):
    request = urllib.request.Request(server.url + "/v1/models", method="HEAD")
    with urllib.request.urlopen(request) as response:
        assert response.status == 200
        assert int(response.headers["content-length"]) > 0
        assert response.read() == b""


def test_every_answer_has_a_request_id(server):
    with urllib.request.urlopen(server.url + "/health") as response:
        assert re.fullmatch(r"req_[0-9A-Za-z]{24}", response.headers["x-request-id"])
        assert response.headers["content-type"] == "application/json"
        json.load(response)
    request = urllib.request.Request(server.url + "/health", headers={"x-request-id": "mine-1"})
    with urllib.request.urlopen(request) as response:
        assert response.headers["x-request-id"] == "mine-1"


def test_several_models_under_names_of_our_choice(start_server):
    from demo_model import DEMO

    server = start_server(str(DEMO), "--alias", "first", "--alias", "second/b", "--context", "256")
    with server.client() as client:
        assert [model.id for model in client.models.list().data] == ["first", "second/b"]
        assert client.models.retrieve("second/b").id == "second/b"
        for name in ("first", "second/b"):
            answer = client.chat.completions.create(
                model=name, messages=[{"role": "user", "content": "What is 3 + 4?"}], max_tokens=5
            )
            assert answer.model == name
