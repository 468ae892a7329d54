"""Tasks 4 and 5 in small: a question about one field of a form or note."""

from . import clinical, inspection
from .common import Sample, pick

FIELDS = {
    "en": [
        "name",
        "code",
        "colour",
        "place",
        "owner",
        "number",
        "shelf",
        "order",
        "model",
        "street",
        "room",
        "type",
        "label",
        "key",
        "customer",
        "file",
    ],
    "zh": [
        "名称",
        "代码",
        "颜色",
        "地点",
        "负责人",
        "编号",
        "货架",
        "订单",
        "型号",
        "街道",
        "房间",
        "类型",
        "标签",
        "客户",
    ],
}
WORDS = {
    "en": [*inspection.PARTS["en"], *clinical.DRUG["en"], *clinical.SYLLABLES["en"], *clinical.ALLERGY["en"]],
    "zh": [*inspection.PARTS["zh"], *clinical.DRUG["zh"], *clinical.SYLLABLES["zh"], *clinical.ALLERGY["zh"]],
}
ASK = {
    "en": ["What is the {f}?", "Which {f}?", "Give me the {f}.", "Look up the {f}."],
    "zh": ["{f}是什么？", "查一下{f}。", "请给出{f}。", "{f}？"],
}


def _value(rng, lang):
    shape = rng.random()
    if shape < 0.35:
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
        return "".join(pick(rng, letters if rng.random() < 0.6 else "0123456789-") for _ in range(rng.randint(3, 7)))
    if shape < 0.65:
        return "".join(pick(rng, clinical.SYLLABLES[lang]) for _ in range(rng.randint(2, 5)))
    return (" " if lang == "en" else "").join(pick(rng, WORDS[lang]) for _ in range(rng.randint(1, 4)))


def form(rng, lang):
    """A form of any fields with any values."""
    names = rng.sample(FIELDS[lang], rng.randint(2, 4))
    values = [_value(rng, lang).strip("-") or "0" for _ in names]
    colon, glue = pick(rng, [": ", ": ", " ", "："]), pick(rng, ["\n", ", ", "; "])
    body = glue.join(n + colon + v for n, v in zip(names, values, strict=True))
    i = rng.randrange(len(names))
    ask = pick(rng, ASK[lang]).format(f=names[i])
    prompt = body + "\n" + ask if rng.random() < 0.5 else ask + "\n" + body
    return Sample("lookup", lang, prompt, f"{names[i]}: {values[i]}", values[i], "form|" + body, "form")


def make(rng, lang):
    """A random question about one field."""
    r = rng.random()
    if r < 0.5:
        return form(rng, lang)
    return (inspection if r < 0.72 else clinical).look_up(rng, lang)
