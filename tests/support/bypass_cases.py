"""The table of bypass attempts, and the functions that run one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import bypass_table
from hadoop_settings import hadoop

from glue_secure import GlueSecureError
from glue_secure.core.errors import ControlError
from glue_secure.embedded.account_setup import CURATED

ROOT = Path(__file__).parents[2]
CSV = "carrier,delay\nUA,3\nAA,5\n"
TABLE = list(bypass_table.cases(ROOT))
ATTEMPTS = [case for case in TABLE if not case.test]
"""The cases whose function is in ``tests/bypass``; other tests cover the rest of the table."""


def attempt(case: Any, bypass: BypassCase) -> tuple[Exception | None, bool]:
    """Run the function of a case; see :func:`attempt_function`."""
    return attempt_function(getattr(import_module(f"{case.module}_attempts"), case.name), bypass)


def attempt_function(
    function: Callable[[BypassCase], object], bypass: BypassCase
) -> tuple[Exception | None, bool]:
    """Call a function in a run, and end the run.

    Returns:
        The error that ended the run, and whether the function itself raised it.
    """
    rejected = False
    try:
        with bypass.job:
            try:
                function(bypass)
            except ControlError:
                rejected = True
                raise
    except GlueSecureError as error:
        return error, rejected
    finally:
        for end in getattr(bypass.bench, "ends", ()):
            end()
    return None, rejected


def objects_below(bypass: BypassCase, *prefixes: str) -> dict[str, list[str]]:
    """Return algorithm and key of every object below prefixes of the target's bucket."""
    s3, objects = bypass.aws("s3"), {}
    for prefix in prefixes:
        for entry in s3.list_objects_v2(Bucket=CURATED, Prefix=prefix).get("Contents", ()):
            head = s3.head_object(Bucket=CURATED, Key=entry["Key"])
            objects[entry["Key"]] = [head.get("ServerSideEncryption", ""), head.get("SSEKMSKeyId", "")]
    return objects


def assert_encrypted_and_recorded(bypass: BypassCase) -> None:
    """Assert that the run succeeded, every object is under the key, and the evidence lists every object."""
    evidence = bypass.bench.evidence()[-1]
    objects = bypass.bench.objects()
    assert evidence["outcome"] == "succeeded"
    assert {(entry["algorithm"], entry["key"]) for entry in objects.values()} <= {("aws:kms", bypass.key)}
    recorded = {entry["uri"] for write in evidence["writes"] for entry in write["objects"]}
    # S3A's marker of the folder above the target is empty, and not part of a write.
    written = {name for name in objects if "-in/" not in name and not name.endswith("/")}
    missing = {f"s3://{bypass.bucket}/{name}" for name in written} - recorded
    assert not missing, missing


@dataclass
class BypassCase:
    """What a bypass attempt works with.

    Attributes:
        job: the started run.
        spark: its session.
        out: an empty ``s3a://`` location that only this run uses.
        bench: the job's test harness.
        key: the ARN that every object must be encrypted under.
        other: another usable key of the account.
        aws: service → boto3 client outside glue-secure.
        local: a folder on this machine.
        client_made_before: an S3 client of the script that was made before the run started.
    """

    job: Any
    spark: Any
    out: str
    bench: Any
    key: str
    other: str
    aws: Any
    local: Any
    client_made_before: Any

    @property
    def bucket(self) -> str:
        return self.out.split("/")[2]

    @property
    def prefix(self) -> str:
        return self.out.split("/", 3)[3]

    @property
    def table(self) -> str:
        """A table's name that only this run uses."""
        return "t_" + self.bench.name.replace("-", "_")

    def frame(self, rows: int = 3) -> Any:
        return self.spark.range(rows)

    def hadoop(self, **settings: str) -> Any:
        """Set Hadoop settings for a block: ``fs_s3a_x__y`` is ``fs.s3a.x-y``."""
        return hadoop(
            self.spark,
            **{name.replace("__", "-").replace("_", "."): text for name, text in settings.items()},
        )

    def unencrypted(self) -> Any:
        """Let Spark write with AES256 in a block: another algorithm, and no cached client."""
        return self.hadoop(
            fs_s3a_impl_disable_cache="true", fs_s3a_encryption_algorithm="AES256", fs_s3a_encryption_key=""
        )


def open_bypass(bench, aws, key, other, local) -> BypassCase:
    """Start a run that has read under a bookmark, so that a commit would move the bookmark."""
    bench.land("a.csv", CSV)
    client_made_before = boto3.session.Session().client("s3")
    job = bench.job("source", "target")
    job.read.s3(job.args.source, format="csv", bookmark="flights")
    return case_of(bench, aws, key, other, local, job, client_made_before)


def case_of(bench, aws, key, other, local, job=None, client_made_before=None) -> BypassCase:
    """Return what an attempt works with; without a ``job``, before or after a run."""
    return BypassCase(
        job=job,
        spark=bench.spark,
        out=bench.target.replace("s3://", "s3a://") + "out",
        bench=bench,
        key=key,
        other=other,
        aws=aws,
        local=local,
        client_made_before=client_made_before,
    )
