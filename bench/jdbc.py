"""What JDBC costs and gains here: verified TLS with this project's defaults, against Spark's own JDBC source.

Both sides talk to the embedded account's PostgreSQL over TLS, with full verification; rows are read into
Spark's ``noop`` sink and written to a table of their own. Every round runs each way once, in an order that
turns, and only ratios within a round are compared. Opening a connection (preflight, secret, session check) is
timed apart: a run pays it once for each connection.

Nothing here was measured on AWS, and the server shares this machine's cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

TABLE, TARGET = "bench_rows", "bench_written"
READS = {
    "Spark, driver's own fetch size": {},
    "Spark, fetchsize 10 (Oracle's own)": {"fetchsize": "10"},
    "Spark, fetchsize 10000": {"fetchsize": "10000"},
}
PARTS = 2


def seconds(work: Callable[[], Any]) -> float:
    """How long it took."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def swallow(frame: Any) -> None:
    """Read every row, and keep none."""
    frame.write.format("noop").mode("overwrite").save()


def ways(
    job: Any, spark: Any, native: dict[str, str], connection: str, rows: int
) -> dict[str, Callable[[], Any]]:
    """Name to one piece of work; the first read and the first write are what others are compared with."""

    def plain_read(**more: str) -> None:
        swallow(spark.read.format("jdbc").options(**native, **more, dbtable=TABLE).load())

    def guarded_read(**options: str) -> None:
        swallow(job.read.jdbc(connection=connection, table=TABLE, options=options))

    def plain_write() -> None:
        frame(spark, rows).write.format("jdbc").options(**native, dbtable=f"{TARGET}_plain").mode(
            "append"
        ).save()

    def guarded_write() -> None:
        job.write.jdbc(frame(spark, rows), connection=connection, table=f"{TARGET}_guarded")

    found: dict[str, Callable[[], Any]] = {}
    for name, more in READS.items():
        found[f"read: {name}"] = lambda more=more: plain_read(**more)
    found["read: here"] = guarded_read
    found[f"read: here, {PARTS} parts by hash"] = lambda: guarded_read(
        hashfield="id", hashpartitions=str(PARTS)
    )
    found["write: Spark's own"] = plain_write
    found["write: here"] = guarded_write
    return found


def frame(spark: Any, rows: int) -> Any:
    """A frame of so many rows: a number, a text, a fraction."""
    return spark.range(rows).selectExpr("id", "concat('row ', id) as text", "id * 1.5 as number")


def main(words: list[str]) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    os.environ["GLUE_SECURE_RUNTIME"] = "spark"
    from pyspark.sql import SparkSession

    from glue_secure.local import environment, seed
    from glue_secure.local.clients import clients
    from glue_secure.local.lifecycle import embedded_account
    from glue_secure.testing.bench import JobBench

    with embedded_account() as account:
        settings = environment.overlay(os.environ, account)
        os.environ.clear()
        os.environ.update(settings)
        seed.seed_flights(account, months=())
        server = account.postgres
        # The account's own login reads only; the bench writes, too.
        login = json.dumps({"username": server.user, "password": server.password})
        clients(account)("secretsmanager").put_secret_value(SecretId=seed.SECRET, SecretString=login)
        native = {
            "url": f"jdbc:postgresql://{server.host}:{server.port}/{server.database}",
            "driver": "org.postgresql.Driver",
            "user": server.user,
            "password": server.password,
            "sslmode": "verify-full",
            "sslrootcert": str(account.ca_pem),
        }
        spark = SparkSession.builder.appName("bench of JDBC").getOrCreate()
        bench = JobBench(account=account, spark=spark, name="bench-jdbc")
        try:
            with bench.job() as job:
                opening = seconds(lambda: job.read.jdbc(connection=seed.CONNECTION, table="airlines"))
                job.write.jdbc(frame(spark, given.rows), connection=seed.CONNECTION, table=TABLE)
                work = ways(job, spark, native, seed.CONNECTION, given.rows)
                for one in work.values():
                    one()
                rounds = []
                for number in range(given.rounds):
                    names = list(work)
                    turned = names[number % len(names) :] + names[: number % len(names)]
                    took = {name: seconds(work[name]) for name in turned}
                    rounds.append({name: took[name] for name in names})
        finally:
            bench.close()
            spark.stop()
    report(given, opening, rounds)
    return 0


def report(given: argparse.Namespace, opening: float, rounds: list[dict[str, float]]) -> None:
    """Medians of the seconds, and of the ratios within rounds."""
    names = list(rounds[0])
    base = {"read": names[0], "write": next(name for name in names if name.startswith("write"))}
    table = [
        {
            "way": name,
            "seconds": round(statistics.median(one[name] for one in rounds), 3),
            "ratio": round(statistics.median(one[name] / one[base[name.split(":")[0]]] for one in rounds), 2),
        }
        for name in names
    ]
    if given.json:
        print(
            json.dumps(
                {"rows": given.rows, "rounds": given.rounds, "opening": opening, "ways": table}, indent=2
            )
        )
        return
    print(f"{given.rows:,} rows, {given.rounds} rounds, {os.cpu_count()} cores; medians")
    print(f"opening a connection, once a run: {opening:.2f} s")
    for row in table:
        print(f"  {row['way']:<42}{row['seconds']:>8.3f} s   {row['ratio']:>5.2f}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
