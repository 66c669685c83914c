"""A test harness for one job: upload files, run the job, and read its objects, results and evidence."""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from glue_secure.core.identifiers import S3Uri
from glue_secure.core.job_parameters import JOB_PARAMETERS
from glue_secure.embedded import seed
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.account_setup import (
    BOOKMARKS_URI,
    CURATED,
    DATA_ALIAS,
    EVIDENCE,
    EVIDENCE_URI,
    LANDING,
    ensure_key,
)
from glue_secure.embedded.clients import clients
from glue_secure.embedded.definitions import create_bucket
from glue_secure.engines.spark import data_catalog
from glue_secure.run import process_hooks
from glue_secure.secure_job import JobValues, SecureJob

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_PARAMETERS = frozenset(parameter.name for parameter in JOB_PARAMETERS)


class JobTestHarness:
    """One job in the embedded account. Its prefixes are not shared with another harness.

    Args:
        account: a running embedded account.
        spark: a Spark session that uses the account.
        name: the job's name, which is also the prefix of its source and target.

    Attributes:
        name: the job's name.
        source: ``s3://`` location for uploaded files.
        target: ``s3://`` location for the job's output.
        account: the embedded account.
        spark: the Spark session.
    """

    def __init__(self, *, account: EmbeddedAccount, spark: SparkSession, name: str) -> None:
        self.account, self.spark, self.name = account, spark, name
        self.source = f"s3://{LANDING}/{name}/"
        self.target = f"s3://{CURATED}/{name}/"
        self._clients = clients(account)
        self._jobs: list[SecureJob[JobValues]] = []
        seed.ensure_job(account, name)
        # RDD.toDF uses the session that was created last, which may be one of an earlier test.
        type(spark)(spark.sparkContext, spark._jsparkSession)

    @cached_property
    def bucket(self) -> str:
        """Name of a bucket that only this job uses, for scripts that take a bucket. Created on first use."""
        bucket = re.sub(r"[^a-z0-9-]", "-", self.name.lower()).strip("-").ljust(3, "0")[:63]
        create_bucket(self.account, bucket)
        return bucket

    def land(self, name: str, content: str | bytes) -> str:
        """Upload an object with SSE-KMS, and return its location.

        Args:
            name: of the object below the source, with folders if needed, or its location: ``s3://...``.
            content: of the object.
        """
        # S3Uri rejects keys with "//", which S3 accepts and a test may need.
        bucket, _, key = _below(self.source, name).removeprefix("s3://").partition("/")
        body = content.encode() if isinstance(content, str) else content
        self._clients("s3").put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self._data_key,
        )
        return f"s3://{bucket}/{key}"

    @cached_property
    def _data_key(self) -> str:
        # One call; provision() would check each key, bucket and setting of the account for each object.
        return ensure_key(self.account, DATA_ALIAS, "objects in S3")

    def argv(self, **arguments: str) -> list[str]:
        """Return ``sys.argv`` for a run of the job: default arguments, overridden by ``arguments``.

        An argument of Glue or glue-secure gets its dashes: ``enable_glue_datacatalog="true"``. The names of
        the script's own arguments do not change.
        """
        values = {
            "JOB_NAME": self.name,
            "source": self.source,
            "target": self.target,
            "job-bookmark-option": "job-bookmark-enable",
            "glue-secure-bookmark-uri": BOOKMARKS_URI,
            "glue-secure-evidence-uri": EVIDENCE_URI,
        }
        values |= {_with_dashes(name): text for name, text in arguments.items()}
        return ["job.py", *(word for name, text in values.items() for word in (f"--{name}", text))]

    def job(self, *names: str, **arguments: str) -> SecureJob[JobValues]:
        """Return a run of the job with the SecureJob API, to be used in a ``with`` block."""
        job = SecureJob.from_argv(*names, argv=self.argv(**arguments), spark=self.spark)
        self._jobs.append(job)
        return job

    def run_script(self, script: str | Path, **arguments: str) -> dict[str, Any]:
        """Run a job script in this process, and return its global variables.

        Imports of awsglue give glue-secure, and ``sys.argv`` is ``argv``. The script starts its run with
        ``job.init`` or SecureJob. If it does not end the run, the run is closed. A call that stops Spark has
        no effect, because the tests share the session, and ``SparkContext()`` gives the context of the
        session, whose settings do not change. With ``enable_glue_datacatalog="true"``, the script
        gets a session of its own, whose SQL uses the Data Catalog, as a job does.

        Args:
            script: path of the script.
            arguments: the script's arguments, as for ``argv``.

        Raises:
            SystemExit: the script ended with an exit code other than 0.
            Exception: what the script raises.
        """
        argv = [str(script), *self.argv(**arguments)[1:]]
        context = self.spark.sparkContext
        with pytest.MonkeyPatch.context() as patch, _as_awsglue(), _success_suppressed():
            patch.setattr(sys, "argv", argv)
            patch.syspath_prepend(str(Path(script).absolute().parent))
            patch.setattr("pyspark.sql.SparkSession.stop", lambda _self: None)
            patch.setattr("pyspark.SparkContext.stop", lambda _self: None)
            # A second context is an error in Spark.
            patch.setattr(
                "pyspark.SparkContext.__init__", lambda new, *_, **__: new.__dict__.update(vars(context))
            )
            try:
                return runpy.run_path(str(script), run_name="__main__")
            except Exception as error:
                process_hooks.close_failed_runs(error)
                raise
            finally:
                process_hooks.close_open_runs()
                data_catalog.make_default(self.spark)
        return {}

    def objects(self, folder: str = "") -> dict[str, dict[str, str]]:
        """Return encryption algorithm and KMS key of objects, by object key.

        Args:
            folder: below the target, or a location: ``s3://...``. Default: every object below the target.
        """
        s3, place = self._clients("s3"), S3Uri.parse(_below(self.target, folder))
        prefix = place.key if place.key.endswith("/") or not place.key else f"{place.key}/"
        listed = s3.list_objects_v2(Bucket=place.bucket, Prefix=prefix).get("Contents", ())
        heads = {entry["Key"]: s3.head_object(Bucket=place.bucket, Key=entry["Key"]) for entry in listed}
        return {
            key: {"algorithm": head.get("ServerSideEncryption", ""), "key": head.get("SSEKMSKeyId", "")}
            for key, head in heads.items()
        }

    def read(self, folder: str = "", *, format: str = "parquet") -> DataFrame:
        """Read objects as a DataFrame.

        Args:
            folder: below the target, or a location: ``s3://...``. Default: every object below the target.
            format: of the objects.
        """
        location = _below(self.target, folder)
        return self.spark.read.format(format).load(location.replace("s3://", "s3a://", 1))

    def evidence(self) -> list[dict[str, Any]]:
        """Return the evidence of every run of the job, oldest first."""
        s3 = self._clients("s3")
        listed = s3.list_objects_v2(Bucket=EVIDENCE, Prefix=f"evidence/job={self.name}/").get("Contents", ())
        keys = [entry["Key"] for entry in listed if "/evidence" in entry["Key"].rpartition("/run=")[2]]
        bodies = [s3.get_object(Bucket=EVIDENCE, Key=key)["Body"].read() for key in keys]
        return sorted((json.loads(body) for body in bodies), key=lambda run: str(run["started"]))

    def close(self) -> None:
        """Close the runs that a failed test left open."""
        for job in self._jobs:
            job.abandon()


def _below(location: str, name: str) -> str:
    """Return a name below a location; a name that is a location itself stays."""
    return name if "://" in name else f"{location}{name}"


def _with_dashes(name: str) -> str:
    dashed = name.replace("_", "-")
    known = dashed in _PARAMETERS or dashed.startswith("glue-secure-")
    return dashed if known else name


@contextmanager
def _as_awsglue() -> Iterator[None]:
    """Let imports of awsglue give glue-secure during the block, and undo it after the block."""
    finders, modules = list(sys.meta_path), dict(sys.modules)
    from glue_secure import as_awsglue

    as_awsglue.install()
    try:
        yield
    finally:
        sys.meta_path[:] = finders
        for name in [name for name in sys.modules if name.partition(".")[0].startswith("awsglue")]:
            del sys.modules[name]
        sys.modules.update({name: module for name, module in modules.items() if name.startswith("awsglue")})


@contextmanager
def _success_suppressed() -> Iterator[None]:
    """Suppress the end of a script with exit code 0."""
    try:
        yield
    except SystemExit as end:
        if end.code:
            raise
