"""``glue-secure preflight``: what a run would find, looked at from here, without running."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, Optional

import typer

from glue_secure.cli.options import Json, State
from glue_secure.cli.printing import enter, print_json, say
from glue_secure.connections.tls.certificates import CertificateFacts
from glue_secure.connections.verification import (
    ConnectionReport,
    ServerInspection,
    connection_names,
    exit_code,
    inspect_connections,
)
from glue_secure.core.errors import ControlError, UsageError
from glue_secure.core.findings import Finding, Verdict
from glue_secure.core.redaction import redact_text

Connections = Annotated[
    bool, typer.Option("--connections", help="Let the servers of the connections prove who they are.")
]
Names = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads 3.10
    typer.Option("--connection", help="This connection; may be given several times."),
]
JobName = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--job-name", help="This deployed job; with --connections, its connections alone."),
]
ProjectFile = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--project", help="Compare the job with this project's file, too."),
]


def command(
    connections: Connections = False,
    connection: Names = None,
    job_name: JobName = None,
    project: ProjectFile = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Check what a run would be held to, without running. No password is fetched or sent.

    --job-name: everything of the deployed job that can be seen from here. --connections: policy, certificate
    chain and name of every connection of the Data Catalog that has a server to look at, or of one job's.
    """
    if not connections and not connection and not job_name:
        raise UsageError(
            "preflight",
            found="nothing to check",
            required="--job-name NAME, --connections, or --connection NAME",
        )
    if connection and job_name:
        raise UsageError(
            "preflight",
            found="--connection and --job-name",
            required="one of them: which connections are meant",
        )
    if project is not None and (connections or not job_name):
        raise UsageError(
            "--project", found="without a job", required="--job-name NAME, without --connections"
        )
    if state is not None:
        enter(state)
    if job_name and not connections:
        _job(job_name, project, as_json)
    from glue_secure.run import composition

    services = composition.services()
    names = connection or connection_names(services.control_plane, job_name)
    reports = []
    for one in inspect_connections(
        names, control_plane=services.control_plane, objects=services.objects, clock=services.clock
    ):
        reports.append(one)
        if not as_json:
            _show(one, services.clock.now())
    if as_json:
        print_json({"connections": [_document(one) for one in reports]})
    elif not reports:
        say("no connections")
    raise typer.Exit(exit_code(reports))


def _job(name: str, project: Path | None, as_json: bool) -> NoReturn:
    from glue_secure.project.deploy import checks, deployment_account, plan
    from glue_secure.project.project_file import read
    from glue_secure.run import composition

    chosen = read(project) if project else None
    account, where = deployment_account.deployment_account()
    made = plan(chosen, project.parent, account, jobs=(name,)) if chosen and project else None
    held = checks.findings(
        name, services=composition.services(), account=account, logs=deployment_account.job_logs(), plan=made
    )
    later = checks.left_to_the_run(held)
    if as_json:
        print_json(
            {
                "job": name,
                "account": where,
                "holds": checks.exit_code(held) == 0,
                "findings": [_finding(one) for one in held],
                "left_to_the_run": list(later),
            }
        )
    else:
        say(f"job {name}, account {where}")
        for one in held:
            say(f"{one.verdict.value:<8}{one.control:<11}{redact_text(f'{one.resource}: {one.found}')}")
            if one.verdict is not Verdict.PASS:
                say(f"        required: {one.required}")
                say(f"        fix:      {one.fix}")
        counts = Counter(one.verdict.value for one in held)
        say(", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in Verdict))
        say(f"left to the run: {' '.join(later)}")
    raise typer.Exit(checks.exit_code(held))


def _finding(one: Finding) -> dict[str, str]:
    return {
        "control": one.control,
        "verdict": one.verdict.value,
        "resource": redact_text(one.resource),
        "found": redact_text(one.found),
        "required": one.required,
        "fix": one.fix,
    }


def _show(one: ConnectionReport, now: datetime) -> None:
    if one.error is not None:
        say(f"{one.name}: {'cannot verify' if one.error.exit_code == 4 else 'refused'}")
        for line in str(one.error).splitlines():
            say(f"  {line}")
    else:
        say(f"{one.name}: OK, {one.kind}")
    for looked in one.servers:
        facts = looked.facts
        say(f"  server     {looked.server}, {facts.protocol} {facts.cipher}")
        say(f"  name       {looked.host} is on the certificate: {', '.join(facts.names)}")
        say(f"  authority  {one.authority or 'the roots of this machine'}")
        for place, certificate in enumerate(facts.chain):
            say(f"  {'chain' if place == 0 else '':<9}  {place} {_line(certificate, now)}")
    for remark in one.notes:
        say(f"  note       {remark}")


def _line(certificate: CertificateFacts, now: datetime) -> str:
    left = (certificate.not_after - now).days
    return (
        f"{certificate.subject} ({certificate.key}, {certificate.signature}), "
        f"until {certificate.not_after:%Y-%m-%d} ({left} days)"
    )


def _document(one: ConnectionReport) -> dict[str, Any]:
    refusal = one.error
    return {
        "connection": one.name,
        "holds": refusal is None,
        "kind": one.kind,
        "authority": one.authority,
        "servers": [_server(looked) for looked in one.servers],
        "remarks": list(one.notes),
        "refusal": None
        if refusal is None
        else {
            "control": refusal.control if isinstance(refusal, ControlError) else "",
            "exit_code": refusal.exit_code,
            "text": str(refusal),
        },
    }


def _server(looked: ServerInspection) -> dict[str, Any]:
    facts = looked.facts
    return {
        "server": looked.server,
        "name": looked.host,
        "names": list(facts.names),
        "protocol": facts.protocol,
        "cipher": facts.cipher,
        "chain": [
            {
                "subject": one.subject,
                "issuer": one.issuer,
                "key": one.key,
                "signature": one.signature,
                "not_before": one.not_before.isoformat(),
                "not_after": one.not_after.isoformat(),
                "fingerprint": one.fingerprint,
            }
            for one in facts.chain
        ],
    }
