"""Measure JDBC with verified TLS and the defaults of glue-secure against Spark's own JDBC source.

Both sides connect to the embedded account's PostgreSQL over TLS with full verification; with ``--engine
mysql`` or ``mariadb`` to the system's MariaDB, with the driver of that name. Rows are read into Spark's
``noop`` sink and written to a table of their own. Each round measures both sides once, plain Spark before or
after the run in turn (inside the run, its writes would be unmanaged writes and rejected). Only ratios within
a round are compared. Opening a connection (preflight, secret, session query) is measured separately, because
a run opens each connection once.

Nothing was measured on AWS, and the server shares the machine's cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

TABLE, TARGET = "bench_rows", "bench_written"
READS = {
    "Spark, driver's own fetch size": {},
    "Spark, fetchsize 10 (Oracle's own)": {"fetchsize": "10"},
    "Spark, fetchsize 10000": {"fetchsize": "10000"},
}
PARTS = 2
READY = "(select 1 as n) ready"
# Only for this scheme Spark quotes names as MySQL does.
SCHEMES = {"mysql": "jdbc:mysql://{}", "mariadb": "jdbc:mysql://{}?permitMysqlScheme"}


def seconds(work: Callable[[], Any]) -> float:
    """Return the duration of ``work``."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def read_all(frame: Any) -> None:
    """Read every row, without storing it."""
    frame.write.format("noop").mode("overwrite").save()


def plain_measurements(spark: Any, spark_options: dict[str, str], rows: int) -> dict[str, Callable[[], Any]]:
    """Return name → work of plain Spark."""

    def read(options: dict[str, str]) -> None:
        read_all(spark.read.format("jdbc").options(**spark_options, **options, dbtable=TABLE).load())

    def write() -> None:
        writer = frame(spark, rows).write.format("jdbc").options(**spark_options, dbtable=f"{TARGET}_plain")
        writer.mode("append").save()

    reads = {f"read: {name}": lambda options=options: read(options) for name, options in READS.items()}
    return {**reads, "write: Spark's own": write}


def secured_measurements(job: Any, spark: Any, connection: str, rows: int) -> dict[str, Callable[[], Any]]:
    """Return name → the same work in a run."""

    def read(**options: str) -> None:
        read_all(job.read.jdbc(connection=connection, table=TABLE, options=options))

    def write() -> None:
        job.write.jdbc(frame(spark, rows), connection=connection, table=f"{TARGET}_secured")

    parts = {"hashfield": "id", "hashpartitions": str(PARTS)}
    return {
        "read: glue-secure": read,
        f"read: glue-secure, {PARTS} parts by hash": lambda: read(**parts),
        "write: glue-secure": write,
    }


def frame(spark: Any, rows: int) -> Any:
    """Return a frame with an integer, a text and a decimal column."""
    return spark.range(rows).selectExpr("id", "concat('row ', id) as text", "id * 1.5 as number")


def postgresql(account: Any) -> tuple[str, dict[str, str]]:
    """Return the seeded connection, and the options of plain Spark for the same server."""
    from glue_secure.embedded import seed
    from glue_secure.embedded.clients import clients

    server = account.postgres
    # The account's own login may only read; the benchmark also writes.
    login = json.dumps({"username": server.user, "password": server.password})
    clients(account)("secretsmanager").put_secret_value(SecretId=seed.SECRET, SecretString=login)
    return seed.CONNECTION, {
        "url": f"jdbc:postgresql://{server.host}:{server.port}/{server.database}",
        "driver": "org.postgresql.Driver",
        "user": server.user,
        "password": server.password,
        "sslmode": "verify-full",
        "sslrootcert": str(account.ca_pem),
    }


