"""Takes from NIST's GCM vectors (CAVS 14.0, in the PyPI package cryptography-vectors 50.0.2) those that our code path
can meet: 256-bit keys, 96-bit nonces, 128-bit tags. One a line: key nonce aad plaintext ciphertext tag, hexadecimal,
"-" for nothing; a plaintext of "FAIL" for what must be refused.

usage: make_gcm256.py   (writes gcm256.txt beside itself)
"""

import re
from pathlib import Path

import cryptography_vectors

FOLDER = Path(cryptography_vectors.__file__).parent / "ciphers/AES/GCM"


def cases(name: str) -> list[dict[str, str]]:
    found, lengths, case = [], {}, {}
    for line in (FOLDER / name).read_text().splitlines():
        if match := re.match(r"\[(\w+) = (\d+)\]", line):
            lengths[match[1]] = int(match[2])
        elif match := re.match(r"(\w+) = ?(\w*)", line):
            if match[1] == "Count":
                case = {}
                if (lengths["IVlen"], lengths["Taglen"]) == (96, 128):
                    found.append(case)
            case[match[1]] = match[2]
        elif line == "FAIL":
            case["PT"] = "FAIL"
    return found


lines = []
for case in cases("gcmDecrypt256.rsp") + cases("gcmEncryptExtIV256.rsp")[::3]:
    lines.append(" ".join(case.get(field) or "-" for field in ("Key", "IV", "AAD", "PT", "CT", "Tag")))
(Path(__file__).parent / "gcm256.txt").write_text("\n".join(lines) + "\n")
