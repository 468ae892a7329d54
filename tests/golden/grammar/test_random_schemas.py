"""Random schemas, random answers held to them, and the reference validator (PyPI's jsonschema) as the judge.

Whoever ends an answer under a constraint has said something valid, whatever a model wanted to say.
"""

import json
import random
import re
from decimal import Decimal, InvalidOperation

import jsonschema
from checker import Checker

WORDS = ["a", "b", "foo", "bar", "x-1", "", 'é"\\', "long name"]
FORMATS = ["date", "time", "date-time", "uuid", "ipv4", "ipv6", "email", "hostname"]
PATTERNS = ["^a+b?$", "b", "^[0-9]{2,4}", "(foo|bar)$", "^\\w+ \\w+$", '"', "^[^a]*$", "é|你"]


def number_bounds(chance: random.Random, whole: bool) -> dict:
    out = {}
    low = chance.randint(-150, 150) if whole or chance.random() < 0.5 else round(chance.uniform(-2, 2), 3)
    if chance.random() < 0.7:
        out[chance.choice(["minimum", "exclusiveMinimum"])] = low
    if chance.random() < 0.5:
        out[chance.choice(["maximum", "exclusiveMaximum"])] = low + chance.choice([2, 7, 0.5, 1000])
    if chance.random() < 0.3:
        out["multipleOf"] = chance.choice([1, 3, 7, 10] if whole else [0.1, 0.01, 2])
    return out


def schema(chance: random.Random, depth: int) -> dict | bool:
    kinds = ["string", "integer", "number", "enum", "null", "boolean", "any"]
    if depth > 0:
        kinds += ["object", "object", "map", "array", "tuple", "anyOf", "oneOf", "allOf", "ref", "pattern", "both"]
    kind = chance.choice(kinds)
    inner = depth - 1
    if kind == "string":
        out = {"type": "string"}
        for key, value in [
            ("minLength", chance.randint(0, 4)),
            ("maxLength", chance.randint(4, 12)),
            ("pattern", chance.choice(PATTERNS)),
            ("format", chance.choice(FORMATS)),
        ]:
            if chance.random() < 0.3:
                out[key] = value
        return out
    if kind in ("integer", "number"):
        return {"type": kind} | number_bounds(chance, kind == "integer")
    if kind == "enum":
        return {
            "enum": chance.sample([1, -2.5, "a", "b\n", None, True, [1, {"k": "é"}], {}, "1"], chance.randint(1, 4))
        }
    if kind in ("null", "boolean"):
        return {"type": kind}
    if kind == "any":
        return chance.choice([True, {}, {"type": ["integer", "string"]}, {"title": "anything", "minimum": 3}])
    if kind == "object":
        names = chance.sample(WORDS, chance.randint(1, 5))
        out = {"type": "object", "properties": {name: schema(chance, inner) for name in names}}
        out["required"] = [
            name for name in WORDS if (name in names or chance.random() < 0.05) and chance.random() < 0.5
        ]
        if chance.random() < 0.5:
            out["additionalProperties"] = chance.choice([False, True, schema(chance, inner)])
        if chance.random() < 0.2:
            out["minProperties"] = chance.randint(1, 3)
        if chance.random() < 0.2:
            out["maxProperties"] = chance.randint(1, 5)
        return out
    if kind == "map":
        return {"type": "object", "additionalProperties": schema(chance, inner), "maxProperties": chance.randint(1, 4)}
    if kind == "array":
        return {"type": "array", "items": schema(chance, inner), "minItems": chance.randint(0, 2), "maxItems": 3}
    if kind == "tuple":
        return {
            "type": "array",
            "prefixItems": [schema(chance, inner) for _ in range(chance.randint(1, 3))],
            "items": chance.choice([False, schema(chance, inner)]),
            "minItems": chance.randint(0, 3),
        }
    if kind == "anyOf":
        return {"anyOf": [schema(chance, inner) for _ in range(chance.randint(1, 3))]}
    if kind == "oneOf":
        return {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"const": word}, "v": schema(chance, inner)},
                    "required": ["kind"],
                }
                for word in chance.sample(WORDS, 2)
            ]
        }
    if kind == "allOf":
        return {"allOf": [schema(chance, inner) for _ in range(2)]}
    if kind == "ref":
        return {"$ref": chance.choice(["#/$defs/leaf", "#/$defs/tree"])}
    if kind == "pattern":
        return {
            "type": "object",
            "patternProperties": {chance.choice(PATTERNS): schema(chance, inner)},
            "additionalProperties": chance.choice([False, schema(chance, inner)]),
        }
    return (
        schema(chance, inner)
        if not isinstance(part := schema(chance, inner), dict)
        else part | number_bounds(chance, True)
    )


def test_every_answer_is_valid() -> None:
    checker = Checker()
    chance = random.Random(11)
    taken = refused = answers = 0
    for _ in range(1500):
        root = schema(chance, 3)
        if isinstance(root, bool):
            continue
        root = root | {
            "$defs": {
                "leaf": {"type": "string", "maxLength": 5},
                "tree": {
                    "type": "object",
                    "properties": {
                        "v": {"type": "integer"},
                        "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/tree"}]},
                    },
                    "required": ["next"],
                },
            }
        }
        answer = checker.ask(
            "json_schema", json.dumps(root), open=chance.random() < 0.5, samples=6, seed=chance.randrange(1 << 30)
        )
        if "error" in answer:
            refused += 1
            continue
        taken += 1
        # In decimals: in floats 2.3 is no multiple of 0.1.
        judged = json.loads(json.dumps(root), parse_float=Decimal)
        validator = jsonschema.Draft202012Validator(
            judged, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
        for text in answer["samples"]:
            try:
                value = json.loads(text, parse_float=Decimal)
            except (InvalidOperation, ValueError):  # exponents and integers beyond Python's bounds
                assert re.search(r"[eE][+-]?\d{5}|\d{4000}", text), text
                continue
            answers += 1
            error = next(validator.iter_errors(value), None)
            assert error is None, (json.dumps(root), text, error.message)
    checker.close()
    print(f"\n{taken} schemas taken, {refused} refused, {answers} answers valid")
    assert taken > 700 and answers > 3000
