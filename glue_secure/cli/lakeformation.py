"""The commands ``lakeformation plan|apply|drift|lint|snapshot|explain|preflight|import``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from glue_secure import __version__
from glue_secure.cli import printing
from glue_secure.cli.options import Json, State, Yes
from glue_secure.core.errors import UsageError, VerificationError, unread
from glue_secure.core.files import write_output
from glue_secure.core.findings import Verdict
from glue_secure.core.redaction import escape_unprintable
from glue_secure.core.service import ServiceError
from glue_secure.governance.lakeformation import apply as applier
from glue_secure.governance.lakeformation import batch, export, file, saved
from glue_secure.governance.lakeformation import explain as explainer
from glue_secure.governance.lakeformation import lint as linter
from glue_secure.governance.lakeformation import preflight as jobs
from glue_secure.governance.lakeformation import snapshot as snapshots
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.plan import make_plan
from glue_secure.governance.lakeformation.steps import AccessPlan, Unmanaged, describe
from glue_secure.run import composition

app = typer.Typer(
    help="Manage Lake Formation permissions as code, from a file that is planned and applied.",
    no_args_is_help=True,
)

# A user whose groups AWS does not show.
_FEDERATED = re.compile(r":saml-provider/.+:user/|:identitystore:.*:user/")

File = Annotated[Path, typer.Argument(help="The permissions file, TOML or JSON.")]
Reads = Annotated[
    list[str] | None, typer.Option("--read", help="DATABASE.TABLE that the job reads; may be repeated.")
]
Writes = Annotated[
    list[str] | None, typer.Option("--write", help="DATABASE.TABLE that it writes; may be repeated.")
]
Creates = Annotated[list[str] | None, typer.Option("--create", help="Database in which it creates tables.")]
Locations = Annotated[list[str] | None, typer.Option("--location", help="s3:// location of new tables.")]
PlanOut = Annotated[Path | None, typer.Option("--out", help="File for the plan, to apply it later.")]
TextOut = Annotated[Path | None, typer.Option("--out", help="File to write. Default: standard output.")]
UnmanagedOption = Annotated[
    Unmanaged,
    typer.Option(
        "--unmanaged",
        help="Grants and opt-ins missing in the file: leave them, revoke those of its principals, or all.",
    ),
]


class LintForm(str, Enum):
    """The forms of lint's output."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    SARIF = "sarif"


