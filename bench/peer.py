"""Builds llama.cpp, the peer, for this machine: from its pinned source package, into the build folder."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ["llama-bench", "llama-batched-bench", "llama-perplexity", "llama-quantize", "llama-server"]

# What the peer is built with, for each instruction set it is compared on.
FLAGS = {
    "native": ["-DGGML_NATIVE=ON"],
    "avx2": [
        "-DGGML_NATIVE=OFF",
        "-DGGML_AVX=ON",
        "-DGGML_AVX2=ON",
        "-DGGML_FMA=ON",
        "-DGGML_F16C=ON",
        "-DGGML_BMI2=ON",
    ],
}


def source() -> Path:
    """The peer's source tree, fetched and checked on first use."""
    command = [sys.executable, str(ROOT / "tools/peer_source.py")]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Path(out.strip().splitlines()[-1])


def build(kind: str = "native") -> Path:
    """Folder of the peer's programs; HOLDFAST_PEER_BIN names one built elsewhere (kind native only)."""
    given = os.environ.get("HOLDFAST_PEER_BIN")
    if given and kind == "native":
        return Path(given)
    folder = ROOT / "build" / f"peer-{kind}"
    if not all((folder / "bin" / tool).exists() for tool in TOOLS):
        print(f"bench: building llama.cpp ({kind}); about ten minutes on two cores", file=sys.stderr)
        configure = ["cmake", "-S", str(source()), "-B", str(folder), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"]
        options = ["-DLLAMA_CURL=OFF", "-DLLAMA_BUILD_TESTS=OFF", *FLAGS[kind]]
        log = folder.with_suffix(".log")
        folder.mkdir(parents=True, exist_ok=True)
        with log.open("w") as out:
            subprocess.run([*configure, *options], check=True, stdout=out, stderr=out)
            subprocess.run(["ninja", "-C", str(folder), *TOOLS], check=True, stdout=out, stderr=out)
    return folder / "bin"


if __name__ == "__main__":
    print(build(sys.argv[1] if len(sys.argv) > 1 else "native"))
