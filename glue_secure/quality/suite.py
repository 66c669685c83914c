"""A Great Expectations 1.x suite as data, and the action for rows that break it.

The file has the format of ``ExpectationSuite.to_json_dict()``. This module does not need the package. Unknown
names, duplicate names and suite parameters are rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import digest
from glue_secure.core.json_documents import load_json

_SUITE_NAMES = frozenset(("name", "id", "expectations", "meta", "notes", "suite_parameters"))
_RULE_NAMES = frozenset(
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
# The gate decides how results are reported. With a suite's own result_format they could contain values of
# rows.
_REPORTING = ("result_format", "catch_exceptions")


class RuleSeverity(str, Enum):
    """The severity of a rule, with Great Expectations' values."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class OnFailure(str, Enum):
    """The action if a critical rule is broken."""

    BLOCK = "block"
    WARN = "warn"
    QUARANTINE = "quarantine"

    @classmethod
    def of(cls, text: str) -> OnFailure:
        """Return the action of this name.

        Raises:
            UsageError: the action does not exist.
        """
        try:
            return cls(text)
        except ValueError:
            actions = ", ".join(action.value for action in cls)
            raise UsageError("on_failure", found=repr(text), required=actions) from None


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation of a suite.

    Attributes:
        index: position in the suite, from 1.
        kind: the type, such as ``expect_column_values_to_not_be_null``.
        arguments: the ``kwargs``, which may contain literals.
        severity: the severity.
    """

    index: int
    kind: str
    arguments: Mapping[str, Any] = field(repr=False)
    severity: RuleSeverity = RuleSeverity.CRITICAL

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the rule's columns."""
        columns = self.arguments.get("column_list")
        if isinstance(columns, (list, tuple)):
            return tuple(map(str, columns))
        names = ("column", "column_A", "column_B")
        return tuple(str(self.arguments[name]) for name in names if name in self.arguments)

    @property
    def label(self) -> str:
        """``3 expect_column_values_to_not_be_null (carrier)``, without literals of the suite."""
        columns = ", ".join(self.columns)
        return f"{self.index} {self.kind}" + (f" ({columns})" if columns else "")


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite.

    Attributes:
        location: S3 location or path of the file.
        name: name of the suite.
        digest: SHA-256 of the file, hexadecimal.
        rules: the expectations, in order.
    """

    location: str
    name: str
    digest: str
    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, body: bytes, *, location: str) -> Suite:
        """Return the suite in a file.

        Raises:
            UsageError: the file is not a suite of Great Expectations 1.x, or the suite needs parameters.
        """
        resource = f"suite {location}"
        try:
            value = load_json(body.decode(), constants=False)
        except (ValueError, RecursionError) as error:
            raise _invalid(resource, f"invalid JSON ({type(error).__name__})", "a suite") from error
        suite = _object(value, _SUITE_NAMES, resource)
        name = suite.get("name")
        if not isinstance(name, str) or not name:
            raise _invalid(resource, "no name", 'a suite of Great Expectations 1.x: {"name": ..., ...}')
        expectations = suite.get("expectations")
        if not isinstance(expectations, list) or not expectations:
            raise _invalid(resource, "no expectations", "at least one expectation")
        if suite.get("suite_parameters"):
            raise _invalid(resource, "suite_parameters", "literal values")
        rules = tuple(_rule(value, index, resource) for index, value in enumerate(expectations, 1))
        return cls(location, name, digest(body), rules)


def _rule(value: Any, index: int, suite: str) -> Rule:
    resource = f"expectation {index} of {suite}"
    rule = _object(value, _RULE_NAMES, resource)
    kind, arguments, meta = rule.get("type"), rule.get("kwargs") or {}, rule.get("meta") or {}
    if not isinstance(kind, str) or not kind.isidentifier():
        raise _invalid(resource, "no type", "the type of an expectation, expect_...")
    if not isinstance(arguments, Mapping) or not isinstance(meta, Mapping):
        raise _invalid(resource, "kwargs or meta that is not an object", "objects")
    if _has_parameter(arguments):
        raise _invalid(resource, "$PARAMETER", "literal values; suite parameters are not supported")
    # Versions without the attribute have the severity in meta.
    names = {
        str(severity) for severity in (rule.get("severity"), meta.get("severity")) if severity is not None
    }
    severities = {severity.value: severity for severity in RuleSeverity}
    if len(names) > 1 or not names <= set(severities):
        raise _invalid(f"severity of {resource}", ", ".join(sorted(names)), f"one of {', '.join(severities)}")
    arguments = {name: argument for name, argument in arguments.items() if name not in _REPORTING}
    return Rule(index, kind, arguments, severities[names.pop()] if names else RuleSeverity.CRITICAL)


def _has_parameter(value: Any) -> bool:
    if isinstance(value, Mapping):
        return "$PARAMETER" in value or any(map(_has_parameter, value.values()))
    return isinstance(value, list) and any(map(_has_parameter, value))


def _object(value: Any, names: frozenset[str], resource: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _invalid(resource, type(value).__name__, "an object")
    unknown = sorted(set(value) - names)
    if unknown:
        raise _invalid(resource, ", ".join(unknown), ", ".join(sorted(names)))
    return value


def _invalid(resource: str, found: str, required: str) -> UsageError:
    return UsageError(resource, found=found, required=required)
