"""What a conversion gives: the other form's text, what could not be said in it, and what it means there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.quality.dqdl import reading, ruleset, writing
from glue_secure.quality.dqdl.literals import NotConvertibleError
from glue_secure.quality.suite import Suite


@dataclass(frozen=True, slots=True)
class Said:
    """One rule of the original.

    Attributes:
        label: which one: its place from 1, its type, its columns; no literal.
        left_out: why it is not in the result; empty where it is.
        note: what may come out differently all the same; empty where nothing is known to.
    """

    label: str
    left_out: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Conversion:
    """The other form.

    Attributes:
        text: a suite as JSON, or a ruleset.
        rules: what became of each rule, in the original's order; beside rules, of each other section.
    """

    text: str
    rules: tuple[Said, ...]


def convert(text: str, *, place: str, name: str, partial: bool = False) -> Conversion:
    """A suite as a ruleset, or a ruleset as a suite; JSON is a suite.

    Args:
        text: what the file holds.
        place: the file's name, for messages.
        name: the suite's name, where one is made.
        partial: leave out what the other form cannot say, instead of refusing.

    Raises:
        UsageError: it is neither, or a rule of it cannot be said in the other form.
    """
    try:
        made = _to_ruleset(text, place) if text.lstrip().startswith("{") else _to_suite(text, place, name)
        made.text.encode()
    except UnicodeEncodeError:
        raise UsageError(place, found="half a surrogate pair in a text", required="Unicode") from None
    left_out = [one for one in made.rules if one.left_out]
    if left_out and not partial:
        raise UsageError(
            place,
            found="; ".join(f"{one.label}: {one.left_out}" for one in left_out),
            required="rules that both forms know (docs/quality.md has them)",
            fix="change these, or leave them out with --partial",
        )
    if len(left_out) == len(made.rules):
        raise UsageError(place, found="no rule that the other form knows", required="at least one")
    return made


def _to_suite(text: str, place: str, name: str) -> Conversion:
    document = ruleset.parse(text, place=place)
    found: list[dict[str, Any]] = []
    said = [Said(section, "not a rule") for section in document.others]
    for number, tree in enumerate(document.rules, 1):
        label = f"rule {number} {_kind(tree)}"
        told, made = _tried(label, partial(reading.expectations, tree))
        said.append(told)
        found += made or ()
    body = json.dumps({"name": name, "expectations": found, "meta": {}}, indent=2, ensure_ascii=False)
    if found:
        Suite.parse(body.encode(), place=name)
    return Conversion(f"{body}\n", tuple(said))


def _to_ruleset(text: str, place: str) -> Conversion:
    suite = Suite.parse(text.encode(), place=place)
    said, rules = [], []
    for rule in suite.rules:
        told, made = _tried(f"expectation {rule.label}", partial(writing.rules, rule))
        said.append(told)
        if made is not None:
            rules.append(f"    {ruleset.show(made)}")
    body = "Rules = [\n" + ",\n".join(rules) + "\n]\n"
    if rules:
        ruleset.parse(body, place=place)
    return Conversion(body, tuple(said))


def _tried(label: str, make: Callable[[], Any]) -> tuple[Said, Any]:
    try:
        made = make()
    except NotConvertibleError as error:
        return Said(label, left_out=str(error)), None
    kinds = {one["type"] for one in made} if isinstance(made, list) else set(_kinds(made))
    note = "; ".join(text for pattern, text in _NOTES if any(re.fullmatch(pattern, kind) for kind in kinds))
    return Said(label, note=note), made


_NOTES = (
    ("IsUnique|Uniqueness|expect_.*unique", "that Glue leaves nulls out as well is not documented"),
    ("matches|expect_column_values_to_(not_)?match_regex", "an empty text may count as no match in Glue"),
)


def _kinds(tree: ruleset.Tree) -> Iterator[str]:
    if isinstance(tree, ruleset.Composite):
        for part in tree.parts:
            yield from _kinds(part)
        return
    yield tree.kind
    if tree.condition is not None:
        yield tree.condition.operator


def _kind(tree: ruleset.Tree) -> str:
    if isinstance(tree, ruleset.Composite):
        return f"({_kind(tree.parts[0])} {tree.joined} ...)"
    names = (
        ", ".join(one for one in tree.parameters if isinstance(one, str)) if tree.kind != "CustomSql" else ""
    )
    return f"{tree.kind} ({names}), line {tree.line}" if names else f"{tree.kind}, line {tree.line}"
