"""Builds the peers for this machine: from their pinned source packages, into the build folder.

usage: bench/peer.py [llama.cpp | ik_llama.cpp] [native | avx2]     prints the folder of the programs

A program built elsewhere is used instead where the environment names its folder: HOLDFAST_PEER_BIN for llama.cpp,
HOLDFAST_PEER_IK_BIN for ik_llama.cpp, and HOLDFAST_PEER_AVX2_BIN, HOLDFAST_PEER_IK_AVX2_BIN for those without AVX-512.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMON = ["-DCMAKE_BUILD_TYPE=Release", "-DLLAMA_CURL=OFF", "-DLLAMA_BUILD_TESTS=OFF"]
PEERS = ["llama.cpp", "ik_llama.cpp"]
TOOLS = {
    "llama.cpp": ["llama-bench", "llama-batched-bench", "llama-perplexity", "llama-quantize", "llama-server"],
    "ik_llama.cpp": ["llama-bench", "llama-batched-bench", "llama-perplexity"],
}
OPTIONS = {"llama.cpp": [], "ik_llama.cpp": ["-DGGML_IQK_FA_ALL_QUANTS=OFF"]}
BUILD_INFO = """set(BUILD_NUMBER 0)
set(BUILD_COMMIT unknown)
set(BUILD_COMPILER unknown)
set(BUILD_TARGET unknown)
configure_file(common/build-info.cpp.in common/build-info.cpp)
"""
GIVEN = {
    ("llama.cpp", "native"): "HOLDFAST_PEER_BIN",
    ("llama.cpp", "avx2"): "HOLDFAST_PEER_AVX2_BIN",
    ("ik_llama.cpp", "native"): "HOLDFAST_PEER_IK_BIN",
    ("ik_llama.cpp", "avx2"): "HOLDFAST_PEER_IK_AVX2_BIN",
}

# What a peer is built with, for each instruction set it is compared on.
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


def source(peer: str) -> Path:
    """The peer's source tree, fetched and checked on first use."""
    command = [sys.executable, str(ROOT / "tools/peer_source.py"), peer]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    tree = Path(out.strip().splitlines()[-1])
    if peer == "ik_llama.cpp":  # its package leaves out the script that states the version
        script = tree / "common/cmake/build-info-gen-cpp.cmake"
        script.parent.mkdir(exist_ok=True)
        script.write_text(BUILD_INFO)
    return tree


def build(kind: str = "native", peer: str = "llama.cpp") -> Path:
    """Folder of the peer's programs."""
    if given := os.environ.get(GIVEN[peer, kind]):
        return Path(given)
    name = "peer" if peer == "llama.cpp" else "peer-ik"
    folder = ROOT / "build" / f"{name}-{kind}"
    if not all((folder / "bin" / tool).exists() for tool in TOOLS[peer]):
        print(f"bench: building {peer} ({kind}); about ten minutes on two cores", file=sys.stderr)
        configure = ["cmake", "-S", str(source(peer)), "-B", str(folder), "-G", "Ninja"]
        log = folder.with_suffix(".log")
        folder.mkdir(parents=True, exist_ok=True)
        with log.open("w") as out:
            subprocess.run([*configure, *COMMON, *OPTIONS[peer], *FLAGS[kind]], check=True, stdout=out, stderr=out)
            subprocess.run(["ninja", "-C", str(folder), *TOOLS[peer]], check=True, stdout=out, stderr=out)
    return folder / "bin"


if __name__ == "__main__":
    chosen = sys.argv[1] if len(sys.argv) > 1 else "llama.cpp"
    print(build(sys.argv[2] if len(sys.argv) > 2 else "native", chosen))
