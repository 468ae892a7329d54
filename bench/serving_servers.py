"""Holdfast and llama-server as child processes, started alike: the same file, threads, slots and context."""

import json
import os
import re
import resource
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import peer
from contestants import HOLDFAST


def raise_descriptors() -> None:
    """As many descriptors as we may have, for us and for the servers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Server:
    """One server; `name` is the contestant's."""

    name = ""

    def __init__(self, command: list, environment: dict[str, str] | None = None) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="serving-")
        words = [str(word) for word in command]
        with (Path(self.folder.name) / "log").open("w") as log:
            self.process = subprocess.Popen(
                words,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"HOLDFAST_HOME": self.folder.name} | (environment or {}),
                cwd=self.folder.name,
            )
        self.host, self.port = "127.0.0.1", 0
        self.model = ""

    def memory_mib(self) -> float:
        """Resident now, of which mapped files (the weights) are a constant part."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def said(self) -> str:
        return (Path(self.folder.name) / "log").read_text("utf-8", "replace")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()


class Holdfast(Server):
    name = "Holdfast"

    def __init__(self, model: Path | str, threads: int, slots: int, context: int, isa: str, *more: str) -> None:
        command = [HOLDFAST, "--log-level", "warn", "serve", *([model] if model else []), "--port", "0", "--json"]
        command += ["--insecure-loopback", "--threads", threads, "--parallel", slots, "--audit", "off"]
        # The context is one sequence's here and everybody's there; so the memory is the same.
        command += ["--context", context, *more]
        super().__init__(command, {} if isa == "native" else {"HOLDFAST_ISA": isa})
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"serving: Holdfast did not start:\n{self.said()[-2000:]}")
        announced = json.loads(line)
        self.port, self.model = announced["port"], announced["models"][0]

    def facts(self) -> dict:
        with urllib.request.urlopen(f"http://{self.host}:{self.port}/health") as response:
            return json.load(response)["models"][0]


class LlamaServer(Server):
    name = "llama-server"

    def __init__(self, model: Path, threads: int, slots: int, context: int, isa: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [peer.build(isa) / "llama-server", "-m", Path(model).resolve(), "-t", threads, "-np", slots]
        command += ["-c", context * slots, "--host", "127.0.0.1", "--port", port, "--no-webui"]
        super().__init__(command)
        self.port, self.model = port, "model"
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"serving: llama-server did not start:\n{self.said()[-2000:]}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                    return
            except OSError:
                time.sleep(0.05)


def start(name: str, model: Path, threads: int, slots: int, context: int, isa: str) -> Server:
    kind = Holdfast if name == Holdfast.name else LlamaServer
    return kind(model, threads, slots, context, isa)
