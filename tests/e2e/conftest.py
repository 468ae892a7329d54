"""A server with the demo model, started once; every end-to-end test talks to it over loopback."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # raw.py, demo_model.py, server_process.py
from demo_model import DEMO
from server_process import Server


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
