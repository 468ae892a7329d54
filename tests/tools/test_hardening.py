"""What the linker promises about the program."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = Path(os.environ.get("HOLDFAST_BIN", ROOT / "build/release/bin/holdfast"))

pytestmark = pytest.mark.skipif(not shutil.which("readelf"), reason="reads ELF with binutils")


def readelf(*arguments: str) -> str:
    return subprocess.run(["readelf", *arguments, HOLDFAST], capture_output=True, text=True, check=True).stdout


def test_it_loads_anywhere_and_its_tables_are_read_only():
    assert re.search(r"Type:\s+DYN", readelf("-hW"))
    program = readelf("-lW")
    assert "GNU_RELRO" in program
    stack = next(line for line in program.splitlines() if "GNU_STACK" in line)
    assert " RW " in stack and "RWE" not in stack
    assert not [line for line in program.splitlines() if "LOAD" in line and "RWE" in line]
    assert re.search(r"FLAGS_1.*NOW", readelf("-dW"))


def test_it_looks_for_libraries_nowhere_else_and_tells_no_paths():
    assert not re.search(r"RPATH|RUNPATH", readelf("-dW"))
    if "/release/" in str(HOLDFAST):  # others carry debug information
        assert str(ROOT).encode() not in HOLDFAST.read_bytes()
