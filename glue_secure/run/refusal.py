"""The evidence of a run that its preflight stops, so that there is no run yet."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from glue_secure.core.arguments import EVIDENCE_KEY, EVIDENCE_URI, JobArguments, JobIdentity
from glue_secure.core.errors import ControlError, GlueSecureError, UsageError, VerificationError
from glue_secure.core.findings import Finding, Verdict
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.policy import S3_MODE, check_named_key
from glue_secure.core.ports import Services
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.service import ServiceError
from glue_secure.preflight.establish import Preflight, establish, named_evidence_keys
from glue_secure.run.evidence_store import EvidenceStore, no_evidence, report_missing
from glue_secure.run.process_facts import imported_versions, script_of
from glue_secure.run.runtime_selection import GLUE, selected_runtime


def established(identity: JobIdentity, arguments: JobArguments, services: Services) -> Preflight:
    """Return the preflight of a run. If it stops the run, write the evidence of that first.

    Raises:
        GlueSecureError: as :func:`~glue_secure.preflight.establish.establish`. If the evidence cannot be
            written, a message on stderr says so.
    """
    started, findings = services.clock.now(), list[Finding]()
    try:
        return establish(identity, arguments, services, findings)
    except GlueSecureError as error:
        try:
            _record(error, identity, arguments, services, findings, started)
        except Exception as problem:
            report_missing(_unknown(str(arguments.get(EVIDENCE_URI)), problem))
        raise


def _record(
    error: GlueSecureError,
    identity: JobIdentity,
    arguments: JobArguments,
    services: Services,
    findings: Iterable[Finding],
    started: datetime,
) -> None:
    environment = services.environment
    prefix = arguments.location(EVIDENCE_URI)
    if prefix is None:
        return  # the argument is missing, which the run would report next
    configuration, run_key = _own_key(identity, services)
    named = named_evidence_keys(arguments, services.keys)
    key = named.encryption or run_key
    if key is None:
        report_missing(_no_key(str(prefix)))
        return
    recorder = RunRecorder(started)
    recorder.record(findings)
    store = EvidenceStore(
        identity=identity,
        account=environment.account,
        region=environment.region,
        prefix=prefix,
        key=key,
        signing=named.signing,
        objects=services.objects,
        keys=services.keys,
        clock=services.clock,
    )
    keys = {
        "s3": run_key,
        "evidence": named.encryption,
        "evidence-signing": named.signing and named.signing.arn,
    }
    evidence = recorder.evidence(
        identity=identity,
        account_id=environment.account,
        region=environment.region,
        security_configuration=configuration,
        keys={purpose: str(arn) for purpose, arn in keys.items() if arn is not None},
        error=error,
        outcome="refused" if isinstance(error, ControlError) else "failed",
        account=environment.kind,
        runtime="awsglue" if selected_runtime() == GLUE else "plain-spark",
        versions={**services.versions, **imported_versions()},
        finished=services.clock.now(),
        settings={},
        rows_of=lambda _scan: None,
        bookmark=None,
        request_guard={},
        caller=environment.caller,
        script=script_of(arguments.get("scriptLocation") or ""),
        endpoints=services.endpoints(),
    )
    try:
        store.write(evidence)
    except Exception as problem:
        report_missing(no_evidence(problem, store, "the run stopped before it read or wrote data"))


def _own_key(identity: JobIdentity, services: Services) -> tuple[str | None, KmsKeyArn | None]:
    """Return the name of the run's security configuration, and its key for S3 if that one is acceptable."""
    run_id = str(identity.run_id) if identity.started_by_control_plane else None
    name: str | None = None
    with suppress(ServiceError, UsageError):
        name = services.control_plane.attached_configuration(identity.job, run_id)
        if name is None:
            return None, None
        configuration = services.control_plane.security_configuration(name)
        entry = configuration.s3[0] if configuration.s3 else None
        if entry is None or entry.mode != S3_MODE or not entry.key:
            return name, None
        environment = services.environment
        arn, checked = check_named_key(
            "s3", entry.key, services.keys, region=environment.region, account=environment.account
        )
        return name, arn if all(each.verdict is Verdict.PASS for each in checked) else None
    return name, None


def _no_key(prefix: str) -> VerificationError:
    return VerificationError(
        "GS-EVD-001",
        resource=prefix,
        found="no key that can encrypt the evidence of the refusal",
        required="evidence of every run",
        fix=f"name a key for evidence in the job's argument --{EVIDENCE_KEY}",
    )


def _unknown(prefix: str, problem: Exception) -> VerificationError:
    return VerificationError(
        "GS-EVD-001",
        resource=prefix,
        found=str(problem)
        if isinstance(problem, (GlueSecureError, ServiceError))
        else type(problem).__name__,
        required="evidence of every run",
        fix="correct the arguments for evidence, and give the job a route to the AWS endpoints",
    )
