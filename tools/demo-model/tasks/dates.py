"""Task 3b: weekdays, days between dates, date plus days, leap years."""

from datetime import date, timedelta

from .common import Sample, add, div, pick, sub

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS_EN = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
DAYS_ZH = ["星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"]
DAYS_ZH2 = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"]


def _length(year, month):
    return (date(year + month // 12, month % 12 + 1, 1) - date(year, month, 1)).days


def _show(rng, lang, year, month, day):
    if lang == "zh":
        return f"{year}年{month}月{day}日"
    m = MONTHS[month - 1]
    return pick(rng, [f"{day} {m} {year}", f"{m} {day}, {year}", f"{year}-{month:02d}-{day:02d}"])


def _month(lang, month):
    return f"{month}月" if lang == "zh" else MONTHS[month - 1]


def _leap_line(year, lang):
    """Whether a year is a leap year: its last two digits (the first two of a full century) by four."""
    yes, no = ("leap year", "not a leap year") if lang == "en" else ("闰年", "平年")
    n = year % 100 or year // 100
    head = f"{year}: {n}" if year % 100 else f"{year}: 00, {n}"
    return [head, *div(n, 4, lang), no if n % 4 else yes]


def weekday(rng, lang):
    """Which weekday comes N days after (or before) another."""
    start, n = rng.randrange(7), rng.randint(1, 200)
    back = rng.random() < 0.45
    names = DAYS_EN if lang == "en" else DAYS_ZH
    shown = DAYS_EN if lang == "en" else pick(rng, [DAYS_ZH, DAYS_ZH2])
    if lang == "en":
        ask = (
            [
                "If today is {d}, what day was it {n} days ago?",
                "Today is {d}. Which weekday was {n} days ago?",
                "What weekday is {n} days before a {d}?",
            ]
            if back
            else [
                "If today is {d}, what day is it in {n} days?",
                "Today is {d}. What day of the week is it {n} days later?",
                "What weekday is {n} days after {d}?",
                "It is {d} today. Which day will it be {n} days from now?",
            ]
        )
    else:
        ask = (
            ["今天是{d}，{n}天前是星期几？", "如果今天{d}，{n}天以前是星期几？"]
            if back
            else [
                "今天是{d}，{n}天后是星期几？",
                "如果今天是{d}，再过{n}天是星期几？",
                "{d}之后{n}天是星期几？",
                "今天{d}，{n}天之后是星期几",
            ]
        )
    prompt = pick(rng, ask).format(d=shown[start], n=n)
    r = n % 7
    step = -1 if back else 1
    sign = "-" if back else "+"
    lines = [f"{names[start]} {sign}{n}", *div(n, 7, lang)]
    lines.append(f"{names[start]} {sign}{r}")
    lines += [f"{sign}{i}: {names[(start + step * i) % 7]}" for i in range(1, r + 1)]
    answer = names[(start + step * r) % 7]
    answer = f"It is {answer}." if lang == "en" else f"是{answer}。"
    if lang == "en" and back:
        answer = answer.replace("It is", "It was")
    return Sample("dates", lang, prompt, "\n".join(lines), answer, f"weekday {start} {n * step}", "weekday")


def plus(rng, lang):
    """The date N days after another."""
    year = rng.randint(2000, 2035)
    first = date(year, rng.randint(1, 11), 1) + timedelta(rng.randrange(28))
    n = rng.randint(1, 75)
    last = first + timedelta(n)
    ask = {
        "en": [
            "What date is {n} days after {d}?",
            "{d} plus {n} days is what date?",
            "Which date comes {n} days after {d}?",
            "A delivery is due {n} days after {d}. What date is that?",
            "Add {n} days to {d}.",
        ],
        "zh": [
            "{d}之后{n}天是几月几日？",
            "{d}过{n}天是哪一天？",
            "{d}加{n}天是几号？",
            "从{d}起{n}天后是什么日期？",
            "交货期为{d}后{n}天，是哪一天？",
        ],
    }[lang]
    prompt = pick(rng, ask).format(d=_show(rng, lang, first.year, first.month, first.day), n=n)
    lines, m, y = [f"{first.year}/{first.month}/{first.day} +{n}"], first.month, first.year
    if m <= 2 and (m == 2 or last.month > 2):
        lines += _leap_line(y, lang)
    total = first.day + n
    lines += add(first.day, n, lang)
    while True:
        size = _length(y, m)
        if total <= size:
            lines.append(f"{m}: {size}≥{total}")
            break
        lines.append(f"{m}: {size}<{total}")
        lines += sub(total, size, lang)
        total -= size
        m, y = m % 12 + 1, y + m // 12
    if lang == "en":
        answer = f"{last.day} {MONTHS[last.month - 1]} {last.year}"
    else:
        answer = f"{last.year}年{last.month}月{last.day}日"
    return Sample("dates", lang, prompt, "\n".join(lines), answer, f"{first} + {n}", "plus")


def between(rng, lang):
    """Days from one date to another in the same year."""
    year = rng.randint(2000, 2035)
    m1 = rng.randint(1, 12)
    m2 = min(12, m1 + pick(rng, [0, 0, 1, 1, 1, 2, 2, 3]))
    d1, d2 = rng.randint(1, _length(year, m1)), rng.randint(1, _length(year, m2))
    if m1 == m2 and d1 >= d2:
        d1, d2 = (d2, d1) if d1 > d2 else (1, max(2, d1))
    ask = {
        "en": [
            "How many days are there from {a} to {b}?",
            "How many days are between {a} and {b}?",
            "Days from {a} to {b}?",
            "How many days lie from {a} until {b}?",
        ],
        "zh": ["从{a}到{b}有多少天？", "{a}到{b}相隔多少天？", "{a}至{b}相差几天？", "{a}距{b}多少天？"],
    }[lang]
    prompt = pick(rng, ask).format(a=_show(rng, lang, year, m1, d1), b=_show(rng, lang, year, m2, d2))
    lines = [f"{year}: {m1}/{d1}, {m2}/{d2}", f"{m1}{'<' if m1 < m2 else '='}{m2}"]
    if m1 == m2:
        total = d2 - d1
        lines += sub(d2, d1, lang)
    else:
        if m1 <= 2:
            lines += _leap_line(year, lang)
        size = _length(year, m1)
        lines.append(f"{m1}<{m2}: {size}")
        lines += sub(size, d1, lang)
        total = size - d1
        for m in range(m1 + 1, m2):
            size = _length(year, m)
            lines.append(f"{m}<{m2}: {size}")
            lines += add(total, size, lang)
            total += size
        lines.append(f"{m2}={m2}: {d2}")
        lines += add(total, d2, lang)
        total += d2
    answer = f"{total} days" if lang == "en" else f"{total}天"
    if lang == "en" and total == 1:
        answer = "1 day"
    key = f"between {date(year, m1, d1)} {date(year, m2, d2)}"
    return Sample("dates", lang, prompt, "\n".join(lines), answer, key, "between")


def leap(rng, lang):
    """Leap years and the lengths of months."""
    year = pick(rng, [rng.randint(1600, 2399), rng.randint(1900, 2100), rng.randint(16, 23) * 100])
    is_leap = _length(year, 2) == 29
    lines = _leap_line(year, lang)
    if rng.random() < 0.5:
        ask = {
            "en": ["Is {y} a leap year?", "Was {y} a leap year?", "Leap year or not: {y}?"],
            "zh": ["{y}年是闰年吗？", "{y}年是不是闰年？", "判断{y}年是否为闰年。"],
        }[lang]
        prompt, key = pick(rng, ask).format(y=year), f"leap {year}"
        answer = {
            "en": f"{year} is {'' if is_leap else 'not '}a leap year.",
            "zh": f"{year}年{'是' if is_leap else '不是'}闰年。",
        }[lang]
    else:
        month = pick(rng, [2, 2, rng.randint(1, 12)])
        size = _length(year, month)
        ask = {
            "en": ["How many days does {m} {y} have?", "How many days are there in {m} {y}?", "Days in {m} {y}?"],
            "zh": ["{y}年{m}有多少天？", "{y}年{m}有几天", "{y}年的{m}一共多少天？"],
        }[lang]
        prompt, key = pick(rng, ask).format(y=year, m=_month(lang, month)), f"length {year} {month}"
        if month != 2:
            lines = []
        lines.append(f"{_month(lang, month)} {size}")
        answer = f"{size} days" if lang == "en" else f"{size}天"
    return Sample("dates", lang, prompt, "\n".join(lines), answer, key, "leap")


def make(rng, lang):
    """A random date sample."""
    r = rng.random()
    part = weekday if r < 0.3 else plus if r < 0.6 else between if r < 0.88 else leap
    return part(rng, lang)
