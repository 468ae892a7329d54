"""From recorded rounds to the table, in two languages."""

import re
import statistics
from pathlib import Path

from contestants import NAMES
from rows import ROWS, Row

DISTURBED = 0.04  # of the machine's time used by others: the round counts for nothing
HEADS = {
    "english": ["work", *NAMES, "ratio"],
    "chinese": ["工作", *NAMES, "比值"],
}


def medians(rounds: list[dict]) -> dict[str, float]:
    """Each contestant's median over the rounds it took part in."""
    values = {name: [r["values"][name] for r in rounds if name in r["values"]] for name in NAMES}
    return {name: statistics.median(found) for name, found in values.items() if found}


def beside(row: Row, values: dict[str, float]) -> float | None:
    """How many times better than the better peer Holdfast is; above 1 is ahead, for times and memory too."""
    peers = [value for name, value in values.items() if name != "Holdfast"]
    if "Holdfast" not in values or not peers:
        return None
    mine = values["Holdfast"]
    return mine / max(peers) if row.more_is_better else min(peers) / mine


def ratio(row: Row, rounds: list[dict]) -> float | None:
    """The median over whole rounds, since only what was measured side by side compares well; else of medians."""
    most = max(len(r["values"]) for r in rounds)
    whole = [beside(row, r["values"]) for r in rounds if len(r["values"]) == most]
    if most > 1 and None not in whole:
        return statistics.median(whole)
    return beside(row, medians(rounds))


def figure(row: Row, value: float | None) -> str:
    if value is None:
        return "-"
    if row.kind == "memory":
        return f"{value:.0f} MiB"
    return f"{value:.2f} s" if row.kind == "start" else f"{value:.1f}"


def by_row(rounds: list[dict], isa: str) -> dict[str, list[dict]]:
    calm = [r for r in rounds if r["isa"] == isa and r.get("others", 0.0) <= DISTURBED]
    found = {key: [r for r in calm if r["row"] == key] for key in ROWS}
    return {key: some for key, some in found.items() if some}


def table(rounds: list[dict], isa: str, language: str) -> list[str]:
    lines = ["| " + " | ".join(HEADS[language]) + " |", "|---" * len(HEADS[language]) + "|"]
    for key, some in by_row(rounds, isa).items():
        row = ROWS[key]
        values, times = medians(some), ratio(row, some)
        cells = [figure(row, values.get(name)) for name in NAMES]
        label = row.english if language == "english" else row.chinese
        lines.append(f"| {label} | {' | '.join(cells)} | {'-' if times is None else f'{times:.2f}'} |")
    return lines


def put_between(path: Path, marker: str, lines: list[str]) -> None:
    """Replaces what stands between <!-- MARKER --> and <!-- /MARKER -->."""
    text = path.read_text("utf-8")
    pattern = rf"(<!-- {re.escape(marker)} -->\n).*?(<!-- /{re.escape(marker)} -->)"
    if not re.search(pattern, text, flags=re.DOTALL):
        raise SystemExit(f"bench: {path} has no <!-- {marker} -->")
    inner = "\n".join(["", *lines, "", ""])
    path.write_text(re.sub(pattern, lambda m: m[1] + inner + m[2], text, flags=re.DOTALL), "utf-8")
