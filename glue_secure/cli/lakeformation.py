"""The commands ``lakeformation plan|apply|drift|explain|preflight|import``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, List, Optional  # noqa: UP035 - typer reads 3.10

import typer

from glue_secure.cli import printing
from glue_secure.cli.options import Json, State, Yes
from glue_secure.core.errors import UsageError, VerificationError
from glue_secure.core.findings import Verdict
from glue_secure.core.service import ServiceError
from glue_secure.governance.lakeformation import apply as applier
from glue_secure.governance.lakeformation import explain as explainer
from glue_secure.governance.lakeformation import export, file, saved
from glue_secure.governance.lakeformation import preflight as jobs
from glue_secure.governance.lakeformation.plan import make_plan
from glue_secure.governance.lakeformation.steps import Plan, Unmanaged, told

if TYPE_CHECKING:
    from glue_secure.governance.lakeformation.account import Account

app = typer.Typer(
    help="Lake Formation's permissions as code: plan, apply, drift, explain, preflight, import.",
    no_args_is_help=True,
)

File = Annotated[Path, typer.Argument(help="The permissions file: TOML, or JSON.")]
Reads = Annotated[Optional[List[str]], typer.Option("--read", help="DATABASE.TABLE that the job reads.")]  # noqa: UP006, UP045
Writes = Annotated[Optional[List[str]], typer.Option("--write", help="DATABASE.TABLE that it writes.")]  # noqa: UP006, UP045
Creates = Annotated[Optional[List[str]], typer.Option("--create", help="Database that it makes tables in.")]  # noqa: UP006, UP045
Locations = Annotated[Optional[List[str]], typer.Option("--location", help="s3:// where new tables lie.")]  # noqa: UP006, UP045
PlanOut = Annotated[Optional[Path], typer.Option("--out", help="Write the plan there, to apply later.")]  # noqa: UP045
TextOut = Annotated[Optional[Path], typer.Option("--out", help="Where to write; default standard output.")]  # noqa: UP045
Left = Annotated[
    Unmanaged,
    typer.Option(
        "--unmanaged",
        help="Grants and opt-ins that the file does not name: leave, revoke those of its principals, or all.",
    ),
]


@app.command()
def plan(
    permissions: File,
    out: PlanOut = None,
    unmanaged: Left = Unmanaged.LEAVE,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Show what would change. Exit code 3 when the account stays open in spite of the plan."""
    desired = file.read(permissions)
    with _account(state) as account:
        planned = make_plan(desired, account, unmanaged)
    if out is not None:
        saved.write(planned, out)
    _show(planned, as_json)
    _exit(planned)


@app.command()
def apply(
    source: Annotated[Path, typer.Argument(help="A permissions file, or a plan that --out wrote.")],
    unmanaged: Annotated[
        Optional[Unmanaged],  # noqa: UP045
        typer.Option("--unmanaged", help="As in plan; a saved plan brings its own."),
    ] = None,
    state: State = None,
    as_json: Json = False,
    yes: Yes = False,
) -> None:
    """Apply a file, or a reviewed plan as long as the account has not moved; look afterwards."""
    is_plan = _is_plan(source)
    if is_plan and unmanaged is not None:
        raise UsageError("--unmanaged", found="beside a saved plan", required="the plan's own, or a new plan")
    with _account(state) as account:
        if is_plan:
            held = saved.SavedPlan(source)
            planned = applier.hold(
                account,
                held.desired,
                held.unmanaged,
                of=held.account,
                fingerprint=held.fingerprint,
                steps=held.steps,
            )
        else:
            planned = make_plan(file.read(source), account, unmanaged or Unmanaged.LEAVE)
        if planned.steps and not yes:
            for line in _lines(planned):
                print(line, file=sys.stderr)
            printing.ask("lakeformation apply", yes=yes)
            planned = applier.hold(  # the answer may have taken hours
                account,
                planned.desired,
                planned.unmanaged,
                of=planned.account,
                fingerprint=planned.fingerprint,
                steps=[str(step) for step in planned.steps],
            )
        after = applier.apply_plan(planned, account) if planned.steps else planned
    if as_json:
        printing.print_json(saved.document(after) | {"applied": [str(step) for step in planned.steps]})
    else:
        _findings(after)
        printing.say(
            f"{len(planned.steps)} steps applied, and nothing is left"
            if planned.steps
            else "nothing to change"
        )
    _exit(after)


@app.command()
def drift(permissions: File, state: State = None, as_json: Json = False) -> None:
    """Say whether the account is what the file says. Exit code 3 when it is not (GS-LF-003)."""
    desired = file.read(permissions)
    with _account(state) as account:
        planned = make_plan(desired, account)
    _show(planned, as_json, drift=True)
    if planned.steps or planned.findings:
        raise typer.Exit(3)


