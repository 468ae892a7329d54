"""A server with the demo model, started once; every end-to-end test talks to it over loopback."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # raw.py, demo_model.py
from demo_model import BINARY, DEMO


class Server:
    """`holdfast serve` as a child process, ready once it has announced its address.

    Plain HTTP on loopback, unless `home` names a folder for the state of a server that speaks TLS.
    """

    def __init__(self, *arguments: str, home: Path | None = None, log_level: str = "warn") -> None:
        # One compute thread: the demo model gains nothing from more, and a busy machine loses.
        command = [BINARY, "--log-level", log_level, "serve", "--port", "0", "--json", "--threads", "1", *arguments]
        if home is None:
            command.append("--insecure-loopback")
        self.scratch = tempfile.TemporaryDirectory(prefix="holdfast-")
        if "--audit" not in arguments:  # servers of one home would write one log
            command += ["--audit", self.scratch.name + "/audit", "--audit-keys", self.scratch.name + "/keys"]
        home = home or Path(self.scratch.name)
        environment = os.environ | {"HOLDFAST_HOME": str(home)}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(command)}: {self.process.communicate()[1]}")
        self.announced = json.loads(line)
        self.url: str = self.announced["url"]
        self.port: int = self.announced.get("port", 0)
        first = home / "first-admin.key"
        self.key = first.read_text().strip() if first.exists() else "none"

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url + "/v1", api_key="none", max_retries=0, timeout=None)

    def health(self) -> dict:
        """What /health tells of the first model."""
        with urllib.request.urlopen(self.url + "/health") as response:
            return json.load(response)["models"][0]

    def wait_for(self, condition) -> dict:
        """The first health for which the condition holds."""
        while not condition(health := self.health()):
            time.sleep(0.002)
        return health

    def wait_until_idle(self) -> dict:
        return self.wait_for(lambda h: h["running"] == 0 and h["waiting"] == 0 and h["pages_free"] == h["pages_total"])

    def stop(self) -> int:
        """Ends it as an operator would; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate()
        self.scratch.cleanup()
        return self.process.returncode


@pytest.fixture(scope="session", autouse=True)
def nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What tests start by themselves leaves no traces either."""
    os.environ["HOLDFAST_HOME"] = str(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server(str(DEMO))
    yield server
    assert server.process.poll() is None, "the server died during the tests"
    assert server.stop() == 0


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    with server.client() as client:
        yield client


@pytest.fixture
def start_server() -> Iterator[type[Server]]:
    """Starts further servers, with arguments of the test's own; they end with the test."""
    started: list[Server] = []

    def start(*arguments: str, **options) -> Server:
        started.append(Server(str(DEMO), *arguments, **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()
