"""Overhead of glue-secure: one job with SecureJob and in plain PySpark, timed in pairs.

Both sides run the job of ``jobs/flights_curated.py``: its own ``delays``, over the same objects in the
embedded account's landing bucket and the same three tables over verified TLS, written as Parquet with the
same KMS key. The plain side is a hand-written job: ``fs.s3a.encryption.*`` in the Hadoop configuration,
``spark.read.csv`` of the landing prefix, ``sslmode=verify-full`` with the CA's file, ``df.write.parquet``. It
is given the password, so fetching it is not in its time.

Method. One Spark session serves both sides, so no figure contains the start of a JVM. Warm-up runs of each
side come first and are not counted. Their output is compared (rows, and encryption of every object), so that
the timed runs do the same work. Then pairs follow: plain and secured, with the order swapped from pair to
pair. Each run writes to its own prefix, which is emptied afterwards, because listings of the embedded account
become slower with more objects. Each secured run belongs to its own new job, so that its bookmark selects
everything. Only ratios within a pair are compared, because temporary load affects both sides of a pair.

The wall time of a secured run has these parts:

    start       preflight, settings, bookmark (from the evidence) and clients: the rest, which creates boto3
                clients and adds the query listener to the session
    body        from the first read to the return of the write:
                list (the source for the bookmark, and the target before the write), connect (TLS probe and
                session check), verify (list and HEAD of the new objects), all from the evidence
                job proper: everything else
    end         commit (from the evidence) and evidence: the rest

The job proper is read, join and write, and every check that is not in a phase above: reading the settings
back before each read and before the write, checking the file system client and the optimised plan, and
counting rows. It also reads the objects that the bookmark selected by name, where the plain side reads a
prefix; ``--by-name`` removes this difference. The job proper is compared with the whole plain run, which has
no other parts. The other phases take real time too, so a second ratio compares the whole runs.

Nothing was measured on AWS: the control plane, KMS and S3 run on the same machine.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairs import Pair, Plain, Result, Secured, document, plain_first, render

if TYPE_CHECKING:
    from glue_secure.core.identifiers import S3Uri
    from glue_secure.embedded.account import EmbeddedAccount
    from glue_secure.embedded.seed import FlightsSeed

JOB = Path(__file__).resolve().parent.parent / "jobs" / "flights_curated.py"
TABLES = ("airlines", "airports", "planes")
PARTITIONS = ("year", "month")
FETCH_SIZE = 10_000  # the default of job.read.jdbc


def months_of(text: str) -> tuple[int, ...]:
    """Parse ``1-11`` or ``1,2,12`` to months, sorted and without duplicates.

    Raises:
        ValueError: the text names no month, or a number that is not a month.
    """
    months: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        months.update(range(int(first), int(last if dash else first) + 1))
    if not months or not months <= set(range(1, 13)):
        raise ValueError(f"months from 1 to 12, not {text!r}")
    return tuple(sorted(months))


class Bench:
    """Both sides of the comparison, on one embedded account and one Spark session.

    Args:
        account: a running account; the process environment is set for it.
        seeded: its data.
        spark: the session.
        delays: the function of the job script.
        by_name: whether the plain side reads the objects by name, as glue-secure does, instead of a prefix.
    """

    def __init__(
        self,
        *,
        account: EmbeddedAccount,
        seeded: FlightsSeed,
        spark: Any,
        delays: Callable[..., Any],
        by_name: bool = False,
    ) -> None:
        from glue_secure.embedded.clients import clients

        self._account, self._seeded, self._spark, self._delays = account, seeded, spark, delays
        self._clients = clients(account)
        secret = self._clients("secretsmanager").get_secret_value(SecretId=seeded.secret_arn)
        self._login: Mapping[str, str] = json.loads(secret["SecretString"])
        self._sources = self._listed(seeded.source) if by_name else [seeded.source]
        self._runs = 0
        self.rows = sum(rows for _, rows in seeded.rows)

    def check(self) -> None:
        """Run both sides once and compare what they wrote.

        Raises:
            RuntimeError: rows, number of objects or encryption differ, or an object does not have the key.
        """
        plain, secured = self._target("plain"), self._target("secured")
        self._run_plain(plain)
        self._run_secured(secured)
        rows = [self._rows(target) for target in (plain, secured)]
        objects = [self._encryption(target) for target in (plain, secured)]
        self._empty(plain)
        self._empty(secured)
        if rows[0] != rows[1] or not rows[0]:
            raise RuntimeError(f"plain wrote {rows[0].total()} rows, secured {rows[1].total()}, not the same")
        expected = {("aws:kms", self._seeded.provisioned.data_key)}
        if objects[0] != objects[1] or set(objects[0]) != expected:
            raise RuntimeError(f"plain wrote {objects[0]}, secured {objects[1]}, expected {expected}")

    def _rows(self, target: str) -> Counter[Any]:
        """Return the rows below a target, or figures that differ if the rows do."""
        return Counter(self._spark.read.parquet(_s3a(target)).collect())

    def pair(self, *, plain_first: bool) -> Pair:
        """Time one run of each side."""
        if plain_first:
            plain = self.plain()
            secured = self.secured()
        else:
            secured = self.secured()
            plain = self.plain()
        return Pair(plain, secured, plain_first, load_average())

    def plain(self) -> Plain:
        """Time the job in plain PySpark."""
        target = self._target("plain")
        self._collect_garbage()
        run = self._run_plain(target)
        self._empty(target)
        return run

    def secured(self) -> Secured:
        """Time the job with SecureJob."""
        target = self._target("secured")
        self._collect_garbage()
        run = self._run_secured(target)
        self._empty(target)
        return run

    def _run_plain(self, target: str) -> Plain:
        server = self._account.postgres
        started = time.perf_counter()
        hadoop = self._spark.sparkContext._jsc.hadoopConfiguration()
        hadoop.set("fs.s3a.encryption.algorithm", "SSE-KMS")
        hadoop.set("fs.s3a.encryption.key", self._seeded.provisioned.data_key)
        flights = self._spark.read.csv([_s3a(source) for source in self._sources], header=True)
        airlines, airports, planes = (
            self._spark.read.format("jdbc")
            .options(
                url=f"jdbc:postgresql://{server.host}:{server.port}/{server.database}",
                driver="org.postgresql.Driver",
                dbtable=table,
                fetchsize=FETCH_SIZE,
                user=self._login["username"],
                password=self._login["password"],
                ssl="true",
                sslmode="verify-full",
                sslrootcert=str(self._account.ca_pem),
            )
            .load()
            for table in TABLES
        )
        curated = self._delays(flights, airlines, airports, planes).repartition(*PARTITIONS)
        writing = time.perf_counter()
        curated.write.mode("append").partitionBy(*PARTITIONS).parquet(_s3a(target))
        ended = time.perf_counter()
        return Plain(total=ended - started, write=ended - writing)

    def _run_secured(self, target: str) -> Secured:
        from glue_secure import SecureJob

        argv = self._arguments_of_new_run(target)
        begin = time.perf_counter()
        with SecureJob.from_argv("source", "target", "connection", argv=argv, spark=self._spark) as job:
            initialised = time.perf_counter()
            flights = job.read.s3(job.args.source, format="csv", bookmark="flights")
            airlines, airports, planes = (
                job.read.jdbc(connection=job.args.connection, table=table, fetch_size=FETCH_SIZE)
                for table in TABLES
            )
            curated = self._delays(flights, airlines, airports, planes).repartition(*PARTITIONS)
            job.write.s3(curated, job.args.target, format="parquet", partition_by=PARTITIONS)
            written = time.perf_counter()
        ended = time.perf_counter()
        return Secured.of(
            start=initialised - begin,
            body=written - initialised,
            end=ended - written,
            phases=self._seconds(job.evidence_uri),
        )

    def _arguments_of_new_run(self, target: str) -> list[str]:
        """Register a new job, start a run of it, and return the arguments that Glue would pass."""
        from glue_secure.embedded import seed

        name = target.rstrip("/").rpartition("/")[2]
        job = seed.ensure_job(self._account, name)
        run = self._clients("glue").start_job_run(JobName=name)
        values = {
            **job["DefaultArguments"],
            "--JOB_NAME": name,
            "--JOB_RUN_ID": run["JobRunId"],
            "--SECURITY_CONFIGURATION": job["SecurityConfiguration"],
            "--source": self._seeded.source,
            "--target": target,
            "--connection": self._seeded.connection,
        }
        return [JOB.name, *(word for pair in values.items() for word in pair)]

    def _seconds(self, evidence: S3Uri | None) -> dict[str, float]:
        if evidence is None:
            raise RuntimeError("the secured run wrote no evidence")
        body = self._clients("s3").get_object(Bucket=evidence.bucket, Key=evidence.key)["Body"].read()
        return {name: float(value) for name, value in json.loads(body)["seconds"].items()}

    def _target(self, side: str) -> str:
        self._runs += 1
        return f"s3://{self._seeded.curated}/bench-{side}-{self._runs}/"

    def _listed(self, location: str) -> list[str]:
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        pages = self._clients("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [f"s3://{bucket}/{entry['Key']}" for page in pages for entry in page.get("Contents", ())]

    def _encryption(self, target: str) -> Counter[tuple[str, str]]:
        s3 = self._clients("s3")
        heads = [s3.head_object(**_bucket_and_key(location)) for location in self._listed(target)]
        return Counter((head["ServerSideEncryption"], head["SSEKMSKeyId"]) for head in heads)

    def _empty(self, target: str) -> None:
        for location in self._listed(target):
            self._clients("s3").delete_object(**_bucket_and_key(location))

    def _collect_garbage(self) -> None:
        """Collect garbage, so that a run does not spend time on the previous one."""
        gc.collect()
        self._spark._jvm.java.lang.System.gc()


def load_average() -> float:
    """Return the machine's load average over the last minute."""
    return round(os.getloadavg()[0], 2)


