"""Results of runs and audits as JUnit XML, for the test reports of CI systems.

A run is a test suite, a control and resource is a test case. FAIL is a failure, UNKNOWN an error. What is
reported only, such as a violation that an exception tolerates, is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from glue_secure.core.redaction import escape_unprintable
from glue_secure.report.document import text
from glue_secure.report.exports.findings import ExportedFinding, findings
from glue_secure.report.stored import StoredRun

_RUN_ENDED = "run ended with success"


def document(runs: Iterable[StoredRun]) -> str:
    """Return the XML document of runs."""
    root = ElementTree.Element("testsuites", {"name": "glue-secure"})
    for run in runs:
        if run.document:
            _run(root, run, list(findings([run])))
    return _xml(root)


def document_of(suites: Iterable[tuple[str, list[ExportedFinding]]]) -> str:
    """Return the XML document of findings, with one test suite for each name."""
    root = ElementTree.Element("testsuites", {"name": "glue-secure"})
    for name, found in suites:
        _suite(root, name, found)
    return _xml(root)


def _xml(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _run(root: ElementTree.Element, run: StoredRun, found: list[ExportedFinding]) -> None:
    job, outcome = text(run.document.get("job")), run.outcome
    stopped = any(one.result.stopped for one in found)
    failed_otherwise = outcome != "succeeded" and not stopped
    name = f"{job} {text(run.document.get('run_id'))}"
    suite = _suite(root, name, found, others=1, errors=int(failed_otherwise))
    case = ElementTree.SubElement(
        suite, "testcase", {"classname": _text(job), "name": _RUN_ENDED, "time": "0"}
    )
    if failed_otherwise:
        error = run.document.get("error") or {}
        ElementTree.SubElement(
            case, "error", {"type": _text(text(error.get("type")) or outcome), "message": _text(outcome)}
        )


def _suite(
    root: ElementTree.Element, name: str, found: list[ExportedFinding], *, others: int = 0, errors: int = 0
) -> ElementTree.Element:
    """Append a test suite with the findings as test cases.

    Args:
        root: the parent.
        name: the suite's name.
        found: the findings.
        others: number of further test cases that the caller appends.
        errors: number of errors among them.
    """
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {
            "name": _text(name),
            "tests": str(len(found) + others),
            "failures": str(sum(_kind(one) == "failure" for one in found)),
            "errors": str(sum(_kind(one) == "error" for one in found) + errors),
            "skipped": str(sum(_kind(one) == "skipped" for one in found)),
            **_times(found),
        },
    )
    for one in found:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {
                "classname": _text(f"{one.job or one.account}.{one.result.control}"),
                "name": _text(f"{one.result.known.title}: {one.result.resource}"),
                "time": "0",
            },
        )
        kind = _kind(one)
        if kind == "skipped":
            exception = one.result.exception
            reason = f"tolerated by exception {exception}" if exception else "reported only"
            ElementTree.SubElement(case, kind, {"message": _text(f"{reason}: {one.description}")})
        elif kind:
            detail = ElementTree.SubElement(
                case, kind, {"type": one.result.control, "message": _text(one.description)}
            )
            detail.text = "\n".join(
                _text(line)
                for line in (
                    f"resource: {one.result.resource}",
                    f"found:    {one.result.found}",
                    f"required: {one.result.required}",
                    f"fix:      {one.remediation}",
                )
            )
    return suite


def _kind(one: ExportedFinding) -> str:
    if one.result.passed:
        return ""
    if one.result.reported:
        return "skipped"
    return "error" if one.result.verdict == "UNKNOWN" else "failure"


def _times(found: list[ExportedFinding]) -> dict[str, str]:
    if not found:
        return {"time": "0"}
    seconds = (found[0].finished - found[0].started).total_seconds()
    return {"time": f"{max(0.0, seconds):.3f}", "timestamp": f"{found[0].started:%Y-%m-%dT%H:%M:%S}"}


def _text(value: str) -> str:
    """Return text that XML 1.0 can contain: control characters as escapes."""
    return re.sub(r"[\ufffe\uffff]", "?", escape_unprintable(value))
