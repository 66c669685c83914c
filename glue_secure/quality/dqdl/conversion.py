"""Conversion between Great Expectations suites and DQDL rulesets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.quality.dqdl import ruleset, to_expectations, to_rules
from glue_secure.quality.dqdl.literals import NotConvertibleError
from glue_secure.quality.suite import Suite


@dataclass(frozen=True, slots=True)
class ConversionMessage:
    """The result for one rule of the original.

    Attributes:
        label: position from 1, type and columns of the rule, without literals.
        left_out: the reason why the rule is not in the result; ``""`` if it is.
        note: a possible difference of the converted rule; ``""`` if none is known.
    """

    label: str
    left_out: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted suite or ruleset.

    Attributes:
        text: a suite as JSON, or a ruleset in DQDL.
        messages: one message for each section other than rules, then one for each rule, in the original's
            order.
    """

    text: str
    messages: tuple[ConversionMessage, ...]


def convert(text: str, *, location: str, name: str, partial: bool = False) -> Conversion:
    """Convert a suite to a ruleset, or a ruleset to a suite. A text that starts with ``{`` is a suite.

    Args:
        text: content of the file.
        location: name of the file, for messages.
        name: name of the created suite.
        partial: whether to leave out rules that cannot be converted, instead of raising.

    Raises:
        UsageError: the text is neither a suite nor a ruleset, or a rule cannot be converted.
    """
    try:
        is_suite = text.lstrip().startswith("{")
        conversion = _to_ruleset(text, location) if is_suite else _to_suite(text, location, name)
        conversion.text.encode()
    except UnicodeEncodeError:
        raise UsageError(
            location, found="an unpaired surrogate in a string", required="Unicode text"
        ) from None
    left_out = [message for message in conversion.messages if message.left_out]
    if left_out and not partial:
        raise UsageError(
            location,
            found="; ".join(f"{message.label}: {message.left_out}" for message in left_out),
            required="rules that both formats support (see docs/quality.md)",
            fix="change these rules, or leave them out with --partial",
        )
    if len(left_out) == len(conversion.messages):
        raise UsageError(location, found="no rule that can be converted", required="at least one")
    return conversion


def _to_suite(text: str, location: str, name: str) -> Conversion:
    document = ruleset.parse(text, location=location)
    expectations: list[dict[str, Any]] = []
    messages = [ConversionMessage(section, "not a rule") for section in document.other_sections]
    for number, rule in enumerate(document.rules, 1):
        label = f"rule {number} {ruleset.rule_label(rule)}"
        message, converted = _convert_rule(label, partial(to_expectations.expectations, rule))
        messages.append(message)
        expectations += converted or ()
    body = json.dumps({"name": name, "expectations": expectations, "meta": {}}, indent=2, ensure_ascii=False)
    if expectations:
        Suite.parse(body.encode(), location=name)
    return Conversion(f"{body}\n", tuple(messages))


def _to_ruleset(text: str, location: str) -> Conversion:
    suite = Suite.parse(text.encode(), location=location)
    messages, rules = [], []
    for rule in suite.rules:
        message, converted = _convert_rule(f"expectation {rule.label}", partial(to_rules.rules, rule))
        messages.append(message)
        if converted is not None:
            rules.append(f"    {ruleset.format_rule(converted)}")
    body = "Rules = [\n" + ",\n".join(rules) + "\n]\n"
    if rules:
        ruleset.parse(body, location=location)
    return Conversion(body, tuple(messages))


def _convert_rule(label: str, convert: Callable[[], Any]) -> tuple[ConversionMessage, Any]:
    try:
        converted = convert()
    except NotConvertibleError as error:
        return ConversionMessage(label, left_out=str(error)), None
    if isinstance(converted, list):
        kinds = {expectation["type"] for expectation in converted}
    else:
        kinds = set(_kinds(converted))
    notes = [text for pattern, text in _NOTES if any(re.fullmatch(pattern, kind) for kind in kinds)]
    return ConversionMessage(label, note="; ".join(notes)), converted


_NOTES = (
    (
        "DistinctValuesCount|expect_column_unique_value_count_to_be_between",
        "an expectation ignores nulls; AWS's open implementation of the rule counts null as a value",
    ),
    ("IsUnique|Uniqueness|expect_.*unique", "whether Glue ignores nulls as well is not documented"),
    ("matches|expect_column_values_to_(not_)?match_regex", "an empty string may count as no match in Glue"),
)


def _kinds(rule: ruleset.AnyRule) -> Iterator[str]:
    """Yield the types and operators of a rule."""
    if isinstance(rule, ruleset.CompositeRule):
        for part in rule.parts:
            yield from _kinds(part)
        return
    yield rule.kind
    if rule.condition is not None:
        yield rule.condition.operator
