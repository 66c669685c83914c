"""The table of ways out, and how one is tried."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hadoop_settings import hadoop

from glue_secure import GlueSecureError
from glue_secure.core.errors import ControlError
from glue_secure.embedded.account_setup import CURATED

ROOT = Path(__file__).parents[2]
CSV = "carrier,delay\nUA,3\nAA,5\n"


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"bypass_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = list(load(ROOT / "tools" / "bypass_table.py").cases(ROOT))
RUN_HERE = [case for case in TABLE if not case.test]
MODULES = {
    name: load(ROOT / "tests" / "bypass" / f"{name}.py")
    for name in sorted({case.module for case in RUN_HERE})
}


def attempt(case: Any, way: Any) -> tuple[Exception | None, bool]:
    """Try a way out and end its run: what the run raised, and whether the way itself was refused."""
    return attempt_function(getattr(MODULES[case.module], case.name), way)


def attempt_function(act: Any, way: Any) -> tuple[Exception | None, bool]:
    refused = False
    try:
        with way.job:
            try:
                act(way)
            except ControlError:
                refused = True
                raise
    except GlueSecureError as error:
        return error, refused
    finally:
        for end in getattr(way.bench, "ends", ()):
            end()
    return None, refused


def objects_below(way: Any, *prefixes: str) -> dict[str, list[str]]:
    """Every object below a prefix of the target's bucket: its algorithm and key."""
    s3, found = way.aws("s3"), {}
    for prefix in prefixes:
        for entry in s3.list_objects_v2(Bucket=CURATED, Prefix=prefix).get("Contents", ()):
            head = s3.head_object(Bucket=CURATED, Key=entry["Key"])
            found[entry["Key"]] = [head.get("ServerSideEncryption", ""), head.get("SSEKMSKeyId", "")]
    return found


def all_is_encrypted_and_shown(way: Any) -> None:
    """Every object is under the key, and stands in the evidence of a run that succeeded."""
    evidence = way.bench.evidence()[-1]
    objects = way.bench.objects()
    assert evidence["outcome"] == "succeeded"
    assert {(seen["algorithm"], seen["key"]) for seen in objects.values()} <= {("aws:kms", way.key)}
    shown = {found["uri"] for write in evidence["writes"] for found in write["objects"]}
    # S3A's marker of the folder above the target is empty, and no part of a write.
    written = {name for name in objects if "-in/" not in name and not name.endswith("/")}
    missing = {f"s3://{way.bucket}/{name}" for name in written} - shown
    assert not missing, missing


@dataclass
class Way:
    """What a way out has to work with.

    Attributes:
        job: the run, open.
        spark: its session.
        out: ``s3a://`` place that is the run's own, nothing lies there yet.
        bench: the job's bench.
        key: the ARN that every object must be under.
        other: another usable key of the account.
        aws: boto3 clients that nobody guards, by service.
        local: a folder on this machine.
    """

    job: Any
    spark: Any
    out: str
    bench: Any
    key: str
    other: str
    aws: Any
    local: Any

    @property
    def bucket(self) -> str:
        return self.out.split("/")[2]

    @property
    def prefix(self) -> str:
        return self.out.split("/", 3)[3]

    @property
    def table(self) -> str:
        """A table's name that is the run's own."""
        return "t_" + self.bench.name.replace("-", "_")

    def frame(self, rows: int = 3) -> Any:
        return self.spark.range(rows)

    def hadoop(self, **settings: str) -> Any:
        """A block with Hadoop settings of the context: ``fs_s3a_x__y`` is ``fs.s3a.x-y``."""
        return hadoop(
            self.spark,
            **{name.replace("__", "-").replace("_", "."): text for name, text in settings.items()},
        )

    def unencrypted(self) -> Any:
        """A block in which Spark writes AES256: another algorithm, and no cached client."""
        return self.hadoop(
            fs_s3a_impl_disable_cache="true", fs_s3a_encryption_algorithm="AES256", fs_s3a_encryption_key=""
        )


def open_way(bench, aws, key, other, local):
    bench.land("a.csv", CSV)
    job = bench.job("source", "target")
    # Something is read under a bookmark, so that it would move if the run were to commit.
    job.read.s3(job.args.source, format="csv", transformation_ctx="flights")
    return Way(
        job=job,
        spark=job.spark,
        out=bench.target.replace("s3://", "s3a://") + "out",
        bench=bench,
        key=key,
        other=other,
        aws=aws,
        local=local,
    )
