"""An opener and a maker of sealed files, written from docs/formats/sealed.md alone, on the cryptography package."""

import hmac
import os
import struct
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

CHUNK = 1 << 20
HEADER = 4096
MAGIC = b"HFSEALED"


def hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    extracted = hmac.digest(salt, key, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def key_of_file(path: Path) -> bytes:
    return bytes.fromhex(path.read_text().removeprefix("holdfast-key-1 ").strip())


def key_id(key: bytes) -> bytes:
    return hmac.digest(key, b"holdfast key id", "sha256")[:8]


def stretch(passphrase: bytes, salt: bytes, passes: int, memory: int, lanes: int) -> bytes:
    return Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory).derive(passphrase)


def context(kind: int, file_id: bytes) -> bytes:
    return MAGIC + struct.pack("<HH", 1, kind) + file_id


def chunk_key(file_key: bytes, file_id: bytes, size: int, prefix: bytes) -> bytes:
    return hkdf(file_key, file_id, b"holdfast sealed 1 chunks" + struct.pack("<IQ", CHUNK, size) + prefix)


def nonce(prefix: bytes, index: int, last: bool) -> bytes:
    return prefix + struct.pack(">I", index) + bytes([last])


def open_sealed(data: bytes, *, key: bytes | None = None, passphrase: bytes | None = None) -> bytes:
    magic, version, slots, chunk, size, file_id, prefix = struct.unpack_from("<8sHHIQ16s7s", data)
    assert (magic, version, chunk) == (MAGIC, 1, CHUNK)
    chunks = max(1, -(-size // CHUNK))
    assert len(data) == HEADER + size + 16 * chunks
    at, file_key = 48, None
    for _ in range(slots):
        kind, length = struct.unpack_from("<HH", data, at)
        body = data[at + 4 : at + 4 + length]
        at += 4 + length
        if kind == 1 and passphrase is not None:
            wrapping = stretch(passphrase, body[:16], *struct.unpack_from("<III", body, 16))
        elif kind == 2 and key is not None and body[:8] == key_id(key):
            wrapping = key
        else:
            continue
        wrapped = body[-60:]
        file_key = AESGCM(wrapping).decrypt(wrapped[:12], wrapped[12:], context(kind, file_id))
    assert file_key is not None, "no key fits"
    assert not any(data[at : HEADER - 32])
    mac = hmac.digest(hkdf(file_key, file_id, b"holdfast sealed 1 header"), data[: HEADER - 32], "sha256")
    assert hmac.compare_digest(mac, data[HEADER - 32 : HEADER])
    cipher = AESGCM(chunk_key(file_key, file_id, size, prefix))
    out = []
    for index in range(chunks):
        begin = HEADER + index * (CHUNK + 16)
        out.append(cipher.decrypt(nonce(prefix, index, index + 1 == chunks), data[begin : begin + CHUNK + 16], None))
    return b"".join(out)


def make_sealed(content: bytes, *, key: bytes | None = None, passphrase: bytes | None = None) -> bytes:
    file_id, prefix, file_key = os.urandom(16), os.urandom(7), os.urandom(32)
    slots = []
    if passphrase is not None:
        salt, cost = os.urandom(16), (1, 1024, 2)
        body = salt + struct.pack("<III", *cost)
        slots.append((1, body, stretch(passphrase, salt, *cost)))
    if key is not None:
        slots.append((2, key_id(key), key))
    header = struct.pack("<8sHHIQ16s7sx", MAGIC, 1, len(slots), CHUNK, len(content), file_id, prefix)
    for kind, body, wrapping in slots:
        iv = os.urandom(12)
        body += iv + AESGCM(wrapping).encrypt(iv, file_key, context(kind, file_id))
        header += struct.pack("<HH", kind, len(body)) + body
    header = header.ljust(HEADER - 32, b"\0")
    header += hmac.digest(hkdf(file_key, file_id, b"holdfast sealed 1 header"), header, "sha256")
    cipher = AESGCM(chunk_key(file_key, file_id, len(content), prefix))
    pieces = [content[i : i + CHUNK] for i in range(0, len(content), CHUNK)] or [b""]
    return header + b"".join(
        cipher.encrypt(nonce(prefix, i, i + 1 == len(pieces)), piece, None) for i, piece in enumerate(pieces)
    )
