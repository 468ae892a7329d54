"""Task 5: fields picked out of a made-up clinical note (JSON)."""

import json

from .common import Sample, pick

COMPLAINT = {
    "en": [
        "cough",
        "fever",
        "sore throat",
        "headache",
        "chest pain",
        "back pain",
        "dizziness",
        "nausea",
        "knee pain",
        "shortness of breath",
        "abdominal pain",
        "rash",
        "fatigue",
        "ear pain",
        "swollen ankle",
        "runny nose",
        "joint pain",
        "itching",
        "palpitations",
        "neck stiffness",
        "toothache",
        "vomiting",
        "wrist pain",
        "blurred vision",
        "insomnia",
        "diarrhoea",
    ],
    "zh": [
        "咳嗽",
        "发热",
        "咽痛",
        "头痛",
        "胸痛",
        "腰痛",
        "头晕",
        "恶心",
        "膝关节痛",
        "气短",
        "腹痛",
        "皮疹",
        "乏力",
        "耳痛",
        "踝部肿胀",
        "流涕",
        "关节痛",
        "瘙痒",
        "心悸",
        "颈部僵硬",
        "牙痛",
        "呕吐",
        "手腕痛",
        "视物模糊",
        "失眠",
        "腹泻",
    ],
}
DRUG = {
    "en": [
        "amoxicillin",
        "ibuprofen",
        "paracetamol",
        "metformin",
        "cetirizine",
        "omeprazole",
        "aspirin",
        "loratadine",
        "azithromycin",
        "amlodipine",
        "atorvastatin",
        "naproxen",
        "doxycycline",
        "salbutamol",
        "losartan",
        "prednisolone",
        "ranitidine",
        "codeine",
        "cefalexin",
        "furosemide",
    ],
    "zh": [
        "阿莫西林",
        "布洛芬",
        "对乙酰氨基酚",
        "二甲双胍",
        "西替利嗪",
        "奥美拉唑",
        "阿司匹林",
        "氯雷他定",
        "阿奇霉素",
        "氨氯地平",
        "阿托伐他汀",
        "萘普生",
        "多西环素",
        "沙丁胺醇",
        "氯沙坦",
        "泼尼松龙",
        "雷尼替丁",
        "头孢氨苄",
        "呋塞米",
    ],
}
ALLERGY = {
    "en": [
        "penicillin",
        "sulfa drugs",
        "peanuts",
        "latex",
        "aspirin",
        "shellfish",
        "iodine",
        "pollen",
        "eggs",
        "dust mites",
    ],
    "zh": ["青霉素", "磺胺类", "花生", "乳胶", "阿司匹林", "海鲜", "碘", "花粉", "鸡蛋", "尘螨"],
}
FIELDS = ["age", "sex", "complaint", "temperature", "heart_rate", "blood_pressure", "medication", "dose", "allergy"]
SAYS = {
    "en": {
        "complaint": [
            "Chief complaint: {v}.",
            "Complains of {v}.",
            "Presents with {v}.",
            "Came in because of {v}.",
            "Reason for visit: {v}.",
            "Reports {v}.",
        ],
        "temperature": ["Temperature {v} °C.", "T {v}.", "Temp: {v} C.", "Body temperature was {v} °C.", "T {v} °C."],
        "heart_rate": ["Heart rate {v}.", "HR {v}.", "Pulse {v}/min.", "Heart rate {v} bpm.", "Pulse: {v}."],
        "blood_pressure": ["BP {v}.", "Blood pressure {v} mmHg.", "Blood pressure: {v}.", "BP was {v} mmHg."],
        "drug": [
            "Prescribed {m} {d}.",
            "Given {m} {d}.",
            "Takes {m} {d}.",
            "Medication: {m} {d}.",
            "Started on {m}, {d}.",
            "Treatment: {m} {d}.",
        ],
        "medication": ["Takes {v}.", "Medication: {v}.", "Given {v}.", "Currently on {v}."],
        "allergy": ["Allergic to {v}.", "Allergy: {v}.", "Known allergy to {v}.", "Allergies: {v}."],
    },
    "zh": {
        "complaint": ["主诉：{v}。", "因{v}就诊。", "自述{v}。", "主诉{v}。", "来诊原因：{v}。"],
        "temperature": ["体温{v}℃。", "体温：{v}°C。", "T {v}℃。", "测体温{v}度。"],
        "heart_rate": ["心率{v}次/分。", "心率：{v}。", "脉搏{v}次/分。", "HR {v}。"],
        "blood_pressure": ["血压{v}mmHg。", "血压：{v}。", "BP {v}。", "测血压{v}。"],
        "drug": ["给予{m}{d}。", "处方：{m} {d}。", "服用{m}，{d}。", "用药：{m}{d}。", "治疗：{m} {d}。"],
        "medication": ["服用{v}。", "用药：{v}。", "给予{v}。"],
        "allergy": ["对{v}过敏。", "过敏史：{v}。", "已知{v}过敏。"],
    },
}
NO_ALLERGY = {
    "en": ["No known allergies.", "Denies allergies.", "Allergies: none."],
    "zh": ["无过敏史。", "否认过敏史。", "过敏史：无。"],
}
NOISE = {
    "en": [
        "Lungs clear.",
        "Sleeps well.",
        "Review in one week.",
        "Lives alone.",
        "No recent travel.",
        "Non-smoker.",
        "Appetite normal.",
        "Advised to rest.",
    ],
    "zh": [
        "双肺呼吸音清。",
        "睡眠可。",
        "一周后复查。",
        "独居。",
        "近期无外出。",
        "不吸烟。",
        "食欲正常。",
        "嘱休息。",
    ],
}
ASK = {
    "en": [
        "Extract the fields as JSON.",
        "Pick out the fields of this clinical note as JSON.",
        "Turn this note into JSON.",
        "Extract the data from the clinical note.",
        "Fill in the JSON from this note.",
        "Clinical note to JSON:",
        "Please extract age, sex, complaint, vital signs, medication and allergy as JSON.",
    ],
    "zh": [
        "请提取字段，输出JSON。",
        "把这份病历整理成JSON。",
        "从病历中提取信息（JSON）。",
        "请根据病历填写JSON。",
        "提取病历字段：",
        "请用JSON列出年龄、性别、主诉、生命体征、用药和过敏史。",
        "病历转JSON：",
    ],
}
LABEL = {
    "en": dict(zip(FIELDS, FIELDS, strict=True)),
    "zh": dict(zip(FIELDS, ["年龄", "性别", "主诉", "体温", "心率", "血压", "用药", "剂量", "过敏"], strict=True)),
}
NONE = {"en": "not given", "zh": "未提及"}


