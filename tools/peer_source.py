"""Fetches a peer's source tree, for measurements and for its tokenizer test vectors, and prints its folder.

Each is inside a PyPI source package, taken at a pinned version and checksum into build/peer. Nothing of them becomes
part of this repository.

usage: tools/peer_source.py [llama.cpp | ik_llama.cpp]
"""

import dataclasses
import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "peer"


@dataclasses.dataclass(frozen=True)
class Package:
    name: str  # on PyPI
    version: str
    sha256: str
    wheel: bool = False  # else a source package

    @property
    def stem(self) -> str:
        return f"{self.name.replace('-', '_')}-{self.version}"

    @property
    def archive(self) -> str:
        return f"{self.stem}-py3-none-any.whl" if self.wheel else f"{self.stem}.tar.gz"


# By the folder under vendor/ that we want.
PACKAGES = {
    "llama.cpp": Package(
        "llama-cpp-python", "0.3.36", "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
    ),
    "ik_llama.cpp": Package(
        "ik-llama-cpp-python", "0.1.5", "33c67eb99e4dcab5e611050433243815709b8b3067753f9ce18375013cf002ad"
    ),
}


class Unavailable(Exception):
    """The package cannot be fetched: no network, or no index that has it."""


def download(package: Package) -> Path:
    archive = FOLDER / package.archive
    if not archive.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        # pip reads a source package's metadata by running its build system; with a hash it checks the file before.
        pin = FOLDER / f"{package.stem}.txt"
        pin.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "-q", "--no-deps"]
        command += ["--only-binary" if package.wheel else "--no-binary", package.name]
        command += ["--require-hashes", "-d", str(FOLDER), "-r", str(pin)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0 or not archive.exists():
            raise Unavailable(f"pip could not fetch {package.name} {package.version}: {done.stderr.strip()[-500:]}")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != package.sha256:
        archive.unlink()
        sys.exit(f"peer_source: {archive.name} has the checksum {found}, not {package.sha256}; removed it")
    return archive


def source(peer: str = "llama.cpp") -> Path:
    """Folder of the peer's tree."""
    package = PACKAGES[peer]
    done = FOLDER / f"{package.stem}.unpacked"
    if not done.exists():
        with tarfile.open(download(package)) as tar:
            # Debian 12's Python knows no filters; the archive is the one whose hash we pinned.
            tar.extractall(FOLDER, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        done.touch()
    return FOLDER / package.stem / "vendor" / peer


if __name__ == "__main__":
    try:
        print(source(*sys.argv[1:2]))
    except Unavailable as error:
        sys.exit(f"peer_source: {error}")
