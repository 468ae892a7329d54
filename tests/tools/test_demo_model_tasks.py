"""The demo model's problems: answers worked out again, in another way."""

import json
import random
import re
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "demo-model"))

import tasks
from tasks import arithmetic, clinical, common, dates, inspection, lookup, scope, units, words

N = 400
LANGS = pytest.mark.parametrize("lang", tasks.LANGS)


def draws(make, lang, n=N):
    rng = random.Random(7)
    return [make(rng, lang) for _ in range(n)]


def check_lines(think):
    """Every plain equation in a chain of steps holds."""
    count = 0
    for line in think.splitlines():
        found = re.fullmatch(r"(-?[\d]+(?:[-+×÷]\d+)+)=(-?\d+)(?:(?: r |余)(\d+))?(?:→(\d+).*)?", line)
        if not found:
            continue
        left, right, rest, _ = found.groups()
        if "÷" in left:
            a, b = map(int, left.split("÷"))
            assert divmod(a, b) == (int(right), int(rest or 0)), line
        else:
            assert eval(left.replace("×", "*")) == int(right), line
        count += 1
    return count


@LANGS
def test_sums(lang):
    for s in draws(arithmetic.make, lang, 1500):
        assert check_lines(s.think)
        left, right = s.answer.split(" = ")
        number, *rest = re.split(r" remainder | 余 ", right)
        if "÷" in left:
            a, b = map(int, left.split(" ÷ "))
            assert divmod(a, b) == (int(number), int(rest[0]) if rest else 0)
        else:
            assert eval(left.replace("×", "*")) == int(number)


@LANGS
def test_follow_up_goes_on_from_the_first_answer(lang):
    for s in draws(arithmetic.follow_up, lang):
        ((_, first),) = s.history
        assert s.answer.startswith(first.split("= ")[1] + " ")


@pytest.mark.parametrize("op", "+-×÷")
def test_the_written_out_digits_are_the_result(op):
    rng = random.Random(3)
    for _ in range(N):
        a, b = rng.randint(0, 9999), rng.randint(1, 12) if op == "÷" else rng.randint(0, 99)
        lines = common.WORK[op](a, b, "en")
        want = {"+": a + b, "-": a - b, "×": a * b, "÷": a // max(b, 1)}[op]
        assert re.match(rf"{re.escape(f'{a}{op}{b}')}={want}( r \d+)?$", lines[-1]), lines
        check_lines("\n".join(lines))


@LANGS
def test_word_problems(lang):
    seen = set()
    for s in draws(words.make, lang, 1500):
        assert check_lines(s.think)
        pid, numbers = s.key.split(" ", 1)
        v = dict(eval(numbers))
        steps = next(p[2] for p in words.PROBLEMS if p[0] == pid)
        for i, step in enumerate(steps, 1):
            x, op, y = step.split()
            v[f"r{i}"] = eval(f"{v[x]}{op.replace('×', '*').replace('÷', '/')}{v[y]}")
        assert float(re.search(r"\d+", s.answer)[0]) == v[f"r{len(steps)}"]
        for name, number in v.items():
            assert name.startswith("r") or str(number) in s.prompt
        seen.add(pid)
    assert len(seen) == len(words.PROBLEMS)


@LANGS
def test_units(lang):
    size = {"mm": 1, "cm": 10, "m": 1000, "km": 10**6, "mg": 1, "g": 1000, "kg": 10**6, "t": 10**9, "mL": 1, "L": 1000}
    for s in draws(units.scale, lang):
        x, a, y, b = re.fullmatch(r"([\d.]+) (\w+) = ([\d.]+) (\w+)", s.answer).groups()
        assert float(x) * size[a] == pytest.approx(float(y) * size[b], rel=1e-12)
        assert "e" not in x + y
    for s in draws(units.minutes, lang):
        sides = []
        for side in s.answer.split(" = "):
            pairs = re.findall(r"(\d+) (h|min|s)\b", side)
            seconds = {"h": 3600, "min": 60, "s": 1}
            sides.append(sum(int(n) * seconds[u] for n, u in pairs))
        assert sides[0] == sides[1] > 0
    for s in draws(units.temperature, lang):
        n = {u: int(x) for x, u in re.findall(r"(-?\d+) °([CF])", s.answer)}
        assert n["C"] * 9 / 5 + 32 == n["F"]


@LANGS
def test_dates(lang):
    weekday_names = dates.DAYS_EN if lang == "en" else dates.DAYS_ZH
    for s in draws(dates.make, lang, 1500):
        if s.kind == "weekday":
            _, start, n = s.key.split()
            day = date(2024, 1, 1 + int(start)) + timedelta(int(n))
            assert weekday_names[day.weekday()] in s.answer
        elif s.kind == "plus":
            first, n = s.key.split(" + ")
            day = date.fromisoformat(first) + timedelta(int(n))
            assert s.answer == (
                f"{day.day} {day:%B} {day.year}" if lang == "en" else f"{day.year}年{day.month}月{day.day}日"
            )
        elif s.kind == "between":
            _, a, b = s.key.split()
            assert int(re.match(r"\d+", s.answer)[0]) == (date.fromisoformat(b) - date.fromisoformat(a)).days > 0
        elif s.key.startswith("leap"):
            year = int(s.key.split()[1])
            leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
            assert leap != (("not" if lang == "en" else "不是") in s.answer)
        check_lines(s.think)


@LANGS
def test_inspection_reports(lang):
    for s in draws(inspection.make, lang):
        r = json.loads(s.answer)
        devs = [abs(round(m * 100) - round(r["nominal"] * 100)) for m in r["measurements"]]
        out = sum(d > round(r["tolerance"] * 100) for d in devs)
        assert r["out_of_tolerance"] == out
        assert round(r["max_deviation"] * 100) == max(devs)
        good = {"en": "pass", "zh": "合格"}[lang]
        assert (r["verdict"] == good) == (out == 0)
        for m in r["measurements"]:
            assert f"{m:.2f}" in s.prompt
        assert r["part"] in s.prompt and r["batch"] in s.prompt


@LANGS
def test_clinical_notes(lang):
    for s in draws(clinical.make, lang):
        r = json.loads(s.answer)
        assert list(r) == clinical.FIELDS
        for key in ("age", "temperature", "heart_rate", "blood_pressure", "complaint", "medication", "dose"):
            assert r[key] is None or str(r[key]) in s.prompt
        if r["allergy"] not in (None, "none", "无"):
            assert r["allergy"] in s.prompt


@LANGS
def test_lookups_are_copied_and_share_the_held_out_side_of_their_task(lang):
    implied = {"male", "female", "none", "无", clinical.NONE[lang]}
    for s in draws(lookup.make, lang):
        nominal = s.answer[:-1] if s.kind == "nominal" else s.answer
        assert s.answer in s.prompt or nominal in s.prompt or s.answer in implied
        task, key = s.key.split("|", 1)
        whole = common.Sample(task, lang, "", "", "", key)
        assert tasks.held_out(s) == tasks.held_out(whole)


@LANGS
def test_outside_questions_have_one_answer(lang):
    assert {s.answer for s in draws(scope.make, lang)} == {scope.OUT[lang], scope.SELF[lang]}
    for s in draws(scope.outside, lang):
        assert "{" not in s.prompt


@pytest.mark.parametrize("task", tasks.TASKS)
@LANGS
def test_held_out_problems_are_kept_apart(task, lang):
    rng = random.Random(11)
    train = {tasks.draw(rng, task, lang).key for _ in range(N)}
    test = {tasks.draw(rng, task, lang, test=True).key for _ in range(30)}
    assert not train & test
