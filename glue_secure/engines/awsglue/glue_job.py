"""Glue's own ``Job`` for a run that has no GlueContext."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from awsglue.job import Job

from glue_secure.engines.awsglue.jvm_call_guard import require_glue_classes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def init_job(spark: SparkSession, name: str, arguments: Mapping[str, str]) -> Callable[[], None]:
    """Call Glue's ``Job.init`` on a session and return its ``Job.commit``.

    Args:
        spark: the session.
        name: the job's name.
        arguments: the job's arguments. Glue's bookmark tracks no source of such a job.

    Raises:
        UsageError: the JVM has no Glue classes.
    """
    require_glue_classes(spark._jvm)
    job = Job(spark)
    job.init(name, dict(arguments))
    commit: Callable[[], None] = job.commit
    return commit
