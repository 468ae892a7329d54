"""Python's jinja2, set up as Hugging Face transformers sets it up for chat templates.

Written from the documented behaviour of transformers.utils.chat_template_utils: an ImmutableSandboxedEnvironment with
trim_blocks, lstrip_blocks and loop controls; tojson without HTML escaping; raise_exception and strftime_now; the
{% generation %} tag, whose body is called like a macro.
"""

import json
from datetime import datetime

import jinja2
import jinja2.ext
import jinja2.sandbox


class Raised(Exception):
    """raise_exception was called."""


class Generation(jinja2.ext.Extension):
    tags = frozenset({"generation"})

    def parse(self, parser: jinja2.parser.Parser) -> jinja2.nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("render", [])
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def render(self, caller: jinja2.runtime.Macro) -> str:
        return caller()


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def raise_exception(message):
    raise Raised(message)


def environment(now: int = 0, mutable: bool = False) -> jinja2.Environment:
    """mutable: lists may be appended to, which Hugging Face's sandbox refuses and we allow."""
    kind = jinja2.sandbox.SandboxedEnvironment if mutable else jinja2.sandbox.ImmutableSandboxedEnvironment
    env = kind(trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols, Generation])
    env.filters["tojson"] = tojson
    env.filters["from_json"] = json.loads  # as we have it, for the templates of DeepSeek-V3.2 and V4
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: datetime.fromtimestamp(now).strftime(form)
    return env


def variables(case: dict) -> dict:
    """What Hugging Face passes to a template. Tokens are there only if the model has them."""
    out = {"documents": None, "tools": case.get("tools"), "messages": case["messages"]}
    out |= case.get("extra") or {}
    for token in ("bos_token", "eos_token"):
        if case.get(token):
            out[token] = case[token]
    return out | {"add_generation_prompt": case.get("add_generation_prompt", True)}


def render(template: jinja2.Template, case: dict) -> dict:
    """{"text": ...}, {"raised": message} or {"failed": message}."""
    try:
        return {"text": template.render(**variables(case))}
    except Raised as error:
        return {"raised": str(error)}
    except (
        jinja2.TemplateError,
        TypeError,
        ValueError,
        LookupError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ) as error:
        return {"failed": f"{type(error).__name__}: {error}"}
