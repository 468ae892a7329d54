"""HTTP as bytes, for what no client library would send."""

import socket


class Raw:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.received = b""

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            return False
        self.received += data
        return bool(data)

    def _take(self, count: int) -> bytes:
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def until(self, end: bytes) -> bytes:
        """Everything up to `end`, or up to the end of the connection."""
        while end not in self.received:
            if not self._more():
                return self._take(len(self.received))
        return self._take(self.received.index(end) + len(end))

    def rest(self) -> bytes:
        """Everything until the server closes."""
        while self._more():
            pass
        return self._take(len(self.received))

    def response(self) -> tuple[int, dict[str, str], bytes]:
        """Status (0: closed without an answer), fields and body of a response with a content-length."""
        head = self.until(b"\r\n\r\n").decode("latin-1")
        if not head:
            return 0, {}, b""
        first, *lines = head.rstrip().split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines)
        length = int(fields.get("content-length", 0))
        while len(self.received) < length and self._more():
            pass
        return int(first.split()[1]), fields, self._take(length)


def post(path: str, body: bytes, *fields: str) -> bytes:
    """A well-formed request."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", *fields]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def exchange(port: int, data: bytes) -> tuple[int, dict[str, str], bytes]:
    with Raw(port) as raw:
        raw.send(data)
        return raw.response()
