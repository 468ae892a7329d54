"""The corpora sealed_header/ and manifest/ beside itself: from the independent maker of tests/e2e, and by hand."""

import base64
import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "e2e"))
from sealed_format import make_sealed  # noqa: E402

CHUNK = 1 << 20


def put(folder: str, name: str, data: bytes) -> None:
    (HERE / folder).mkdir(exist_ok=True)
    (HERE / folder / name).write_bytes(data)


def statement(files: dict[str, int]) -> bytes:
    resources, root = [], hashlib.sha256()
    for name, size in files.items():
        for begin in range(0, size, CHUNK):
            digest = hashlib.sha256(f"{name}{begin}".encode())
            root.update(digest.digest())
            end = min(size, begin + CHUNK)
            resources.append(
                {
                    "name": f"{name}:{begin}:{end}",
                    "algorithm": "sha256-sharded-1048576",
                    "digest": digest.hexdigest(),
                }
            )
    return json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "model", "digest": {"sha256": root.hexdigest()}}],
            "predicateType": "https://model_signing/signature/v1.0",
            "predicate": {
                "serialization": {
                    "method": "shards",
                    "hash_type": "sha256",
                    "shard_size": CHUNK,
                    "allow_symlinks": True,
                },
                "resources": resources,
            },
        }
    ).encode()


def bundle(payload: bytes) -> bytes:
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [{"sig": base64.b64encode(bytes(64)).decode(), "keyid": ""}],
    }
    material = {"publicKey": {"hint": "00"}, "tlogEntries": []}
    kind = "application/vnd.dev.sigstore.bundle.v0.3+json"
    return json.dumps({"mediaType": kind, "verificationMaterial": material, "dsseEnvelope": envelope}).encode()


key = make_sealed(b"x", key=bytes(32))[:4096]
both = make_sealed(b"", key=bytes(32), passphrase=b"p")[:4096]
put("sealed_header", "key", key)
put("sealed_header", "key-and-passphrase", both)
token = bytearray(key[:4096])
token[48:52] = b"\x03\x00" + (1 + 6 + 1 + 2 + 60).to_bytes(2, "little")
token[52:62] = b"\x06master\x02\x01\x02"
token[52 + 70 : 4064] = bytes(4064 - 122)
put("sealed_header", "token", bytes(token))
put("sealed_header", "cut", key[:60])
put("sealed_header", "version", key[:8] + b"\x02" + key[9:])
put("sealed_header", "slots", key[:10] + b"\x09" + key[11:])
put("manifest", "statement", statement({"a": 3 * CHUNK + 1, "b/c": 10}))
put("manifest", "one-file", bundle(statement({".": 2 * CHUNK})))
put("manifest", "bundle", bundle(statement({"a": 5})))
put("manifest", "leads-out", statement({"../a": 5}))
put("manifest", "no-resources", statement({}))
