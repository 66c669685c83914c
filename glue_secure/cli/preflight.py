"""``glue-secure preflight``: what a run would find, looked at from here, without running."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Optional

import typer

from glue_secure.cli.options import Json, State
from glue_secure.cli.printing import enter, print_json, say
from glue_secure.core.errors import Refusal, UsageError
from glue_secure.jdbc.certificates import CertificateFacts
from glue_secure.runtime.connection_report import ConnectionReport, Looked, exit_code, names_of, report

Connections = Annotated[
    bool, typer.Option("--connections", help="Let the servers of the connections prove who they are.")
]
Names = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads 3.10
    typer.Option("--connection", help="This connection; may be given several times."),
]
JobName = Annotated[Optional[str], typer.Option("--job-name", help="The connections of this job.")]  # noqa: UP045


def command(
    connections: Connections = False,
    connection: Names = None,
    job_name: JobName = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Check a job's connections: policy, certificate chain and name. No password is fetched or sent.

    Without --connection and --job-name, every connection of the Data Catalog that has a server to look at.
    """
    if not connections and not connection:
        raise UsageError(
            "preflight", found="nothing to check", required="--connections, or --connection NAME"
        )
    if connection and job_name:
        raise UsageError(
            "preflight",
            found="--connection and --job-name",
            required="one of them: which connections are meant",
        )
    if state is not None:
        enter(state)
    from glue_secure.runtime import composition

    services = composition.services()
    names = connection or names_of(services.control_plane, job_name)
    reports = []
    for one in report(
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


def _show(one: ConnectionReport, now: datetime) -> None:
    if one.refusal is not None:
        say(f"{one.name}: {'cannot verify' if one.refusal.exit_code == 4 else 'refused'}")
        for line in str(one.refusal).splitlines():
            say(f"  {line}")
    else:
        say(f"{one.name}: OK, {one.kind}")
    for looked in one.looked:
        facts = looked.facts
        say(f"  server     {looked.server}, {facts.protocol} {facts.cipher}")
        say(f"  name       {looked.expected} is on the certificate: {', '.join(facts.names)}")
        say(f"  authority  {one.authority or 'the roots of this machine'}")
        for place, certificate in enumerate(facts.chain):
            say(f"  {'chain' if place == 0 else '':<9}  {place} {_line(certificate, now)}")
    for remark in one.remarks:
        say(f"  note       {remark}")


def _line(certificate: CertificateFacts, now: datetime) -> str:
    left = (certificate.not_after - now).days
    return (
        f"{certificate.subject} ({certificate.key}, {certificate.signature}), "
        f"until {certificate.not_after:%Y-%m-%d} ({left} days)"
    )


def _document(one: ConnectionReport) -> dict[str, Any]:
    refusal = one.refusal
    return {
        "connection": one.name,
        "holds": refusal is None,
        "kind": one.kind,
        "authority": one.authority,
        "servers": [_server(looked) for looked in one.looked],
        "remarks": list(one.remarks),
        "refusal": None
        if refusal is None
        else {
            "control": refusal.control if isinstance(refusal, Refusal) else "",
            "exit_code": refusal.exit_code,
            "text": str(refusal),
        },
    }


def _server(looked: Looked) -> dict[str, Any]:
    facts = looked.facts
    return {
        "server": looked.server,
        "name": looked.expected,
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
