"""Task 3a: units of length, mass, volume, time and temperature."""

from .common import WORDS, Sample, add, div, mul, pick, sub

# (small unit, large unit, power of ten between them), names per language
SCALES = [
    (("mm", "millimetres", "毫米"), ("cm", "centimetres", "厘米"), 1),
    (("mm", "millimetres", "毫米"), ("m", "metres", "米"), 3),
    (("cm", "centimetres", "厘米"), ("m", "metres", "米"), 2),
    (("m", "metres", "米"), ("km", "kilometres", "千米"), 3),
    (("g", "grams", "克"), ("kg", "kilograms", "千克"), 3),
    (("mg", "milligrams", "毫克"), ("g", "grams", "克"), 3),
    (("kg", "kilograms", "千克"), ("t", "tonnes", "吨"), 3),
    (("mL", "millilitres", "毫升"), ("L", "litres", "升"), 3),
]
ASK = {
    "en": [
        "Convert {x} {a} to {b}.",
        "How many {b} is {x} {a}?",
        "{x} {a} in {b}?",
        "What is {x} {a} in {b}?",
        "{x} {a} = ? {b}",
        "Express {x} {a} in {b}.",
        "Change {x} {a} into {b}",
        "convert {x} {a} to {b}",
        "How many {b} are there in {x} {a}?",
        "{x} {a} is how many {b}?",
    ],
    "zh": [
        "{x}{a}等于多少{b}？",
        "把{x}{a}换算成{b}。",
        "{x}{a}是多少{b}",
        "{x}{a}=?{b}",
        "将{x}{a}转换为{b}",
        "请把{x} {a}换算成{b}",
        "{x} {a}合多少{b}？",
        "{x}{a}换算成{b}是多少？",
        "{x} {a} = ? {b}",
    ],
}


def shifted(digits, point):
    """Plain decimal text of an integer scaled by 10**-point."""
    if point <= 0:
        return str(digits * 10**-point)
    s = str(digits).zfill(point + 1)
    return (s[:-point] + "." + s[-point:]).rstrip("0").rstrip(".")


def scale(rng, lang):
    """A conversion by a power of ten."""
    small, large, power = pick(rng, SCALES)
    n, point = rng.randint(1, 10 ** rng.randint(1, 4) - 1), 0
    down = rng.random() < 0.5
    if down:
        point = pick(rng, [0, 0, 1, 1, 2])
    elif rng.random() < 0.4:
        n *= 10 ** rng.randint(1, 2)
    src, dst = (large, small) if down else (small, large)
    x = shifted(n, point)
    y = shifted(n, point - power if down else power)
    names = {"en": [0, 0, 1], "zh": [0, 2, 2]}[lang]
    a, b = src[pick(rng, names)], dst[pick(rng, names)]
    prompt = pick(rng, ASK[lang]).format(x=x, a=a, b=b)
    factor = 10**power
    lines = [f"{x} {src[0]}→{dst[0]}", f"1 {large[0]}={factor} {small[0]}", *_walk(x, power, down)]
    answer = f"{x} {src[0]} = {y} {dst[0]}"
    return Sample("units", lang, prompt, "\n".join(lines), answer, f"{x} {src[0]} {dst[0]}", "scale")


def _walk(x, power, down):
    """One line per place that the point moves."""
    whole, _, frac = x.partition(".")
    digits, point, lines = int(whole + frac), len(frac), []
    for _ in range(power):
        point += -1 if down else 1
        old, x = x, shifted(digits, point)
        lines.append(f"{old}{'×' if down else '÷'}10={x}")
    return lines


