"""Task 4: a quality-inspection report (JSON) filled in from measurements."""

import json

from .common import Sample, pick

PARTS = {
    "en": [
        "shaft",
        "bearing sleeve",
        "flange",
        "bracket",
        "gear",
        "pin",
        "bushing",
        "housing",
        "washer",
        "spacer",
        "valve seat",
        "piston",
        "coupling",
        "nozzle",
        "bolt",
        "guide rail",
        "cover plate",
        "rotor",
        "spring",
        "hinge",
        "roller",
        "clamp",
        "lens ring",
        "connector",
        "rivet",
        "plate",
    ],
    "zh": [
        "轴",
        "轴套",
        "法兰",
        "支架",
        "齿轮",
        "销",
        "衬套",
        "壳体",
        "垫圈",
        "隔套",
        "阀座",
        "活塞",
        "联轴器",
        "喷嘴",
        "螺栓",
        "导轨",
        "盖板",
        "转子",
        "弹簧",
        "铰链",
        "滚轮",
        "夹具",
        "镜圈",
        "连接器",
        "铆钉",
        "底板",
    ],
}
ADJ = {
    "en": ["steel", "brass", "upper", "lower", "left", "right", "inner", "outer", "short", "long", "front", "rear"],
    "zh": ["钢", "铜", "上", "下", "左", "右", "内", "外", "短", "长", "前", "后"],
}
ASK = {
    "en": [
        "Fill in the inspection report.",
        "Fill in the quality inspection report as JSON.",
        "Make the inspection report (JSON).",
        "Write the report as JSON.",
        "Please give the inspection report in JSON.",
        "Produce a JSON inspection report.",
        "Is the lot in tolerance? Answer with the JSON report.",
        "Generate the quality report.",
    ],
    "zh": [
        "请填写检验报告。",
        "请用JSON填写质量检验报告。",
        "生成检验报告（JSON）。",
        "请输出JSON格式的检验报告。",
        "填写质检报告。",
        "这批合格吗？请给出JSON报告。",
        "根据测量值出检验报告。",
        "请生成质量报告。",
    ],
}
FORM = {
    "en": [
        ("Part: {part}", "Batch: {batch}", "Nominal: {nom} mm", "Tolerance: ±{tol} mm", "Measurements: {ms}"),
        ("part {part}", "batch {batch}", "nominal {nom} mm", "tolerance ±{tol} mm", "measured {ms}"),
        ("Part name: {part}", "Lot no.: {batch}", "Target size {nom} mm", "tol ±{tol}", "Readings (mm): {ms}"),
        ("Item: {part}", "Lot {batch}", "Nominal size: {nom}", "Permitted deviation: ±{tol}", "Values: {ms}"),
    ],
    "zh": [
        ("零件：{part}", "批号：{batch}", "公称尺寸：{nom} mm", "公差：±{tol} mm", "测量值：{ms}"),
        ("零件{part}", "批次{batch}", "标称值{nom}毫米", "公差±{tol}毫米", "实测{ms}"),
        ("零件名称：{part}", "批次号：{batch}", "名义尺寸 {nom} mm", "允许偏差 ±{tol}", "测量结果（mm）：{ms}"),
        ("产品：{part}", "批号 {batch}", "标准尺寸：{nom}", "公差范围：±{tol}", "数据：{ms}"),
    ],
}
SAY = {
    "en": {
        "ok": "in",
        "bad": "out",
        "max": "max",
        "pass": "pass",
        "fail": "fail",
        "head": "part: {part}\nbatch: {batch}\nnominal: {nom}\ntolerance: {tol}",
        "verdict": "out of tolerance: {n}, verdict: {v}",
    },
    "zh": {
        "ok": "合格",
        "bad": "超差",
        "max": "最大",
        "pass": "合格",
        "fail": "不合格",
        "head": "零件: {part}\n批号: {batch}\n公称尺寸: {nom}\n公差: {tol}",
        "verdict": "超差{n}个，判定：{v}",
    },
}


def hundredths(n):
    """A number of hundredths as text with two decimals."""
    return f"{n // 100}.{n % 100:02d}"


