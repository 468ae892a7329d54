#!/usr/bin/env python3
"""Many users at once: Holdfast beside llama-server, the same file, the same client, in turns in the same run.

Each row is measured with one server after the other, and that --runs times; the figure is the median of the rounds'
ratios. Nothing else should run meanwhile. Rows about this server alone (idle connections, overload, the engine's own
time) have no peer.

usage: bench/serving.py [--only ROW...] [--runs 3] [--model FILE] [--long-model FILE] [--seconds 30]
       bench/serving.py --rows                                                      what there is to measure
"""

import argparse
import dataclasses
import os
import random
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import serving_loads as loads
from contestants import HOLDFAST, ROOT, Machine
from serving_client import complete, random_prompt
from serving_servers import Holdfast, Server, raise_descriptors, start

Figures = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Row:
    key: str
    what: str
    floor: str
    slots: int
    context: int
    measure: Callable[[Server, random.Random, argparse.Namespace], Figures]
    told: Callable[[list[dict[str, Figures]]], tuple[str, str, str]]  # Holdfast's, the peer's, the ratio
    peer: bool = True
    long: bool = False  # with the model for long prompts
    demo: bool = False  # with the demonstration model
    more: tuple[str, ...] = ()


def median(rounds: list[dict[str, Figures]], name: str, key: str) -> float:
    found = [figures[name][key] for figures in rounds if name in figures]
    return statistics.median(found) if found else float("nan")


def ratio(rounds: list[dict[str, Figures]], key: str) -> float:
    both = [r["Holdfast"][key] / r["llama-server"][key] for r in rounds if len(r) == 2]
    return statistics.median(both) if both else float("nan")


def rates(rounds: list[dict[str, Figures]]) -> tuple[str, str, str]:
    mine, peers = median(rounds, "Holdfast", "rate"), median(rounds, "llama-server", "rate")
    return f"{mine:.1f} tok/s", f"{peers:.1f} tok/s", f"{ratio(rounds, 'rate'):.2f}x"


def turns(rounds: list[dict[str, Figures]]) -> tuple[str, str, str]:
    cells = []
    for name in ("Holdfast", "llama-server"):
        cells.append(f"{median(rounds, name, 'turn'):.3f} s (fresh: {median(rounds, name, 'fresh'):.2f} s)")
    less = statistics.median(r["Holdfast"]["turn"] / r["Holdfast"]["fresh"] - 1 for r in rounds)
    return cells[0], cells[1], f"{100 * less:.0f}%"


def gap(rounds: list[dict[str, Figures]]) -> tuple[str, str, str]:
    cells = []
    for name in ("Holdfast", "llama-server"):
        cells.append(f"{median(rounds, name, 'gap'):.3f} s (prompt read in {median(rounds, name, 'first'):.1f} s)")
    return cells[0], cells[1], f"{ratio(rounds, 'gap'):.2f}x"


def alone(key: str, shape: str) -> Callable[[list[dict[str, Figures]]], tuple[str, str, str]]:
    def told(rounds: list[dict[str, Figures]]) -> tuple[str, str, str]:
        cell = shape.format(median(rounds, "Holdfast", key))
        return cell, "", cell

    return told


def goodput(rounds: list[dict[str, Figures]]) -> tuple[str, str, str]:
    best, good = median(rounds, "Holdfast", "best"), median(rounds, "Holdfast", "goodput")
    share, lost = median(rounds, "Holdfast", "share"), max(r["Holdfast"]["lost"] for r in rounds)
    refused = median(rounds, "Holdfast", "refused")
    return f"{good:.2f}/s of {best:.2f}/s ({100 * refused:.0f}% refused)", "", f"{100 * share:.0f}%, {lost:.0f} lost"


def measure_overload(server: Server, rng: random.Random, options: argparse.Namespace) -> Figures:
    ask = {"prompt": 64, "tokens": 32}
    best = loads.steady(server, rng, 32, options.seconds, ask)
    figures = loads.overload(server, rng, 5 * best, options.seconds, ask)
    return {"best": best, "share": figures["goodput"] / best, **figures}


