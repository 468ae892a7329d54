"""Puts the measured figures into the model cards, between their markers."""

import json
import re
import sys
from pathlib import Path

import evaluate

NAMES = {
    "arithmetic": ("Arithmetic in steps", "分步算术"),
    "words": ("Word problems", "应用题"),
    "units": ("Units", "单位换算"),
    "dates": ("Dates", "日期"),
    "inspection": ("Inspection report (JSON)", "检验报告（JSON）"),
    "clinical": ("Clinical note (JSON)", "病历字段（JSON）"),
    "lookup": ("One field of a form or note", "查单个字段"),
    "scope": ("Greetings, outside questions", "问候与范围外的问题"),
    "all": ("All", "合计"),
}
HEAD = (
    "| Task | Language | Exact | Share | 95% interval |\n|---|---|---|---|---|\n",
    "| 任务 | 语言 | 完全正确 | 比例 | 95% 置信区间 |\n|---|---|---|---|---|\n",
)
LANGS = {"en": ("English", "英文"), "zh": ("Chinese", "中文"), "both": ("both", "中英")}


def table(rows, which):
    """The figures as a table; which is 0 for English, 1 for Chinese."""
    text = HEAD[which]
    for r in rows:
        low, high = (f"{100 * x:.1f}" for x in evaluate.wilson(r["right"], r["n"]))
        text += f"| {NAMES[r['task']][which]} | {LANGS[r['lang']][which]} | {r['right']} / {r['n']} "
        text += f"| {100 * r['right'] / r['n']:.1f}% | {low}–{high}% |\n"
    return text


def main():
    """Rewrites the tables: card.py FIGURES.json README.md README.zh.md"""
    rows = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for which, name in enumerate(sys.argv[2:4]):
        path = Path(name)
        old = path.read_text(encoding="utf-8")
        marks = r"(<!-- figures -->\n).*?(<!-- end of figures -->)"
        new = re.sub(marks, lambda m, w=which: m[1] + "\n" + table(rows, w) + "\n" + m[2], old, flags=re.S)
        path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
