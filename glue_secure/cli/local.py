"""The commands ``local up|down|status|env|import|put|sql``, ``local table add``, ``local connection add``."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from glue_secure.cli.help import HelpfulGroup
from glue_secure.cli.options import Json, State
from glue_secure.cli.printing import print_json, print_line, read_text, running_account
from glue_secure.cli.progress import StepProgress
from glue_secure.core.errors import UsageError
from glue_secure.core.redaction import escape_unprintable, redact_text
from glue_secure.embedded import databases, definitions, environment, lifecycle, objects, seed
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.lake_tables import define_lake_tables
from glue_secure.project.deploy.deployment_account import glue_client

app = typer.Typer(
    help="Run the embedded account: S3, KMS, Glue and PostgreSQL over TLS on this machine.",
    no_args_is_help=True,
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
def env(
    state: State = None,
    as_json: Json = False,
    unset: Annotated[
        bool, typer.Option("--unset", help="Print how to remove the variables again. Needs no account.")
    ] = False,
) -> None:
    """Print the environment variables for spark-submit: eval "$(glue-secure local env)".

    eval "$(glue-secure local env --unset)" removes them. Values that they had before are not restored.
    """
    if unset:
        sys.stdout.write(environment.unset_line())
        return
    guard = environment.requested_guard(os.environ)
    settings = environment.environment_of(running_account(state), request_guard=guard)
    if as_json:
        print_json(settings)
    else:
        sys.stdout.write(environment.export_lines(settings))


@app.command("import")
def import_definitions(
    database: Annotated[str, typer.Option("--database", help="The database of the Data Catalog.")],
    state: State = None,
    as_json: Json = False,
) -> None:
    """Copy the definitions of a database of your AWS account into the embedded account, without data.

    The account is that of boto3's configuration, not the embedded one. Tables that exist stay as they are.
    """
    account = running_account(state)
    source, description = glue_client(os.environ)
    created, existing = definitions.import_database(account, *definitions.read_database(source, database))
    if as_json:
        print_json({"database": database, "created": created, "existing": existing})
    else:
        print_line(f"{database}: {len(created)} tables from account {description}, {len(existing)} existed")


@app.command()
def put(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file.")],
    location: Annotated[
        str, typer.Argument(metavar="s3://BUCKET/KEY", help="A key that ends with / gets the file's name.")
    ],
    state: State = None,
) -> None:
    """Upload FILE to the embedded account, encrypted with its KMS key. A new bucket is created."""
    print_line(objects.put_file(running_account(state), file, location))


@app.command()
def sql(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The connection.")],
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="One SQL statement.")],
    state: State = None,
) -> None:
    """Run STATEMENT on the database of a connection that `local connection add` has made.

    Rows are printed with tabs between the values, and NULL for a value that is missing.
    """
    for row in databases.run_sql(running_account(state), name, statement):
        print("\t".join("NULL" if value is None else escape_unprintable(str(value)) for value in row))


tables = typer.Typer(help="Add tables to the embedded Data Catalog.", no_args_is_help=True)
connections = typer.Typer(help="Add connections to the embedded account.", no_args_is_help=True)
app.add_typer(tables, name="table", cls=HelpfulGroup)
app.add_typer(connections, name="connection", cls=HelpfulGroup)


@tables.command("add")
def add_table(
    name: Annotated[str, typer.Argument(metavar="DATABASE.TABLE")],
    location: Annotated[str, typer.Option(help="s3://BUCKET/PREFIX/; a new bucket is created.")],
    columns: Annotated[str, typer.Option(help="Names and types: id bigint, name string.")],
    output: Annotated[str, typer.Option("--format", help=", ".join(definitions.FORMATS))] = "parquet",
    partition_keys: Annotated[str, typer.Option(help="Names and types, as for columns.")] = "",
    state: State = None,
) -> None:
    """Add a table to the Data Catalog, and its database unless it exists."""
    definitions.define_table(
        running_account(state), name, location, columns, format=output, partition_keys=partition_keys
    )
    print_line(f"{name} at {location}")


@connections.command("add")
def add_connection(
    name: Annotated[str, typer.Argument(help="Name of the connection.")],
    url: Annotated[
        str,
        typer.Option(
            help="JDBC URL of your own server. Default: a new database of the account's PostgreSQL."
        ),
    ] = "",
    user: Annotated[str, typer.Option(help="With --url: the user. The password is read from stdin.")] = "",
    ca: Annotated[
        Path | None, typer.Option("--ca", help="With --url: PEM of the server's certificate authority.")
    ] = None,
    state: State = None,
) -> None:
    """Add a Glue connection with verified TLS; its login is in a secret."""
    account = running_account(state)
    if not url:
        if user or ca:
            raise UsageError("connection add", found="--user or --ca without --url", required="--url")
        print_line(f"{name}: {databases.add_database(account, name).url}")
        print_line(f'fill it with: glue-secure local sql {name} "CREATE TABLE ..."')
        return
    if not user or "@" in url or redact_text(url) != url:
        raise UsageError(
            "connection add", found="no --user, or a login in --url", required="--url and --user"
        )
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        raise UsageError("connection add", found="no password", required="the password on standard input")
    certificate = read_text(ca).encode() if ca else None
    login = {"username": user, "password": password}
    databases.add_connection(account, name, url, f"glue-secure/{name}", login, certificate)
    print_line(f"{name}: {url}")


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
