"""Writes minilm.json: what all-MiniLM-L6-v2 gives for some texts in its own runtime, sentence-transformers.

Run with torch, transformers and sentence-transformers from PyPI; the model comes from tools/minilm_source.py.
"""

import json
import sys
from pathlib import Path

from sentence_transformers import SentenceTransformer

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))
import minilm_source  # noqa: E402

TEXTS = [
    "The bank raised its interest rates again this quarter.",
    "Borrowing money became more expensive.",
    "Ein Hund läuft über die Straße; crème brûlée, Ångström, naïve.",
    "人工智能模型在本地服务器上运行。",
    "x",
    "def f(n):\n    return n * f(n - 1) if n > 1 else 1  # 5! == 120",
    "Contract 4711-B, dated 2024-11-25: total EUR 12,345.67 (VAT included). \U0001f680",
    " ".join(f"Paragraph {i} says that the supplier delivers on day {i * 3}." for i in range(16)),
]


def main() -> None:
    model = SentenceTransformer(str(minilm_source.source()), device="cpu")
    vectors = model.encode(TEXTS, batch_size=1, convert_to_numpy=True)
    rows = [
        {"text": text, "embedding": [round(float(value), 7) for value in vector]}
        for text, vector in zip(TEXTS, vectors, strict=True)
    ]
    text = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"
    (HERE / "minilm.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
