"""Task 1: sums worked out digit by digit."""

from .common import WORK, Sample, number, pick, value

ASK = {
    "en": [
        "What is {e}?",
        "{e} = ?",
        "{e}=?",
        "{e}",
        "Calculate {e}.",
        "Compute {e}",
        "Work out {e}.",
        "How much is {e}?",
        "Please calculate {e}",
        "Solve: {e}",
        "Can you work out {e} for me?",
        "Find the value of {e}.",
        "what's {e}",
        "Evaluate {e}.",
        "{e} equals what?",
        "Tell me {e}.",
        "What does {e} make?",
        "Calculate {e} step by step.",
        "I need {e}",
        "Give me the result of {e}.",
    ],
    "zh": [
        "{e}等于多少？",
        "{e}=?",
        "{e}＝？",
        "计算{e}",
        "请计算{e}。",
        "{e}是多少？",
        "算一下{e}",
        "求{e}的值。",
        "请算出{e}的结果。",
        "帮我算{e}",
        "{e}得多少",
        "{e} = ？",
        "计算：{e}",
        "请一步一步计算{e}。",
        "{e}的结果是什么？",
        "告诉我{e}等于几。",
        "请问{e}等于多少",
    ],
}
SPELT = {
    "en": {
        "+": ["{a} plus {b}", "the sum of {a} and {b}", "{a} added to {b}"],
        "-": ["{a} minus {b}", "{b} subtracted from {a}"],
        "×": ["{a} times {b}", "{a} multiplied by {b}", "the product of {a} and {b}"],
        "÷": ["{a} divided by {b}", "{a} over {b}"],
    },
    "zh": {
        "+": ["{a}加{b}", "{a}加上{b}", "{a}与{b}的和"],
        "-": ["{a}减{b}", "{a}减去{b}", "{a}与{b}的差"],
        "×": ["{a}乘{b}", "{a}乘以{b}", "{a}与{b}的积"],
        "÷": ["{a}除以{b}"],
    },
}
SIGNS = {
    "+": ["+"],
    "-": ["-", "-", "−", "–"],
    "×": ["×", "*", "x", "×"],
    "÷": ["÷", "/", "÷"],
}


def _operands(rng, op):
    if op in "+-":
        a, b = number(rng, 4), number(rng, 4)
        if op == "-" and a < b and rng.random() < 0.85:
            a, b = b, a
        return a, b
    if op == "×":
        shape = rng.random()
        if shape < 0.2:
            return rng.randint(0, 12), rng.randint(0, 12)
        if shape < 0.5:
            return number(rng, 3), rng.randint(2, 9)
        if shape < 0.8:
            return rng.randint(10, 99), rng.randint(10, 99)
        return rng.randint(100, 999), rng.randint(10, 99)
    return number(rng, 4), rng.randint(2, 9)


def _final(op, a, b, lang):
    text = f"{a} {op} {b} = {value(op, a, b)}"
    if op == "÷" and a % b:
        text += (" remainder " if lang == "en" else " 余 ") + str(a % b)
    return text


def _write(rng, op, a, b, lang):
    if rng.random() < 0.25:
        return pick(rng, SPELT[lang][op]).format(a=a, b=b)
    gap = pick(rng, ["", " "])
    return f"{a}{gap}{pick(rng, SIGNS[op])}{gap}{b}"


def single(rng, lang):
    """One operation."""
    op = rng.choices("+-×÷", (3, 3, 4, 7))[0]
    a, b = _operands(rng, op)
    prompt = pick(rng, ASK[lang]).format(e=_write(rng, op, a, b, lang))
    think = "\n".join(WORK[op](a, b, lang))
    lo, hi = sorted((a, b)) if op in "+×" else (a, b)
    return Sample("arithmetic", lang, prompt, think, _final(op, a, b, lang), f"{op} {lo} {hi}", op)


def chain(rng, lang):
    """Two operations; × comes before + and -, otherwise left to right."""
    while True:
        ops = pick(rng, ["++", "+-", "-+", "--", "×+", "×-", "+×", "-×"])
        n = [number(rng, 3) for _ in range(3)]
        if ops[0] == "×":
            n[0], n[1] = number(rng, 2), rng.randint(2, 9)
        if ops[1] == "×":
            n[1], n[2] = number(rng, 2), rng.randint(2, 9)
        if ops[1] == "×":
            first = (ops[1], n[1], n[2])
            second = (ops[0], n[0], value(*first))
        else:
            first = (ops[0], n[0], n[1])
            second = (ops[1], value(*first), n[2])
        if value(*first) >= 0 and value(*second) >= 0:
            break
    gap = pick(rng, ["", " "])
    e = f"{n[0]}{gap}{pick(rng, SIGNS[ops[0]])}{gap}{n[1]}{gap}{pick(rng, SIGNS[ops[1]])}{gap}{n[2]}"
    lines = [f"{n[0]}{ops[0]}{n[1]}{ops[1]}{n[2]}"]
    lines += WORK[first[0]](first[1], first[2], lang) + WORK[second[0]](second[1], second[2], lang)
    answer = f"{n[0]} {ops[0]} {n[1]} {ops[1]} {n[2]} = {value(*second)}"
    key = f"chain {ops} {n}"
    prompt = pick(rng, ASK[lang]).format(e=e)
    return Sample("arithmetic", lang, prompt, "\n".join(lines), answer, key, "chain")


FOLLOW = {
    "en": {
        "+": ["Now add {b}.", "Add {b} to that.", "And plus {b}?", "Then add {b} to the result."],
        "-": ["Now subtract {b}.", "Take away {b} from that.", "And minus {b}?"],
        "×": ["Now multiply it by {b}.", "Times {b}?", "Multiply the result by {b}."],
    },
    "zh": {
        "+": ["再加{b}呢？", "再加上{b}", "结果再加{b}是多少？"],
        "-": ["再减{b}呢？", "再减去{b}", "结果再减{b}是多少？"],
        "×": ["再乘{b}呢？", "再乘以{b}", "结果乘以{b}是多少？"],
    },
}


def follow_up(rng, lang):
    """A second question that goes on from the first answer."""
    while True:
        first = single(rng, lang)
        if first.kind == "÷" or "-" in first.answer.split("=")[1]:
            continue
        a = int(first.answer.split("=")[1])
        op = pick(rng, "+-×")
        b = rng.randint(2, 9) if op == "×" else number(rng, 3)
        if a <= 9999 and value(op, a, b) >= 0:
            break
    think = "\n".join(WORK[op](a, b, lang))
    prompt = pick(rng, FOLLOW[lang][op]).format(b=b)
    key = f"{first.key} then {op} {b}"
    out = Sample("arithmetic", lang, prompt, think, _final(op, a, b, lang), key, "follow-up")
    out.history = [(first.prompt, first.answer)]
    return out


def make(rng, lang):
    """A random arithmetic sample."""
    r = rng.random()
    return single(rng, lang) if r < 0.7 else chain(rng, lang) if r < 0.94 else follow_up(rng, lang)
