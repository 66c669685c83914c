"""The command ``audit``: an account's Glue estate against the controls, by read-only calls."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.audit import accounts, baseline, differences, exports, outputs
from glue_secure.audit.evaluation import AUDITED
from glue_secure.audit.groups import SEVERITIES, groups
from glue_secure.audit.model import AuditFinding, Findings
from glue_secure.audit.packed import Packed
from glue_secure.audit.run import audit_account
from glue_secure.aws.session import AwsSession
from glue_secure.cli import printing
from glue_secure.cli.options import State
from glue_secure.cli.progress import StepProgress
from glue_secure.cli.template import put_text
from glue_secure.core import compliance
from glue_secure.core.controls import CONTROLS, Severity
from glue_secure.core.errors import UsageError
from glue_secure.core.files import write_output
from glue_secure.core.findings import Verdict
from glue_secure.core.redaction import redact_text


class Output(str, Enum):
    """Formats of an audit's report."""

    TABLE = "table"
    JSON = "json"
    OCSF = "ocsf"
    ASFF = "asff"
    SARIF = "sarif"
    JUNIT = "junit"
    HTML = "html"
    CSV = "csv"


class FailOn(str, Enum):
    """The lowest severity that changes the exit code."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NEVER = "never"

    @property
    def severities(self) -> tuple[Severity, ...]:
        """The severities that change the exit code."""
        if self is FailOn.NEVER:
            return ()
        return SEVERITIES[: SEVERITIES.index(Severity(self.value.upper())) + 1]


Output_ = Annotated[Output, typer.Option("--output", help="Format of the report.")]
Out = Annotated[Path | None, typer.Option("--out", help="File to write. Default: standard output.")]
Controls = Annotated[
    list[str] | None,
    typer.Option(
        "--control",
        metavar="ID",
        help="Only this control, or those of a check or requirement (CKV_AWS_195, 3.5.1); may be repeated.",
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Show passes as well in the table.")]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain", help="Show what is required, why each control matters, its source, and what it maps to."
    ),
]
Baseline = Annotated[
    Path | None, typer.Option("--baseline", help="File of findings that are accepted, TOML or JSON.")
]
Regions = Annotated[list[str] | None, typer.Option("--region", help="An AWS Region; may be repeated.")]
Profile = Annotated[str, typer.Option("--profile", help="A profile of the AWS configuration.")]
Roles = Annotated[
    list[str] | None,
    typer.Option("--assume-role", metavar="ARN", help="Audit a role's account; may be repeated."),
]
OrganizationRole = Annotated[
    str,
    typer.Option(
        "--organization-role",
        metavar="NAME",
        help="Audit every active account of the organisation by this role, and the caller's own.",
    ),
]


def command(
    output: Output_ = Output.TABLE,
    out: Out = None,
    control: Controls = None,
    everything: Everything = False,
    explain: Explain = False,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="Lowest severity that changes the exit code.")
    ] = FailOn.LOW,
    baseline_file: Baseline = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option(
            "--write-baseline",
            help="Write a baseline file that accepts what is found, with --reason, --owner and --expires.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Reason of --write-baseline.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="Owner of --write-baseline.")] = "",
    expires: Annotated[
        datetime | None, typer.Option("--expires", formats=["%Y-%m-%d"], help="Last day of --write-baseline.")
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", help="Show what differs from this earlier report (--output json)."),
    ] = None,
    later: Annotated[
        Path | None,
        typer.Option("--with", help="With --compare: compare with this later report, without an audit."),
    ] = None,
    region: Regions = None,
    profile: Profile = "",
    assume_role: Roles = None,
    organization_role: OrganizationRole = "",
    state: State = None,
) -> None:
    """Audit AWS Glue in an account: each control and resource is PASS, FAIL or UNKNOWN.

    All calls read. What cannot be read is UNKNOWN, with the missing permission. Exit code 3: a control fails;
    4: none fails, and one is unknown.
    """
    _require_effect(compare, output, out, explain or everything or fail_on is not FailOn.LOW)
    earlier = differences.read_audit(printing.read_text(compare), str(compare)) if compare else None
    if later is not None:
        if earlier is None:
            raise UsageError("--with", found="no --compare", required="--compare EARLIER --with LATER")
        document = differences.read_audit(printing.read_text(later), str(later))
        _compared(differences.differences(earlier, document.get("findings", ())), output)
    if write_baseline is not None and not (reason and owner and expires):
        raise UsageError(
            "--write-baseline",
            found="an option is missing",
            required="--reason, --owner and --expires",
            fix='--reason "migration until April" --owner data@example.com --expires 2027-03-31',
        )
    if expires is not None and not baseline.is_near(expires.date(), datetime.now(timezone.utc).date()):
        raise UsageError(
            "--expires",
            found=expires.date().isoformat(),
            required=f"a day from today on, at most {baseline.MOST_DAYS} days away",
        )
    entries = (
        baseline.read_baseline(printing.read_text(baseline_file), str(baseline_file)) if baseline_file else ()
    )
    printing.use_embedded_account(state)
    started = datetime.now(timezone.utc)
    found = _audited(
        _session(profile, region), _controls(control or ()), started, region, assume_role, organization_role
    )
    finished = datetime.now(timezone.utc)
    found, notes = baseline.apply_baseline(found, entries, finished.date())
    for note in notes:
        print(f"baseline file: {note}", file=sys.stderr)
    if write_baseline is not None and expires is not None:
        text = baseline.as_baseline(
            found,
            reason=reason,
            owner=owner,
            expires=expires.date(),
            earlier=[entry for entry in entries if entry.is_in_force(finished.date())],
            as_json=write_baseline.suffix == ".json",
        )
        put_text(text, write_baseline)
        print(f"{write_baseline} written", file=sys.stderr)
    if earlier is not None:
        _compared(differences.differences(earlier, outputs.documents(found)), output)
    if output is Output.TABLE and out is None:
        _print(found, everything, explain)
    else:
        write = _writer(output, found, started, finished, fail_on)
        if out is None:
            sys.stdout.writelines(write())
        else:
            write_output(out, write)
    raise typer.Exit(outputs.exit_code(found, fail_on.severities))


def _require_effect(compare: Path | None, output: Output, out: Path | None, changes_table: bool) -> None:
    """Reject options that would have no effect, before the first call."""
    if compare is None:
        if output is Output.TABLE and out is not None:
            raise UsageError(
                "--out", found="--output table", required="another format", fix="add --output html"
            )
        return
    if output not in (Output.TABLE, Output.JSON):
        raise UsageError("--compare", found=f"--output {output.value}", required="--output table or json")
    if out is not None or changes_table:
        raise UsageError(
            "--compare",
            found="--out, --all, --explain or --fail-on",
            required="--compare without them: it prints the differences, and its exit code is about them",
            fix="remove these options, or run the audit without --compare",
        )


def _session(profile: str, regions: Sequence[str] | None) -> AwsSession:
    custom = any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)
    return AwsSession.from_chain(
        path_style=custom,
        requests_ca_bundle=os.environ.get("REQUESTS_CA_BUNDLE"),
        region=regions[0] if regions else None,
        profile=profile or None,
        retries="adaptive",
    )


def _audited(
    session: AwsSession,
    controls: frozenset[str],
    now: datetime,
    regions: Sequence[str] | None,
    roles: Sequence[str] | None,
    organization_role: str,
) -> Findings:
    found: Findings = Packed()
    with StepProgress() as progress:
        for account in accounts.audited_accounts(
            session, regions=regions or (), roles=roles or (), organization_role=organization_role
        ):
            place = f"{account.account} in {account.region}"

            def show(done: int, planned: int, place: str = place) -> None:
                progress(f"{place}: {done} of {planned} calls")

            found.extend(audit_account(account, now, controls=controls, progress=show))
    return found


def _controls(names: Iterable[str]) -> frozenset[str]:
    """Return the ids of controls that are named by their own id or by what they map to."""
    controls: set[str] = set()
    for name in names:
        named = {name.upper()} & set(CONTROLS) or set(compliance.mapped_to(name))
        found = named & set(AUDITED)
        if not found:
            raise UsageError(
                "--control",
                found=name,
                required="the id of a control that an audit decides, or of a check that maps to one",
                fix="glue-secure controls list",
            )
        if others := len(named - found):
            print(
                f"--control {name}: {others} of its {len(named)} controls are checked in runs or "
                "deployments, not by an audit",
                file=sys.stderr,
            )
        controls |= found
    return frozenset(controls)


def _writer(
    output: Output, found: Findings, started: datetime, finished: datetime, fail_on: FailOn
) -> Callable[[], Iterable[str]]:
    """Return a function of the parts of a report: lines or findings, where the format allows that."""
    if output is Output.JSON:
        return partial(outputs.json_text, found, finished, fail_on.severities)
    if output is Output.OCSF:
        return partial(exports.as_ocsf, found, started, finished)
    if output is Output.CSV:
        return partial(exports.as_csv, found)
    if output is Output.HTML:
        return lambda: [exports.as_html(found, finished)]
    export = {Output.ASFF: exports.as_asff, Output.SARIF: exports.as_sarif, Output.JUNIT: exports.as_junit}
    return lambda: [export[output](found, started, finished)]


def _print(found: Findings, everything: bool, explain: bool) -> None:
    for group in groups(found, passes=everything):
        printing.print_line(f"{group.title}: {group.summary}")
        printing.print_table(
            ["", "control", "severity", "resource", "found"],
            [
                [
                    outputs.label(one),
                    one.control.id,
                    one.control.severity.value,
                    redact_text(one.finding.resource),
                    redact_text(one.finding.found),
                ]
                for one in group.findings
            ],
        )
        printing.print_line("")
        _print_fixes(group.findings, explain)
    if explain:
        _explain(found, everything)
    printing.print_line(outputs.headline(found))


def _print_fixes(found: Iterable[AuditFinding], explain: bool) -> None:
    """Print the fixes of findings, each once and on a line of its own, which a terminal can copy.

    Args:
        found: the findings of a group.
        explain: whether to print what is required as well.
    """
    places: dict[tuple[str, str], list[str]] = {}
    for one in found:
        required = redact_text(one.finding.required) if explain else ""
        fix = redact_text(one.finding.fix)
        if fix or required:
            place = f"{one.control.id} {redact_text(one.finding.resource)}"
            places.setdefault((required, fix), []).append(place)
    for (required, fix), names in places.items():
        printing.print_line("; ".join(names))
        if required:
            printing.print_line(f"required: {required}")
        if fix:
            printing.print_line(f"fix: {fix}")
        printing.print_line("")


def _explain(found: Findings, everything: bool) -> None:
    """Print each control of the findings that are shown, once."""
    shown = {one.control.id: one.control for one in found if everything or one.verdict is not Verdict.PASS}
    for control in sorted(shown.values(), key=lambda control: control.id):
        maps_to = [f"{row.framework} {row.id}" for row in compliance.of_control(control.id)]
        printing.print_line(f"{control.id}: {control.title}")
        printing.print_facts(
            [("why", control.why), ("source", control.source), ("maps to", ", ".join(maps_to))]
        )
        printing.print_line("")


def _compared(found: Sequence[differences.Difference], output: Output) -> None:
    if output is Output.JSON:
        printing.print_json(differences.as_json(found))
    else:
        printing.print_table(
            ["before", "after", "control", "account", "region", "resource", "found"],
            [
                [
                    one.before,
                    one.after,
                    *(one.finding[name] for name in ("control", "account", "region", "resource", "found")),
                ]
                for one in found
            ],
        )
        worse = sum(one.is_worse for one in found)
        printing.print_line(f"{len(found)} differences, {worse} of them worse")
    raise typer.Exit(differences.exit_code(found))
