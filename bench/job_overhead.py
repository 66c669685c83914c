"""What the guard costs: one job secured by glue_secure and in plain PySpark, in pairs.

Both sides run the job of ``jobs/flights_curated.py``: its own ``delays``, over the same objects in the
embedded account's landing bucket and the same three tables over verified TLS, written as Parquet under
the same KMS key. The plain side is what one writes by hand: ``fs.s3a.encryption.*`` on the Hadoop
configuration, ``spark.read.csv`` of the landing prefix, ``sslmode=verify-full`` with the authority's file,
``df.write.parquet``. The password is handed to it; fetching it is not in its time.

Method. One Spark session serves both, so that no JVM start is in any figure. Warm-up runs of each side
come first and are not counted; what they write is compared, rows and encryption of every object, so that
equal things are timed. Then pairs: plain and secured one after the other, the order swapped from pair to
pair. Each run writes to a prefix of its own, emptied afterwards, because the embedded account lists more
slowly the more it holds. Each secured run is the first of a job of its own, so that its bookmark selects
everything. Only ratios within a pair are compared: a load that comes and goes hits both of its sides.

What a secured run's wall time is made of:

    start       preflight, settings, bookmark (from the evidence) and clients: the rest of it, which is
                making boto3 clients and hanging the row meter on the session
    body        from the first read to the write's return:
                list (of the source for the bookmark, and of the target before the write), connect (TLS
                probe and session check), verify (list and HEAD of what was written), all from the evidence
                job proper: everything else
    end         commit (from the evidence) and evidence: the rest of it

The job proper is read, join and write, together with all of the guard that no phase above names: the
settings read back before each read and before the write, the look at the file system client, the look at
the optimised plan, counting rows; and reading the objects that the bookmark selected by their names, where
the plain side reads a prefix (``--by-name`` takes this difference out). It is compared with the whole of
the plain run, which has only that.
What the guard does apart from it is real time too, hence the second ratio, over the whole run.

Nothing here was measured on AWS: control plane, KMS and S3 answer from this machine's own cores.
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
FETCH_SIZE = 10_000  # what the short door asks for by default


def months_of(text: str) -> tuple[int, ...]:
    """``1-11`` or ``1,2,12`` as months, in order, each once.

    Raises:
        ValueError: it names no month, or something that is none.
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
        account: a running account, this process's environment pointing at it.
        seeded: what it was filled with.
        spark: the session.
        delays: of the job script.
        by_name: the plain side reads the objects by name, as the guard does, not their prefix.
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

    def check(self) -> None:
        """Run both sides once and compare what they wrote.

        Raises:
            RuntimeError: other rows, another number of objects, or an object that is not under the key.
        """
        plain, secured = self._target("plain"), self._target("secured")
        self._run_plain(plain)
        self._run_secured(secured)
        rows = [Counter(self._spark.read.parquet(_s3a(target)).collect()) for target in (plain, secured)]
        objects = [self._encryption(target) for target in (plain, secured)]
        self._empty(plain)
        self._empty(secured)
        if rows[0] != rows[1] or not rows[0]:
            raise RuntimeError(f"plain wrote {rows[0].total()} rows, secured {rows[1].total()}, not the same")
        wanted = {("aws:kms", self._seeded.provisioned.data_key)}
        if objects[0] != objects[1] or set(objects[0]) != wanted:
            raise RuntimeError(f"plain wrote {objects[0]}, secured {objects[1]}, wanted {wanted}")

    def pair(self, *, plain_first: bool) -> Pair:
        """One run of each, timed."""
        if plain_first:
            plain = self.plain()
            secured = self.secured()
        else:
            secured = self.secured()
            plain = self.plain()
        return Pair(plain, secured, plain_first, load_average())

    def plain(self) -> Plain:
        """The job in plain PySpark."""
        target = self._target("plain")
        self._settle()
        run = self._run_plain(target)
        self._empty(target)
        return run

    def secured(self) -> Secured:
        """The job secured."""
        target = self._target("secured")
        self._settle()
        run = self._run_secured(target)
        self._empty(target)
        return run

    def _run_plain(self, target: str) -> Plain:
        server = self._account.postgres
        begun = time.perf_counter()
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
        return Plain(total=ended - begun, write=ended - writing)

    def _run_secured(self, target: str) -> Secured:
        from glue_secure import SecureJob

        argv = self._started(target)
        begun = time.perf_counter()
        with SecureJob.from_argv("source", "target", "connection", argv=argv, spark=self._spark) as job:
            started = time.perf_counter()
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
            start=started - begun,
            body=written - started,
            end=ended - written,
            noted=self._seconds(job.evidence_uri),
        )

    def _started(self, target: str) -> list[str]:
        """Register a job of its own, start a run of it as Glue would, and give the script's arguments."""
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
            raise RuntimeError("the secured run left no evidence")
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
        heads = [s3.head_object(**_place(location)) for location in self._listed(target)]
        return Counter((head["ServerSideEncryption"], head["SSEKMSKeyId"]) for head in heads)

    def _empty(self, target: str) -> None:
        for location in self._listed(target):
            self._clients("s3").delete_object(**_place(location))

    def _settle(self) -> None:
        """Collect garbage now, so that no run pays for the one before it."""
        gc.collect()
        self._spark._jvm.java.lang.System.gc()


