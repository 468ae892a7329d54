#!/usr/bin/env python3
"""What --speculate saves on the demonstration model's own questions, and that no answer changes.

Each question goes to a server without guesses and to one for each way of guessing, in turn, one at a time; times are of
whole answers, prompt included.

usage: bench/speculation.py [--model MODEL] [--ways lookup,DRAFT.gguf...] [--tasks inspection,clinical] [--count 30]
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOLDFAST = Path(os.environ.get("HOLDFAST_BIN", ROOT / "build/release/bin/holdfast"))


class Server:
    def __init__(self, model: str, way: str, threads: int) -> None:
        self.home = tempfile.TemporaryDirectory(prefix="holdfast-")
        command = [HOLDFAST, "--log-level", "warn", "serve", *([model] if model else []), "--port", "0", "--json"]
        command += ["--insecure-loopback", "--threads", str(threads), *(["--speculate", way] if way else [])]
        environment = os.environ | {"HOLDFAST_HOME": self.home.name}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        line = self.process.stdout.readline()
        if not line:
            sys.exit("speculation: the server did not start")
        self.url = json.loads(line)["url"]
        self.seconds, self.tokens, self.answers = 0.0, 0, []

    def ask(self, prompt: str, temperature: float, seed: int) -> None:
        message = {"messages": [{"role": "user", "content": prompt}], "temperature": temperature, "seed": seed}
        body = json.dumps({"model": self.facts()["id"], **message}).encode()
        request = urllib.request.Request(self.url + "/v1/chat/completions", body, {"Content-Type": "application/json"})
        start = time.monotonic()
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
        self.seconds += time.monotonic() - start
        self.tokens += answer["usage"]["completion_tokens"]
        self.answers.append(answer["choices"][0]["message"])

    def facts(self) -> dict:
        with urllib.request.urlopen(self.url + "/health") as response:
            return json.load(response)["models"][0]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def main() -> None:
    sys.path.insert(0, str(ROOT / "tools/demo-model"))
    import tasks

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="default: the demonstration model")
    parser.add_argument("--ways", default="lookup")
    parser.add_argument("--tasks", default="inspection,clinical,words,arithmetic")
    parser.add_argument("--count", type=int, default=30, help="questions of each task")
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()

    print("| task | guesses | tokens/s | times plain | came true | steps |\n|---|---|---|---|---|---|")
    for task in options.tasks.split(","):
        rng = random.Random(f"speculation {task}")
        ways = {way: Server(options.model, way, options.threads) for way in ["", *options.ways.split(",")]}
        for server in ways.values():
            server.ask("What is 2 + 2?", 0.0, 0)  # once unmeasured
            server.seconds, server.tokens, server.answers = 0.0, 0, []
            server.before = server.facts()
        for i in range(options.count):
            prompt = tasks.draw(rng, task, rng.choice(tasks.LANGS), test=True).prompt
            for server in ways.values():
                server.ask(prompt, options.temperature, i)
        plain = ways[""]
        for way, server in ways.items():
            if server.answers != plain.answers:
                sys.exit(f"speculation: {way} changed an answer")
            facts = server.facts()
            drafted, accepted, steps = (
                facts[key] - server.before[key] for key in ("drafted_tokens", "accepted_tokens", "steps")
            )
            times = (server.tokens / server.seconds) / (plain.tokens / plain.seconds)
            name = Path(way).name or "none"
            true = f"{accepted} of {drafted}" if way else "-"
            print(f"| {task} | {name} | {server.tokens / server.seconds:.0f} | {times:.2f} | {true} | {steps} |")
            server.stop()


if __name__ == "__main__":
    main()
