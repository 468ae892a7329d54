"""Runs the tests of a built tree and adds up what they say: layers, CTest (unit, fuzz corpora), pytest.

Called by ./test with HOLDFAST_BUILD set; NAMEs select as ./test --help says.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CTEST_LABELS = {"unit", "fuzz"}
# Not a measure of speed: a test that hangs must fail and be named, not hold everything up.
HANG_SECONDS = 1500
PYTEST_FOLDERS = {"golden": "tests/golden", "e2e": "tests/e2e", "tools": "tests/tools"}


class Total:
    """Counts of single test cases, and what failed by name."""

    def __init__(self) -> None:
        self.passed = 0
        self.skipped = 0
        self.failed: list[str] = []

    def add_junit(self, path: Path) -> None:
        for case in ElementTree.parse(path).iter("testcase"):
            name = f"{case.get('classname') or ''}.{case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                self.failed.append(name)
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                self.skipped += 1
            else:
                self.passed += 1


def run_ctest(arguments: list[str], build: Path, total: Total) -> None:
    """Every GoogleTest program writes its own cases, so that a case is what is counted."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "ctest.xml"
        environment = os.environ | {"GTEST_OUTPUT": f"xml:{folder}/gtest/"}
        command = ["ctest", "--test-dir", str(build), "--output-on-failure", "--no-tests=error"]
        command += ["--timeout", str(HANG_SECONDS)]
        subprocess.run([*command, "--output-junit", str(report), *arguments], env=environment)
        if not report.exists():
            total.failed.append("ctest did not finish")
            return
        cases = list((Path(folder) / "gtest").glob("*.xml"))
        for path in cases:
            total.add_junit(path)
        programs = {path.stem.removeprefix("test_") for path in cases}
        for case in ElementTree.parse(report).iter("testcase"):
            bad = case.get("status") != "run"
            name = case.get("name") or "?"
            if bad:
                total.failed.append(f"ctest {name}")
            elif name not in programs:
                total.passed += 1


def run_pytest(paths: list[str], total: Total) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "pytest.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-ra", f"--junitxml={report}"]
        command += ["-o", f"faulthandler_timeout={HANG_SECONDS // 3}"]  # shows where it hangs
        try:
            status = subprocess.run([*command, *paths], cwd=ROOT, timeout=HANG_SECONDS).returncode
        except subprocess.TimeoutExpired:
            total.failed.append("pytest hung; the trace above says where")
            return
        if not report.exists():
            total.failed.append(f"pytest exited with {status}")
            return
        before = len(total.failed)
        total.add_junit(report)
        if status != 0 and len(total.failed) == before:
            total.failed.append(f"pytest exited with {status}")


def run_layers(total: Total) -> None:
    status = subprocess.run([sys.executable, str(ROOT / "tools/check-layers")]).returncode
    if status == 0:
        total.passed += 1
    else:
        total.failed.append("tools/check-layers")


def main(names: list[str]) -> int:
    build = Path(os.environ["HOLDFAST_BUILD"])
    total = Total()
    pytest_paths = [PYTEST_FOLDERS.get(name, name) for name in names if name in PYTEST_FOLDERS or "/" in name]
    ctest_names = [name for name in names if name not in PYTEST_FOLDERS and "/" not in name and name != "layers"]
    if not names:
        pytest_paths = [folder for folder in PYTEST_FOLDERS.values() if any((ROOT / folder).rglob("test_*.py"))]
    if not names or "layers" in names:
        run_layers(total)
    if not names:
        run_ctest([], build, total)
    for name in ctest_names:
        run_ctest(["-L", f"^{name}$"] if name in CTEST_LABELS else ["-R", f"^{name}$"], build, total)
    if pytest_paths:
        run_pytest(pytest_paths, total)

    for name in total.failed:
        print(f"FAILED {name}")
    print(f"{total.passed} passed, {len(total.failed)} failed, {total.skipped} skipped")
    return 1 if total.failed or total.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
