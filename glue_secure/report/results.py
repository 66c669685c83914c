"""The results of a run's checks, one for each control and resource, with the control that stopped the run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from glue_secure.core.controls import CONTROLS, Control, Severity, is_reported_only
from glue_secure.core.redaction import redact_text
from glue_secure.report.document import Document, records, text

_RANK = {"PASS": 0, "UNKNOWN": 1, "FAIL": 2}
_LINE = re.compile(r"^ *(found|required|fix): +(.*)$", re.MULTILINE)
_FIRST = re.compile(r"\S+ (?:refused|cannot verify): (.*)")
_COUNTED = re.compile(r"\d+ objects\Z")


@dataclass(frozen=True, slots=True)
class Result:
    """What the checks of one control found about one resource.

    Attributes:
        control: id of the control.
        verdict: the worst one: ``FAIL``, ``UNKNOWN`` or ``PASS``.
        resource: ARN, URI or name of the resource.
        found: observed value.
        required: required value, ``""`` for a pass.
        fix: command or edit, ``""`` for a pass.
        exception: the exception that tolerates it, ``""`` without one.
        checks: number of checks.
        stopped: whether this control stopped the run.
        reported_only: whether it is no violation although it did not pass.
    """

    control: str
    verdict: str
    resource: str
    found: str
    required: str = ""
    fix: str = ""
    exception: str = ""
    checks: int = 1
    stopped: bool = False
    reported_only: bool = False

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return self.verdict == "PASS"

    @property
    def reported(self) -> bool:
        """Whether it did not pass, and is no violation: see :func:`glue_secure.report.stored.is_reported`."""
        if self.passed or self.stopped:
            return False
        return self.reported_only or bool(self.exception) or is_reported_only(self.control, self.verdict)

    @property
    def known(self) -> Control:
        """The control; one that this version does not know has its id as title."""
        unknown = Control(self.control, self.control, Severity.HIGH, "", "")
        return CONTROLS.get(self.control, unknown)


def results(document: Document) -> list[Result]:
    """Return the results of a run: those that did not pass first, then in the order of the checks.

    A run redacts what it writes; the texts are redacted again for what an earlier version did not recognize.
    """
    found: dict[tuple[str, str], Result] = {}
    for each in records(document, "controls"):
        verdict = text(each.get("verdict"))
        result = Result(
            text(each.get("control")),
            # A verdict that this version does not know is no pass.
            verdict if verdict in _RANK else "UNKNOWN",
            _redacted(each.get("resource")),
            _redacted(each.get("found")),
            _redacted(each.get("required")),
            _redacted(each.get("fix")),
            _redacted(each.get("exception")),
        )
        _add(found, result)
    stopped = _stopped(document)
    if stopped is not None:
        _add(found, stopped)
    return sorted(found.values(), key=lambda one: (-one.stopped, one.reported, -_RANK[one.verdict]))


def identity(document: Document, result: Result) -> str:
    """Return an id that the results of a control about a resource have in every run of a job, 32 characters.

    The run's id and the number of objects are not part of it.
    """
    resource = result.resource.replace(text(document.get("run_id")) or "\0", "RUN")
    parts = [text(document.get(name)) for name in ("account_id", "region", "job")]
    parts += [result.control, _COUNTED.sub("objects", resource)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def not_passed(found: Sequence[Result]) -> list[Result]:
    """Return the results that did not pass."""
    return [one for one in found if not one.passed]


def _add(found: dict[tuple[str, str], Result], result: Result) -> None:
    key = result.control, result.resource
    before = found.get(key)
    if before is None:
        found[key] = result
        return
    worse = result if _worse(result, before) else before
    # The error that stopped the run repeats a finding of the document, and is no check of its own.
    checks = before.checks + (0 if result.stopped else result.checks)
    found[key] = replace(worse, checks=checks, stopped=before.stopped or result.stopped)


def _worse(one: Result, other: Result) -> bool:
    def rank(result: Result) -> tuple[bool, int]:
        return not result.reported and not result.passed, _RANK[result.verdict]

    return rank(one) > rank(other)


def _stopped(document: Document) -> Result | None:
    """Return the result of the control that stopped the run, which is in its error only."""
    error = document.get("error") or {}
    control, message = text(error.get("control")), _redacted(error.get("message"))
    if not control:
        return None
    lines, first = dict(_LINE.findall(message)), _FIRST.match(message)
    return Result(
        control,
        "UNKNOWN" if error.get("type") == "VerificationError" else "FAIL",
        first[1] if first else text(document.get("job")),
        lines.get("found", message),
        lines.get("required", ""),
        lines.get("fix", ""),
        stopped=True,
    )


def _redacted(value: object) -> str:
    return redact_text(text(value))
