"""The command ``preflight``: the checks of a run, without running a job."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from glue_secure.cli.options import Environment, Json, State
from glue_secure.cli.printing import (
    print_json,
    print_line,
    use_embedded_account,
    warn_of_unguarded_clients,
)
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
from glue_secure.project.deploy import checks, deployment_account, plan
from glue_secure.project.project_file import FILE_NAME, read
from glue_secure.run import composition

Connections = Annotated[
    bool, typer.Option("--connections", help="Check the server certificate of each connection.")
]
Names = Annotated[
    list[str] | None,
    typer.Option("--connection", help="Check this connection; may be repeated."),
]
JobName = Annotated[
    str | None,
    typer.Option("--job-name", help="Check this deployed job; with --connections, its connections only."),
]
Project = Annotated[
    Path | None,
    typer.Option("--project", help="Compare the job with this project file as well."),
]

Script = Annotated[
    Path | None,
    typer.Option("--script", help="Warn of S3 clients in this job script that are not guarded."),
]


def command(
    connections: Connections = False,
    connection: Names = None,
    job_name: JobName = None,
    project: Project = None,
    script: Script = None,
    state: State = None,
    as_json: Json = False,
    environment: Environment = "",
) -> None:
    """Run the checks of a run without running a job. No password is read or sent.

    --job-name checks everything about a deployed job that can be checked from outside. --connections checks
    settings, certificate chain and host name of all connections in the Data Catalog, or of one job. --script
    searches a job script for S3 clients that do not use botocore; a finding does not change the exit code.
    """
    if script is not None:
        if not script.is_file():
            raise UsageError("--script", found=f"{script}: no such file", required="a Python file")
        warn_of_unguarded_clients(script)
        if not connections and not connection and not job_name:
            raise typer.Exit(0)
    if not connections and not connection and not job_name:
        raise UsageError(
            "preflight",
            found="no option",
            required="--job-name NAME, --connections, --connection NAME, or --script FILE",
        )
    if connection and job_name:
        raise UsageError(
            "preflight", found="--connection and --job-name", required="one of --connection and --job-name"
        )
    if project is not None and (connections or not job_name):
        raise UsageError(
            "--project", found="without a job", required="--job-name NAME, without --connections"
        )
    if environment and project is None:
        if connections or not job_name:
            raise UsageError("--environment", found="without a job", required="--job-name NAME")
        project = Path(FILE_NAME)
    use_embedded_account(state)
    if job_name and not connections:
        _check_job(job_name, project, environment, as_json)
    services = composition.services()
    names = connection or connection_names(services.control_plane, job_name)
    reports = []
    for connection_report in inspect_connections(
        names, control_plane=services.control_plane, objects=services.objects, clock=services.clock
    ):
        reports.append(connection_report)
        if not as_json:
            _show(connection_report, services.clock.now())
    if as_json:
        print_json({"connections": [_document(connection_report) for connection_report in reports]})
    elif not reports:
        print_line("no connections")
    raise typer.Exit(exit_code(reports))


def _check_job(name: str, project: Path | None, environment: str, as_json: bool) -> NoReturn:
    definition = read(project, environment) if project else None
    account, description = deployment_account.deployment_account()
    deployment = plan(definition, project.parent, account, jobs=(name,)) if project and definition else None
    findings = checks.findings(
        name,
        services=composition.services(),
        account=account,
        logs=deployment_account.job_logs(),
        plan=deployment,
    )
    run_only = checks.run_only_controls(findings)
    code = checks.exit_code(findings)
    if as_json:
        print_json(
            {
                "job": name,
                "account": description,
                "passed": code == 0,
                "findings": [_finding(finding) for finding in findings],
                "checked_in_a_run_only": list(run_only),
            }
        )
    else:
        print_line(f"job {name}, account {description}")
        for finding in findings:
            text = redact_text(f"{finding.resource}: {finding.found}")
            print_line(f"{finding.verdict.value:<8}{finding.control:<11}{text}")
            if finding.verdict is not Verdict.PASS:
                print_line(f"        required: {finding.required}")
                print_line(f"        fix:      {finding.fix}")
        counts = Counter(finding.verdict for finding in findings)
        print_line(", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict))
        print_line(f"checked in a run only: {' '.join(run_only)}")
    raise typer.Exit(code)


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "control": finding.control,
        "verdict": finding.verdict.value,
        "resource": redact_text(finding.resource),
        "found": redact_text(finding.found),
        "required": finding.required,
        "fix": finding.fix,
    }


def _show(connection: ConnectionReport, now: datetime) -> None:
    if connection.error is not None:
        verdict = "cannot verify" if connection.error.exit_code == 4 else "refused"
        print_line(f"{connection.name}: {verdict}")
        for line in str(connection.error).splitlines():
            print_line(f"  {line}")
    else:
        print_line(f"{connection.name}: OK, {connection.kind}")
    for inspection in connection.servers:
        facts = inspection.facts
        print_line(f"  server     {inspection.server}, {facts.protocol} {facts.cipher}")
        print_line(f"  name       {inspection.host} is on the certificate: {', '.join(facts.names)}")
        print_line(f"  authority  {connection.authority or 'the system roots'}")
        for position, certificate in enumerate(facts.chain):
            label = "chain" if position == 0 else ""
            print_line(f"  {label:<9}  {position} {_certificate(certificate, now)}")
    for remark in connection.notes:
        print_line(f"  note       {remark}")


def _certificate(certificate: CertificateFacts, now: datetime) -> str:
    days = (certificate.not_after - now).days
    return (
        f"{certificate.subject} ({certificate.key}, {certificate.signature}), "
        f"until {certificate.not_after:%Y-%m-%d} ({days} days)"
    )


def _document(connection: ConnectionReport) -> dict[str, Any]:
    error = connection.error
    return {
        "connection": connection.name,
        "passed": error is None,
        "kind": connection.kind,
        "authority": connection.authority,
        "servers": [_server(inspection) for inspection in connection.servers],
        "notes": list(connection.notes),
        "refusal": None
        if error is None
        else {
            "control": error.control if isinstance(error, ControlError) else "",
            "exit_code": error.exit_code,
            "text": str(error),
        },
    }


def _server(inspection: ServerInspection) -> dict[str, Any]:
    facts = inspection.facts
    return {
        "server": inspection.server,
        "name": inspection.host,
        "names": list(facts.names),
        "protocol": facts.protocol,
        "cipher": facts.cipher,
        "chain": [
            {
                "subject": certificate.subject,
                "issuer": certificate.issuer,
                "key": certificate.key,
                "signature": certificate.signature,
                "not_before": certificate.not_before.isoformat(),
                "not_after": certificate.not_after.isoformat(),
                "fingerprint": certificate.fingerprint,
            }
            for certificate in facts.chain
        ],
    }