def _bucket_and_key(location: str) -> dict[str, str]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


def _s3a(location: str) -> str:
    return "s3a" + location.removeprefix("s3")


def job_script(path: Path = JOB) -> Any:
    """Import the job script, for its ``delays``."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def bench(
    months: Sequence[int],
    report: Callable[[str], None],
    *,
    by_name: bool = False,
    create: Callable[..., Bench] = Bench,
) -> Iterator[Bench]:
    """Yield a bench on a new embedded account.

    The process environment is set for the account and not restored.

    Args:
        months: of the input.
        report: called with messages.
        by_name: as in :class:`Bench`.
        create: returns the bench; it gets the arguments of :class:`Bench`.
    """
    from glue_secure.embedded import environment, lifecycle, seed

    with lifecycle.embedded_account(progress=report) as account:
        variables = environment.overlay(os.environ, account)
        os.environ.clear()
        os.environ.update(variables)
        seeded = seed.seed_flights(account, months=months, progress=report)
        from pyspark.sql import SparkSession

        report("starting Spark")
        spark = (
            SparkSession.builder.appName("glue-secure bench")
            .config("spark.glueSecure.outsideRuns", "allow")  # the plain side writes without a run
            .getOrCreate()
        )
        try:
            delays = job_script().delays
            yield create(account=account, seeded=seeded, spark=spark, delays=delays, by_name=by_name)
        finally:
            spark.stop()


def measure(
    months: Sequence[int],
    *,
    pairs: int,
    warm_ups: int,
    by_name: bool,
    report: Callable[[str], None],
    create: Callable[..., Bench] = Bench,
) -> Result:
    """Run the warm-ups, compare the output of both sides, and time the pairs."""
    load = load_average()
    with bench(months, report, by_name=by_name, create=create) as sides:
        for number in range(1, warm_ups + 1):
            report(f"warm-up {number} of {warm_ups}")
            sides.check()
        measured: list[Pair] = []
        for number in range(pairs):
            pair = sides.pair(plain_first=plain_first(number))
            measured.append(pair)
            report(
                f"pair {number + 1} of {pairs}, {'plain' if pair.plain_first else 'secured'} first: "
                f"plain {pair.plain.total:.2f} s, job proper {pair.secured.proper:.2f} s of "
                f"{pair.secured.total:.2f} s, ratio {pair.proper:.3f}, load {pair.load:.1f}"
            )
        return Result(tuple(months), sides.rows, by_name, os.cpu_count() or 1, load, tuple(measured))


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse ``pairs``, ``warm_ups`` (int), ``months`` (tuple), ``by_name`` and ``json`` (bool)."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=_at_least_one, default=7, help="pairs to time (default 7)")
    parser.add_argument(
        "--warm-ups", type=_at_least_one, default=3, help="runs of each side before them (default 3)"
    )
    parser.add_argument(
        "--months", type=months_of, default=months_of("1-11"), help="of 2013: 1-11 (the default) or 1,2,12"
    )
    parser.add_argument(
        "--by-name",
        action="store_true",
        help="let the plain side read each object by name, as glue-secure does",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(words)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def main() -> None:
    """Measure and print. The exit code is 0 for every result."""
    arguments = options()

    def report(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    result = measure(
        arguments.months,
        pairs=arguments.pairs,
        warm_ups=arguments.warm_ups,
        by_name=arguments.by_name,
        report=report,
    )
    print(json.dumps(document(result), indent=2) if arguments.json else render(result))


if __name__ == "__main__":
    main()
