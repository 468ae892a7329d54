"""What the end-to-end tests run and with which model."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("HOLDFAST_BIN", str(ROOT / "build/release/bin/holdfast"))
DEMO = ROOT / "models/demo/holdfast-demo.gguf"
MODEL = "holdfast-demo"
