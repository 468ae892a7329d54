"""The bill of materials names everything the program loads, and every library the architecture speaks of."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = Path(os.environ.get("HOLDFAST_BIN", ROOT / "build/release/bin/holdfast"))


def sbom() -> dict:
    done = subprocess.run([sys.executable, ROOT / "tools/sbom", HOLDFAST], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(not shutil.which("dpkg-query"), reason="tells of Debian packages")
def test_it_is_whole_and_the_same_twice():
    bom = sbom()
    assert bom == sbom()
    assert (bom["bomFormat"], bom["specVersion"]) == ("CycloneDX", "1.5")
    application = bom["metadata"]["component"]
    assert application["hashes"][0]["content"] == hashlib.sha256(HOLDFAST.read_bytes()).hexdigest()
    refs = [component["bom-ref"] for component in bom["components"]]
    assert len(refs) == len(set(refs)) and bom["dependencies"][0]["dependsOn"] == refs
    for component in bom["components"]:
        assert component["type"] == "library" and component["name"]
        assert re.match(r"pkg:deb/debian/[a-z0-9.+-]+@\S+\?arch=", component.get("purl", "")) or component["hashes"]
    names = {component["name"] for component in bom["components"]}
    assert {"libc6", "libssl3", "libzstd1", "libboost1.81-dev", "libexpected-dev"} <= names


def test_every_build_package_is_in_the_architecture():
    """A library nobody wrote down a reason for is not ours to ship."""
    told = (ROOT / "ARCHITECTURE.md").read_text("utf-8").lower()
    tools = {"g++", "cmake", "ninja-build", "pkg-config", "ccache"}
    words = {
        "libboost1.81-dev": "boost",
        "libssl-dev": "openssl",
        "libexpected-dev": "tl-expected",
        "libcli11-dev": "cli11",
        "libutf8proc-dev": "utf8proc",
        "libyaml-cpp-dev": "yaml-cpp",
        "libsqlite3-dev": "sqlite",
        "libargon2-dev": "argon2",
        "libp11-kit-dev": "pkcs#11",
    }
    for line in (ROOT / "tools/packages.txt").read_text("utf-8").splitlines():
        if not line.startswith("build ") or line.split()[1] in tools:
            continue
        package = line.split()[1]
        word = words.get(package, package.removeprefix("lib").removesuffix("-dev"))
        assert word in told, f"{package}: no line in ARCHITECTURE.md's table"
