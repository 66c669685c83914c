"""One way out at a time, in a run of its own on the shared session and account."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import pytest

from glue_secure.local.clients import clients

CSV = "carrier,delay\nUA,3\nAA,5\n"


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

    def frame(self, rows: int = 3) -> Any:
        return self.spark.range(rows)

    @contextlib.contextmanager
    def hadoop(self, **settings: str) -> Any:
        """Hadoop settings of the context for the length of a block."""
        conf = self.spark.sparkContext._jsc.hadoopConfiguration()
        named = {name.replace("__", "-").replace("_", "."): text for name, text in settings.items()}
        before = {name: conf.get(name) for name in named}
        for name, value in named.items():
            conf.set(name, value)
        try:
            yield
        finally:
            for name, value in before.items():
                conf.unset(name) if value is None else conf.set(name, value)

    def unencrypted(self) -> Any:
        """A block in which Spark writes AES256: another algorithm, and no cached client."""
        return self.hadoop(
            fs_s3a_impl_disable_cache="true", fs_s3a_encryption_algorithm="AES256", fs_s3a_encryption_key=""
        )


@pytest.fixture(scope="session")
def other_key(glue_account):
    """A second customer managed key."""
    return clients(glue_account)("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def way(glue_job, glue_account, foundation, other_key, tmp_path):
    """A run that is open; the test ends it."""
    glue_job.land("a.csv", CSV)
    job = glue_job.job("source", "target")
    # Something is read under a bookmark, so that it would move if the run were to commit.
    job.read.s3(job.args.source, format="csv", transformation_ctx="flights")
    return Way(
        job=job,
        spark=job.spark,
        out=glue_job.target.replace("s3://", "s3a://") + "out",
        bench=glue_job,
        key=foundation.data_key,
        other=other_key,
        aws=clients(glue_account),
        local=tmp_path,
    )
