"""S3 requests of Spark for each object written, by committer.

Each committer is measured in a job of its own in the embedded account, which appends ``--files`` objects
with ``job.write.s3``. Counted are the requests of the S3A client (its statistic ``store_io_request``). The
settings of the directory committer are those that ``docs/scale.md`` recommends. Nothing was measured on AWS.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glue_secure.embedded.jars import Artifact

if TYPE_CHECKING:
    from glue_secure.embedded.account import EmbeddedAccount

SCALE = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
CLOUD: Mapping[str, Artifact] = {
    "3.5": Artifact(
        "org.apache.spark",
        "spark-hadoop-cloud_2.12",
        "3.5.5",
        "7984bfbd83e8dff0d7ee0aed79e6cb916e651ba28b4ecce8a43b97cb669fbe28",
        14_620,
    ),
    "4.1": Artifact(
        "org.apache.spark",
        "spark-hadoop-cloud_2.13",
        "4.1.1",
        "e5b41b43d481510afd0cdc372b593770ddee5a0a348d0744cef6c6cd77a27943",
        22_000,
    ),
}
"""The JAR with Spark's side of S3A's committers, by Spark line. There is none of Spark 3.5.6."""
JOB = """\
import json
from glue_secure import SecureJob
from glue_secure.aws.s3 import S3ObjectStore

own = []
for name in ("first", "list", "encryption"):
    def counted(store, uri, *arguments, original=getattr(S3ObjectStore, name), **options):
        own.append(uri)
        return original(store, uri, *arguments, **options)
    setattr(S3ObjectStore, name, counted)

with SecureJob.from_argv("target", "files") as job:
    spark, files, target = job.spark, int(job.args.files), job.args.target

    def write(location):
        return job.write.s3(spark.range(0, files, 1, files), location, format="parquet")

    def requests():
        path = spark._jvm.org.apache.hadoop.fs.Path(target.replace("s3://", "s3a://"))
        client = path.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf())
        return client.getIOStatistics().counters().get("store_io_request")

    write(target + "warm-up/")
    before = requests()
    own.clear()
    record = write(target + "measured/")
    found = {"requests": requests() - before, "own": len(own), "verified_by": record.verified_by,
             "objects": sum(kind.objects for kind in record.encryption)}
    print("measured: " + json.dumps(found), flush=True)
"""


def recommended() -> tuple[str, ...]:
    """Return the settings of the directory committer, ``NAME=VALUE``, from ``docs/scale.md``."""
    (block,) = re.findall(
        r"```text\n(--conf spark\.hadoop\.fs\.s3a\.committer\.name=.*?)```", SCALE.read_text(), re.S
    )
    return tuple(re.findall(r"--conf (\S+)", block))


def committers() -> dict[str, tuple[str, ...]]:
    """Return the settings of each committer, ``NAME=VALUE``, by its name."""
    algorithm = "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version"
    directory = recommended()
    magic = tuple(one.replace("committer.name=directory", "committer.name=magic") for one in directory)
    return {
        "algorithm 1": (f"{algorithm}=1",),
        "algorithm 2": (f"{algorithm}=2",),
        "magic": magic,
        "directory": directory,
    }


def cloud_jar(account: EmbeddedAccount) -> Path:
    """Return the JAR of Spark's line, from the cache or from Maven Central."""
    from glue_secure.embedded import artifacts
    from glue_secure.embedded.installed_spark import installed_spark

    (jar,) = artifacts.fetch((CLOUD[installed_spark().line],), account.java_home)
    return jar


def written(account: EmbeddedAccount, name: str, settings: Sequence[str], files: int) -> dict[str, Any]:
    """Return Spark's ``requests``, glue-secure's ``own``, ``objects`` and ``verified_by`` of one write.

    Raises:
        RuntimeError: the job failed.
    """
    from glue_secure.embedded import launch
    from glue_secure.embedded.account_setup import CURATED
    from glue_secure.embedded.job_files import SubmitOptions

    job = f"committer-{name.replace(' ', '-')}"
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "job.py")
        script.write_text(JOB)
        words = ["--JOB_NAME", job, "--target", f"s3://{CURATED}/{job}/", "--files", str(files)]
        submit = SubmitOptions(jars=(str(cloud_jar(account)),), conf=tuple(settings))
        done = launch.run(
            launch.prepare(account, script, words, submit=submit),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("measured: ")]
    if done.returncode or len(lines) != 1:
        raise RuntimeError(f"{name}: exit code {done.returncode}\n{done.stdout[-3000:]}")
    found: dict[str, Any] = json.loads(lines[0].removeprefix("measured: "))
    return found


def measure(files: int, report: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return the figures of each committer."""
    from glue_secure.embedded.account_setup import provision
    from glue_secure.embedded.lifecycle import embedded_account

    rows = []
    with embedded_account(progress=report) as account:
        provision(account)
        for name, settings in committers().items():
            row = {"committer": name, "files": files, **written(account, name, settings, files)}
            report(f"{name}: {row['requests']} requests for {row['objects']} objects")
            rows.append(row)
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    rows = measure(options.files, lambda text: print(text, file=sys.stderr, flush=True))
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['committer']:<12} {row['requests'] / row['files']:6.2f} requests an object")


if __name__ == "__main__":
    main()
