"""Exceptions of a policy file during a run: they tolerate a failed check of their control and resource."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from glue_secure.core.findings import Finding, Verdict, failed, passed, unknown
from glue_secure.policyfile.model import PolicyException, PolicyFile


class ExceptionRegister:
    """Applies the exceptions of a policy, and counts their uses.

    An exception is in force until the end of its last day, UTC, and if that day is not more than
    ``exception_days`` of the policy away. Every other exception counts for nothing.

    Args:
        policy: the policy.
        now: returns the current time, UTC.
    """

    def __init__(self, policy: PolicyFile, now: Callable[[], datetime]) -> None:
        self._policy, self._now = policy, now
        self._uses = dict.fromkeys(range(len(policy.exceptions)), 0)

    def tolerated(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Return the findings. A FAIL that an exception in force matches names the exception."""
        return tuple(map(self._tolerated, findings))

    def findings(self) -> tuple[Finding, ...]:
        """Return a finding for each exception (GS-POL-002): in force and used, not used, or not in force."""
        return tuple(
            check_exception(exception, uses, self._today(), self._policy.exception_days)
            for exception, uses in zip(self._policy.exceptions, self._uses.values(), strict=True)
        )

    def as_list(self) -> list[dict[str, Any]]:
        """Return the exceptions for the evidence, with the days that each has left and its uses."""
        return [
            {
                "control": exception.control,
                "resource": exception.resource,
                "ticket": exception.ticket,
                "owner": exception.owner,
                "reason": exception.reason,
                "expires": exception.expires.isoformat(),
                "days_left": (exception.expires - self._today()).days,
                "in_force": self._is_in_force(exception),
                "uses": uses,
            }
            for exception, uses in zip(self._policy.exceptions, self._uses.values(), strict=True)
        ]

    def _tolerated(self, finding: Finding) -> Finding:
        if finding.verdict is not Verdict.FAIL:
            return finding
        for number, exception in enumerate(self._policy.exceptions):
            is_match = exception.control == finding.control and matches(exception.resource, finding.resource)
            if is_match and self._is_in_force(exception):
                self._uses[number] += 1
                return replace(finding, exception=_title(exception))
        return finding

    def _is_in_force(self, exception: PolicyException) -> bool:
        return 0 <= (exception.expires - self._today()).days <= self._policy.exception_days

    def _today(self) -> date:
        return self._now().date()


def matches(pattern: str, resource: str) -> bool:
    """Return whether a resource matches a pattern as a whole. ``*`` stands for any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), resource, re.DOTALL) is not None


def check_exception(exception: PolicyException, uses: int, today: date, most_days: int) -> Finding:
    """Check that an exception is in force and used (GS-POL-002). It is reported and stops no run.

    Args:
        exception: the exception.
        uses: number of findings that it tolerated.
        today: the current day, UTC.
        most_days: the policy's limit.
    """
    resource = f"exception from {exception.control} for {exception.resource} ({exception.ticket})"
    days = (exception.expires - today).days
    if days < 0:
        return failed(
            "GS-POL-002",
            resource,
            found=f"expired on {exception.expires}, so it counts for nothing",
            required="an exception in force, or none",
            fix=f"{exception.owner}: remove the violation, then the entry from the policy file",
        )
    if days > most_days:
        return failed(
            "GS-POL-002",
            resource,
            found=f"ends in {days} days, so it counts for nothing",
            required=f"at most {most_days} days",
            fix="set an earlier expires in the policy file",
        )
    if not uses:
        return unknown(
            "GS-POL-002",
            resource,
            found="no finding of this run matches",
            required="a violation that the exception tolerates",
            fix="remove the entry from the policy file when no run needs it",
        )
    return passed("GS-POL-002", resource, f"{uses} findings tolerated, {days} days left")


def _title(exception: PolicyException) -> str:
    return f"{exception.ticket}, {exception.owner}, until {exception.expires}: {exception.reason}"
