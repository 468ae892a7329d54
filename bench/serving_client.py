"""One client for both servers: a completion of given tokens over a plain socket, with the time of every event."""

import dataclasses
import json
import random
import socket
import threading
import time
from collections.abc import Callable

from serving_servers import Server

# The made models say anything with equal chance; these tokens are letters, so that every token is an event.
LETTERS = {str(token): 100 for token in range(65, 73)}


@dataclasses.dataclass
class Told:
    """What came of one request. Times are time.monotonic()'s."""

    status: int = 0
    sent: float = 0.0
    events: list[float] = dataclasses.field(default_factory=list)  # one for each token
    ended: float = 0.0
    whole: bool = False  # the stream ended as streams end
    retry_after: str = ""

    @property
    def first(self) -> float:
        return self.events[0] - self.sent

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in zip(self.events, self.events[1:], strict=False)]


def random_prompt(rng: random.Random, tokens: int) -> list[int]:
    return [rng.randrange(256) for _ in range(tokens)]


def request_bytes(server: Server, prompt: list[int], max_tokens: int, **more: object) -> bytes:
    body = {"model": server.model, "prompt": prompt, "max_tokens": max_tokens, "stream": True, "temperature": 0}
    body |= {"ignore_eos": True, "logit_bias": LETTERS, **more}
    data = json.dumps(body).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data


def complete(
    server: Server, prompt: list[int], max_tokens: int, on_event: Callable[[], None] | None = None, **more: object
) -> Told:
    """Sends one request and reads its stream to the end."""
    told = Told()
    data = request_bytes(server, prompt, max_tokens, **more)
    with socket.create_connection((server.host, server.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        told.sent = time.monotonic()
        connection.sendall(data)
        with connection.makefile("rb", buffering=1 << 16) as lines:
            for line in lines:
                if told.status == 0:
                    told.status = int(line.split()[1])
                elif line.lower().startswith(b"retry-after:"):
                    told.retry_after = line.split(b":")[1].strip().decode()
                elif line.startswith(b"data: [DONE]"):
                    told.whole = True
                    break
                elif line.startswith(b"data: {") and b'"text":""' not in line and b'"choices":[]' not in line:
                    told.events.append(time.monotonic())
                    if on_event:
                        on_event()
    told.ended = time.monotonic()
    return told


def together(jobs: list[Callable[[], Told]]) -> list[Told]:
    """Runs the jobs at once, each on a thread of its own."""
    results: list[Told | None] = [None] * len(jobs)
    barrier = threading.Barrier(len(jobs))

    def work(index: int) -> None:
        barrier.wait()
        results[index] = jobs[index]()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [result for result in results if result is not None]


def rate(results: list[Told]) -> float:
    """Generated tokens per second of all, from the first request to the last event."""
    tokens = sum(len(told.events) for told in results)
    return tokens / (max(told.ended for told in results) - min(told.sent for told in results))
