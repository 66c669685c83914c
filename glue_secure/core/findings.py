"""The result of a check.

A check returns its findings, passes included. The caller records what the check returned::

    recorder.record(enforce(check_configuration(configuration)))

A control therefore passes in the evidence only if the check that decided it ran and returned the pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from glue_secure.core.errors import ControlError, RefusedError, VerificationError
from glue_secure.core.redaction import escape_surrogates


class Verdict(str, Enum):
    """The outcome of one check.

    FAIL and UNKNOWN both stop a run, with the exceptions that ``docs/controls.md`` lists
    (:func:`~glue_secure.core.controls.as_markdown`).
    """

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict of one control about one resource.

    Attributes:
        control: id of the control.
        verdict: PASS, FAIL or UNKNOWN.
        resource: ARN, URI or name of the resource. Never a secret.
        found: observed value. Never a secret.
        required: required value; ``""`` for a pass.
        fix: command or edit that makes the check pass; ``""`` for a pass.
        aws_code: AWS error code that made the result UNKNOWN, or None.
        exception: the exception of the policy file that tolerates a FAIL, ``""`` without one.
    """

    control: str
    verdict: Verdict
    resource: str
    found: str
    required: str = ""
    fix: str = ""
    aws_code: str | None = None
    exception: str = ""

    def __post_init__(self) -> None:
        """Make every text one that UTF-8 can encode: names and values of an account can be other texts."""
        for name in ("resource", "found", "required", "fix", "exception"):
            object.__setattr__(self, name, escape_surrogates(getattr(self, name)))


def passed(control: str, resource: str, found: str) -> Finding:
    """Return a pass."""
    return Finding(control, Verdict.PASS, resource, found)


def failed(control: str, resource: str, *, found: str, required: str, fix: str) -> Finding:
    """Return a fail."""
    return Finding(control, Verdict.FAIL, resource, found, required, fix)


def unknown(
    control: str, resource: str, *, found: str, required: str, fix: str, aws_code: str | None = None
) -> Finding:
    """Return a finding for a control that could not be decided."""
    return Finding(control, Verdict.UNKNOWN, resource, found, required, fix, aws_code)


def enforce(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings if all pass, or an exception of the policy file tolerates those that do not.

    Raises:
        RefusedError: a finding is FAIL. The error names the first one, and the ids of the others.
        VerificationError: no finding is FAIL, and one is UNKNOWN.
    """
    findings = tuple(findings)
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
        stopping = (one for one in findings if one.verdict is verdict and not one.exception)
        first = next(stopping, None)
        if first is None:
            continue
        others = [
            finding.control
            for finding in findings
            if finding.verdict is not Verdict.PASS
            and finding.control != first.control
            and not finding.exception
        ]
        raise error_of(first, also=tuple(dict.fromkeys(others)))
    return findings


def error_of(finding: Finding, *, also: tuple[str, ...] = ()) -> ControlError:
    """Return the error of a finding that is not a pass: RefusedError for FAIL, VerificationError for UNKNOWN.

    Args:
        finding: the finding.
        also: ids of further controls that did not pass.
    """
    kind = RefusedError if finding.verdict is Verdict.FAIL else VerificationError
    return kind(
        finding.control,
        resource=finding.resource,
        found=finding.found,
        required=finding.required,
        fix=finding.fix,
        also=also,
        aws_code=finding.aws_code,
    )


def finding_of(error: ControlError) -> Finding:
    """Return the finding of a control that stopped a run: UNKNOWN for VerificationError, otherwise FAIL."""
    return Finding(
        error.control,
        Verdict.UNKNOWN if isinstance(error, VerificationError) else Verdict.FAIL,
        error.resource,
        error.found,
        error.required,
        error.fix,
        error.aws_code,
    )


def stop(finding: Finding) -> NoReturn:
    """Raise the error of a finding that is not a pass."""
    enforce([finding])
    raise AssertionError(f"{finding.control} is a pass")
