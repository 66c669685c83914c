"""All checks of an audit, chosen by control."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from glue_secure.audit.calls import Request
from glue_secure.audit.checks import (
    buckets,
    catalog,
    configurations,
    iam,
    jobs,
    keys,
    lakeformation,
    logs,
    network,
    scripts,
)
from glue_secure.audit.estate import MALFORMED, Estate
from glue_secure.audit.model import AuditFinding, Findings
from glue_secure.audit.packed import Packed
from glue_secure.core.findings import Verdict, unknown


@dataclass(frozen=True, slots=True)
class Check:
    """A group of controls that need the same answers.

    Attributes:
        name: the group's name in ``docs/audit.md``.
        controls: ids of the controls that it decides.
        requests: returns the calls that it needs, given what is known so far.
        evaluate: returns its findings.
    """

    name: str
    controls: tuple[str, ...]
    requests: Callable[[Estate], Iterator[Request]]
    evaluate: Callable[[Estate], Iterator[AuditFinding]]


CHECKS: tuple[Check, ...] = (
    Check(
        "Security configurations",
        configurations.CONTROLS,
        configurations.requests,
        configurations.evaluate,
    ),
    Check("Keys", keys.CONTROLS, keys.requests, keys.evaluate),
    Check("Data Catalog", catalog.CATALOG, catalog.catalog_requests, catalog.evaluate_catalog),
    Check("Connections", catalog.CONNECTIONS, catalog.connection_requests, catalog.evaluate_connections),
    Check("Buckets", buckets.CONTROLS, buckets.requests, buckets.evaluate),
    Check("Logs", logs.CONTROLS, logs.requests, logs.evaluate),
    Check("Arguments", jobs.ARGUMENTS, jobs.argument_requests, jobs.evaluate_arguments),
    Check("Spark", jobs.SPARK, jobs.requests, jobs.evaluate_spark),
    Check("IAM", iam.CONTROLS, iam.requests, iam.evaluate),
    Check("Network", network.CONTROLS, network.requests, network.evaluate),
    Check("Lake Formation", lakeformation.CONTROLS, lakeformation.requests, lakeformation.evaluate),
    Check("Scripts", scripts.CONTROLS, scripts.requests, scripts.evaluate),
    Check("Versions and logging", jobs.VERSIONS, jobs.requests, jobs.evaluate_versions),
)
"""Every check, in the order of the findings."""

AUDITED = tuple(dict.fromkeys(control for check in CHECKS for control in check.controls))
"""Ids of the controls that an audit decides."""


def chosen(controls: Collection[str]) -> tuple[Check, ...]:
    """Return the checks that decide one of the controls; all checks without controls."""
    return tuple(check for check in CHECKS if not controls or set(controls) & set(check.controls))


def evaluate(checks: Iterable[Check], estate: Estate, controls: Collection[str] = ()) -> Findings:
    """Return the findings of the checks, of the given controls only: one for each control and resource.

    If an answer has another form than a check expects, each of the check's controls has an UNKNOWN as well.
    """
    found: Findings = Packed()
    for check in checks:
        positions: dict[str, int] = {}  # of this check alone: no other one decides the same control
        for finding in _evaluated(check, estate):
            if controls and finding.control.id not in controls:
                continue
            position = positions.setdefault(finding.uid, len(found))
            if position == len(found):
                found.append(finding)
            else:
                found[position] = _worse(found[position], finding)
    return found


def _evaluated(check: Check, estate: Estate) -> Iterator[AuditFinding]:
    try:
        deque(check.requests(estate), maxlen=0)
        yield from check.evaluate(estate)
    except MALFORMED as error:
        for control in check.controls:
            finding = unknown(
                control,
                str(estate.resource),
                found=f"an answer of AWS has another form than expected ({type(error).__name__}: {error})",
                required="the answers that the documentation of AWS describes",
                fix="run the audit again; if the error remains, report it, or update glue-secure",
            )
            yield estate.finding(finding, estate.resource, part="form of answers")


def _worse(before: AuditFinding, after: AuditFinding) -> AuditFinding:
    """Return the worse of two findings about the same control and resource; equal verdicts are joined."""
    ranks = {Verdict.PASS: 0, Verdict.UNKNOWN: 1, Verdict.FAIL: 2}
    first, second = sorted((before, after), key=lambda one: -ranks[one.verdict])
    if first.verdict is second.verdict:
        first = replace(first, jobs=tuple(sorted({*first.jobs, *second.jobs})))
    found = {first.finding.found, second.finding.found}
    if first.verdict is not second.verdict or first.verdict is Verdict.PASS or len(found) == 1:
        return first
    joined = f"{first.finding.found}; {second.finding.found}"
    return replace(first, finding=replace(first.finding, found=joined))
