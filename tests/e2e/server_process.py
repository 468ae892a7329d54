"""`holdfast serve` with the demo model as a child process."""

import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import openai
from demo_model import BINARY


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