@app.command()
def plan(
    permissions: File,
    out: PlanOut = None,
    unmanaged: UnmanagedOption = Unmanaged.LEAVE,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show the planned changes. The exit code is 3 if the account would still violate a control."""
    with _account(state) as account:
        planned = make_plan(file.read(permissions, account.partition), account, unmanaged)
    if out is not None:
        saved.write(planned, out)
    _show(planned, as_json)
    _exit(planned)


@app.command()
def apply(
    source: Annotated[Path, typer.Argument(help="A permissions file, or a plan written with --out.")],
    unmanaged: Annotated[
        Unmanaged | None,
        typer.Option("--unmanaged", help="As in plan. A saved plan has its own setting."),
    ] = None,
    state: State = None,
    as_json: Json = False,
    close_access: Annotated[
        bool,
        typer.Option("--close-access", help="Apply a plan after which no principal can use some databases."),
    ] = False,
    yes: Yes = False,
) -> None:
    """Apply a permissions file or a saved plan, and verify the result.

    A saved plan is rejected if the account has changed since it was made. A plan that leaves a database
    without any grant needs --close-access.
    """
    is_plan = _is_plan(source)
    if is_plan and unmanaged is not None:
        raise UsageError(
            "--unmanaged",
            found="combined with a saved plan",
            required="the setting of the plan, or a new plan",
        )
    with _account(state) as account:
        if is_plan:
            saved_plan = saved.SavedPlan(source, account.partition)
            planned = applier.require_unchanged_plan(
                account,
                saved_plan.desired,
                saved_plan.unmanaged,
                account_id=saved_plan.account,
                fingerprint=saved_plan.fingerprint,
                steps=saved_plan.steps,
            )
        else:
            planned = make_plan(file.read(source, account.partition), account, unmanaged or Unmanaged.LEAVE)
        applier.require_applicable(planned)
        if planned.locked and not close_access:
            raise UsageError(
                "lakeformation apply",
                found=f"no grant on {_some(planned.locked)} once IAMAllowedPrincipals has no permissions",
                required="grants for the jobs and users of these databases, or --close-access",
                fix="add [[grants]] to the file; --close-access leaves them to data lake administrators",
            )
        if planned.steps and not yes:
            for line in _lines(planned):
                print(line, file=sys.stderr)
            printing.confirm("lakeformation apply", yes=yes)
            planned = applier.require_unchanged_plan(  # the account may have changed before the answer
                account,
                planned.desired,
                planned.unmanaged,
                account_id=planned.account,
                fingerprint=planned.fingerprint,
                steps=[str(step) for step in planned.steps],
            )
        after = applier.apply_plan(planned, account) if planned.steps else planned
    if as_json:
        printing.print_json(saved.document(after) | {"applied": [str(step) for step in planned.steps]})
    else:
        _findings(after)
        printing.print_line(
            f"{len(planned.steps)} steps applied and verified" if planned.steps else "nothing to change"
        )
    _exit(after)


@app.command()
def drift(permissions: File, state: State = None, as_json: Json = False) -> None:
    """Compare the account with the file. The exit code is 3 if they differ (GS-LF-003)."""
    with _account(state) as account:
        planned = make_plan(file.read(permissions, account.partition), account)
    _show(planned, as_json, drift=True)
    if planned.steps or planned.findings:
        raise typer.Exit(3)


@app.command()
def lint(
    permissions: File,
    form: Annotated[LintForm, typer.Option("--format", help="Form of the output.")] = LintForm.TEXT,
    out: TextOut = None,
    as_json: Json = False,
) -> None:
    """Check the file for grants that give more than they seem to, without access to an account.

    The exit code is 3 if a warning or error is not accepted by an exception of the file.
    """
    desired, lines = file.read_for_lint(permissions)
    findings = linter.lint(desired, lines, datetime.now(timezone.utc).date())
    if as_json or form is LintForm.JSON:
        text = _json_text(linter.to_json(findings, str(permissions)))
    elif form is LintForm.SARIF:
        uri = permissions.as_uri() if permissions.is_absolute() else quote(permissions.as_posix())
        text = _json_text(linter.to_sarif(findings, uri, __version__))
    elif form is LintForm.MARKDOWN:
        text = linter.to_markdown(findings, str(permissions))
    else:
        text = "".join(f"{line}\n" for line in _lint_lines(findings, permissions))
    _write(text, out)
    if any(finding.fails for finding in findings):
        raise typer.Exit(3)


def _json_text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _lint_lines(findings: Sequence[linter.LintFinding], path: Path) -> Iterator[str]:
    for finding in findings:
        level = "accepted" if finding.exception else finding.rule.level.value
        text = f"{path}:{finding.line}: {level}: {finding.rule.id}: {finding.resource}: {finding.rule.text}"
        yield escape_unprintable(text)
        if finding.exception:
            yield escape_unprintable(f"  accepted: {linter.text_of(finding.exception)}")
        else:
            yield escape_unprintable(f"  fix: {finding.fix}")
    numbers = [f"{number} {level}s" for level, number in linter.counts(findings).items()]
    accepted = sum(finding.exception is not None for finding in findings)
    yield f"{', '.join(numbers)}; {accepted} accepted by exceptions"


@app.command()
def snapshot(
    out: Annotated[Path, typer.Option("--out", help="File for the snapshot.")], state: State = None
) -> None:
    """Write the state of the account that access depends on, to explain access without the account."""
    with _account(state) as account:
        document = snapshots.take(account, datetime.now(timezone.utc))
    snapshots.write(document, out)
    printing.print_line(f"{len(document['grants'])} grants and {len(document['tables'])} tables in {out}")


@app.command()
def explain(
    principal: Annotated[str | None, typer.Argument(help="ARN of a role or user.")] = None,
    table: Annotated[str | None, typer.Argument(help="DATABASE.TABLE or DATABASE.TABLE.COLUMN.")] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group", help="ARN of a SAML or IAM Identity Center group of the user; may be repeated."
        ),
    ] = None,
    catalog: Annotated[
        str, typer.Option("--catalog", help="Nested catalog of the table, such as s3tablescatalog/BUCKET.")
    ] = "",
    snapshot: Annotated[
        Path | None, typer.Option("--snapshot", help="A file of lakeformation snapshot, instead of AWS.")
    ] = None,
    principals: Annotated[
        Path | None,
        typer.Option("--principals", help="File with a principal a line, and the ARNs of its groups."),
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option("--tables", help="File with DATABASE.TABLE a line; * stands for any text."),
    ] = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Explain which grants and LF-Tags allow or deny a principal access to a table or column.

    With --principals or --tables, list the access of each principal to each table. Without --tables, all
    tables of the account or snapshot are meant.
    """
    if principals is not None or tables is not None:
        if table is not None or (principal is None) == (principals is None) or group or catalog:
            raise UsageError(
                "lakeformation explain",
                found="PRINCIPAL, TABLE, --group or --catalog with lists",
                required="PRINCIPAL or --principals FILE, and --tables FILE for some tables; the file of "
                "principals has their groups",
            )
        _explain_all(principal, principals, tables, snapshot, state, as_json)
        return
    if principal is None or table is None:
        raise UsageError(
            "lakeformation explain",
            found="no PRINCIPAL or no TABLE",
            required="PRINCIPAL TABLE, or --principals FILE",
        )
    with _state(snapshot, state) as account:
        explanation = explainer.explain(account, principal, table, frozenset(group or ()), catalog)
        taken = account.taken if isinstance(account, snapshots.Snapshot) else None
    access = explanation.access
    columns = {name: sorted(access.columns.get(name, ())) for name in explanation.columns}
    if as_json:
        printing.print_json(
            {
                "principal": principal,
                "groups": sorted(group or ()),
                "snapshot": taken,
                "table": f"{explanation.table.database}.{explanation.table.name}",
                "by_iam": access.by_iam,
                "permissions": sorted(access.permissions),
                "columns": columns,
                "reasons": [
                    {"gives": reason.gives, "text": reason.text, "rows": reason.rows}
                    for reason in access.reasons
                ],
            }
        )
        return
    if taken:
        printing.print_line(f"snapshot of {taken}")
    if group or _FEDERATED.search(principal):
        printing.print_line(f"groups, as given with --group: {', '.join(sorted(group or ())) or 'none'}")
    if access.by_iam:
        printing.print_line("IAM decides alone: Lake Formation permissions do not apply")
    printing.print_line(f"permissions: {', '.join(sorted(access.permissions)) or 'none'}")
    printing.print_table(["column", "reads"], [[name, _rows(rows)] for name, rows in columns.items()])
    reasons = [["allows" if reason.gives else "denies", reason.text] for reason in access.reasons]
    printing.print_table(["", "reason"], reasons or [["denies", "no grant names this principal"]])


def _explain_all(
    principal: str | None,
    principals: Path | None,
    tables: Path | None,
    snapshot: Path | None,
    state: Path | None,
    as_json: bool,
) -> None:
    members = [batch.Member(principal or "")] if principals is None else batch.read_members(principals)
    with _state(snapshot, state) as account:
        every = list(account.tables())
        chosen = every if tables is None else batch.read_tables(tables, every)
        rows = [
            row
            for row in batch.explain_all(account, members, chosen, every)
            if row.access is None or row.access.by_iam or row.access.permissions
        ]
    pairs = len(members) * len(chosen)
    taken = account.taken if isinstance(account, snapshots.Snapshot) else None
    if as_json:
        printing.print_json(
            {
                "account": account.id,
                "snapshot": taken,
                "pairs": pairs,
                "without_access": pairs - len(rows),
                "rows": [_row_to_json(row) for row in rows],
            }
        )
        return
    cells = [
        [row.member.principal, f"{row.table.database}.{row.table.name}", *_row_cells(row)] for row in rows
    ]
    printing.print_table(["principal", "table", "permissions", "columns"], cells)
    source = f"snapshot of {taken}" if taken else "account"
    printing.print_line(
        f"{source} {account.id}: {len(rows)} of {pairs} pairs of principal and table with access"
    )


def _row_cells(row: batch.BatchRow) -> list[str]:
    access = row.access
    if access is None:
        owner, database, name = row.table.target or ("", "", "")
        return ["unknown", f"resource link to {database}.{name} of account {owner}"]
    if access.by_iam:
        return ["as IAM allows", "all"]
    permissions = ", ".join(sorted(access.permissions))
    if access.columns and access.reads_all:
        return [permissions, "all"]
    columns = [
        name if "" in rows else f"{name} (where {' or '.join(sorted(rows))})"
        for name, rows in access.columns.items()
        if rows
    ]
    return [permissions, ", ".join(columns) or "none"]


def _row_to_json(row: batch.BatchRow) -> dict[str, Any]:
    access = row.access
    document: dict[str, Any] = {
        "principal": row.member.principal,
        "groups": sorted(row.member.groups),
        "table": f"{row.table.database}.{row.table.name}",
        "target": None if row.table.target is None else list(row.table.target),
    }
    if access is None:
        return document | {"by_iam": None, "permissions": None, "columns": None, "reasons": []}
    return document | {
        "by_iam": access.by_iam,
        "permissions": sorted(access.permissions),
        "columns": {name: sorted(rows) for name, rows in access.columns.items()},
        "reasons": [reason.text for reason in access.reasons if reason.gives],
    }


@contextmanager
def _state(snapshot: Path | None, state: Path | None) -> Iterator[Account | snapshots.Snapshot]:
    """Yield a snapshot, or the account."""
    if snapshot is not None:
        yield snapshots.read(snapshot)
        return
    with _account(state) as account:
        yield account


@app.command()
def preflight(
    role: Annotated[str, typer.Argument(help="ARN of the job's role.")],
    read: Reads = None,
    write: Writes = None,
    create: Creates = None,
    location: Locations = None,
    fine_grained: Annotated[
        bool, typer.Option("--fine-grained", help="The job runs with fine-grained access control.")
    ] = False,
    full_table: Annotated[
        bool, typer.Option("--full-table-access", help="The job runs with full table access.")
    ] = False,
    glue_version: Annotated[str, typer.Option("--glue-version", help="The job's version of Glue.")] = "5.1",
    state: State = None,
    as_json: Json = False,
) -> None:
    """Check that a job's role can read and write the job's tables (GS-LF-006). The exit code is 3 if not.

    For tables at registered locations, the role's S3 permissions are compared with its grants (GS-LF-008).
    The exit code is 4 if the role's policies cannot be read and nothing else fails.
    """
    if not (read or write or create or location):
        required = "--read, --write, --create or --location"
        raise UsageError("lakeformation preflight", found="no option", required=required)
    if fine_grained and full_table:
        raise UsageError(
            "lakeformation preflight",
            found="--fine-grained and --full-table-access",
            required="one of them: AWS Glue runs a job in one mode",
        )
    with _account(state) as account:
        findings = jobs.check_job(
            account,
            role,
            reads=read or (),
            writes=write or (),
            creates=create or (),
            locations=location or (),
            mode=jobs.AccessMode.FINE_GRAINED
            if fine_grained
            else jobs.AccessMode.FULL_TABLE
            if full_table
            else jobs.AccessMode.NONE,
            glue=glue_version,
        )
    if as_json:
        names = ("control", "verdict", "resource", "found", "fix")
        printing.print_json(
            {"findings": [{name: getattr(finding, name) for name in names} for finding in findings]}
        )
    else:
        rows = [[finding.verdict.value, finding.resource, finding.found] for finding in findings]
        printing.print_table(["", "resource", "found"], rows)
    verdicts = {finding.verdict for finding in findings}
    if verdicts - {Verdict.PASS}:
        raise typer.Exit(3 if Verdict.FAIL in verdicts else 4)


@app.command("import")
def import_(
    out: TextOut = None,
    state: State = None,
) -> None:
    """Write the account's permissions as a permissions file. A plan of this file has no changes."""
    with _account(state) as account:
        text = export.export(account)
    _write(text, out)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
    else:
        write_output(out, text)


@contextmanager
def _account(state: Path | None) -> Iterator[Account]:
    """Yield the account of boto3's credential chain. Errors of its services become VerificationError."""
    printing.use_embedded_account(state)
    session = composition.aws_session()
    try:
        yield Account(
            lakeformation=session.client("lakeformation"),
            glue=session.client("glue"),
            account=session.account,
            iam=session.client("iam"),
        )
    except ServiceError as error:
        raise VerificationError(
            "GS-LF-003",
            resource="Lake Formation",
            found=str(error),
            required="readable permissions",
            fix="use a data lake administrator, or a read-only one for plan, drift, explain and import",
            aws_code=error.code,
        ) from error


def _is_plan(path: Path) -> bool:
    try:
        return saved.SCHEMA in path.read_text(encoding="utf-8")[:200]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(str(path), found=unread(error), required="a permissions file or a plan") from None


def _lines(planned: AccessPlan) -> Iterator[str]:
    yield from (f"{finding.control}: {finding.found}; {finding.fix}" for finding in planned.findings)
    yield from map(str, planned.steps)


def _findings(planned: AccessPlan) -> None:
    for finding in planned.findings:
        printing.print_line(f"{finding.control}: {finding.resource}: {finding.found}")
        printing.print_line(f"  fix: {finding.fix}")


def _show(planned: AccessPlan, as_json: bool, *, drift: bool = False) -> None:
    if as_json:
        printing.print_json(saved.document(planned) | {"read": planned.read, "unnamed": planned.unnamed})
        return
    _findings(planned)
    if planned.steps:
        rows = [[step.action.value, describe(step.subject)] for step in planned.steps]
        printing.print_table(["step", "resource"], rows)
    for line in _unmanaged_settings(planned):
        printing.print_line(line)
    if planned.locked:
        printing.print_line(f"afterwards, only data lake administrators can use {_some(planned.locked)}")
    word = "differences" if drift else "steps"
    count = f"{len(planned.steps)} {word}" if planned.steps else f"no {word}"
    printing.print_line(f"{count}; {planned.unnamed} grants and opt-ins are not in the file")


def _unmanaged_settings(planned: AccessPlan) -> Iterator[str]:
    """Yield the settings that the file does not contain, and administrators of other accounts."""
    for state in planned.settings:
        if state.file is None and state.account:
            yield f"not in [settings]: {state.name} = {_some(state.account)}"
        foreign = [name for name in state.account if _account_of(name) not in ("", planned.account)]
        if state.name.endswith("administrators") and foreign:
            yield f"{state.name} of other accounts: {_some(foreign)}"


def _account_of(arn: str) -> str:
    return arn.split(":")[4] if arn.count(":") > 4 else ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _exit(planned: AccessPlan) -> None:
    if planned.findings:
        raise typer.Exit(3)


def _rows(rows: list[str]) -> str:
    return "all rows" if "" in rows else f"rows where {' or '.join(rows)}" if rows else "no"
