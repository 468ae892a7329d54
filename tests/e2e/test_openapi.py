"""The document that describes the API, and the server held to it."""

import json
import subprocess
import urllib.request
from pathlib import Path

import pytest
import schemathesis
from demo_model import BINARY, DEMO, MODEL
from hypothesis import HealthCheck, settings
from server_process import Server

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads(subprocess.run([BINARY, "openapi"], capture_output=True, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def small() -> Server:
    """A server whose answers end soon, whatever is asked."""
    server = Server(str(DEMO), "--context", "64")
    yield server
    assert server.process.poll() is None, "the server died"
    assert server.stop() == 0


def test_the_server_gives_the_document(small):
    with urllib.request.urlopen(small.url + "/openapi.json") as response:
        assert json.load(response) == DOCUMENT


def test_the_page(small):
    with urllib.request.urlopen(small.url + "/docs") as response:
        assert response.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in response.headers["content-security-policy"]
        page = response.read().decode()
    assert "/v1/chat/completions" in page


def test_the_reference_lists_every_route():
    rows = subprocess.run([BINARY, "openapi", "--rows"], capture_output=True, text=True, check=True).stdout
    assert rows in (ROOT / "docs/api.md").read_text("utf-8"), "docs/api.md: paste what `holdfast openapi --rows` prints"
    chinese = (ROOT / "docs/api.zh.md").read_text("utf-8")
    for row in rows.splitlines():
        route, permission, metered, _ = (cell.strip() for cell in row.strip("|").split("|", 3))
        assert f"| {route} | {permission} | {'是' if metered else ''} |".replace("|  |", "| |") in chinese.replace(
            "|  |", "| |"
        ), route


schema = schemathesis.openapi.from_dict(DOCUMENT)


@schema.hook
def map_body(context, body):
    """Most of what is made up would name no model: let it reach further."""
    if isinstance(body, dict) and isinstance(body.get("model"), str):
        body["model"] = MODEL
    return body


@schema.parametrize()
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_nothing_that_fits_the_document_breaks_the_server(case, small):
    response = case.call(base_url=small.url)
    assert response.status_code < 500, response.text
    if response.status_code == 200 and response.headers["content-type"] == "application/json":
        case.validate_response(response, checks=(schemathesis.checks.not_a_server_error,))
