"""Log lines as records by Grok patterns. Needs the package pygrok.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-format-grokLog-home.html (options)
https://docs.aws.amazon.com/glue/latest/dg/custom-classifier.html (patterns: ``%{PATTERN:field:type}``)
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.options import truth
from glue_secure.dynamicframe.types import glue_types as glue

_FIELD = re.compile(r"%\{(\w+):(\w+)[:;](\w+)(?:;[^{}]*)?\}")
_REFERENCE = re.compile(r"%\{(\w+)[^{}]*\}")
_INTEGERS = {
    "byte": (glue.ByteType, 8),
    "short": (glue.ShortType, 16),
    "int": (glue.IntegerType, 32),
    "integer": (glue.IntegerType, 32),
    "long": (glue.LongType, 64),
}
_OTHERS = {
    "float": glue.FloatType,
    "double": glue.DoubleType,
    "boolean": glue.BooleanType,
    "string": glue.StringType,
    # The text is not converted: Grok's own date formats have no counterpart in Glue's reader.
    "date": glue.StringType,
}
NO_MATCH = "the line does not match logFormat"


@dataclass(frozen=True, slots=True)
class GrokFormat:
    """The ``format_options`` of grokLog.

    Attributes:
        pattern: ``logFormat``.
        custom: lines ``NAME expression`` of ``customPatterns``.
        missing: the text that stands for a missing value.
        strict: whether a value of another type than its field's makes the line an error record; else null.
    """

    pattern: str
    custom: str = ""
    missing: str = "-"
    strict: bool = False

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> GrokFormat:
        """Return the format of Glue's options.

        Raises:
            UsageError: ``logFormat`` is missing or invalid, ``LineCount`` is not 1, or there is no pygrok.
        """
        if not options.get("logFormat"):
            raise UsageError("format_options of format grokLog", found="no logFormat", required="logFormat")
        if str(options.get("LineCount", "1")).strip() != "1":
            raise UsageError("LineCount", found=repr(options["LineCount"]), required="1, as in Glue")
        format = cls(
            str(options["logFormat"]),
            str(options.get("customPatterns") or ""),
            str(options.get("MISSING", "-")),
            truth("StrictMode", options.get("StrictMode", False)),
        )
        format.schema()
        return format

    def schema(self) -> glue.StructType:
        """Return the fields of a record, in the order of the pattern. Raises UsageError."""
        names, types = _compiled(self.pattern, self.custom)[1:]
        return glue.StructType([glue.Field(name, _type_of(types.get(name, "string"))) for name in names])

    def read(self, line: str) -> tuple[list[Any], str, bool]:
        """Return the record of a line, the problem with it or ``""``, and False: Spark has no such parser."""
        expression, names, types = _compiled(self.pattern, self.custom)
        match = expression.search(line)
        if match is None:
            return [], NO_MATCH, False
        record = {}
        for name in names:
            text = match.group(name)
            value = None if text is None or text == self.missing else _value(text, types.get(name, "string"))
            if value is None and self.strict and text not in (None, self.missing):
                return [], f"field {name} is not of type {types[name]}", False
            record[name] = value
        return [record], "", False


@functools.lru_cache(maxsize=32)
def _compiled(pattern: str, custom: str) -> tuple[Any, tuple[str, ...], dict[str, str]]:
    """Return the expression, the names of its fields and the types that the pattern gives to them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escape sequences in pygrok's source
            from pygrok import Grok
    except ImportError:
        raise UsageError(
            "format grokLog",
            found="the package pygrok is not installed",
            required="pygrok",
            fix="python -m pip install 'pygrok>=1,<2'",
        ) from None
    lines = [line.strip() for line in custom.splitlines() if line.strip()]
    patterns = {name: expression.strip() for name, _, expression in (line.partition(" ") for line in lines)}
    _reject_recursion(patterns)
    types: dict[str, str] = {}

    def without_type(text: str) -> str:
        types.update({match[2]: match[3].lower() for match in _FIELD.finditer(text)})
        return _FIELD.sub(r"%{\1:\2}", text)

    unknown = "a pattern that is not known"
    try:
        grok = Grok(
            without_type(pattern),
            custom_patterns={name: without_type(expression) for name, expression in patterns.items()},
        )
        names = tuple(sorted(grok.regex_obj.groupindex, key=grok.regex_obj.groupindex.__getitem__))
    except KeyError as error:
        raise _invalid(f"{unknown}: {error.args[0]}") from None
    except Exception as error:  # regex.error, or re.error without regex
        raise _invalid(str(error)) from None
    if "%{" in grok.regex_obj.pattern:
        raise _invalid("a reference that is not %{PATTERN}, %{PATTERN:field} or %{PATTERN:field:type}")
    if not names:
        raise _invalid("no field")
    for name in types.keys() & set(names):
        _type_of(types[name])
    return grok.regex_obj, names, types


def _reject_recursion(patterns: Mapping[str, str]) -> None:
    """Raise UsageError if a custom pattern refers to itself, which pygrok would expand without end."""
    used = {name: set(_REFERENCE.findall(expression)) for name, expression in patterns.items()}
    for name in used:
        reached: set[str] = set()
        pending = [name]
        while pending:
            following = used.get(pending.pop(), set()) - reached
            reached |= following
            pending += following
        if name in reached:
            raise _invalid(f"custom pattern {name}, which refers to itself")


def _type_of(name: str) -> glue.DataType:
    if name in _INTEGERS:
        return _INTEGERS[name][0]()
    if name not in _OTHERS:
        raise _invalid(f"type {name}; the types are {', '.join((*_INTEGERS, *_OTHERS))}")
    return _OTHERS[name]()


def _value(text: str, kind: str) -> Any:
    """Return the text as a value of a type, None if it is not one."""
    try:
        if kind in _INTEGERS:
            number = int(text)
            return number if -(1 << _INTEGERS[kind][1] - 1) <= number < 1 << _INTEGERS[kind][1] - 1 else None
        if kind in ("float", "double"):
            return float(text)
    except ValueError:
        return None
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower())
    return text


def _invalid(found: str) -> UsageError:
    return UsageError(
        "logFormat and customPatterns of format grokLog",
        found=found,
        required="Grok patterns: %{PATTERN:field} or %{PATTERN:field:type}",
        fix="correct the pattern",
    )