@app.command()
def explain(
    principal: Annotated[str, typer.Argument(help="ARN of a role or user.")],
    table: Annotated[str, typer.Argument(help="DATABASE.TABLE or DATABASE.TABLE.COLUMN.")],
    state: State = None,
    as_json: Json = False,
) -> None:
    """Tell which grants and LF-tags give a principal access to a table or column, or withhold it."""
    with _account(state) as account:
        found = explainer.explain(account, principal, table)
    access = found.access
    columns = {one: sorted(access.columns.get(one, ())) for one in found.columns}
    if as_json:
        printing.print_json(
            {
                "principal": principal,
                "table": f"{found.table.database}.{found.table.name}",
                "by_iam": access.by_iam,
                "permissions": sorted(access.permissions),
                "columns": columns,
                "reasons": [
                    {"gives": one.gives, "text": one.text, "rows": one.rows} for one in access.reasons
                ],
            }
        )
        return
    if access.by_iam:
        printing.say("IAM alone decides: Lake Formation is not asked")
    printing.say(f"permissions: {', '.join(sorted(access.permissions)) or 'none'}")
    printing.table(["column", "SELECT"], [[name, _rows(rows)] for name, rows in columns.items()])
    rows = [["gives" if one.gives else "withholds", one.text] for one in access.reasons]
    printing.table(["", "because"], rows or [["withholds", "no grant names this principal"]])


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
    state: State = None,
    as_json: Json = False,
) -> None:
    """Say whether a job's role may read and write what the job does (GS-LF-006). Exit code 3 when not."""
    if not (read or write or create or location):
        required = "--read, --write, --create or --location"
        raise UsageError("lakeformation preflight", found="nothing", required=required)
    with _account(state) as account:
        found = jobs.check_job(
            account,
            role,
            reads=read or (),
            writes=write or (),
            creates=create or (),
            locations=location or (),
            fine_grained=fine_grained,
        )
    if as_json:
        names = ("control", "verdict", "resource", "found", "fix")
        printing.print_json({"findings": [{name: getattr(one, name) for name in names} for one in found]})
    else:
        printing.table(["", "what", "found"], [[one.verdict.value, one.resource, one.found] for one in found])
    if any(one.verdict is not Verdict.PASS for one in found):
        raise typer.Exit(3)


@app.command("import")
def import_(
    out: TextOut = None,
    state: State = None,
) -> None:
    """Write the account's permissions as a file: what plan then asks for is nothing."""
    with _account(state) as account:
        text = export.export(account)
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(str(out), found=str(error), required="a path that can be written") from None


@contextmanager
def _account(state: Path | None) -> Iterator[Account]:
    """The account that boto3's own chain finds; what it cannot answer is *cannot verify*."""
    from glue_secure.governance.lakeformation.account import Account
    from glue_secure.run import composition

    if state is not None:
        printing.enter(state)
    session = composition.aws_session()
    try:
        yield Account(
            lakeformation=session.client("lakeformation"),
            glue=session.client("glue"),
            account=session.account,
        )
    except ServiceError as error:
        raise VerificationError(
            "GS-LF-003",
            resource="Lake Formation",
            found=str(error),
            required="an account whose permissions can be read",
            fix="call as a data lake administrator, or a read-only one for plan, drift, explain and import",
            aws_code=error.code,
        ) from error


def _is_plan(path: Path) -> bool:
    try:
        return saved.SCHEMA in path.read_text(encoding="utf-8")[:200]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(str(path), found=str(error), required="a permissions file or a plan") from None


def _lines(planned: Plan) -> Iterator[str]:
    yield from (f"{one.control}: {one.found}; {one.fix}" for one in planned.findings)
    yield from map(str, planned.steps)


def _findings(planned: Plan) -> None:
    for one in planned.findings:
        printing.say(f"{one.control}: {one.resource}: {one.found}")
        printing.say(f"  fix: {one.fix}")


def _show(planned: Plan, as_json: bool, *, drift: bool = False) -> None:
    if as_json:
        printing.print_json(saved.document(planned) | {"read": planned.read, "unnamed": planned.unnamed})
        return
    _findings(planned)
    if planned.steps:
        printing.table(["step", "what"], [[one.action.value, told(one.subject)] for one in planned.steps])
    word = "differences" if drift else "steps"
    count = f"{len(planned.steps)} {word}" if planned.steps else f"no {word}"
    printing.say(f"{count}; {planned.unnamed} grants and opt-ins are not named by the file")


def _exit(planned: Plan) -> None:
    if planned.findings:
        raise typer.Exit(3)


def _rows(rows: list[str]) -> str:
    return "all rows" if "" in rows else f"rows where {' or '.join(rows)}" if rows else "no"
