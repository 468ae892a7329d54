"""How each contestant is asked for a row's figure: one process, and all that its run tells."""

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peer
from rows import Row

ROOT = Path(__file__).resolve().parent.parent
HOLDFAST = Path(os.environ.get("HOLDFAST_BIN", ROOT / "build/release/bin/holdfast"))
NAMES = ["Holdfast", "llama.cpp", "ik_llama.cpp"]


@dataclasses.dataclass(frozen=True)
class Machine:
    threads: int
    isa: str  # native, avx2
    models: Path  # folder of the files

    def model(self, name: str) -> Path:
        """The file of SHAPE/TYPE, made on first use."""
        shape, kind = name.split("/")
        path = self.models / f"{shape}-{kind}.gguf"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            maker = [sys.executable, str(ROOT / "bench/make_model.py"), "--shape", shape, "--type", kind]
            subprocess.run([*maker, "--out", str(path)], check=True)
        return path


@dataclasses.dataclass(frozen=True)
class Run:
    output: str
    seconds: float
    peak_mib: float
    others: float  # share of the machine's time that other programs used meanwhile


def busy_seconds() -> float:
    """Of all processors together, since the machine started; what a hypervisor took is not counted."""
    user, nice, system, _, _, irq, soft = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def run(command: list, environment: dict[str, str] | None = None) -> Run:
    """Runs a program to its end; peak memory as the kernel counted it, mapped files included."""
    words = [str(part.resolve() if isinstance(part, Path) else part) for part in command]
    # In a folder of its own: a peer leaves a log where it runs.
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryDirectory() as folder:
        start, busy = time.monotonic(), busy_seconds()
        child = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=errors, env=os.environ | (environment or {}), cwd=folder
        )
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        seconds, busy = time.monotonic() - start, busy_seconds() - busy
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
    if child.returncode != 0:
        sys.exit(f"bench: {' '.join(words)} failed:\n{said[-2000:]}")
    others = max(0.0, busy - usage.ru_utime - usage.ru_stime) / (seconds * os.cpu_count())
    return Run(output.decode("utf-8", "replace") + said, seconds, usage.ru_maxrss / 1024, others)


Figures = dict[str, float]  # by Row.kind; "others": as in Run


def holdfast(row: Row, machine: Machine) -> Figures:
    forced = {} if machine.isa == "native" else {"HOLDFAST_ISA": machine.isa}
    model = machine.model(row.model)
    if row.kind == "start":
        prompt = "abcdefghijklmnopqrstuvwxyz"[: row.prompt]  # a token for each letter in the made vocabulary
        command = [HOLDFAST, "generate", model, "--prompt", prompt, "--max-tokens", 1, "--ignore-eos"]
        done = run([*command, "--context", 64, "--threads", machine.threads], forced)
        return {"start": done.seconds, "others": done.others}
    command = [HOLDFAST, "bench", model, "--json", "--threads", machine.threads, "--repetitions", 1]
    command += ["--prompt", row.prompt, "--generate", row.generate, "--batch", row.batch]
    if row.kv != "f16":
        command += ["--kv-type", row.kv]
    done = run(command, forced)
    result = json.loads(done.output[: done.output.rindex("}") + 1])["results"][0]
    figures = {"prefill": result["prefill_tok_s"], "decode": result["decode_tok_s"]}
    return {**figures, "memory": done.peak_mib, "others": done.others}


def llama(name: str, row: Row, machine: Machine) -> Figures:
    """Both peers: their programs have the same names and almost the same options."""
    programs = peer.build(machine.isa, name)
    model = machine.model(row.peer_model if row.peer_model and name == "llama.cpp" else row.model)
    common = ["-m", model, "-t", machine.threads]
    if row.kind == "start":
        # A prompt and its last logits; no warming up, no tokenizer run, nothing after.
        cold = ["--no-warmup"] if name == "llama.cpp" else ["-w", 0]
        program = programs / "llama-bench"
        done = run([program, *common, "-p", row.prompt, "-n", 0, "-r", 1, *cold])
        return {"start": done.seconds, "others": done.others}
    context = row.batch * (row.prompt + row.generate)
    shape = ["-c", context, "-npp", row.prompt, "-ntg", row.generate, "-npl", row.batch]
    if row.kv == "q8":
        shape += ["-fa", "on", "-ctk", "q8_0", "-ctv", "q8_0"]
    elif name == "ik_llama.cpp" and row.batch > 1:
        shape += ["-fa", "off"]  # its flash attention stops at an assertion when sequences ride together
    done = run([programs / "llama-batched-bench", *common, *shape])
    # | PP | TG | B | N_KV | T_PP s | S_PP t/s | T_TG s | S_TG t/s | ...
    lines = re.findall(r"^\|\s*\d+ \|.*$", done.output, flags=re.MULTILINE)
    if not lines:
        sys.exit(f"bench: {name} gave no figures:\n{done.output[-2000:]}")
    cells = [float(cell) for cell in lines[-1].strip("| ").split("|")]
    return {"prefill": cells[5], "decode": cells[7], "memory": done.peak_mib, "others": done.others}


def measure(name: str, row: Row, machine: Machine) -> Figures:
    """One run; the figures it gives for rows of the same work."""
    return holdfast(row, machine) if name == "Holdfast" else llama(name, row, machine)
