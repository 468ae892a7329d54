"""The documents agree with each other and with the program."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = Path(os.environ.get("HOLDFAST_BIN", ROOT / "build/release/bin/holdfast"))
PAIRS = [
    (path, path.with_name(path.name.replace(".zh.md", ".md")))
    for path in sorted([*ROOT.glob("*.zh.md"), *ROOT.glob("docs/**/*.zh.md"), *ROOT.glob("models/**/*.zh.md")])
]


def shape(text: str) -> list[str]:
    """Headings by depth, table rows by width, and fences: what two languages must share."""
    lines = []
    for line in text.splitlines():
        if heading := re.match(r"#+ ", line):
            lines.append(heading.group())
        elif line.startswith("|"):
            lines.append(f"row of {line.count('|')}")
        elif line.startswith("```"):
            lines.append(line)
    return lines


@pytest.mark.parametrize(("chinese", "english"), PAIRS, ids=lambda path: str(path.relative_to(ROOT)))
def test_both_languages_have_the_same_shape(chinese: Path, english: Path) -> None:
    assert shape(chinese.read_text("utf-8")) == shape(english.read_text("utf-8"))


def test_the_readme_lists_every_command() -> None:
    text = subprocess.run([HOLDFAST, "--help"], capture_output=True, text=True, check=True).stdout
    section = re.split(r"^Subcommands:$", text, flags=re.MULTILINE)[1]
    commands = set(re.findall(r"^  ([a-z]+) ", section, flags=re.MULTILINE))
    assert commands
    for readme in ("README.md", "README.zh.md"):
        table = (ROOT / readme).read_text("utf-8")
        listed = {
            word
            for row in re.findall(r"^\| (`.*?) \|", table, flags=re.MULTILINE)
            for word in re.findall(r"`([a-z]+)", row)
        }
        assert commands <= listed, readme


def test_links_lead_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("models/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)} links to {target}"
