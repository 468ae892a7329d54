"""A real encoder, all-MiniLM-L6-v2, against its own runtime (make_minilm.py); skipped where it cannot be fetched."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import minilm_source  # noqa: E402
import peer_source  # noqa: E402

HOLDFAST = os.environ.get("HOLDFAST_BIN", str(ROOT / "build/release/bin/holdfast"))


@pytest.fixture(scope="module")
def model() -> Path:
    try:
        return minilm_source.source()
    except peer_source.Unavailable as error:
        pytest.skip(f"all-MiniLM-L6-v2 cannot be fetched: {error}")


def embed(model: Path, texts: list[str], **environment: str) -> np.ndarray:
    command = [HOLDFAST, "embed", str(model), "--json", "--threads", "1", *texts]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return np.array(json.loads(done.stdout)["embeddings"])


def test_embeddings_of_the_models_own_runtime(model: Path) -> None:
    rows = json.loads((HERE / "minilm.json").read_text("utf-8"))
    expected = np.array([row["embedding"] for row in rows])
    got = embed(model, [row["text"] for row in rows])
    assert got.shape == (len(rows), 384)
    assert np.abs(got - expected).max() < 1e-4
    generic = embed(model, [row["text"] for row in rows], HOLDFAST_ISA="generic")
    assert np.abs(generic - expected).max() < 1e-4