def mariadb(account: Any, engine: str, servers: ExitStack) -> tuple[str, dict[str, str]]:
    """Return a connection to the system's MariaDB, and the options of plain Spark for the same driver."""
    from glue_secure.connections.tls.trust_store import PASSWORD, trust_store
    from glue_secure.embedded import seed
    from glue_secure.embedded.clients import clients
    from glue_secure.embedded.mariadb import MariaDb

    server = servers.enter_context(MariaDb(account.scratch, account.server_pair))
    client_of = clients(account)
    login = json.dumps({"username": server.user, "password": server.password})
    client_of("secretsmanager").create_secret(Name="bench/mariadb", SecretString=login)
    properties = client_of("glue").get_connection(Name=seed.CONNECTION)["Connection"]["ConnectionProperties"]
    url = f"{server.host}:{server.port}/{server.database}"
    properties |= {"JDBC_CONNECTION_URL": f"jdbc:{engine}://{url}", "SECRET_ID": "bench/mariadb"}
    client_of("glue").create_connection(
        ConnectionInput={"Name": "bench", "ConnectionType": "JDBC", "ConnectionProperties": properties}
    )
    store = account.scratch / "bench.p12"
    store.write_bytes(trust_store(account.ca_pem.read_text(encoding="utf-8")))
    anchor = {
        "mysql": {
            "sslMode": "VERIFY_IDENTITY",
            "trustCertificateKeyStoreUrl": store.as_uri(),
            "trustCertificateKeyStoreType": "PKCS12",
            "trustCertificateKeyStorePassword": PASSWORD,
        },
        "mariadb": {"sslMode": "verify-full", "serverSslCert": str(account.ca_pem)},
    }
    return "bench", {
        "url": SCHEMES[engine].format(url),
        "driver": {"mysql": "com.mysql.cj.jdbc.Driver", "mariadb": "org.mariadb.jdbc.Driver"}[engine],
        "user": server.user,
        "password": server.password,
        **anchor[engine],
    }


def main(words: list[str]) -> int:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", choices=("postgresql", *SCHEMES), default="postgresql")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(words)
    os.environ["GLUE_SECURE_RUNTIME"] = "spark"
    from pyspark.sql import SparkSession

    from glue_secure.embedded import environment, seed
    from glue_secure.embedded.lifecycle import embedded_account
    from glue_secure.testing.harness import JobTestHarness

    with embedded_account() as account, ExitStack() as servers:
        settings = environment.overlay(os.environ, account)
        os.environ.clear()
        os.environ.update(settings)
        seed.seed_flights(account, months=())
        if arguments.engine == "postgresql":
            connection, spark_options = postgresql(account)
        else:
            connection, spark_options = mariadb(account, arguments.engine, servers)
        spark = SparkSession.builder.appName("bench of JDBC").getOrCreate()
        bench = JobTestHarness(account=account, spark=spark, name="bench-jdbc")
        try:
            with bench.job() as job:
                job.write.jdbc(frame(spark, arguments.rows), connection=connection, table=TABLE)
            plain, openings, rounds = plain_measurements(spark, spark_options, arguments.rows), [], []
            # The first round warms up.
            for number in range(arguments.rounds + 1):
                took: dict[str, float] = {}
                for secured in (number % 2 == 0, number % 2 == 1):
                    if not secured:
                        took |= {name: seconds(work) for name, work in plain.items()}
                        continue
                    with bench.job() as job:
                        openings.append(
                            seconds(lambda job=job: job.read.jdbc(connection=connection, table=READY))
                        )
                        work = secured_measurements(job, spark, connection, arguments.rows)
                        took |= {name: seconds(call) for name, call in work.items()}
                rounds.append({name: took[name] for name in (*plain, *work)})
        finally:
            bench.close()
            spark.stop()
    report(arguments, statistics.median(openings[1:]), rounds[1:])
    return 0


def report(arguments: argparse.Namespace, opening: float, rounds: list[dict[str, float]]) -> None:
    """Print medians of the durations, and of the ratios within rounds."""
    names = sorted(rounds[0], key=lambda name: name.split(":")[0])
    base = {"read": names[0], "write": next(name for name in names if name.startswith("write"))}
    table = []
    for name in names:
        ratios = sorted(durations[name] / durations[base[name.split(":")[0]]] for durations in rounds)
        table.append(
            {
                "measurement": name,
                "seconds": round(statistics.median(durations[name] for durations in rounds), 3),
                "ratio": round(statistics.median(ratios), 2),
                "least": round(ratios[0], 2),
                "most": round(ratios[-1], 2),
            }
        )
    if arguments.json:
        print(
            json.dumps(
                {
                    "rows": arguments.rows,
                    "rounds": arguments.rounds,
                    "opening": opening,
                    "measurements": table,
                },
                indent=2,
            )
        )
        return
    print(f"{arguments.rows:,} rows, {arguments.rounds} rounds, {os.cpu_count()} cores; median (range)")
    print(f"opening a connection, once a run: {opening:.2f} s")
    for row in table:
        spread = f"({row['least']} to {row['most']})"
        print(f"  {row['measurement']:<42}{row['seconds']:>8.3f} s   {row['ratio']:>5.2f} {spread}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
