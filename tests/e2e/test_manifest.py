"""manifest create and verify, and loading against a manifest; checked by an independent reader on cryptography."""

import base64
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from demo_model import BINARY, DEMO

CHUNK = 1 << 20
TYPE = "application/vnd.in-toto+json"


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)


def ok(*arguments: object) -> str:
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def pae(payload: bytes) -> bytes:
    return b"DSSEv1 %d %s %d %s" % (len(TYPE), TYPE.encode(), len(payload), payload)


@pytest.fixture(params=["ed25519", "p256"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def key(tmp_path: Path, kind: str) -> Path:
    ok("keys", "generate", tmp_path / "key.pem", "--sign", kind)
    return tmp_path / "key.pem"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    shutil.copy(DEMO, tmp_path / "model.gguf")
    return tmp_path / "model.gguf"


def statement(bundle: Path, public: Path) -> dict:
    """The payload, once the signature has been checked."""
    envelope = json.loads(bundle.read_text())["dsseEnvelope"]
    payload, signature = (base64.b64decode(x) for x in (envelope["payload"], envelope["signatures"][0]["sig"]))
    key = serialization.load_pem_public_key(public.read_bytes())
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, pae(payload))
    else:
        key.verify(signature, pae(payload), ec.ECDSA(hashes.SHA256()))
    return json.loads(payload)


def test_python_reads_ours(tmp_path: Path, model: Path, key: Path) -> None:
    ok("manifest", "create", model, "--sign", key)
    signed = statement(tmp_path / "model.gguf.sig", tmp_path / "key.pem.pub")
    data = model.read_bytes()
    digests = [hashlib.sha256(data[i : i + CHUNK]) for i in range(0, len(data), CHUNK)]
    resources = signed["predicate"]["resources"]
    assert [r["digest"] for r in resources] == [d.hexdigest() for d in digests]
    assert resources[-1]["name"] == f".:{(len(digests) - 1) * CHUNK}:{len(data)}"
    root = hashlib.sha256(b"".join(d.digest() for d in digests)).hexdigest()
    assert signed["subject"][0]["digest"]["sha256"] == root
    shown = json.loads(ok("manifest", "verify", model, "--verify", tmp_path / "key.pem.pub", "--json"))
    assert (shown["sha256"], shown["signature_checked"]) == (root, True)


def test_loading_checks_every_chunk(tmp_path: Path, model: Path, key: Path) -> None:
    question = ("--prompt", "What is 37 + 58?", "--max-tokens", 12, "--json")
    plain = ok("generate", model, *question)
    ok("manifest", "create", model, "--sign", key)
    verify = ("--verify", tmp_path / "key.pem.pub")
    assert ok("generate", model, *verify, *question) == plain
    data = bytearray(model.read_bytes())
    data[3 * CHUNK + 5] ^= 1
    model.write_bytes(data)
    for arguments in (verify, ()):
        done = run("generate", model, *arguments, *question)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"chunk 3, byte {3 * CHUNK}" in done.stderr
    assert f"chunk 3, byte {3 * CHUNK}" in run("manifest", "verify", model, *verify).stderr


def test_sealed_and_signed(tmp_path: Path, model: Path, key: Path) -> None:
    ok("manifest", "create", model, "--sign", key)
    ok("keys", "generate", tmp_path / "k")
    ok("seal", model, tmp_path / "sealed", "--key", tmp_path / "k")
    options = ("--key", tmp_path / "k", "--manifest", f"{model}.sig", "--verify", tmp_path / "key.pem.pub")
    assert "genuine" in ok("manifest", "verify", tmp_path / "sealed", *options)
    question = ("--prompt", "What is 37 + 58?", "--max-tokens", 12, "--json")
    assert ok("generate", tmp_path / "sealed", *options, *question) == ok("generate", model, *question)
    # Another content under the same key: genuine to the seal, not to the manifest.
    data = bytearray(model.read_bytes())
    data[-1] ^= 1
    (tmp_path / "other").write_bytes(data)
    ok("seal", tmp_path / "other", tmp_path / "sealed", "--key", tmp_path / "k", "--force")
    done = run("generate", tmp_path / "sealed", *options, *question)
    assert (done.returncode, "not what the manifest says" in done.stderr) == (1, True), done.stderr


def test_signatures_by_others_are_refused(tmp_path: Path, model: Path, key: Path, kind: str) -> None:
    ok("manifest", "create", model, "--sign", key)
    ok("keys", "generate", tmp_path / "other.pem", "--sign", kind)
    for command in (("manifest", "verify", model), ("generate", model, "--prompt", "x")):
        done = run(*command, "--verify", tmp_path / "other.pem.pub")
        assert (done.returncode, "signature" in done.stderr) == (1, True), done.stderr
    bundle = json.loads((tmp_path / "model.gguf.sig").read_text())
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).replace(b"model.gguf", b"other.gguf")
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    (tmp_path / "model.gguf.sig").write_text(json.dumps(bundle))
    done = run("manifest", "verify", model, "--verify", tmp_path / "key.pem.pub")
    assert (done.returncode, "signature" in done.stderr) == (1, True), done.stderr


def test_a_directory(tmp_path: Path, model: Path, key: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    shutil.move(model, folder / "model.gguf")
    (folder / "sub/README").write_text("hello")
    (folder / "empty").touch()
    ok("manifest", "create", folder, "--sign", key)
    verify = ("--verify", tmp_path / "key.pem.pub")
    assert "2 files" in ok("manifest", "verify", folder, *verify)
    ok("generate", folder / "model.gguf", *verify, "--prompt", "x", "--max-tokens", 1)
    (folder / "new").write_text("x")
    assert "does not name the file 'new'" in run("manifest", "verify", folder, *verify).stderr
    (folder / "new").unlink()
    (folder / "sub/README").unlink()
    assert "a file of the manifest is missing" in run("manifest", "verify", folder, *verify).stderr


def test_without_a_manifest(tmp_path: Path, model: Path, key: Path) -> None:
    done = run("generate", model, "--verify", tmp_path / "key.pem.pub", "--prompt", "x")
    assert (done.returncode, "no manifest" in done.stderr) == (1, True), done.stderr
