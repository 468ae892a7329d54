"""tools/check-layers finds what it is there to find."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def check(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools/check-layers"), str(tree)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for room in ("base", "model", "server", "backend/cpu"):
        (tmp_path / room).mkdir(parents=True)
    (tmp_path / "base/error.h").write_text("#pragma once\n")
    (tmp_path / "backend/cpu/cpu_backend.h").write_text('#include "base/error.h"\n')
    (tmp_path / "model/model.h").write_text('#include "base/error.h"\n')
    (tmp_path / "server/server.cpp").write_text('#include "model/model.h"\n')
    return tmp_path


def test_a_true_house_passes(tree: Path) -> None:
    assert check(tree).returncode == 0


@pytest.mark.parametrize(
    ("file", "include", "message"),
    [
        ("base/error.h", "model/model.h", "base/ may include only"),
        ("model/model.h", "backend/cpu/cpu_backend.h", "only cli/ chooses a device"),
        ("model/model.h", "error.h", "include by path from src/"),
        ("attic/old.h", "base/error.h", "no such room"),
    ],
)
def test_a_wrong_include_is_named(tree: Path, file: str, include: str, message: str) -> None:
    (tree / file).parent.mkdir(exist_ok=True)
    (tree / file).write_text(f'#include "{include}"\n')
    done = check(tree)
    assert done.returncode == 1
    assert file in done.stdout
    assert message in done.stdout
