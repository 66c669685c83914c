"""The commands ``local up|down|status|env``."""

from __future__ import annotations

import os
import sys

import typer

from glue_secure.cli.options import Json, State
from glue_secure.cli.printing import print_json, running_account
from glue_secure.cli.progress import StepProgress
from glue_secure.embedded import environment, lifecycle, seed
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.lake_tables import define_lake_tables

app = typer.Typer(
    help="The embedded account: S3, KMS, Glue and PostgreSQL over TLS on this machine.", no_args_is_help=True
)

# A file in the state folder while the demo's data is being added.
_SEEDING = "seeding"


@app.command()
def up(state: State = None, as_json: Json = False) -> None:
    """Start the account and add the demo's data. A running account is not changed.

    If an earlier `up` was killed while it added the data, the rest is added.
    """
    running = lifecycle.status(state)
    with StepProgress(lines=True) as progress:
        account = running or lifecycle.up(state, progress=progress)
        incomplete = account.state / _SEEDING
        if running is None:
            incomplete.touch(mode=0o600)
        if incomplete.exists():
            seed.seed_flights(account, months=range(1, 12), progress=progress)
            define_lake_tables(account)
            incomplete.unlink(missing_ok=True)
    _show(account, as_json, "running already" if running else "started")


@app.command()
def down(state: State = None) -> None:
    """Stop the account and delete its data. Without a running account the command does nothing."""
    print("stopped" if lifecycle.down(state) else "not running")


@app.command()
def status(state: State = None, as_json: Json = False) -> None:
    """Print whether the account is running, and its endpoints. The exit code is 1 if it is not running."""
    account = lifecycle.status(state)
    if account is None:
        if as_json:
            print_json({"running": False})
        else:
            print("not running")
        raise typer.Exit(1)
    _show(account, as_json, "running")


@app.command()
def env(state: State = None, as_json: Json = False) -> None:
    """Print the environment variables for spark-submit: eval "$(glue-secure local env)"."""
    guard = environment.requested_guard(os.environ)
    settings = environment.environment_of(running_account(state), request_guard=guard)
    if as_json:
        print_json(settings)
    else:
        sys.stdout.write(environment.export_lines(settings))


def _show(account: EmbeddedAccount, as_json: bool, word: str) -> None:
    facts = {
        "endpoint": account.endpoint_url,
        "postgresql": f"{account.postgres.host}:{account.postgres.port}",
        "region": account.region,
        "account": account.account_id,
        "state": str(account.state),
        "process": account.supervisor.pid,
    }
    if as_json:
        print_json({"running": True, **facts})
        return
    print(f"embedded account: {word}")
    for name, value in facts.items():
        print(f"  {name:<12}{value}")