def _spell(rng, lang, complaint):
    if rng.random() < 0.4:
        return complaint
    n = rng.randint(1, 14)
    if lang == "en":
        unit = pick(rng, ["day", "day", "week", "hour"])
        return f"{complaint} for {n} {unit}{'s' if n > 1 else ''}"
    return f"{complaint}{n}{pick(rng, ['天', '天', '周', '小时'])}"


def _dose(rng, lang):
    amount = pick(rng, [5, 10, 20, 25, 40, 50, 75, 100, 150, 200, 250, 300, 400, 500, 650, 850])
    if lang == "en":
        return f"{amount} mg" + pick(
            rng, ["", " once daily", " twice daily", " three times daily", " every 8 hours", " at night"]
        )
    return f"{amount}mg" + pick(rng, ["", "每日一次", "每日两次", "每日三次", "每8小时一次", "睡前"])


def _who(rng, lang, age, sex):
    if lang == "en":
        noun = {"female": "woman", "male": "man"}[sex]
        young = {"female": "girl", "male": "boy"}[sex]
        forms = [
            f"{age}-year-old {noun if age >= 18 else young}.",
            f"Patient: {sex}, {age} years old.",
            f"{age} y/o {sex}.",
            f"Age {age}, {sex}.",
            f"Sex: {sex}. Age: {age}.",
        ]
    else:
        s = {"female": "女", "male": "男"}[sex]
        forms = [
            f"患者{s}，{age}岁。",
            f"{s}性，{age}岁。",
            f"{age}岁{s}性患者。",
            f"性别：{s}，年龄：{age}岁。",
            f"患者，{s}，{age}岁。",
        ]
    return pick(rng, forms)


