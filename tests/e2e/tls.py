"""Certificates for tests, made by the openssl command line; and its client."""

import os
import subprocess
from pathlib import Path


def openssl(*arguments: str, cwd: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *arguments], cwd=cwd, input=text, capture_output=True, text=True)


class Authority:
    """A certificate authority in a folder, and the certificates it signs."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder = folder
        self.name = name
        self.file = folder / f"{name}.pem"
        self._make("req", "-x509", *self._key(name), "-out", f"{name}.pem", "-subj", f"/CN={name}", "-days", "2")

    def _make(self, *arguments: str) -> None:
        done = openssl(*arguments, cwd=self.folder)
        assert done.returncode == 0, done.stderr

    @staticmethod
    def _key(name: str) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]

    def sign(self, name: str, subject: str, days: int = 1) -> tuple[Path, Path]:
        """A certificate for localhost and 127.0.0.1, and its key."""
        self._make("req", "-new", *self._key(name), "-out", f"{name}.csr", "-subj", subject)
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        self._make(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.pem", "-CAkey", f"{self.name}.key"),
            *("-CAcreateserial", "-out", f"{name}.pem", "-days", str(days), "-extfile", extensions.name),
        )
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"


def s_client(port: int, *arguments: str) -> str:
    """What `openssl s_client` says about a connection that it makes and ends."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments]
    # Lets the client, not the server, set the lowest version and level.
    environment = os.environ | {"OPENSSL_CONF": "/dev/null"}
    done = subprocess.run(command, input="", capture_output=True, text=True, env=environment)
    return done.stdout + done.stderr
