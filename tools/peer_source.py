"""Fetches llama.cpp's source tree, for measurements and for its tokenizer test vectors, and prints its folder.

It is inside the PyPI source package llama-cpp-python, taken at a pinned version and checksum into build/peer. Nothing
of it becomes part of this repository.
"""

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "peer"
PACKAGE, VERSION = "llama-cpp-python", "0.3.36"
NAME = f"llama_cpp_python-{VERSION}"
SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"


class Unavailable(Exception):
    """The package cannot be fetched: no network, or no index that has it."""


def download() -> Path:
    archive = FOLDER / f"{NAME}.tar.gz"
    if not archive.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        # pip reads a source package's metadata by running its build system; with a hash it checks the file before.
        pin = FOLDER / "requirements.txt"
        pin.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
        command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "-q", "--no-deps"]
        command += ["--no-binary", PACKAGE, "--require-hashes", "-d", str(FOLDER), "-r", str(pin)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0 or not archive.exists():
            raise Unavailable(f"pip could not fetch {PACKAGE} {VERSION}: {done.stderr.strip()[-500:]}")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        archive.unlink()
        sys.exit(f"peer_source: {archive.name} has the checksum {found}, not {SHA256}; removed it")
    return archive


def source() -> Path:
    """Folder of the llama.cpp tree."""
    tree = FOLDER / NAME / "vendor" / "llama.cpp"
    done = FOLDER / f"{NAME}.unpacked"
    if not done.exists():
        with tarfile.open(download()) as tar:
            # Debian 12's Python knows no filters; the archive is the one whose hash we pinned.
            tar.extractall(FOLDER, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        done.touch()
    return tree


if __name__ == "__main__":
    try:
        print(source())
    except Unavailable as error:
        sys.exit(f"peer_source: {error}")
