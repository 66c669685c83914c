"""The awsglue runtime, as ``run.runtime_selection`` loads it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from awsglue.job import Job

from glue_secure.engines.awsglue.engine import GlueEngine
from glue_secure.engines.awsglue.jvm_call_guard import require_glue_classes
from glue_secure.engines.package_distribution import ship_package
from glue_secure.run.runtime_selection import GlueJob

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def create_engine(session: SparkSession) -> GlueEngine:
    """Return the engine of a session, after distributing this package to the executors."""
    ship_package(session)
    return GlueEngine(spark=session)


def glue_job(session: SparkSession, name: str, arguments: Mapping[str, str]) -> GlueJob:
    """Return AWS Glue's own ``Job`` for a session without a GlueContext.

    Glue's bookmark tracks no source of such a job.

    Raises:
        UsageError: the session's JVM has no Glue classes.
    """
    require_glue_classes(session._jvm)
    job = Job(session)
    return GlueJob(init=partial(job.init, name, dict(arguments)), commit=job.commit, tracks_bookmark=False)
