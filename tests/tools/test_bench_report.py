"""bench/: from recorded rounds to ratios, tables and plots."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
import plot  # noqa: E402
import report  # noqa: E402
from rows import ROWS  # noqa: E402

PREFILL, MEMORY = ROWS["prefill-512-q4_k_m"], ROWS["memory-q4_k_m"]


def one(row: str, isa: str = "native", **values: float) -> dict:
    names = {"ours": "Holdfast", "llama": "llama.cpp", "ik": "ik_llama.cpp"}
    return {"row": row, "isa": isa, "values": {names[key]: value for key, value in values.items()}}


def test_the_better_peer_counts():
    assert report.beside(PREFILL, one("", ours=300, llama=100, ik=200)["values"]) == 1.5
    assert report.beside(MEMORY, one("", ours=300, llama=600, ik=900)["values"]) == 2.0  # less is better
    assert report.beside(PREFILL, one("", ours=300)["values"]) is None
    assert report.beside(PREFILL, one("", llama=300)["values"]) is None


def test_the_ratio_is_the_median_of_rounds_measured_side_by_side():
    fast = [one(PREFILL.key, ours=400, llama=200, ik=100)]  # the machine's good hour
    slow = [one(PREFILL.key, ours=100, llama=100, ik=50), one(PREFILL.key, ours=30, llama=10, ik=5)]
    assert report.ratio(PREFILL, fast + slow) == 2.0
    assert report.ratio(PREFILL, [*fast, one(PREFILL.key, ours=4000)]) == 2.0  # not a whole round
    apart = [one(PREFILL.key, ours=400), one(PREFILL.key, llama=200), one(PREFILL.key, ik=100)]
    assert report.ratio(PREFILL, apart) == 2.0


def test_a_round_beside_busy_programs_does_not_count():
    rounds = [
        one(PREFILL.key, ours=400, llama=200) | {"others": 0.01},
        one(PREFILL.key, ours=9, llama=1) | {"others": 0.2},
    ]
    assert "| prefill 512, Q4_K_M | 400.0 | 200.0 | - | 2.00 |" in report.table(rounds, "native", "english")


def test_tables_of_both_languages_have_one_shape():
    rounds = [one(key, ours=3, llama=2, ik=1) for key in ROWS]
    english, chinese = (report.table(rounds, "native", language) for language in ("english", "chinese"))
    assert len(english) == len(chinese) == len(ROWS) + 2
    assert [line.count("|") for line in english] == [line.count("|") for line in chinese]
    assert report.table(rounds, "avx2", "english")[2:] == []
    assert "| prefill 512, Q4_K_M | 3.0 | 2.0 | 1.0 | 1.50 |" in english


def test_what_stands_between_the_marks_is_replaced(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("before\n<!-- here -->\nold\n<!-- /here -->\nafter\n")
    report.put_between(path, "here", ["| new |"])
    assert path.read_text() == "before\n<!-- here -->\n\n| new |\n\n<!-- /here -->\nafter\n"
    with pytest.raises(SystemExit):
        report.put_between(path, "there", [])


def test_the_plot_is_an_svg_with_a_bar_for_each_figure():
    rounds = [one(key, ours=3, llama=2, ik=1) for key in ROWS]
    for chinese in (False, True):
        tree = ElementTree.fromstring(plot.svg(rounds, "native", chinese))
        bars = [node for node in tree.iter() if node.tag.endswith("rect")]
        assert len(bars) == 1 + 3 + 3 * len(ROWS)  # the ground, the legend
