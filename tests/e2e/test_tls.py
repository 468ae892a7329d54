"""TLS as clients meet it: the openssl command line, Python's ssl, and OpenAI's client."""

import contextlib
import json
import signal
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from demo_model import DEMO, MODEL
from raw import Raw, exchange, post
from server_process import Server
from tls import Authority, s_client

QUESTION = {"model": MODEL, "messages": [{"role": "user", "content": "What is 37 + 58?"}], "seed": 1}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that was given no certificate."""
    server = Server(str(DEMO), home=tmp_path_factory.mktemp("home"))
    yield server
    assert server.stop() == 0


def get(port: int, context: ssl.SSLContext, path: str = "/health") -> dict:
    with urllib.request.urlopen(f"https://127.0.0.1:{port}{path}", context=context) as response:
        return json.load(response)


def certificate_of(port: int, authority: Path) -> dict:
    context = ssl.create_default_context(cafile=str(authority))
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        return secured.getpeercert()


def reload(server: Server) -> str:
    """Sends SIGHUP; what the log says of it."""
    server.process.send_signal(signal.SIGHUP)
    while "reloaded" not in (line := server.process.stderr.readline()):
        assert line
    return line


def test_openai_client_trusts_the_private_authority(secure):
    assert secure.url.startswith("https://")
    trusting = ssl.create_default_context(cafile=secure.announced["ca"])
    with openai.OpenAI(
        base_url=secure.url + "/v1",
        api_key=secure.key,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(verify=trusting),
    ) as client:
        answer = client.chat.completions.create(**QUESTION)
        assert "95" in answer.choices[0].message.content
        streamed = client.chat.completions.create(**QUESTION, stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices) == (
            answer.choices[0].message.content
        )


def test_a_client_that_does_not_trust_it_goes_away(secure):
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        get(secure.port, ssl.create_default_context())


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1", "-tls1_2", "-no_tls1_3"])
def test_older_versions_are_refused(secure, version):
    said = s_client(secure.port, version, "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in said
    assert "alert" in said or "no protocols available" in said


@pytest.mark.parametrize(
    ("suite", "taken"),
    [
        ("TLS_AES_256_GCM_SHA384", True),
        ("TLS_CHACHA20_POLY1305_SHA256", True),
        ("TLS_AES_128_GCM_SHA256", True),
        ("TLS_AES_128_CCM_SHA256", False),
        ("TLS_AES_128_CCM_8_SHA256", False),
    ],
)
def test_suites(secure, suite, taken):
    said = s_client(secure.port, "-ciphersuites", suite, "-CAfile", secure.announced["ca"])
    assert (f"TLSv1.3, Cipher is {suite}" in said) == taken
    assert ("BEGIN CERTIFICATE" in said) == taken
    assert "Verify return code: 0 (ok)" in said


def test_alpn(secure):
    assert "ALPN protocol: http/1.1" in s_client(secure.port, "-alpn", "h2,http/1.1")
    assert "no application protocol" in s_client(secure.port, "-alpn", "h2")


def test_no_tickets_no_early_data(secure):
    said = s_client(secure.port)
    assert "No ALPN negotiated" in said
    assert "Early data was not sent" in said
    assert "New Session Ticket" not in said


def test_plain_http_gets_an_answer_it_can_read(secure):
    status, _, body = exchange(secure.port, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status == 400
    assert json.loads(body)["error"]["code"] == "tls_required"


@pytest.mark.parametrize(
    "noise", [b"\x00" * 500, b"\x16\x03\x01\xff\xff" + b"a" * 70000, b"\x16\x03\x01\x00\x05hello", b"\x80" * 9]
)
def test_noise_instead_of_a_handshake(secure, noise):
    with Raw(secure.port) as raw:
        with contextlib.suppress(OSError):  # it may have closed already
            raw.send(noise)
            raw.socket.shutdown(socket.SHUT_WR)
        assert len(raw.rest()) < 100
    assert get(secure.port, ssl.create_default_context(cafile=secure.announced["ca"]))["status"] == "ok"


def test_the_authority_is_kept(secure, start_server):
    home = Path(secure.announced["ca"]).parent.parent
    assert (home / "tls/ca.key").stat().st_mode & 0o777 == 0o600
    assert (home / "tls/server.key").stat().st_mode & 0o777 == 0o600
    before = (home / "tls/server.pem").read_text()
    again = start_server(home=home)
    assert certificate_of(again.port, Path(secure.announced["ca"]))
    assert (home / "tls/server.pem").read_text() == before
    start_server("--tls-name", "models.example", home=home)
    names = certificate_of(start_server(home=home).port, Path(secure.announced["ca"]))["subjectAltName"]
    assert ("IP Address", "127.0.0.1") in names
    assert ("DNS", "models.example") in names


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def with_certificate(start_server, authority: Authority, tmp_path: Path, *arguments: str) -> Server:
    certificate, key = authority.sign("server", "/CN=first")
    return start_server("--tls-cert", str(certificate), "--tls-key", str(key), *arguments, home=tmp_path / "home")


def test_reload_under_100_streams_drops_none(start_server, authority, tmp_path):
    server = with_certificate(start_server, authority, tmp_path)
    context = ssl.create_default_context(cafile=str(authority.file))
    body = json.dumps(QUESTION | {"stream": True, "max_tokens": 150, "ignore_eos": True}).encode()
    streams = []
    for _ in range(100):
        raw = Raw(server.port)
        raw.socket = context.wrap_socket(raw.socket, server_hostname="localhost")
        raw.send(post("/v1/chat/completions", body, f"Authorization: Bearer {server.key}"))
        streams.append(raw)
    for raw in streams:
        assert b"200 OK" in raw.until(b"\r\n\r\n")
    authority.sign("server", "/CN=second")
    server.process.send_signal(signal.SIGHUP)
    while certificate_of(server.port, authority.file)["subject"] != ((("commonName", "second"),),):
        pass
    for raw in streams:
        assert raw.until(b"data: [DONE]\n\n").endswith(b"data: [DONE]\n\n")
        raw.socket.close()


def test_reload_is_all_or_nothing(start_server, authority, tmp_path):
    server = with_certificate(start_server, authority, tmp_path)
    (tmp_path / "server.key").write_bytes((tmp_path / "authority.key").read_bytes())
    assert "nothing reloaded" in reload(server)
    assert certificate_of(server.port, authority.file)["subject"] == ((("commonName", "first"),),)
    (tmp_path / "server.pem").write_text("no certificate")
    assert "nothing reloaded" in reload(server)
    assert certificate_of(server.port, authority.file)["subject"] == ((("commonName", "first"),),)


def test_client_certificates(start_server, authority, tmp_path):
    server = with_certificate(start_server, authority, tmp_path, "--client-ca", str(authority.file))
    context = ssl.create_default_context(cafile=str(authority.file))
    with pytest.raises((ssl.SSLError, urllib.error.URLError)):
        get(server.port, context)
    (tmp_path / "other").mkdir()
    stranger = ssl.create_default_context(cafile=str(authority.file))
    stranger.load_cert_chain(*Authority(tmp_path / "other").sign("anna", "/CN=anna"))
    with pytest.raises((ssl.SSLError, urllib.error.URLError)):
        get(server.port, stranger)
    context.load_cert_chain(*authority.sign("anna", "/O=Clinic/CN=anna"))
    assert get(server.port, context)["status"] == "ok"


def test_wrong_certificates_are_named(authority, tmp_path):
    def complaint(*arguments: str) -> str:
        with pytest.raises(RuntimeError) as caught:
            Server(str(DEMO), *arguments, home=tmp_path / "home")
        return str(caught.value)

    certificate, key = authority.sign("server", "/CN=first")
    assert "--tls-key" in complaint("--tls-cert", str(certificate))
    assert "nowhere.pem" in complaint("--tls-cert", "nowhere.pem", "--tls-key", str(key))
    assert "authority.key" in complaint("--tls-cert", str(certificate), "--tls-key", str(tmp_path / "authority.key"))
    assert "plain HTTP" in complaint("--insecure-loopback", "--tls-cert", str(certificate), "--tls-key", str(key))


def test_unix_socket(start_server, tmp_path):
    path = tmp_path / "holdfast.sock"
    server = start_server("--unix", str(path), home=tmp_path / "home")
    assert server.url == f"unix:{path}"
    assert path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: holdfast\r\nConnection: close\r\n\r\n")
        answer = b""
        while more := connection.recv(65536):
            answer += more
    assert b"200 OK" in answer
    assert MODEL.encode() in answer
    server.stop()
    assert not path.exists()


def test_sslyze(secure):
    """Mozilla's own judgement, where sslyze is installed."""
    sslyze = pytest.importorskip("sslyze")
    scanner = sslyze.Scanner()
    scanner.queue_scans([sslyze.ServerScanRequest(sslyze.ServerNetworkLocation("localhost", secure.port, "127.0.0.1"))])
    (result,) = scanner.get_results()
    scan = result.scan_result
    for old in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2"):
        assert not getattr(scan, f"{old}_cipher_suites").result.accepted_cipher_suites
    assert {suite.cipher_suite.name for suite in scan.tls_1_3_cipher_suites.result.accepted_cipher_suites} == {
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_128_GCM_SHA256",
    }
    assert not scan.tls_compression.result.supports_compression
    assert not scan.tls_1_3_early_data.result.supports_early_data
    assert not scan.heartbleed.result.is_vulnerable_to_heartbleed
