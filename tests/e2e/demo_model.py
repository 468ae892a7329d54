"""What the end-to-end tests run and with which model."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("HOLDFAST_BIN", str(ROOT / "build/release/bin/holdfast"))
DEMO = ROOT / "models/demo/holdfast-demo.gguf"
MODEL = "holdfast-demo"


def sanitized() -> bool:
    """Whether a sanitizer is in the build: it takes memory of its own, and nothing is locked beneath it."""
    settings = Path(BINARY).resolve().parents[1] / "CMakeCache.txt"
    return settings.exists() and "HOLDFAST_SANITIZE:STRING=\n" not in settings.read_text()
