"""Commands and their arguments; what they do is done elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.console import Console

from glue_secure import __version__
from glue_secure.cli import bookmark, catalog, columns, lakeformation, policy, template
from glue_secure.cli import demo as demo_page
from glue_secure.cli import deploy as deploy_page
from glue_secure.cli import init as init_page
from glue_secure.cli import package as package_page
from glue_secure.cli import preflight as preflight_page
from glue_secure.cli import quality as quality_page
from glue_secure.cli import remediate as remediate_page
from glue_secure.cli import remote as remote_page
from glue_secure.cli.options import Json
from glue_secure.cli.printing import print_json
from glue_secure.core.errors import UsageError
from glue_secure.embedded.account import EmbeddedAccount

app = typer.Typer(
    help="AWS Glue jobs that prove their encryption.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
local_app = typer.Typer(
    help="The embedded account: S3, KMS, Glue and PostgreSQL over TLS, on this machine.", no_args_is_help=True
)
app.add_typer(local_app, name="local")
app.add_typer(bookmark.app, name="bookmark")
app.add_typer(catalog.app, name="catalog")
app.add_typer(lakeformation.app, name="lakeformation")
app.add_typer(policy.app, name="policy")
app.add_typer(template.app, name="template")
app.command("init")(init_page.command)
app.command("deploy")(deploy_page.command)
app.add_typer(columns.app, name="columns")
app.add_typer(quality_page.app, name="quality")
app.command("package")(package_page.command)
app.command("preflight")(preflight_page.command)
app.command("remediate")(remediate_page.command)

State = Annotated[Optional[Path], typer.Option("--state", help="Folder of the account's state.")]  # noqa: UP045 - typer reads 3.10
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show the logs of Spark and of the set-up.")]
_err = Console(stderr=True, highlight=False)


def _say(text: str) -> None:
    _err.print(text, style="dim", markup=False, soft_wrap=True)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


@app.command()
def demo(
    as_json: Json = False,
    verbose: Verbose = False,
    script: Annotated[Optional[Path], typer.Option(help="The job; default jobs/flights_curated.py.")] = None,  # noqa: UP045
) -> None:
    """Run the main job on real flights, then every refusal, on an account of its own."""
    from glue_secure.embedded.demo import Demo
    from glue_secure.embedded.lifecycle import embedded_account

    chosen = script or Path("jobs/flights_curated.py")
    if not chosen.is_file():
        raise UsageError(
            "the demo's job",
            found=f"{chosen}: no such file",
            required="a run in the project's folder, or --script",
        )
    with demo_page.Progress(_err, quiet=verbose) as progress, embedded_account(progress=progress) as account:
        ran = []
        page = demo_page.Page(demo_page.console(), quiet=as_json)
        for step in Demo(account, chosen, progress, verbose).steps():
            ran.append(step)
            page.show(step)
        page.summary(ran)
    if as_json:
        print_json(demo_page.document(ran))
    raise typer.Exit(0 if all(step.as_expected for step in ran) else 1)


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
    }
)
def run(
    context: typer.Context,
    script: Annotated[
        Path, typer.Argument(metavar="SCRIPT|JOB", help="The job script; its own arguments follow it.")
    ],
    state: State = None,
    master: Annotated[str, typer.Option(help="Spark's master.")] = "local[2]",
    verbose: Verbose = False,
    remote: Annotated[bool, typer.Option("--remote", help="JOB is a deployed job: run it there.")] = False,
    follow: Annotated[Optional[str], typer.Option(help="With --remote: follow this run instead.")] = None,  # noqa: UP045
    stop: Annotated[Optional[str], typer.Option(help="With --remote: stop this run.")] = None,  # noqa: UP045
    as_json: Annotated[bool, typer.Option("--json", help="With --remote: print one JSON document.")] = False,
) -> None:
    """spark-submit SCRIPT [--JOB_NAME NAME ...] against the embedded account; with --remote, a deployed JOB.

    A remote run is followed to its end, and its evidence fetched. Ctrl-C leaves it running.
    """
    if remote:
        remote_page.command(str(script), context.args, state, follow=follow, stop=stop, as_json=as_json)
    if follow or stop or as_json:
        raise UsageError("run", found="--follow, --stop or --json", required="--remote with it")
    from glue_secure.embedded import launch
    from glue_secure.embedded.lifecycle import status

    account = status(state)
    if account is None:
        raise UsageError(
            "the embedded account", found="not running", required="a running one", fix="glue-secure local up"
        )
    submission = launch.prepare(account, script, context.args, master=master, verbose=verbose)
    stopped = None
    try:
        code = launch.run(submission).returncode
    except launch.RunInterrupted as error:
        stopped, code = error, error.run_code
    left = launch.read_evidence(account, submission)
    _say(f"exit code {code}; evidence: {left[0] if left else 'none'}")
    raise stopped or typer.Exit(code)


@local_app.command()
def up(state: State = None, as_json: Json = False) -> None:
    """Start the account and fill it with the demo's data; harmless when it runs already."""
    from glue_secure.embedded import lifecycle, seed

    running = lifecycle.status(state)
    with demo_page.Progress(_err) as progress:
        account = running or lifecycle.up(state, progress=progress)
        if running is None:
            seed.seed_flights(account, months=range(1, 12), progress=progress)
    _report(account, as_json, "running already" if running else "started")


@local_app.command()
def down(state: State = None) -> None:
    """Stop the account and remove what it held; harmless when none runs."""
    from glue_secure.embedded import lifecycle

    print("stopped" if lifecycle.down(state) else "not running")


@local_app.command()
def status(state: State = None, as_json: Json = False) -> None:
    """Say whether the account runs, and where. Exit code 1 when it does not."""
    from glue_secure.embedded import lifecycle

    account = lifecycle.status(state)
    if account is None:
        if as_json:
            print_json({"running": False})
        else:
            print("not running")
        raise typer.Exit(1)
    _report(account, as_json, "running")


@local_app.command()
def env(state: State = None, as_json: Json = False) -> None:
    """Print what a plain spark-submit needs: eval "$(glue-secure local env)"."""
    from glue_secure.embedded import environment, lifecycle

    account = lifecycle.status(state)
    if account is None:
        raise UsageError(
            "the embedded account", found="not running", required="a running one", fix="glue-secure local up"
        )
    settings = environment.environment_of(account)
    if as_json:
        print_json(settings)
    else:
        sys.stdout.write(environment.export_lines(settings))


def _report(account: EmbeddedAccount, as_json: bool, word: str) -> None:
    facts = {
        "running": True,
        "endpoint": account.endpoint_url,
        "postgresql": f"{account.postgres.host}:{account.postgres.port}",
        "region": account.region,
        "account": account.account_id,
        "state": str(account.state),
        "process": account.supervisor.pid,
    }
    if as_json:
        print_json(facts)
        return
    print(f"embedded account: {word}")
    for name, value in list(facts.items())[1:]:
        print(f"  {name:<12}{value}")
