"""The table as a picture: for each row a bar of every contestant, as a share of the better peer."""

from contestants import NAMES
from report import beside, by_row, medians, ratio
from rows import ROWS, Row

COLOURS = {"Holdfast": "#1f6f5c", "llama.cpp": "#b9bec4", "ik_llama.cpp": "#7d858e"}
BAR, GAP = 9, 12  # height of a bar, and between rows
LEFT, RIGHT = 350, 60  # room for names, and for the last figure
UNIT = 120  # width of the better peer's bar
TOP = 56
RED = "#c0392b"


def bar(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{words}</text>'


def shares(row: Row, values: dict[str, float]) -> dict[str, float]:
    """How much better than the better peer each is; that one's is 1."""
    peers = [value for name, value in values.items() if name != "Holdfast"]
    best = max(peers) if row.more_is_better else min(peers)
    return {name: value / best if row.more_is_better else best / value for name, value in values.items()}


def svg(rounds: list[dict], isa: str, chinese: bool = False) -> str:
    parts, y, widest = [], TOP, 1.0
    for key, some in by_row(rounds, isa).items():
        row, values = ROWS[key], medians(some)
        if beside(row, values) is None:
            continue
        label = row.chinese if chinese else row.english
        parts.append(text(LEFT - 8, y + len(NAMES) * BAR / 2 + 3, label, ' text-anchor="end"'))
        for name, share in shares(row, values).items():
            at = y + NAMES.index(name) * BAR
            parts.append(bar(LEFT, at, share * UNIT, BAR - 1, COLOURS[name]))
            widest = max(widest, share)
            if name == "Holdfast":
                parts.append(text(LEFT + share * UNIT + 4, at + BAR, f"{ratio(row, some):.2f}", ' font-weight="600"'))
        y += len(NAMES) * BAR + GAP
    for i, name in enumerate(NAMES):
        parts += [bar(LEFT + 110 * i, 12, 10, 10, COLOURS[name]), text(LEFT + 110 * i + 15, 21, name)]
    one = LEFT + UNIT
    parts.append(f'<line x1="{one}" x2="{one}" y1="{TOP - 8}" y2="{y}" stroke="{RED}" stroke-dasharray="3 3"/>')
    words = "较快的对照" if chinese else "the better peer"
    parts.append(text(one, TOP - 14, words, f' text-anchor="middle" fill="{RED}"'))
    width, height = round(LEFT + widest * UNIT + RIGHT), round(y + 8)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
            ' font-family="sans-serif" font-size="11" fill="#222">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            *parts,
            "</svg>\n",
        ]
    )
