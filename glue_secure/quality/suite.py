"""A Great Expectations 1.x suite as data, and what becomes of rows that break it.

The text is what ``ExpectationSuite.to_json_dict()`` gives; nothing here needs the package. Unknown names,
names given twice and parameters that nobody fills in are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import digest
from glue_secure.core.json_documents import load_json

_SUITE = frozenset(("name", "id", "expectations", "meta", "notes", "suite_parameters"))
_RULE = frozenset(
    (
        "type",
        "kwargs",
        "meta",
        "notes",
        "id",
        "description",
        "severity",
        "rendered_content",
        "expectation_context",
    )
)
# How a result is reported is the gate's to say: a suite that asks for values would get them.
_REPORTING = ("result_format", "catch_exceptions")


class Severity(str, Enum):
    """What a broken rule means, with Great Expectations' own values."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class OnFailure(str, Enum):
    """What happens when a critical rule is broken."""

    BLOCK = "block"
    WARN = "warn"
    QUARANTINE = "quarantine"

    @classmethod
    def of(cls, text: str) -> OnFailure:
        """The outcome of that name. Raises UsageError."""
        try:
            return cls(text)
        except ValueError:
            raise UsageError(
                "on_failure", found=repr(text), required=", ".join(one.value for one in cls)
            ) from None


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation of a suite.

    Attributes:
        index: its place in the suite, from 1.
        kind: ``expect_column_values_to_not_be_null``.
        arguments: its ``kwargs``, literals of the suite among them.
        severity: what it means when it is broken.
    """

    index: int
    kind: str
    arguments: Mapping[str, Any] = field(repr=False)
    severity: Severity = Severity.CRITICAL

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names."""
        given = self.arguments
        if isinstance(given.get("column_list"), (list, tuple)):
            return tuple(map(str, given["column_list"]))
        return tuple(str(given[name]) for name in ("column", "column_A", "column_B") if name in given)

    @property
    def label(self) -> str:
        """``3 expect_column_values_to_not_be_null (carrier)``: no literal of the suite."""
        columns = ", ".join(self.columns)
        return f"{self.index} {self.kind}" + (f" ({columns})" if columns else "")


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite.

    Attributes:
        place: where it was read.
        name: its own name.
        digest: SHA-256 of its bytes, hexadecimal.
        rules: its expectations, in order.
    """

    place: str
    name: str
    digest: str
    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, body: bytes, *, place: str) -> Suite:
        """Read a suite.

        Raises:
            UsageError: it is no suite of Great Expectations 1.x, or one that needs parameters.
        """
        what = f"suite {place}"
        try:
            value = load_json(body.decode(), constants=False)
        except (ValueError, RecursionError) as error:
            raise UsageError(what, found=f"no JSON ({type(error).__name__})", required="a suite") from error
        given = _known(value, _SUITE, what)
        name = given.get("name")
        if not isinstance(name, str) or not name:
            raise _wrong(what, "no name", 'a suite of Great Expectations 1.x: {"name": ..., ...}')
        listed = given.get("expectations")
        if not isinstance(listed, list) or not listed:
            raise _wrong(what, "no expectations", "at least one, or no gate")
        if given.get("suite_parameters"):
            raise _wrong(what, "suite_parameters", "literal values")
        rules = tuple(_rule(one, at, what) for at, one in enumerate(listed, 1))
        return cls(place, name, digest(body), rules)


def _rule(value: Any, index: int, suite: str) -> Rule:
    what = f"expectation {index} of {suite}"
    given = _known(value, _RULE, what)
    kind, arguments, meta = given.get("type"), given.get("kwargs") or {}, given.get("meta") or {}
    if not isinstance(kind, str) or not kind.isidentifier():
        raise _wrong(what, "no type", "the type of an expectation, expect_...")
    if not isinstance(arguments, Mapping) or not isinstance(meta, Mapping):
        raise _wrong(what, "kwargs or meta of another form", "objects")
    if _has_parameter(arguments):
        raise _wrong(what, "$PARAMETER", "literal values: nobody fills parameters in here")
    named = {str(one) for one in (given.get("severity"), meta.get("severity")) if one is not None}
    known = {one.value: one for one in Severity}
    if len(named) > 1 or not named <= set(known):
        raise _wrong(f"severity of {what}", ", ".join(sorted(named)), f"one of {', '.join(known)}")
    kept = {name: item for name, item in arguments.items() if name not in _REPORTING}
    return Rule(index, kind, kept, known[named.pop()] if named else Severity.CRITICAL)


def _has_parameter(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "$PARAMETER" in value or any(map(_has_parameter, value.values()))
    return isinstance(value, list) and any(map(_has_parameter, value))


def _known(value: Any, names: frozenset[str], what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(what, type(value).__name__, "an object")
    unknown = sorted(set(value) - names)
    if unknown:
        raise _wrong(what, ", ".join(unknown), ", ".join(sorted(names)))
    return value


def _wrong(what: str, found: str, required: str) -> UsageError:
    return UsageError(what, found=found, required=required)
