"""Keys, roles and quotas, from the command line to OpenAI's client."""

import json
import os
import ssl
import subprocess
import time
from pathlib import Path

import openai
import pytest
from demo_model import BINARY, MODEL
from raw import exchange, post
from tls import Authority

POLICY = """\
roles:
  data_scientist:
    permissions: [model:read, model:fine_tune]
  auditor:
    permissions: [log:view]
  trainee:
    permissions: [model:read]
    thinking: hidden
  brief:
    permissions: [model:read]
    thinking: counted
    thinking_budget: 4
  elsewhere:
    permissions: [model:read]
    models: [other-*]
  frugal:
    permissions: [model:read]
    quotas: {requests: {per_day: 2}, concurrency: 1}
users:
  anna: {roles: [data_scientist], certificates: ["CN=anna,O=Clinic"]}
"""
QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "What is 37 + 58?"}], "seed": 1}


def access(home: Path, *arguments: str, status: int = 0) -> dict:
    done = subprocess.run(
        [BINARY, "access", *arguments, "--json"],
        capture_output=True,
        text=True,
        env=os.environ | {"HOLDFAST_HOME": str(home)},
    )
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if done.stdout else {"error": done.stderr}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "access_control.yaml").write_text(POLICY)
    return tmp_path


class Secure:
    """A server over TLS with the policy above."""

    def __init__(self, home: Path, server) -> None:
        self.home = home
        self.server = server

    def client(self, key: str) -> openai.OpenAI:
        trusting = ssl.create_default_context(cafile=self.server.announced["ca"])
        return openai.OpenAI(
            base_url=self.server.url + "/v1",
            api_key=key,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(verify=trusting),
        )

    def key(self, role: str, *arguments: str) -> str:
        return access(self.home, "key", "create", f"a-{role}", "--role", role, *arguments)["key"]


@pytest.fixture
def secure(home: Path, start_server) -> Secure:
    return Secure(home, start_server(home=home))


def test_roles_decide(secure):
    with secure.client(secure.key("data_scientist")) as client:
        assert [model.id for model in client.models.list()] == [MODEL]
        answer = client.chat.completions.create(**QUESTION)
        assert "95" in answer.choices[0].message.content
        assert answer.choices[0].message.reasoning_content
    with secure.client(secure.key("auditor")) as client:
        with pytest.raises(openai.PermissionDeniedError) as denied:
            client.chat.completions.create(**QUESTION)
        assert denied.value.code == "permission_denied"
        with pytest.raises(openai.PermissionDeniedError):
            client.models.list()
    with secure.client("hfk_wrong") as client, pytest.raises(openai.AuthenticationError) as unknown:
        client.models.list()
    assert unknown.value.code == "invalid_api_key"
    assert "Bearer" in unknown.value.response.headers["www-authenticate"]
    failures = access(secure.home, "failures")["failures"]
    while not failures:  # written within a second
        failures = access(secure.home, "failures")["failures"]
    assert failures[0]["peer"] == "127.0.0.1"


def test_scopes_rotation_and_revocation(secure):
    made = access(secure.home, "key", "create", "anna", "--scope", "model:list", "--expires", "1d", "--note", "laptop")
    with secure.client(made["key"]) as client:
        assert client.models.list().data
        with pytest.raises(openai.PermissionDeniedError):
            client.chat.completions.create(**QUESTION)
    rotated = access(secure.home, "key", "rotate", made["id"], "--overlap", "1h")
    for key in (made["key"], rotated["key"]):
        with secure.client(key) as client:
            assert client.models.list().data
    access(secure.home, "key", "revoke", made["id"])
    with secure.client(made["key"]) as client, pytest.raises(openai.AuthenticationError):
        client.models.list()
    states = {key["id"]: key["state"] for key in access(secure.home, "key", "list")["keys"]}
    assert states == {made["id"]: "revoked", rotated["id"]: "good"}
    assert "hfk_" not in json.dumps(access(secure.home, "key", "list"))


def test_thinking_can_be_hidden(secure):
    with secure.client(secure.key("trainee")) as client:
        answer = client.chat.completions.create(**QUESTION, logprobs=True)
        assert getattr(answer.choices[0].message, "reasoning_content", None) in (None, "")
        assert not (answer.choices[0].logprobs.model_extra or {}).get("reasoning_content")
        assert answer.usage.completion_tokens_details.reasoning_tokens > 0
        for chunk in client.chat.completions.create(**QUESTION, stream=True):
            assert not chunk.choices or not getattr(chunk.choices[0].delta, "reasoning_content", None)
        with pytest.raises(openai.PermissionDeniedError) as denied:
            client.completions.create(model=MODEL, prompt="37 + 58 =")
        assert denied.value.code == "thinking_hidden"


def test_thinking_can_be_short_and_counted(secure):
    more = {"reasoning": {"max_tokens": 1000, "visibility": "shown"}}
    with secure.client(secure.key("brief")) as client:
        answer = client.chat.completions.create(**QUESTION, extra_body=more)
        (choice,) = answer.choices
        assert choice.reasoning_finish_reason == "budget"
        assert choice.message.content and choice.message.reasoning_content is None
        told = choice.message.reasoning_tokens
        assert told == answer.usage.completion_tokens_details.reasoning_tokens <= 7


