"""/metrics, read by Prometheus' own parser."""

import json
import re
import urllib.request
from pathlib import Path

from demo_model import MODEL
from prometheus_client.parser import text_string_to_metric_families
from raw import exchange, post

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(server) -> Samples:
    with urllib.request.urlopen(server.url + "/metrics") as response:
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        text = response.read().decode()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def test_what_is_counted(start_server):
    server = start_server()
    ask = {"model": MODEL, "messages": [{"role": "user", "content": "What is 37 + 58?"}], "seed": 1}
    with server.client() as client:
        answers = [client.chat.completions.create(**ask) for _ in range(2)]
        list(client.chat.completions.create(**ask, stream=True))
    assert exchange(server.port, post("/v1/chat/completions", b"{"))[0] == 400
    samples = read(server)
    of = {"model": MODEL, "tenant": ""}
    usage = [answer.usage for answer in answers]
    assert value(samples, "holdfast_prompt_tokens_total", **of) == 3 * usage[0].prompt_tokens
    assert value(samples, "holdfast_generated_tokens_total", **of) == 3 * usage[0].completion_tokens
    assert value(samples, "holdfast_cached_prompt_tokens_total", **of) >= usage[1].prompt_tokens_details.cached_tokens
    reasoning = usage[0].completion_tokens_details.reasoning_tokens
    assert value(samples, "holdfast_reasoning_tokens_total", **of) == 3 * reasoning
    for name in ("time_to_first_token", "answer"):
        assert value(samples, f"holdfast_{name}_seconds_count", **of) == 3
        assert value(samples, f"holdfast_{name}_seconds_bucket", le="+Inf", **of) == 3
    assert value(samples, "holdfast_time_to_first_token_seconds_sum", **of) <= value(
        samples, "holdfast_answer_seconds_sum", **of
    )
    assert value(samples, "holdfast_inter_token_seconds_count", **of) > 3
    route = "/v1/chat/completions"
    assert value(samples, "holdfast_requests_total", route=route, status="200") == 3
    assert value(samples, "holdfast_requests_total", route=route, status="400") == 1
    assert value(samples, "holdfast_ready") == 1
    assert value(samples, "holdfast_connections") >= 1
    assert value(samples, "holdfast_kv_pages", model=MODEL) > 0
    assert value(samples, "holdfast_kv_pages_used", model=MODEL) == 0
    assert value(samples, "holdfast_steps_total", model=MODEL) > 0


def test_the_dashboard_asks_for_what_there_is(server):
    """Every metric that deploy/grafana names is one the server tells."""
    with server.client() as client:
        client.completions.create(model=MODEL, prompt="a", max_tokens=3)
    names = {name for name, _ in read(server)}
    board = json.loads((Path(__file__).resolve().parents[2] / "deploy/grafana/holdfast.json").read_text())
    asked = set()
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["type"] in ("timeseries", "stat", "row")
        for target in panel.get("targets", []):
            asked |= set(re.findall(r"holdfast_[a-z_]+", target["expr"]))
    assert asked
    assert asked <= names
