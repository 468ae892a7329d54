"""JSON-Schema-Test-Suite (inside the source package of PyPI's jsonschema, fetched by checksum) beside our constraints.

For every schema that we take, our constraint accepts the suite's valid instances, written in our form, and no invalid
one. What we refuse, we refuse by name.
"""

import json
import re
import sys
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from checker import ROOT, Checker

sys.path.insert(0, str(ROOT / "tools"))
import peer_source

PACKAGE = peer_source.Package(
    "jsonschema", "4.26.0", "0c26707e2efad8aa1bfc5b7ce170f3fccc2e4918ff85989ba9ffa9facb2be326"
)
DRAFT = "jsonschema-4.26.0/json/tests/draft2020-12/"

# Formats that are assertions for us; in the suite's optional/format/.
FORMATS = ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "json-pointer", "time", "uri", "uuid"]

# Valid for the suite and never written by us, by a part of the test's name, each for its reason.
NARROWER = {
    "format/": "a format is an assertion for us",
    "leap second": "leap seconds are written as 23:59:60Z only",
    "quoted string": "no quoted local parts in addresses",
    "-address-literal": "no addresses of machines behind an @",
    "ldap://[2001:db8::7]": "no addresses of machines in URIs",
    "same object with different property order": "constants keep their order",
    "no validation: invalid number": "a $schema that switches validation off is not followed",
}


def groups() -> list[tuple[str, dict]]:
    try:
        archive = peer_source.download(PACKAGE)
    except peer_source.Unavailable as error:
        pytest.skip(str(error))
    found = []
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            if not member.name.startswith(DRAFT) or not member.name.endswith(".json"):
                continue
            name = member.name.removeprefix(DRAFT).removesuffix(".json")
            if name.startswith("optional/format/") and name.split("/")[-1] not in FORMATS:
                continue
            found += [(name, group) for group in json.load(tar.extractfile(member))]
    return found


def text_of(value, schema) -> str:
    """An instance in our form: whole numbers without a point, declared properties first."""
    return json.dumps(ordered(value, schema, schema), ensure_ascii=False)


def ordered(value, schema, root):
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, list):
        parts = properties_of(schema, root, "items")
        prefix = properties_of(schema, root, "prefixItems")
        out = []
        for i, element in enumerate(value):
            here = [p[i] for p in prefix if isinstance(p, list) and i < len(p)] or parts
            out.append(ordered(element, {"allOf": [h for h in here if isinstance(h, dict)]}, root))
        return out
    if isinstance(value, dict):
        known = [p for p in properties_of(schema, root, "properties") if isinstance(p, dict)]
        names = list(dict.fromkeys(name for p in known for name in p))
        names += [n for p in properties_of(schema, root, "required") if isinstance(p, list) for n in p]
        keys = [n for n in dict.fromkeys(names) if n in value] + [k for k in value if k not in names]
        rest = [p for p in properties_of(schema, root, "additionalProperties") if isinstance(p, dict)]
        out = {}
        for key in keys:
            here = [p[key] for p in known if isinstance(p.get(key), dict)] or rest
            out[key] = ordered(value[key], {"allOf": here}, root)
        return out
    return value


def properties_of(schema, root, keyword: str, depth: int = 0) -> list:
    """A keyword's values in a schema and what it refers to, in our order."""
    if not isinstance(schema, dict) or depth > 8:
        return []
    found = [schema[keyword]] if keyword in schema else []
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        target = root
        for step in reference[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~").replace("%25", "%").replace("%22", '"')
            target = target[int(step)] if isinstance(target, list) else target.get(step, {})
        found += properties_of(target, root, keyword, depth + 1)
    for holder in ("allOf", "anyOf", "oneOf"):
        for sub in schema.get(holder, []):
            found += properties_of(sub, root, keyword, depth + 1)
    return found


def test_the_suite() -> None:
    checker = Checker()
    counts: Counter = Counter()
    refusals: Counter = Counter()
    wrong: list[str] = []
    for file, group in groups():
        texts = [text_of(test["data"], group["schema"]) for test in group["tests"]]
        schema = json.dumps(group["schema"], ensure_ascii=False)
        answer = checker.ask("json_schema", schema, open=True, texts=texts)
        if "error" in answer:
            if "nothing can satisfy" in answer["error"]:
                counts["empty"] += 1
                wrong += [f"{file}: {group['description']}" for test in group["tests"] if test["valid"]]
                continue
            counts["refused"] += 1
            refusals[re.sub(r"\(#.*", "", re.sub(r"'.*?'|\d+", "…", answer["error"])).strip()] += 1
            continue
        counts["taken"] += 1
        for test, text, matched in zip(group["tests"], texts, answer["matches"], strict=True):
            counts["instances"] += 1
            if matched == test["valid"]:
                continue
            name = f"{file}/{group['description']}: {test['description']}: {text}"
            if test["valid"] and any(part in name for part in NARROWER):
                counts["narrower"] += 1
                continue
            what = "valid, not accepted" if test["valid"] else "invalid, accepted"
            wrong.append(f"{file}: {group['description']}: {test['description']}: {what}: {text} of {schema}")
    checker.close()
    print(f"\n{counts['taken']} schemas taken, {counts['refused']} refused by name, {counts['empty']} of nothing;")
    print(f"{counts['instances']} instances compared, {counts['narrower']} left out for a stated reason")
    for reason, count in refusals.most_common():
        print(f"  {count:4} {reason}")
    assert not wrong, "\n".join([f"{len(wrong)} wrong", *wrong])
    assert counts["taken"] > 200


if __name__ == "__main__":
    sys.exit(pytest.main([str(Path(__file__)), "-s"]))
