"""The loads: each takes a server that has answered once, and tells its figures."""

import contextlib
import itertools
import math
import random
import socket
import statistics
import threading
import time

from serving_client import Told, complete, random_prompt, rate, request_bytes, together
from serving_servers import Holdfast, Server


def percentile(values: list[float], share: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def check(results: list[Told], tokens: int) -> None:
    """Figures of answers that were cut short would be worth nothing."""
    for told in results:
        if told.status != 200 or not told.whole or len(told.events) != tokens:
            raise SystemExit(f"serving: an answer of status {told.status} has {len(told.events)} of {tokens} tokens")


def users(server: Server, rng: random.Random, count: int, prompt: int, tokens: int, common: int = 0) -> float:
    """Generated tokens per second of so many users at once, whose prompts share their first `common` tokens."""
    shared = random_prompt(rng, common)
    prompts = [shared + random_prompt(rng, prompt) for _ in range(count)]
    results = together([lambda p=p: complete(server, p, tokens) for p in prompts])
    check(results, tokens)
    return rate(results)


def second_turn(server: Server, rng: random.Random, history: int) -> dict[str, float]:
    """Seconds to the first token of a second turn, and of a prompt as long that nobody has seen."""
    first = random_prompt(rng, history)
    check([complete(server, first, 16)], 16)
    again = complete(server, first + random_prompt(rng, 64), 8)
    fresh = complete(server, random_prompt(rng, history + 64), 8)
    check([again, fresh], 8)
    return {"turn": again.first, "fresh": fresh.first}


def gaps(server: Server, rng: random.Random, users: int, prompt: int) -> dict[str, float]:
    """p95 of the seconds between tokens of users who are answered while a long prompt is read."""
    running = threading.Semaphore(0)
    prompts = [random_prompt(rng, 32) for _ in range(users)]
    results: list[Told] = []

    stopping = threading.Event()

    class Enough(Exception):
        pass

    def stream(p: list[int]) -> None:
        told = Told()

        def on_event() -> None:
            told.events.append(time.monotonic())
            running.release()
            if stopping.is_set():
                raise Enough

        with contextlib.suppress(Enough):
            complete(server, p, 3000, on_event)
        results.append(told)

    threads = [threading.Thread(target=stream, args=(p,)) for p in prompts]
    for thread in threads:
        thread.start()
    for _ in range(8 * users):
        running.acquire()
    start = time.monotonic()
    intruder = complete(server, random_prompt(rng, prompt), 2)
    stopping.set()
    for thread in threads:
        thread.join()
    end = intruder.events[0]
    found = []
    for told in results:
        found += [b - a for a, b in itertools.pairwise(told.events) if b > start and a < end]
    return {"gap": percentile(found, 0.95), "first": intruder.first, "median": statistics.median(found)}


def engine_share(server: Holdfast, rng: random.Random, count: int) -> float:
    """The part of steps that is not spent in the model, with so many sequences."""
    prompts = [random_prompt(rng, 16) for _ in range(count)]
    before = server.facts()
    check(together([lambda p=p: complete(server, p, 48) for p in prompts]), 48)
    after = server.facts()
    steps = after["step_seconds"] - before["step_seconds"]
    return (steps - (after["model_seconds"] - before["model_seconds"])) / steps


def memory_of_many(server: Server, rng: random.Random, idle: int, streams: int) -> float:
    """MiB that idle connections and open streams cost."""
    before = server.memory_mib()
    connections = []
    for _ in range(idle):
        connections.append(socket.create_connection((server.host, server.port)))
        if len(connections) % 200 == 0:
            time.sleep(0.01)  # a listener's backlog is short
    # Everybody has been heard once: a connection that was only accepted costs less.
    for connection in connections:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    for connection in connections:
        connection.recv(65536)
    open_streams = []
    for _ in range(streams):
        connection = socket.create_connection((server.host, server.port))
        connection.sendall(request_bytes(server, random_prompt(rng, 16), 400))
        open_streams.append(connection)
    for connection in open_streams:
        connection.recv(65536)
    time.sleep(1.0)
    after = server.memory_mib()
    for connection in connections + open_streams:
        connection.close()
    return after - before


def steady(server: Server, rng: random.Random, users: int, seconds: float, ask: dict) -> float:
    """Answers per second when each of so many users asks again as soon as it is answered."""
    done = []
    end = time.monotonic() + seconds

    def work(seed: int) -> None:
        mine = random.Random(seed)
        while time.monotonic() < end:
            told = complete(server, random_prompt(mine, ask["prompt"]), ask["tokens"])
            check([told], ask["tokens"])
            if told.ended < end:
                done.append(told)

    threads = [threading.Thread(target=work, args=(rng.getrandbits(32),)) for _ in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done) / seconds


def overload(server: Server, rng: random.Random, per_second: float, seconds: float, ask: dict) -> dict[str, float]:
    """What becomes of requests that come at a rate, whether or not earlier ones are answered."""
    results: list[Told] = []
    lost: list[str] = []
    threads = []

    def work(prompt: list[int]) -> None:
        try:
            results.append(complete(server, prompt, ask["tokens"]))
        except OSError as error:
            lost.append(str(error))

    start = time.monotonic()
    count = int(per_second * seconds)
    for i in range(count):
        due = start + i / per_second
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)
        threads.append(threading.Thread(target=work, args=(random_prompt(rng, ask["prompt"]),)))
        threads[-1].start()
    end = time.monotonic()
    for thread in threads:
        thread.join()
    good = [told for told in results if told.status == 200 and told.whole]
    refused = [told for told in results if told.status in (429, 503) and told.retry_after]
    return {
        "goodput": sum(told.ended <= end for told in good) / (end - start),
        "lost": count - len(good) - len(refused),
        "refused": len(refused) / count,
        "errors": len(lost),
    }
