"""Talks to grammar_check, a test program that knows our constraints and nothing else."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("HOLDFAST_BUILD", ROOT / "build/release"))


class Checker:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [str(BUILD / "bin/grammar_check")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, notation: str, text: str, **more) -> dict:
        """{"error"} or {"matches", "samples"}; see grammar_check.cpp."""
        self.process.stdin.write(json.dumps({"notation": notation, "text": text} | more) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"grammar_check died of {text!r}"
        return json.loads(line)

    def close(self) -> None:
        self.process.stdin.close()
        assert self.process.wait() == 0