def load_average() -> float:
    """Of this machine, over the last minute."""
    return round(os.getloadavg()[0], 2)


def _place(location: str) -> dict[str, str]:
    bucket, _, key = location.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


def _s3a(location: str) -> str:
    return "s3a" + location.removeprefix("s3")


def job_script(path: Path = JOB) -> Any:
    """The job script as a module, for its ``delays``."""
    found = importlib.util.spec_from_file_location(path.stem, path)
    if found is None or found.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@contextmanager
def bench(
    months: Sequence[int], say: Callable[[str], None], *, by_name: bool = False
) -> Iterator[tuple[Bench, int]]:
    """A bench on a fresh embedded account, and the rows of its input.

    This process's environment is made the account's; nothing puts it back.
    """
    from glue_secure.embedded import environment, lifecycle, seed

    with lifecycle.embedded_account(progress=say) as account:
        wanted = environment.overlay(os.environ, account)
        os.environ.clear()
        os.environ.update(wanted)
        seeded = seed.seed_flights(account, months=months, progress=say)
        from pyspark.sql import SparkSession

        say("starting Spark")
        spark = SparkSession.builder.appName("glue-secure bench").getOrCreate()
        try:
            delays = job_script().delays
            made = Bench(account=account, seeded=seeded, spark=spark, delays=delays, by_name=by_name)
            yield made, sum(rows for _, rows in seeded.rows)
        finally:
            spark.stop()


def measure(
    months: Sequence[int], *, pairs: int, warm_ups: int, by_name: bool, say: Callable[[str], None]
) -> Result:
    """Warm up, compare what the sides write, and time the pairs."""
    load = load_average()
    with bench(months, say, by_name=by_name) as (sides, rows):
        for number in range(1, warm_ups + 1):
            say(f"warm-up {number} of {warm_ups}")
            sides.check()
        done: list[Pair] = []
        for number in range(pairs):
            pair = sides.pair(plain_first=plain_first(number))
            done.append(pair)
            say(
                f"pair {number + 1} of {pairs}, {'plain' if pair.plain_first else 'secured'} first: "
                f"plain {pair.plain.total:.2f} s, job proper {pair.secured.proper:.2f} s of "
                f"{pair.secured.total:.2f} s, ratio {pair.proper:.3f}, load {pair.load:.1f}"
            )
        return Result(tuple(months), rows, by_name, os.cpu_count() or 1, load, tuple(done))


def options(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line: ``pairs``, ``warm_ups`` (int), ``months`` (tuple), ``by_name``, ``json`` (bool)."""
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
        help="let the plain side read each object by name, as the guard does",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(words)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def main() -> None:
    """Measure and print. The result decides nothing: the exit code is 0 whatever it is."""
    chosen = options()

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    result = measure(
        chosen.months, pairs=chosen.pairs, warm_ups=chosen.warm_ups, by_name=chosen.by_name, say=say
    )
    print(json.dumps(document(result), indent=2) if chosen.json else render(result))


if __name__ == "__main__":
    main()
