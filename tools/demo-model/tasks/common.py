"""What every task shares: the sample, and written-out sums in two languages.

A written-out sum is a list of short lines.  Numbers are worked on digit by
digit from the right (long division: from the left), and each line ends in the
digits found so far, so that the length of that part says which column is next.
"""

from dataclasses import dataclass, field


@dataclass
class Sample:
    """One question with its known answer."""

    task: str
    lang: str
    prompt: str
    think: str
    answer: str
    key: str
    kind: str = ""
    history: list = field(default_factory=list)
    system: str = ""


WORDS = {
    "en": {"carry": " carry ", "borrow": " borrow ", "rem": " r "},
    "zh": {"carry": "进", "borrow": "借", "rem": "余"},
}


def add(a, b, lang):
    """Lines that work out a + b for whole numbers."""
    head = f"{a}+{b}"
    if a < 10 and b < 10:
        return [f"{head}={a + b}"]
    lines = [head + ":"]
    width = max(len(str(a)), len(str(b)))
    da, db = str(a).zfill(width)[::-1], str(b).zfill(width)[::-1]
    carry, done = 0, ""
    for x, y in zip(da, db, strict=True):
        s = int(x) + int(y) + carry
        line = f"{x}+{y}" + ("+1" if carry else "") + f"={s}"
        carry, done = s // 10, str(s % 10) + done
        lines.append(line + "→" + done + (WORDS[lang]["carry"] + "1" if carry else ""))
    if carry:
        lines.append("1→1" + done)
    lines.append(f"{head}={a + b}")
    return lines


def sub(a, b, lang):
    """Lines that work out a - b; a negative result is turned round."""
    head = f"{a}-{b}"
    if a < b:
        return [f"{a}<{b}", *sub(b, a, lang), f"{head}=-{b - a}"]
    if a < 20 and b < 10:
        return [f"{head}={a - b}"]
    lines = [head + ":"]
    width = len(str(a))
    borrow, done = 0, ""
    for x, y in zip(str(a)[::-1], str(b).zfill(width)[::-1], strict=True):
        d = int(x) - int(y) - borrow
        top = int(x) + 10 if d < 0 else int(x)
        line = f"{top}-{y}" + ("-1" if borrow else "") + f"={d % 10}"
        borrow, done = int(d < 0), str(d % 10) + done
        lines.append(line + "→" + done + (WORDS[lang]["borrow"] + "1" if borrow else ""))
    lines.append(f"{head}={a - b}")
    return lines


def _times_digit(a, d, lang):
    if a < 10 or d < 2:
        return [f"{a}×{d}={a * d}"]
    lines, carry, done = [f"{a}×{d}:"], 0, ""
    for x in str(a)[::-1]:
        p = int(x) * d + carry
        line = f"{x}×{d}" + (f"+{carry}" if carry else "") + f"={p}"
        carry, done = p // 10, str(p % 10) + done
        lines.append(line + "→" + done + (WORDS[lang]["carry"] + str(carry) if carry else ""))
    if carry:
        lines.append(f"{carry}→{carry}{done}")
    lines.append(f"{a}×{d}={a * d}")
    return lines


def mul(a, b, lang):
    """Lines that work out a × b, one partial product per digit of the shorter."""
    head = f"{a}×{b}"
    if len(str(a)) < len(str(b)):
        return [f"{head}={b}×{a}", *mul(b, a, lang)]
    if b < 10:
        return _times_digit(a, b, lang)
    lines, total = [head + ":"], None
    for place, x in enumerate(str(b)[::-1]):
        d, zeros = int(x), "0" * place
        if not d:
            continue
        lines += _times_digit(a, d, lang)
        part = a * d * 10**place
        if place:
            lines.append(f"{a}×{d}{zeros}={part}")
        if total is not None:
            lines += add(total, part, lang)
        total = part if total is None else total + part
    if lines[-1] != f"{head}={total}":
        lines.append(f"{head}={total}")
    return lines


def div(a, b, lang):
    """Lines that work out a ÷ b with remainder by long division."""
    r, done = 0, ""
    rem = WORDS[lang]["rem"]
    lines = [f"{a}÷{b}:"]
    for x in str(a):
        n = r * 10 + int(x)
        q, r = divmod(n, b)
        done += str(q)
        lines.append(f"{n}÷{b}={q}{rem}{r}→{done}")
    lines.append(f"{a}÷{b}={a // b}" + (f"{rem}{a % b}" if a % b else ""))
    return lines


WORK = {"+": add, "-": sub, "×": mul, "÷": div}


def value(op, a, b):
    """The value the lines of WORK[op] end in (quotient for ÷)."""
    return {"+": a + b, "-": a - b, "×": a * b, "÷": a // b if b else 0}[op]


def number(rng, digits):
    """A whole number of 1 to `digits` digits, each length about as likely."""
    n = rng.randint(1, digits)
    return rng.randint(10 ** (n - 1) if n > 1 else 0, 10**n - 1)


def pick(rng, options):
    """One of the options."""
    return options[rng.randrange(len(options))]
