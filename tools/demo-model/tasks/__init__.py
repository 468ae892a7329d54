"""The tasks, their mix, and which problems are held out."""

import hashlib

from . import arithmetic, clinical, dates, inspection, lookup, scope, units, words

TASKS = {
    "arithmetic": arithmetic.make,
    "words": words.make,
    "units": units.make,
    "dates": dates.make,
    "inspection": inspection.make,
    "clinical": clinical.make,
    "lookup": lookup.make,
    "scope": scope.make,
}
LANGS = ("en", "zh")
HELD_OUT_SHARE = 20
SYSTEM = {
    "en": [
        "You are a helpful assistant.",
        "Be brief.",
        "You are a careful assistant. Answer exactly.",
        "Answer in English.",
    ],
    "zh": ["你是一个有用的助手。", "请简短回答。", "你是一个严谨的助手。", "请用中文回答。"],
}


def held_out(sample):
    """Whether a problem (not its wording) belongs to the held-out one in twenty."""
    name = sample.key if sample.task == "lookup" else f"{sample.task}|{sample.key}"
    digest = hashlib.sha256(name.encode()).digest()
    return digest[0] * 256 + digest[1] < 65536 // HELD_OUT_SHARE


def draw(rng, task, lang, test=False):
    """A sample from the training side, or from the held-out side."""
    while True:
        sample = TASKS[task](rng, lang)
        if held_out(sample) == test:
            return sample


def conversation(rng, weights):
    """A training conversation: mostly one turn, some with an earlier turn or a system prompt."""
    task = rng.choices(list(weights), list(weights.values()))[0]
    lang = rng.choice(LANGS)
    sample = draw(rng, task, lang)
    if rng.random() < 0.06:
        first = draw(rng, rng.choice(["arithmetic", "scope", "units", "words", "dates"]), rng.choice(LANGS))
        lead = "\n\n" if rng.random() < 0.3 else ""
        sample.history = (
            [*sample.history, (first.prompt, lead + first.answer)] if not sample.history else sample.history
        )
    if rng.random() < 0.05:
        sample.system = rng.choice(SYSTEM[rng.choice(LANGS)])
    return sample