def test_models_can_be_hidden(secure):
    with secure.client(secure.key("elsewhere")) as client:
        assert client.models.list().data == []
        with pytest.raises(openai.NotFoundError) as unknown:
            client.chat.completions.create(**QUESTION)
        assert MODEL not in unknown.value.message.replace(f"'{MODEL}' does not exist", "")


def test_quotas_outlive_the_server(secure, start_server):
    key = secure.key("frugal")
    with secure.client(key) as client:
        for _ in range(2):
            client.chat.completions.create(**QUESTION)
        with pytest.raises(openai.RateLimitError) as refused:
            client.chat.completions.create(**QUESTION)
        assert "2 of 2 requests this day" in refused.value.message
        assert int(refused.value.response.headers["retry-after"]) > 0
        assert client.models.list().data, "looking is free"
    secure.server.stop()
    again = Secure(secure.home, start_server(home=secure.home))
    with again.client(key) as client, pytest.raises(openai.RateLimitError):
        client.chat.completions.create(**QUESTION)


def test_client_certificates_are_users(home, start_server, tmp_path):
    folder = tmp_path / "ca"
    folder.mkdir()
    authority = Authority(folder)
    server = start_server("--client-ca", str(authority.file), home=home)
    for subject, known in (("/O=Clinic/CN=anna", True), ("/O=Clinic/CN=bert", False)):
        context = ssl.create_default_context(cafile=server.announced["ca"])
        context.load_cert_chain(*authority.sign("client", subject))
        with openai.DefaultHttpxClient(verify=context) as http:
            response = http.get(server.url + "/v1/models")
            assert response.status_code == (200 if known else 401), response.text


def test_a_policy_holds_on_loopback_too(home, start_server):
    server = start_server("--insecure-loopback", home=home)
    status, _, body = exchange(server.port, post("/v1/chat/completions", json.dumps(QUESTION).encode()))
    assert status == 401
    assert json.loads(body)["error"]["type"] == "authentication_error"


def test_a_wrong_policy_is_refused_by_line(home, start_server):
    (home / "access_control.yaml").write_text("roles:\n  a: [model:raed]\n")
    with pytest.raises(RuntimeError, match="line 2, column 7"):
        start_server(home=home)


def test_check_explains(home):
    yes = access(home, "check", "anna", "model:fine_tune")
    assert yes["allowed"]
    assert any("line 3" in reason or "line 2" in reason for reason in yes["reasons"])
    assert not access(home, "check", "auditor", "model:read", status=1)["allowed"]
    assert not access(home, "check", "elsewhere", "model:read", "--model", MODEL, status=1)["allowed"]
    assert "did you mean 'model:read'" in access(home, "check", "anna", "model:raed", status=1)["error"]
    assert "neither a user nor a role" in access(home, "check", "zoe", "model:read", status=1)["error"]
    made = access(home, "key", "create", "anna", "--scope", "model:list")
    assert not access(home, "check", f"key:{made['id']}", "model:read", status=1)["allowed"]


def test_keys_that_open_nothing_are_not_made(home):
    assert "no user" in access(home, "key", "create", "zoe", status=1)["error"]
    assert "no role" in access(home, "key", "create", "zoe", "--role", "king", status=1)["error"]
    assert "no permission" in access(home, "key", "create", "anna", "--scope", "x", status=1)["error"]
    assert "no length of time" in access(home, "key", "create", "anna", "--expires", "soon", status=1)["error"]


def test_tokens_of_an_issuer(home, start_server):
    """With tokens that another implementation made, good until 2027."""
    golden = json.loads((Path(__file__).parents[1] / "golden/access/tokens.json").read_text())
    (home / "jwks.json").write_text(json.dumps(golden["jwks"]))
    (home / "access_control.yaml").write_text(
        POLICY + "issuers:\n- {issuer: 'https://id.example', audience: holdfast, jwks_file: jwks.json}\n"
    )
    server = start_server("--insecure-loopback", home=home)
    tokens = {case["name"]: case["token"] for case in golden["cases"]}
    expected = (200,) if time.time() < golden["now"] else (401,)
    head = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\r\n"
    status, _, body = exchange(server.port, head.format(tokens["ES256"]).encode())
    assert status in expected, body
    for attack in ("alg 'none'", "HS256 under the public key", "RS256 with other claims", "ES256 of zeros"):
        status, fields, body = exchange(server.port, head.format(tokens[attack]).encode())
        assert status == 401, attack
        assert "invalid_token" in fields["www-authenticate"]


def test_a_wrong_jwks_is_named(home, start_server):
    (home / "access_control.yaml").write_text(
        POLICY + "issuers:\n- {issuer: i, audience: a, jwks_file: nowhere.json}\n"
    )
    with pytest.raises(RuntimeError, match=r"nowhere\.json"):
        start_server(home=home)
