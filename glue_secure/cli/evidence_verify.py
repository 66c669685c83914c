"""The command ``evidence verify``: whether stored evidence is as the runs wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from glue_secure.cli import printing
from glue_secure.cli.evidence import Location, app, evidence_folder
from glue_secure.cli.options import Json, State
from glue_secure.cli.progress import StepProgress
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, Verdict
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.service import ServiceError
from glue_secure.report.chain_verification import ChainReport, Head, Scope, verify_chains
from glue_secure.report.signatures import VerificationKey, verification_key
from glue_secure.run import composition

_STATUS = {Verdict.PASS: "verified", Verdict.UNKNOWN: "not verified", Verdict.FAIL: "broken"}


@app.command()
def verify(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Id of the only run to verify.")] = "",
    location: Location = "",
    job: Annotated[str, typer.Option("--job", help="Verify the evidence of this job only.")] = "",
    keys: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            help="[JOB=]ARN of the key that the runs sign with, or [JOB=]FILE with its public key in PEM.",
        ),
    ] = None,
    heads: Annotated[
        list[str] | None,
        typer.Option(
            "--head", help="[JOB=]SEQUENCE:SHA256 of an earlier verification, which must be in the chain."
        ),
    ] = None,
    copy_of: Annotated[
        str, typer.Option("--copy-of", help="s3://BUCKET/PREFIX/ that the evidence was copied from.")
    ] = "",
    state: State = None,
    as_json: Json = False,
) -> None:
    """Verify that evidence is complete and unchanged: digests, chains, and signatures with --key.

    Without RUN and --job, everything below the location is verified. The exit code is 3 if evidence was
    changed, and 4 if that could not be decided, for instance without --key.
    """
    folder = evidence_folder(location, state)
    scope = Scope(
        keys=[_key(text) for text in keys or ()],
        heads=[Head.parse(text) for text in heads or ()],
        run=run,
        job=job,
        copy_of=str(S3Uri.parse(copy_of)) if copy_of else "",
    )
    try:
        with StepProgress() as progress:
            reports = verify_chains(folder, scope, progress)
    except ServiceError as error:  # KMS verifies each HMAC
        raise UsageError(
            "--key",
            found=str(error),
            required="a key that verifies",
            fix="allow kms:VerifyMac on the key",
        ) from error
    if as_json:
        printing.print_json([_as_json(report) for report in reports])
    else:
        _print(reports)
    verdicts = {_verdict(report) for report in reports}
    if Verdict.FAIL in verdicts:
        raise typer.Exit(3)
    if Verdict.UNKNOWN in verdicts or not verdicts:
        raise typer.Exit(4)


def _key(text: str) -> VerificationKey:
    try:
        return verification_key(text, lambda: composition.key_service(composition.aws_session()))
    except ServiceError as error:
        raise UsageError(
            "--key",
            found=str(error),
            required="a key that can be read",
            fix="allow kms:DescribeKey and kms:GetPublicKey, or name a file with the public key",
        ) from error


def _print(reports: Sequence[ChainReport]) -> None:
    printing.print_table(
        ["job", "account and region", "result", "entries", "documents", "signatures verified"],
        [
            [
                report.job,
                report.owner or "no chain",
                _STATUS[_verdict(report)],
                str(report.entries),
                str(report.documents),
                str(report.signed),
            ]
            for report in reports
        ],
    )
    for report in reports:
        stopping = [finding for finding in report.findings if finding.verdict is not Verdict.PASS]
        # What was changed comes before what could not be decided.
        stopping.sort(key=lambda finding: finding.verdict is not Verdict.FAIL)
        if stopping:
            _print_finding(report, stopping[0], len(stopping) - 1)
        if report.not_ended:
            print()
            printing.print_line(
                f"job {report.job}: {len(report.not_ended)} runs started and left no evidence:"
            )
            printing.print_line(
                f"  {', '.join(report.not_ended[:10])}{' ...' * (len(report.not_ended) > 10)}"
            )
    heads = [f"--head {report.job}={report.head}" for report in reports if report.head]
    if heads:
        print("\nnewest entries, to be noted for the next verification:")
        for head in heads:
            printing.print_line(f"  {head}")


def _print_finding(report: ChainReport, finding: Finding, others: int) -> None:
    print()
    printing.print_line(
        f"job {report.job}: {_STATUS[finding.verdict]}, {finding.control}: {finding.resource}"
    )
    printing.print_facts(
        [
            ("  found", finding.found),
            ("  required", finding.required),
            ("  fix", finding.fix),
            *([("  also", f"{others} more findings, which --json lists")] if others else []),
        ]
    )


def _verdict(report: ChainReport) -> Verdict:
    verdicts = {finding.verdict for finding in report.findings}
    return next(each for each in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS) if each in verdicts)


def _as_json(report: ChainReport) -> dict[str, Any]:
    shape = asdict(report)
    shape["findings"] = [{**each, "verdict": each["verdict"].value} for each in shape["findings"]]
    return {"result": _STATUS[_verdict(report)], **shape}