ROWS = [
    Row("users8", "8 users, 128 in / 32 out", "2.5x", 8, 512,
        lambda s, rng, o: {"rate": loads.users(s, rng, 8, 128, 32)}, rates),
    Row("system16", "16 users of one 1,000-token system prompt, 32 in / 32 out", "2.5x", 16, 1280,
        lambda s, rng, o: {"rate": loads.users(s, rng, 16, 32, 32, common=1000)}, rates),
    Row("turn2", "second turn's first token, 2,000-token history, against no cache", "-65%", 1, 2560,
        lambda s, rng, o: loads.second_turn(s, rng, 2000), turns),
    Row("gap", "p95 gap of 4 streams while a 4,000-token prompt arrives", "0.3x", 5, 4608,
        lambda s, rng, o: loads.gaps(s, rng, 4, 4000), gap, long=True),
    Row("engine", "engine's own part of a step, 16 sequences", "3%", 16, 512,
        lambda s, rng, o: {"share": 100 * loads.engine_share(s, rng, 16)}, alone("share", "{:.2f}%"), peer=False),
    Row("idle", "memory of 10,000 idle connections and 200 streams", "200 MiB", 200, 512,
        lambda s, rng, o: {"mib": loads.memory_of_many(s, rng, 10_000, 200)}, alone("mib", "{:.0f} MiB"),
        peer=False, demo=True, more=("--max-connections", "11000")),
    Row("overload", "5 times what can be served: goodput against the best steady rate", "90%, 0 lost", 32, 512,
        measure_overload, goodput, peer=False, long=True, more=("--max-waiting", "64")),
]  # fmt: skip


def one_round(row: Row, options: argparse.Namespace, number: int) -> dict[str, Figures]:
    found = {}
    names = ["Holdfast", "llama-server"] if row.peer and not options.alone else ["Holdfast"]
    for name in names:
        model = "" if row.demo else options.long_model if row.long else options.model
        more = [*row.more, *options.serve] if name == "Holdfast" else []
        if name == "Holdfast":
            server: Server = Holdfast(model, options.threads, row.slots, row.context, options.isa, *more)
        else:
            server = start(name, model, options.threads, row.slots, row.context, options.isa)
        try:
            complete(server, random_prompt(random.Random(number), 64), 4)  # once unmeasured
            found[name] = row.measure(server, random.Random(f"{row.key} {number}"), options)
        finally:
            server.stop()
        told = ", ".join(f"{key} {value:.3f}" for key, value in found[name].items())
        print(f"{row.key}: {name}: {told}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    machine = Machine(len(os.sched_getaffinity(0)), "native", ROOT / "build/bench")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="ROW", help="these rows")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=machine.threads)
    parser.add_argument("--isa", choices=["native", "avx2"], default="native")
    parser.add_argument("--model", type=Path, help="default: a made one of 1.5B parameters in Q4_K_M")
    parser.add_argument("--long-model", type=Path, help="for long prompts and overload; default: the same")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each half of the overload")
    parser.add_argument("--alone", action="store_true", help="without the peer")
    parser.add_argument("--serve", nargs="+", default=[], metavar="ARG", help="further ones for `holdfast serve`")
    parser.add_argument("--rows", action="store_true", help="list the rows")
    options = parser.parse_args()
    if options.rows:
        print("\n".join(f"{row.key:10} {row.what}" for row in ROWS))
        return
    unknown = set(options.only or []) - {row.key for row in ROWS}
    if unknown:
        sys.exit(f"serving: no such row: {' '.join(sorted(unknown))}; --rows lists them")
    if not HOLDFAST.exists():
        sys.exit(f"serving: {HOLDFAST} is not built; ./run builds it")
    raise_descriptors()
    options.model = options.model or machine.model("qwen-1.5b/q4_k_m")
    options.long_model = options.long_model or options.model
    lines = ["| load | Holdfast | llama-server | measured | floor |", "|---|---|---|---|---|"]
    for row in ROWS:
        if options.only and row.key not in options.only:
            continue
        rounds = [one_round(row, options, number) for number in range(options.runs)]
        mine, peers, measured = row.told(rounds)
        lines.append(f"| {row.what} | {mine} | {peers} | {measured} | {row.floor} |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
