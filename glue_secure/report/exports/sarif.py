"""Results that did not pass as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glue_secure import __version__
from glue_secure.core import compliance
from glue_secure.core.controls import CONTROLS, Severity
from glue_secure.core.findings import Verdict
from glue_secure.core.sarif import SarifResult, SarifRule, sarif_document
from glue_secure.report.exports.findings import ExportedFinding, findings, newest
from glue_secure.report.stored import StoredRun

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
_ACCOUNT = ("id", "region", "account")


def document(runs: Iterable[StoredRun]) -> dict[str, Any]:
    """Return one SARIF document. A result is the newest one of its control, resource and job.

    A result that passed in the newest run is left out: code scanning then closes its alert.
    """
    return document_of("glue-secure evidence", newest(findings(runs)))


def document_of(tool: str, found: Iterable[ExportedFinding]) -> dict[str, Any]:
    """Return the SARIF document of findings. Passes are left out.

    Args:
        tool: the command that made the findings.
        found: the findings.
    """
    found = [*found]
    accounts = sorted({(one.account, one.region, one.account_kind) for one in found if one.account_kind})
    found = [one for one in found if not one.result.passed]
    controls = {**CONTROLS, **{one.result.control: one.result.known for one in found}}
    rules = [
        SarifRule(
            control.id,
            control.title,
            _LEVELS[control.severity],
            control.source.split()[0] if control.source.startswith("https://") else "",
            tuple(compliance.names_of_control(control.id)),
        )
        for control in controls.values()
    ]
    properties = {"accounts": [dict(zip(_ACCOUNT, one, strict=True)) for one in accounts]} if accounts else {}
    return sarif_document(tool, __version__, rules, map(_result, found), properties)


def _result(one: ExportedFinding) -> SarifResult:
    """Return a result. An unknown one keeps its level, and its message begins with the verdict."""
    result = one.result
    is_reported_only = result.reported and not result.exception
    level = "note" if is_reported_only else _LEVELS[result.known.severity]
    verdict = "" if result.verdict == Verdict.FAIL.value else f"{result.verdict}: "
    accepted = f"exception {result.exception} of the {one.accepted_by}" if result.exception else ""
    return SarifResult(
        rule=result.control,
        level=level,
        message=f"{verdict}{'reported only: ' if is_reported_only else ''}"
        f"{_place(one)}{one.description} Fix: {one.remediation}",
        uri=one.artifact,
        line=1,
        accepted=accepted if result.reported else "",
        fingerprint=one.uid,
        in_source=False,
    )


def _place(one: ExportedFinding) -> str:
    names = [f"job {one.job}"] if one.job else []
    names += [f"run {one.run}"] if one.run else []
    return f"{', '.join(names)}: " if names else ""
