"""Results that did not pass as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from glue_secure import __version__
from glue_secure.core.controls import CONTROLS, Severity
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
        )
        for control in controls.values()
    ]
    properties = {"accounts": [dict(zip(_ACCOUNT, one, strict=True)) for one in accounts]} if accounts else {}
    return sarif_document(tool, __version__, rules, map(_result, found), properties)


def _result(one: ExportedFinding) -> SarifResult:
    exception = one.result.exception
    accepted = f"exception {exception} of the {one.accepted_by}" if exception else "reported only"
    return SarifResult(
        rule=one.result.control,
        level=_LEVELS[one.result.known.severity],
        message=f"{_place(one)}{one.description} Fix: {one.remediation}",
        uri=one.artifact,
        line=1,
        accepted=accepted if one.result.reported else "",
        fingerprint=one.uid,
    )


def _place(one: ExportedFinding) -> str:
    names = [f"job {one.job}"] if one.job else []
    names += [f"run {one.run}"] if one.run else []
    return f"{', '.join(names)}: " if names else ""
