"""OCSF events: a Compliance Finding (2003) for each result, a Detection Finding (2004) for each violation.

https://schema.ocsf.io/1.5.0/classes/compliance_finding
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from glue_secure import __version__
from glue_secure.core import compliance
from glue_secure.report.exports.findings import ExportedFinding, findings
from glue_secure.report.stored import StoredRun

VERSION = "1.5.0"
_SEVERITIES = {"INFORMATIONAL": 1, "LOW": 2, "MEDIUM": 3, "HIGH": 4, "CRITICAL": 5}
_COMPLIANCE = {"PASS": (1, "Pass"), "FAIL": (3, "Fail"), "UNKNOWN": (0, "Unknown")}


def events(runs: Iterable[StoredRun]) -> Iterator[dict[str, Any]]:
    """Yield the events of the runs. What is reported only, such as a tolerated violation, is suppressed."""
    yield from events_of(findings(runs))


def events_of(found: Iterable[ExportedFinding]) -> Iterator[dict[str, Any]]:
    """Yield the events of findings."""
    for one in found:
        yield _compliance(one)
        if not one.result.passed:
            yield _detection(one)


def _compliance(one: ExportedFinding) -> dict[str, Any]:
    mapped = compliance.of_control(one.result.control)
    standards = dict.fromkeys(compliance.FRAMEWORKS[row.framework].title for row in mapped)
    status_id, status = _COMPLIANCE[one.result.verdict]
    return {
        **_event(one, 2003, "Compliance Finding"),
        "resources": [_resource(one)],
        "compliance": {
            "control": one.result.control,
            "standards": ["glue-secure", *standards],
            "requirements": [
                one.result.known.title,
                *compliance.names_of_control(one.result.control),
            ],
            "status_id": status_id,
            "status": status,
            "status_detail": one.description,
        },
        "remediation": {"desc": one.remediation},
    }


def _detection(one: ExportedFinding) -> dict[str, Any]:
    return {
        **_event(one, 2004, "Detection Finding"),
        "resources": [_resource(one)],
        "evidences": [{"data": {"found": one.result.found, "required": one.result.required}}],
        "remediation": {"desc": one.remediation},
        "is_alert": one.result.stopped,
    }


def _event(one: ExportedFinding, class_uid: int, class_name: str) -> dict[str, Any]:
    result = one.result
    severity = "INFORMATIONAL" if result.passed else result.known.severity.value
    status = (4, "Resolved") if result.passed else (3, "Suppressed") if result.reported else (1, "New")
    return {
        "class_uid": class_uid,
        "class_name": class_name,
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": 1,
        "activity_name": "Create",
        "type_uid": class_uid * 100 + 1,
        "type_name": f"{class_name}: Create",
        "time": _milliseconds(one.finished),
        "severity_id": _SEVERITIES[severity],
        "severity": severity.capitalize(),
        "status_id": status[0],
        "status": status[1],
        "message": one.description,
        "finding_info": {
            "uid": one.uid,
            "title": one.title,
            "desc": result.known.why or result.known.title,
            "types": ["Encryption"],
            "created_time": _milliseconds(one.finished),
            "data_sources": [one.location or "glue-secure"],
        },
        "cloud": {
            "provider": "AWS",
            "region": one.region,
            "account": {"uid": one.account or "unknown", "type_id": 10, "type": "AWS Account"},
        },
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "uid": f"{one.event_uid}-{class_uid}",
            "correlation_uid": one.run or one.event_uid,
            "product": {"name": "glue-secure", "vendor_name": "glue-secure", "version": __version__},
        },
        **({"unmapped": {"account": one.account_kind}} if one.account_kind else {}),
    }


def _resource(one: ExportedFinding) -> dict[str, Any]:
    return {
        "uid": one.result.resource or one.job or one.account,
        "name": one.result.resource or one.job or one.account,
        "type": "resource of a Glue job",
        "region": one.region,
        "labels": [f"job:{one.job}"] if one.job else [],
    }


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
