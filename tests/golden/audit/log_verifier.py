"""Reads and checks an audit log with hashlib, and Ed25519 of `cryptography`.

Written from docs/formats/audit.md, not from the C++: what both accept is what the page says.
"""

import base64
import hashlib
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.serialization import load_pem_public_key

EMPTY = hashlib.sha256(b"").digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, on leaf hashes."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root_of(leaves[:split]), root_of(leaves[split:]))


def subtrees(leaves: list[bytes]) -> list[bytes]:
    """The roots of the complete subtrees that the leaves fall into, the largest first."""
    out, at = [], 0
    for bit in reversed(range(len(leaves).bit_length())):
        if len(leaves) >> bit & 1:
            out.append(root_of(leaves[at : at + (1 << bit)]))
            at += 1 << bit
    return out


@dataclass
class Log:
    log_id: bytes = b""
    bodies: list[dict] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    checkpoints: int = 0
    root: bytes = EMPTY


def unpack(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix != ".zst":
        return data
    frame, trailer = data[:-40], data[-40:]
    assert trailer[:8] == struct.pack("<II", 0x184D2A50, 32), "the trailer"
    assert trailer[8:] == hashlib.sha256(frame).digest(), "the trailer's checksum"
    return zstandard.ZstdDecompressor().decompress(frame)


def read_log(folder: Path, public_key: Path) -> Log:
    """Raises at the first thing that is wrong. The log must be whole, from record 0 on."""
    log = Log()
    key = load_pem_public_key(public_key.read_bytes())
    chain = bytes(32)
    for path in sorted([*folder.glob("*.audit"), *folder.glob("*.audit.zst")]):
        data = unpack(path)
        assert data[:8] == b"HFAUDIT\x01", "magic"
        log_id, first, _created = data[8:24], *struct.unpack("<QQ", data[24:40])
        assert first == len(log.leaves) == int(path.name[:20]), "where the segment belongs"
        assert not log.log_id or log.log_id == log_id, "which log"
        log.log_id = log_id
        assert data[40:72] == chain, "the chain"
        nodes = first.bit_count()
        end = 104 + 32 * nodes
        assert [data[i : i + 32] for i in range(104, end, 32)] == subtrees(log.leaves), "the tree so far"
        assert key.public_bytes_raw() == data[72:104], "whose key"
        key.verify(data[end : end + 64], b"holdfast audit segment v1\n" + data[:end])
        at = end + 64
        kind = b"C"
        while at < len(data):
            (length,), kind = struct.unpack("<I", data[at : at + 4]), data[at + 4 : at + 5]
            content = at + 5
            if kind == b"R":
                number, _time = struct.unpack("<QQ", data[content : content + 16])
                body = data[content + 16 : content + 16 + length]
                at = content + 16 + length + 32
                stored = data[at - 32 : at]
                assert number == len(log.leaves), "the record's number"
                chain = hashlib.sha256(b"\x00" + chain + data[content : content + 16] + body).digest()
                assert chain == stored, "the record's hash"
                log.leaves.append(chain)
                log.bodies.append(json.loads(body))
            else:
                assert kind == b"C" and length == 112, "the kind of frame"
                at = content + length
                size, time = struct.unpack("<QQ", data[content : content + 16])
                root, signature = data[content + 16 : content + 48], data[content + 48 : at]
                assert size == len(log.leaves), "the checkpoint's size"
                log.root = root_of(log.leaves)
                assert root == log.root, "the checkpoint's root"
                log.checkpoints += 1
                text = f"holdfast-audit/{log_id.hex()}\n{size}\n{base64.b64encode(root).decode()}\ntime {time}\n"
                key.verify(signature, text.encode())
        assert kind == b"C" and at == len(data), "a checkpoint ends the segment"
    return log
