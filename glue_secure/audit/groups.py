"""Findings by job, the worst job first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from glue_secure.audit.model import AuditFinding
from glue_secure.core.controls import Severity
from glue_secure.core.findings import Verdict

SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
"""The worst first."""
_VERDICTS = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS)
_NAMED = 3


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """The findings about one job, about what several jobs use, or about the rest of an account.

    Attributes:
        title: the jobs or the account.
        findings: the worst first.
        summary: the number of findings of each verdict.
    """

    title: str
    findings: Sequence[AuditFinding]
    summary: str


def rank(finding: AuditFinding) -> tuple[bool, int, int]:
    """Return the sort key of a finding: violations, worst severity first, then what is reported only."""
    if finding.verdict is Verdict.PASS:
        return True, len(_VERDICTS), 0
    return finding.is_reported, _VERDICTS.index(finding.verdict), SEVERITIES.index(finding.control.severity)


def groups(found: Iterable[AuditFinding], *, passes: bool) -> list[FindingGroup]:
    """Return the findings by job, the worst first. What several jobs use forms a group of its own.

    Args:
        found: the findings.
        passes: whether the groups contain passes, and groups of passes alone. The summary counts them always.
    """
    by_users: dict[tuple[str, str, tuple[str, ...]], list[AuditFinding]] = {}
    passed: Counter[tuple[str, str, tuple[str, ...]]] = Counter()
    for finding in found:
        users = finding.account, finding.region, finding.jobs
        if finding.verdict is Verdict.PASS and not passes:
            passed[users] += 1
        else:
            by_users.setdefault(users, []).append(finding)
    titled = []
    for users, findings in by_users.items():
        counts = Counter(finding.verdict for finding in findings)
        counts[Verdict.PASS] += passed[users]
        summary = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in _VERDICTS if counts[verdict])
        titled.append(FindingGroup(_title(*users), sorted(findings, key=rank), summary))
    return sorted(titled, key=lambda group: (rank(group.findings[0]), group.title))


def _title(account: str, region: str, jobs: tuple[str, ...]) -> str:
    if not jobs:
        return f"account {account} in {region}"
    if len(jobs) == 1:
        return f"job {jobs[0]} ({account} in {region})"
    names = ", ".join(jobs[:_NAMED]) + (", ..." if len(jobs) > _NAMED else "")
    return f"{len(jobs)} jobs: {names} ({account} in {region})"
