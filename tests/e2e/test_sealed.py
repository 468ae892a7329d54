"""seal, unseal, keys, and sealed models, from outside: an independent opener and maker, and a token (SoftHSM2)."""

import json
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from demo_model import BINARY, DEMO, sanitized
from sealed_format import CHUNK, key_of_file, make_sealed, open_sealed

SIZES = [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7]
MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")


def run(*arguments: object, env: dict | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, env=env)


def ok(*arguments: object, env: dict | None = None) -> str:
    done = run(*arguments, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def key(tmp_path: Path) -> Path:
    ok("keys", "generate", tmp_path / "key")
    return tmp_path / "key"


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text("correct horse\n")
    return path


@pytest.mark.parametrize("size", SIZES)
def test_python_opens_ours_and_we_open_pythons(tmp_path: Path, key: Path, passphrase: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    (tmp_path / "plain").write_bytes(content)
    ok("seal", tmp_path / "plain", tmp_path / "sealed", "--key", key, "--passphrase-file", passphrase)
    sealed = (tmp_path / "sealed").read_bytes()
    assert open_sealed(sealed, key=key_of_file(key)) == content
    if size == SIZES[-1]:
        assert open_sealed(sealed, passphrase=b"correct horse") == content
    made = make_sealed(content, key=key_of_file(key), passphrase=b"correct horse")
    (tmp_path / "made").write_bytes(made)
    for option, value in (("--key", key), ("--passphrase-file", passphrase)):
        ok("unseal", tmp_path / "made", tmp_path / "out", option, value, "--force")
        assert (tmp_path / "out").read_bytes() == content


def test_a_sealed_model_answers_like_the_plain_one(tmp_path: Path, key: Path) -> None:
    ok("seal", DEMO, tmp_path / "model.gguf", "--key", key)
    question = ("--prompt", "What is 37 + 58?", "--max-tokens", 24, "--json")
    assert ok("generate", tmp_path / "model.gguf", "--key", key, *question) == ok("generate", DEMO, *question)


def test_a_damaged_model_computes_nothing(tmp_path: Path, key: Path) -> None:
    ok("seal", DEMO, tmp_path / "model.gguf", "--key", key)
    data = bytearray((tmp_path / "model.gguf").read_bytes())
    data[4096 + 2 * (CHUNK + 16) + 99] ^= 4
    (tmp_path / "model.gguf").write_bytes(data)
    done = run("generate", tmp_path / "model.gguf", "--key", key, "--prompt", "x")
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"chunk 2, byte {4096 + 2 * (CHUNK + 16)}" in done.stderr


def test_without_the_right_key(tmp_path: Path, key: Path, passphrase: Path) -> None:
    ok("seal", DEMO, tmp_path / "model.gguf", "--key", key)
    for arguments in ((), ("--passphrase-file", passphrase)):
        done = run("generate", tmp_path / "model.gguf", "--prompt", "x", *arguments)
        assert done.returncode == 1
        assert "sealed" in done.stderr
        assert "the key file" in done.stderr


def test_keys_are_exchanged_without_touching_the_content(tmp_path: Path, key: Path, passphrase: Path) -> None:
    (tmp_path / "plain").write_bytes(b"content")
    ok("seal", tmp_path / "plain", tmp_path / "sealed", "--key", key)
    before = (tmp_path / "sealed").read_bytes()
    ok("keys", "rotate", tmp_path / "sealed", "--key", key, "--new-passphrase-file", passphrase)
    after = (tmp_path / "sealed").read_bytes()
    assert after[4096:] == before[4096:]
    assert open_sealed(after, passphrase=b"correct horse") == b"content"
    assert run("unseal", tmp_path / "sealed", tmp_path / "out", "--key", key).returncode == 1
    shown = json.loads(ok("keys", "show", tmp_path / "sealed", "--passphrase-file", passphrase, "--json"))
    assert shown["genuine"]
    assert shown["keys"] == ["a passphrase"]


class Token:
    """A token of SoftHSM2 in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.tokens = folder / "tokens"
        self.tokens.mkdir()
        (folder / "softhsm.conf").write_text(f"directories.tokendir = {self.tokens}\n")
        self.env = os.environ | {"SOFTHSM2_CONF": str(folder / "softhsm.conf")}
        command = ["softhsm2-util", "--init-token", "--free", "--label", "test", "--pin", "1234", "--so-pin", "5678"]
        subprocess.run(command, env=self.env, check=True, capture_output=True)
        self.pin = folder / "pin"
        self.pin.touch(mode=0o600)
        self.pin.write_text("1234\n")

    def uri(self, name: str) -> str:
        return f"pkcs11:token=test;object={name}?module-path={MODULE}"


@pytest.fixture
def token(tmp_path: Path) -> Token:
    if not MODULE.exists():
        pytest.skip("needs SoftHSM2")
    return Token(tmp_path)


def test_a_key_in_a_token(tmp_path: Path, token: Token) -> None:
    key = (token.uri("master"), "--pin-file", token.pin)
    ok("keys", "generate", *key, env=token.env)
    assert "already" in run("keys", "generate", *key, env=token.env).stderr
    ok("seal", DEMO, tmp_path / "model.gguf", "--key", *key, env=token.env)
    question = ("--prompt", "What is 37 + 58?", "--max-tokens", 12, "--json")
    assert ok("generate", tmp_path / "model.gguf", "--key", *key, *question, env=token.env) == ok(
        "generate", DEMO, *question
    )
    assert "master" in ok("keys", "show", tmp_path / "model.gguf")

    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("9999")
    done = run("unseal", tmp_path / "model.gguf", tmp_path / "out", "--key", key[0], "--pin-file", wrong, env=token.env)
    assert (done.returncode, "the PIN is wrong" in done.stderr) == (1, True), done.stderr

    shutil.move(token.tokens, tmp_path / "away")
    token.tokens.mkdir()
    done = run("unseal", tmp_path / "model.gguf", tmp_path / "out", "--key", *key, env=token.env)
    assert (done.returncode, "the token is not there" in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "out").exists()


def test_a_pin_on_the_command_line_is_refused(tmp_path: Path, token: Token) -> None:
    done = run("seal", DEMO, tmp_path / "x", "--key", token.uri("k") + "&pin-value=1234", env=token.env)
    assert done.returncode != 0
    assert "has a PIN in it" in done.stderr
    assert "1234" not in done.stderr


def test_a_token_removed_while_serving_changes_nothing(tmp_path: Path, token: Token, start_server) -> None:
    key = (token.uri("master"), "--pin-file", token.pin)
    ok("keys", "generate", *key, env=token.env)
    ok("seal", DEMO, tmp_path / "model.gguf", "--key", *key, env=token.env)
    old = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = token.env["SOFTHSM2_CONF"]
    try:
        server = start_server(str(tmp_path / "model.gguf"), "--key", *map(str, key))
    finally:
        if old is None:
            del os.environ["SOFTHSM2_CONF"]
        else:
            os.environ["SOFTHSM2_CONF"] = old
    shutil.move(token.tokens, tmp_path / "away")
    client = server.client()
    name = client.models.list().data[-1].id
    answer = client.completions.create(model=name, prompt="1 + 1 =", max_tokens=4, temperature=0)
    assert answer.usage.completion_tokens > 0


def test_the_memory_of_a_sealed_model_reaches_no_disk(tmp_path: Path, key: Path, start_server) -> None:
    ok("seal", DEMO, tmp_path / "model.gguf", "--key", key)
    server = start_server(str(tmp_path / "model.gguf"), "--key", str(key))
    status = dict(line.split(":", 1) for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines())
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    locked = int(status["VmLck"].split()[0])
    mine = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    if int(mine["CapEff"], 16) & (1 << 14) and not sanitized():  # CAP_IPC_LOCK
        assert locked > DEMO.stat().st_size // 1024
