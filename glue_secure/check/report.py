"""Reports of the static check: JSON, SARIF, and the lines of the text report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from glue_secure.check.model import RULES, ScriptFinding
from glue_secure.core.controls import Severity
from glue_secure.core.findings import Verdict
from glue_secure.core.sarif import SarifResult, SarifRule, sarif_document

Files = Mapping[Path, Sequence[ScriptFinding]]
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}


def exit_code(findings: Iterable[ScriptFinding]) -> int:
    """Return 3 if a finding is FAIL, 4 if one is UNKNOWN and none is FAIL, else 0.

    Notes and findings that a comment accepts do not count.
    """
    verdicts = {finding.verdict for finding in findings if finding.counts}
    return 3 if Verdict.FAIL in verdicts else 4 if verdicts else 0


def headline(files: Files) -> str:
    """Return one line with the numbers of scripts and findings."""
    findings = [finding for found in files.values() for finding in found]
    counts = Counter(map(_kind, findings))
    scripts = f"{len(files):,} {'script' if len(files) == 1 else 'scripts'}"
    numbers = ", ".join(f"{counts[kind]:,} {kind}" for kind in ("FAIL", "UNKNOWN", "note", "accepted"))
    return f"{scripts}: {numbers}"


def lines(finding: ScriptFinding) -> Iterator[str]:
    """Yield the lines of a finding in the text report."""
    control = f"{finding.control} {finding.severity.value}" if finding.control else "comment"
    yield (
        f"{finding.file}:{finding.line}:{finding.column}: {_kind(finding)} {finding.rule} ({control}): "
        f"{finding.found}"
    )
    if finding.accepted:
        yield f"  accepted: {finding.accepted}"
        return
    yield f"  required: {finding.required}"
    yield f"  fix:      {finding.fix}"


def to_json(files: Files) -> dict[str, Any]:
    """Return the report as JSON values."""
    findings = [finding for found in files.values() for finding in found]
    return {
        "scripts": len(files),
        "exit_code": exit_code(findings),
        "findings": [
            {
                "rule": finding.rule,
                "control": finding.control,
                "severity": finding.severity.value,
                "verdict": finding.verdict.value,
                "kind": _kind(finding),
                "file": finding.file,
                "line": finding.line,
                "column": finding.column,
                "found": finding.found,
                "required": finding.required,
                "fix": finding.fix,
                "accepted": finding.accepted,
            }
            for finding in findings
        ],
    }


def to_sarif(files: Files, version: str) -> dict[str, Any]:
    """Return the findings as SARIF. Those that a comment accepts are suppressed in source."""
    rules = [SarifRule(rule, text) for rule, text in RULES.items()]
    results = [
        SarifResult(
            finding.rule,
            "note" if finding.is_note else _LEVELS[finding.severity],
            f"{finding.control or finding.rule}: found: {finding.found}. Required: {finding.required}. "
            f"Fix: {finding.fix}.",
            finding.file,
            finding.line,
            accepted=finding.accepted,
            column=finding.column,
        )
        for found in files.values()
        for finding in found
    ]
    return sarif_document("glue-secure check", version, rules, results)


def _kind(finding: ScriptFinding) -> str:
    if finding.accepted:
        return "accepted"
    return "note" if finding.is_note else finding.verdict.value