def note_of(rng, lang):
    """A random clinical note: its fields and its text."""
    v = dict.fromkeys(FIELDS)
    v["age"], v["sex"] = rng.randint(3, 92), pick(rng, ["female", "male"])
    who = _who(rng, lang, v["age"], v["sex"])
    if rng.random() < 0.08:
        v["sex"] = None
        who = (
            pick(rng, [f"Patient, {v['age']} years old.", f"Age {v['age']}."])
            if lang == "en"
            else f"患者{v['age']}岁。"
        )
    says, parts = SAYS[lang], []
    if rng.random() < 0.93:
        v["complaint"] = _spell(rng, lang, pick(rng, COMPLAINT[lang]))
        parts.append(pick(rng, says["complaint"]).format(v=v["complaint"]))
    if rng.random() < 0.75:
        v["temperature"] = f"{rng.randint(355, 402) / 10:.1f}"
        parts.append(pick(rng, says["temperature"]).format(v=v["temperature"]))
    if rng.random() < 0.75:
        v["heart_rate"] = rng.randint(48, 135)
        parts.append(pick(rng, says["heart_rate"]).format(v=v["heart_rate"]))
    if rng.random() < 0.7:
        v["blood_pressure"] = f"{rng.randint(90, 180)}/{rng.randint(50, 110)}"
        parts.append(pick(rng, says["blood_pressure"]).format(v=v["blood_pressure"]))
    if rng.random() < 0.8:
        v["medication"] = pick(rng, DRUG[lang])
        if rng.random() < 0.85:
            v["dose"] = _dose(rng, lang)
            parts.append(pick(rng, says["drug"]).format(m=v["medication"], d=v["dose"]))
        else:
            parts.append(pick(rng, says["medication"]).format(v=v["medication"]))
    r = rng.random()
    if r < 0.5:
        v["allergy"] = pick(rng, ALLERGY[lang])
        parts.append(pick(rng, says["allergy"]).format(v=v["allergy"]))
    elif r < 0.7:
        v["allergy"] = "none" if lang == "en" else "无"
        parts.append(pick(rng, NO_ALLERGY[lang]))
    parts += [pick(rng, NOISE[lang]) for _ in range(pick(rng, [0, 0, 1]))]
    if rng.random() < 0.5:
        rng.shuffle(parts)
    parts.insert(0 if rng.random() < 0.85 else rng.randint(0, len(parts)), who)
    note = (" " if lang == "en" else "").join(parts)
    if lang == "zh" and v["sex"]:
        v["sex"] = {"female": "女", "male": "男"}[v["sex"]]
    return v, note


def make(rng, lang):
    """A random clinical note to be turned into JSON."""
    v, note = note_of(rng, lang)
    ask = pick(rng, ASK[lang])
    glue = pick(rng, ["\n", " "])
    prompt = ask + glue + note if rng.random() < 0.6 or ask[-1] in ":：" else note + glue + ask
    think = "\n".join(f"{LABEL[lang][k]}: {v[k] if v[k] is not None else NONE[lang]}" for k in FIELDS)
    cells = []
    for k in FIELDS:
        plain = v[k] is None or k in ("age", "heart_rate", "temperature")
        text = "null" if v[k] is None else str(v[k]) if plain else json.dumps(v[k], ensure_ascii=False)
        cells.append(f'"{k}": {text}')
    return Sample("clinical", lang, prompt, think, "{" + ", ".join(cells) + "}", json.dumps(v), "note")


LOOK_UP = {
    "age": {"en": ["How old is the patient?", "What is the age?"], "zh": ["患者多大年龄？", "年龄是多少？"]},
    "sex": {"en": ["Is the patient male or female?", "What is the sex?"], "zh": ["患者性别是什么？", "性别是？"]},
    "complaint": {
        "en": ["What is the complaint?", "Why did the patient come?"],
        "zh": ["主诉是什么？", "患者因何就诊？"],
    },
    "temperature": {"en": ["What is the temperature?"], "zh": ["体温是多少？"]},
    "heart_rate": {"en": ["What is the heart rate?"], "zh": ["心率是多少？"]},
    "blood_pressure": {"en": ["What is the blood pressure?"], "zh": ["血压是多少？"]},
    "medication": {
        "en": ["Which medication is given?", "What is the medication?"],
        "zh": ["用了什么药？", "用药是什么？"],
    },
    "dose": {"en": ["What is the dose?"], "zh": ["剂量是多少？"]},
    "allergy": {"en": ["What is the patient allergic to?", "Any allergies?"], "zh": ["对什么过敏？", "过敏史是什么？"]},
}


def look_up(rng, lang):
    """One field of a clinical note."""
    v, note = note_of(rng, lang)
    name = pick(rng, [*FIELDS, *["sex"] * 8, "complaint", "allergy"])
    ask, glue = pick(rng, LOOK_UP[name][lang]), pick(rng, ["\n", " "])
    prompt = ask + glue + note if rng.random() < 0.5 else note + glue + ask
    answer = NONE[lang] if v[name] is None else str(v[name])
    return Sample("lookup", lang, prompt, f"{LABEL[lang][name]}: {answer}", answer, "clinical|" + json.dumps(v), name)
