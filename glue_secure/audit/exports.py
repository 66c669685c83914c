"""The findings of an audit in the formats of other tools, by the exports of evidence."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from urllib.parse import quote

from glue_secure.audit.groups import groups
from glue_secure.audit.model import AuditFinding, Findings
from glue_secure.audit.outputs import headline, label
from glue_secure.core import compliance
from glue_secure.core.findings import Verdict
from glue_secure.core.redaction import redact_text
from glue_secure.report import html
from glue_secure.report.exports import asff, junit, ocsf, sarif
from glue_secure.report.exports.findings import ExportedFinding
from glue_secure.report.results import Result
from glue_secure.report.view import FAILED, PASSED, UNKNOWN

COLUMNS = (
    "account", "region", "control", "severity", "verdict", "kind", "name", "resource", "found", "required",
    "fix", "jobs", "missing_permission", "accepted_by", "maps_to", "id",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MOST_SHOWN = 2000


def as_ocsf(found: Iterable[AuditFinding], started: datetime, finished: datetime) -> Iterator[str]:
    """Yield one OCSF event a line."""
    for event in ocsf.events_of(_exported(found, started, finished)):
        yield json.dumps(event, ensure_ascii=False) + "\n"


def as_asff(found: Iterable[AuditFinding], started: datetime, finished: datetime) -> str:
    """Return the findings in the AWS Security Finding Format, JSON."""
    return _json(asff.documents_of(_exported(found, started, finished)))


def as_sarif(found: Iterable[AuditFinding], started: datetime, finished: datetime) -> str:
    """Return the findings that do not pass as SARIF."""
    return _json(sarif.document_of("glue-secure audit", _exported(found, started, finished)))


def as_junit(found: Iterable[AuditFinding], started: datetime, finished: datetime) -> str:
    """Return the findings as JUnit XML, with a test suite for each job."""
    by_job = groups(found, passes=True)
    return junit.document_of(
        (group.title, list(_exported(group.findings, started, finished))) for group in by_job
    )


def as_csv(found: Iterable[AuditFinding]) -> Iterator[str]:
    """Yield the lines of a CSV file. A text that a spreadsheet would evaluate has a leading quote."""
    yield _line(COLUMNS)
    for one in found:
        maps_to = compliance.names_of_control(one.control.id)
        row = (
            one.account, one.region, one.control.id, one.control.severity.value, label(one),
            one.resource.kind.value, one.resource.name, one.finding.resource, one.finding.found,
            one.finding.required, one.finding.fix, " ".join(one.jobs), one.permission, one.accepted,
            "; ".join(maps_to), one.uid,
        )  # fmt: skip
        yield _line([_cell(redact_text(value)) for value in row])


def _line(row: Iterable[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(row)
    return stream.getvalue()


def as_html(found: Findings, now: datetime) -> str:
    """Return the report as one HTML page, in the style of the evidence's reports."""
    stopping = {one.verdict for one in found if not one.is_reported}
    state = FAILED if Verdict.FAIL in stopping else UNKNOWN if Verdict.UNKNOWN in stopping else PASSED
    counts = Counter(label(one) for one in found)
    sections = []
    left = _MOST_SHOWN
    for group in groups(found, passes=False):
        shown = [_result(one) for one in group.findings]
        sections.append(
            html.FindingSection(group.title, group.summary, shown[:left], len(shown) - len(shown[:left]))
        )
        left = max(0, left - len(shown))
    page = html.FindingsPage(
        kind="Audit of AWS Glue",
        title=", ".join(sorted({f"{one.account} in {one.region}" for one in found})) or "no resources",
        state=state,
        headline=headline(found),
        figures=[(name, f"{number:,}") for name, number in sorted(counts.items())],
        sections=sections,
        passed=_passed(found),
        source="the answers of AWS to read-only calls",
    )
    return html.findings_page(page, now)


def _passed(found: Iterable[AuditFinding]) -> list[tuple[str, str, str]]:
    counts = Counter(one.control.id for one in found if one.verdict is Verdict.PASS)
    titles = {one.control.id: one.control.title for one in found}
    return [(control, titles[control], f"{number:,}") for control, number in sorted(counts.items())]


def _exported(
    found: Iterable[AuditFinding], started: datetime, finished: datetime
) -> Iterator[ExportedFinding]:
    for one in found:
        place = f"aws/{one.account}/{one.region}/{one.resource.kind.value}/{one.resource.name}"
        yield ExportedFinding(
            uid=one.uid,
            event_uid=hashlib.sha256(f"{one.uid}\0{finished.isoformat()}".encode()).hexdigest()[:32],
            result=_result(one),
            started=started,
            finished=finished,
            account=one.account,
            region=one.region,
            job=", ".join(one.jobs),
            artifact=quote(place),
            accepted_by="baseline file",
        )


def _result(one: AuditFinding) -> Result:
    finding = one.finding
    return Result(
        finding.control,
        finding.verdict.value,
        redact_text(finding.resource),
        redact_text(finding.found),
        redact_text(finding.required),
        redact_text(finding.fix),
        one.accepted,
        reported_only=one.is_reported,
    )


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
