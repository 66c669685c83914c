"""The command ``evidence verify``: whether stored evidence is as the runs wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
_MOST_LINES = 20


@app.command()
def verify(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Id of the only run to verify.")] = "",
    location: Location = "",
    job: Annotated[str, typer.Option("--job", help="Verify the evidence of this job only.")] = "",
    keys: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            help="[JOB=]ARN or [JOB=]alias/NAME of the key that the runs sign with, or [JOB=]FILE with its "
            "public key in PEM.",
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
        printing.print_json([_as_json(report, run) for report in reports])
    else:
        _print(reports, run)
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


def _print(reports: Sequence[ChainReport], run: str) -> None:
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
    if run:
        printing.print_line(
            f"one run, {run}: {sum(report.documents for report in reports)} documents compared; the entries "
            "are those of the whole chain"
        )
    for line in _about_versions(reports):
        printing.print_line(line)
    for report in reports:
        stopping = [finding for finding in report.findings if finding.verdict is not Verdict.PASS]
        # What was changed comes before what could not be decided.
        stopping.sort(key=lambda finding: finding.verdict is not Verdict.FAIL)
        if stopping:
            _print_findings(report, stopping)
        if report.not_ended:
            print()
            printing.print_line(
                f"job {report.job}: {len(report.not_ended)} runs started and left no evidence:"
            )
            printing.print_line(
                f"  {', '.join(report.not_ended[:10])}{' ...' * (len(report.not_ended) > 10)}"
            )
    heads = [f"--head {report.job}={head}" for report in reports if (head := _head(report))]
    if heads:
        print("\nnewest entries, to be noted for the next verification:")
        for head in heads:
            printing.print_line(f"  {head}")
    broken = dict.fromkeys(report.job for report in reports if report.head and not _head(report))
    if broken:
        print()
        printing.print_line(
            f"newest entry of job {', '.join(broken)}: not to be noted, because the result is broken"
        )


def _head(report: ChainReport) -> str:
    """Return the newest entry, which an auditor notes; ``""`` without a chain, or if it is broken."""
    return "" if _verdict(report) is Verdict.FAIL else report.head


def _about_versions(reports: Sequence[ChainReport]) -> Iterator[str]:
    """Yield what the verification cannot show without the versions of the bucket."""
    only_noted = "only a noted entry (--head) shows that a chain was cut off"
    if any(report.unversioned is None for report in reports):
        yield f"versions were not read: {only_noted}"
    if number := sum(report.unversioned or 0 for report in reports):
        yield f"versions: {number} objects of the chains were stored without versioning: {only_noted}"


def _print_findings(report: ChainReport, findings: Sequence[Finding]) -> None:
    """Print the first finding, and a line for each other object."""
    finding, *others = findings
    print()
    printing.print_line(
        f"job {report.job}: {_STATUS[finding.verdict]}, {finding.control}: {finding.resource}"
    )
    printing.print_facts(
        [
            ("  found", finding.found),
            ("  required", finding.required),
            ("  fix", finding.fix),
        ]
    )
    found: dict[tuple[Verdict, str], list[str]] = {}
    for other in others:
        found.setdefault((other.verdict, other.resource), []).append(other.found)
    for (verdict, resource), texts in [*found.items()][:_MOST_LINES]:
        printing.print_line(f"  also {_STATUS[verdict]}: {resource}: {'; '.join(texts)}")
    if len(found) > _MOST_LINES:
        printing.print_line(f"  and {len(found) - _MOST_LINES} more, which --json lists")


def _verdict(report: ChainReport) -> Verdict:
    verdicts = {finding.verdict for finding in report.findings}
    return next(each for each in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS) if each in verdicts)


def _as_json(report: ChainReport, run: str) -> dict[str, Any]:
    shape = asdict(report) | {"head": _head(report), "run": run}
    shape["findings"] = [{**each, "verdict": each["verdict"].value} for each in shape["findings"]]
    return {"result": _STATUS[_verdict(report)], **shape}