def report(part, batch, nom, tol, values, words):
    """Thinking lines and the report's text; sizes in hundredths of a millimetre."""
    head = words["head"].format(part=part, batch=batch, nom=hundredths(nom), tol=hundredths(tol))
    lines, worst, out = [head], 0, 0
    for v in values:
        dev = abs(v - nom)
        sign = "+" if v > nom else "-" if v < nom else ""
        worst = max(worst, dev)
        out += dev > tol
        lines.append(
            f"{hundredths(v)}-{hundredths(nom)}={sign}{hundredths(dev)}"
            + (f">{hundredths(tol)} {words['bad']}" if dev > tol else f"≤{hundredths(tol)} {words['ok']}")
            + f", {words['max']} {hundredths(worst)}, {out}"
        )
    verdict = words["fail" if out else "pass"]
    lines.append(words["verdict"].format(n=out, v=verdict))
    nums = ", ".join(hundredths(v) for v in values)
    text = (
        f'{{"part": {json.dumps(part, ensure_ascii=False)}, "batch": "{batch}", "nominal": {hundredths(nom)}, '
        f'"tolerance": {hundredths(tol)}, "measurements": [{nums}], "max_deviation": {hundredths(worst)}, '
        f'"out_of_tolerance": {out}, "verdict": "{verdict}"}}'
    )
    return "\n".join(lines), text


def form(rng, lang):
    """A random part with its measurements: the values and the text that states them."""
    part = pick(rng, PARTS[lang])
    if rng.random() < 0.5:
        part = pick(rng, ADJ[lang]) + (" " if lang == "en" else "") + part
    batch = "B" + "".join(pick(rng, "0123456789") for _ in range(rng.randint(3, 5)))
    nom = rng.randint(2, 120) * 100 + (rng.randint(0, 9) * 10 if rng.random() < 0.6 else 0)
    tol = pick(rng, [2, 3, 5, 5, 8])
    values = []
    calm = rng.random() < 0.45
    for _ in range(rng.randint(3, 5)):
        spread = tol if calm or rng.random() < 0.6 else min(9, tol + pick(rng, [1, 2, 3]))
        values.append(nom + rng.randint(-spread, spread))
    short = rng.random() < 0.3
    nom_text = hundredths(nom)[:-1] if short else hundredths(nom)
    sep = pick(rng, [", ", ", ", " ", "; "]) if lang == "en" else pick(rng, ["、", ", ", "，", " "])
    ms = sep.join(hundredths(v) for v in values)
    parts = [f.format(part=part, batch=batch, nom=nom_text, tol=hundredths(tol), ms=ms) for f in pick(rng, FORM[lang])]
    glue = pick(rng, ["\n", ", ", "; ", ". "]) if lang == "en" else pick(rng, ["\n", "，", "；", "。"])
    return (part, batch, nom, tol, values), glue.join(parts), glue


def make(rng, lang):
    """A random inspection sample."""
    given, body, glue = form(rng, lang)
    _, _, nom, tol, values = given
    think, text = report(*given, SAY[lang])
    ask = pick(rng, ASK[lang])
    end = "\n" if glue == "\n" else (". " if lang == "en" else "。")
    prompt = body + end + ask if rng.random() < 0.6 else ask + ("\n" if glue == "\n" else " ") + body
    return Sample("inspection", lang, prompt, think, text, f"{nom} {tol} {values}", "report")


LOOK_UP = {
    "part": {"en": ["Which part is it?", "What is the part?"], "zh": ["是什么零件？", "零件是什么？"]},
    "batch": {"en": ["Which batch is it?", "What is the batch number?"], "zh": ["批号是多少？", "是哪一批？"]},
    "nominal": {"en": ["What is the nominal size?"], "zh": ["公称尺寸是多少？"]},
    "tolerance": {"en": ["What is the tolerance?"], "zh": ["公差是多少？"]},
}
LABEL = {"part": "零件", "batch": "批号", "nominal": "公称尺寸", "tolerance": "公差"}


def look_up(rng, lang):
    """One field of an inspection form."""
    (part, batch, nom, tol, values), body, glue = form(rng, lang)
    fields = {"part": part, "batch": batch, "nominal": hundredths(nom), "tolerance": hundredths(tol)}
    name = pick(rng, ["part", "part", "batch", "batch", "nominal", "tolerance"])
    ask = pick(rng, LOOK_UP[name][lang])
    end = "\n" if glue == "\n" else (". " if lang == "en" else "。")
    prompt = body + end + ask if rng.random() < 0.6 else ask + ("\n" if glue == "\n" else " ") + body
    think = f"{name if lang == 'en' else LABEL[name]}: {fields[name]}"
    key = f"inspection|{nom} {tol} {values}"
    return Sample("lookup", lang, prompt, think, fields[name], key, name)
