"""What an audit prints: its verdict, its exit code, and its findings as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from glue_secure import __version__
from glue_secure.audit.model import AuditFinding, Findings
from glue_secure.core import compliance
from glue_secure.core.controls import Severity
from glue_secure.core.findings import Verdict
from glue_secure.core.redaction import redact_text

SCHEMA = "glue-secure/audit/1"


def exit_code(found: Iterable[AuditFinding], fail_on: Collection[Severity] = tuple(Severity)) -> int:
    """Return 3 if a control fails, else 4 if one is unknown, else 0. What is reported only does not count.

    Args:
        found: the findings.
        fail_on: severities that count.
    """
    verdicts = {
        finding.verdict
        for finding in found
        if not finding.is_reported and finding.control.severity in fail_on
    }
    return 3 if Verdict.FAIL in verdicts else 4 if Verdict.UNKNOWN in verdicts else 0


def label(finding: AuditFinding) -> str:
    """Return the verdict as it is shown: ``accepted`` for what the baseline file accepts."""
    if finding.accepted:
        return "accepted"
    return finding.verdict.value


def headline(found: Iterable[AuditFinding]) -> str:
    """Return the result of an audit in one line."""
    counts: Counter[str] = Counter()
    missing = set()
    for finding in found:
        counts[label(finding)] += 1
        missing |= {finding.permission} - {""}
    shown = [f"{counts[name]} {name}" for name in ("FAIL", "UNKNOWN", "accepted", "PASS") if counts[name]]
    text = ", ".join(shown) or "nothing to audit"
    return text + (f"; missing permissions: {', '.join(sorted(missing))}" if missing else "")


def json_text(
    found: Findings, now: datetime, fail_on: Collection[Severity] = tuple(Severity)
) -> Iterator[str]:
    """Yield the parts of the document of ``--output json``, which ``--compare`` reads."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "version": __version__,
        "time": now.isoformat(),
        "headline": headline(found),
        "exit_code": exit_code(found, fail_on),
        "findings": [],
    }
    yield _text(document).removesuffix("]\n}")
    separator = "\n    "
    for finding in documents(found):
        yield separator + _text(finding).replace("\n", "\n    ")
        separator = ",\n    "
    yield "\n  ]\n}\n" if len(found) else "]\n}\n"


def documents(found: Iterable[AuditFinding]) -> Iterator[dict[str, Any]]:
    """Yield the findings as in the document of ``--output json``."""
    return map(_document, found)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


def _document(one: AuditFinding) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": one.uid,
        "account": one.account,
        "region": one.region,
        "control": one.control.id,
        "title": one.control.title,
        "severity": one.control.severity.value,
        "why": one.control.why,
        "source": one.control.source,
        "verdict": one.verdict.value,
        "kind": one.resource.kind.value,
        "name": one.resource.name,
        "resource": redact_text(one.finding.resource),
        "found": redact_text(one.finding.found),
        "required": one.finding.required,
        "fix": redact_text(one.finding.fix),
        "jobs": list(one.jobs),
        "reported_only": one.is_reported,
        "maps_to": [
            f"{requirement.framework} {requirement.id}"
            for requirement in compliance.of_control(one.control.id)
        ],
    }
    for name, value in (
        ("missing_permission", one.permission),
        ("aws_code", one.finding.aws_code or ""),
        ("accepted_by", one.accepted),
    ):
        if value:
            document[name] = value
    return document