def minutes(rng, lang):
    """Hours and minutes to minutes and back; minutes to seconds likewise."""
    big, small = pick(rng, [("h", "min"), ("min", "s")])
    name = {
        "h": {"en": ["h", "hours"], "zh": ["小时"]},
        "min": {"en": ["min", "minutes"], "zh": ["分钟"]},
        "s": {"en": ["s", "seconds"], "zh": ["秒"]},
    }
    hours, rest = rng.randint(1, 12), pick(rng, [0, 30, rng.randint(1, 59), rng.randint(1, 59)])
    total = hours * 60 + rest
    big_n, small_n = pick(rng, name[big][lang]), pick(rng, name[small][lang])
    gap = " " if lang == "en" else ""
    if rng.random() < 0.5:
        x = f"{hours}{gap}{big_n}" + (f"{gap}{rest}{gap}{small_n}" if rest else "")
        ask = {
            "en": ["How many {b} is {x}?", "Convert {x} to {b}.", "{x} in {b}?", "{x} = ? {b}"],
            "zh": ["{x}等于多少{b}？", "{x}是多少{b}", "把{x}换算成{b}。", "{x}=?{b}"],
        }[lang]
        lines = [f"1 {big}=60 {small}", f"6×{hours}={6 * hours}", f"60×{hours}={60 * hours}"]
        if rest:
            lines += add(hours * 60, rest, lang)
        shown = f"{hours} {big}" + (f" {rest} {small}" if rest else "")
        answer, prompt = f"{shown} = {total} {small}", pick(rng, ask).format(x=x, b=small_n)
        key = f"{shown} to {small}"
    else:
        ask = {
            "en": ["Convert {x} {b} to {a} and {b}.", "How many {a} and {b} is {x} {b}?", "{x} {b} in {a} and {b}?"],
            "zh": ["{x}{b}等于几{a}几{b}？", "把{x}{b}换算成{a}和{b}。", "{x}{b}是几{a}几{b}"],
        }[lang]
        lines = [f"1 {big}=60 {small}"]
        rem = WORDS[lang]["rem"]
        lines.append(f"{total // 10}÷6={hours}" + rem + str(rest // 10))
        lines.append(f"{total}÷60={hours}" + rem + str(rest))
        shown = f"{hours} {big}" + (f" {rest} {small}" if rest else "")
        answer, prompt = f"{total} {small} = {shown}", pick(rng, ask).format(x=total, a=big_n, b=small_n)
        key = f"{total} {small} to {big}"
    return Sample("units", lang, prompt, "\n".join(lines), answer, key, "time")


def temperature(rng, lang):
    """°C to °F and back, for whole degrees that come out even."""
    fifths = rng.randint(0, 50)
    c, f = fifths * 5, fifths * 9 + 32
    up = rng.random() < 0.5
    en = {"c": ["°C", "degrees Celsius", "C", "Celsius"], "f": ["°F", "degrees Fahrenheit", "F", "Fahrenheit"]}
    zh = {"c": ["°C", "摄氏度", "℃"], "f": ["°F", "华氏度", "℉"]}
    names = en if lang == "en" else zh
    a, b = ("c", "f") if up else ("f", "c")
    x, y = (c, f) if up else (f, c)
    prompt = pick(rng, ASK[lang]).format(x=x, a=pick(rng, names[a]), b=pick(rng, names[b]))
    if up:
        lines = [f"{x} °C→°F", "F=C÷5×9+32", *div(c, 5, lang), *mul(fifths, 9, lang), *add(fifths * 9, 32, lang)]
    else:
        lines = [f"{x} °F→°C", "C=(F-32)÷9×5", *sub(f, 32, lang), *div(f - 32, 9, lang), *mul(fifths, 5, lang)]
    unit = {"c": "°C", "f": "°F"}
    answer = f"{x} {unit[a]} = {y} {unit[b]}"
    return Sample("units", lang, prompt, "\n".join(lines), answer, f"{x} {a} {b}", "temperature")


def make(rng, lang):
    """A random unit sample."""
    r = rng.random()
    return scale(rng, lang) if r < 0.6 else minutes(rng, lang) if r < 0.85 else temperature(rng, lang)
