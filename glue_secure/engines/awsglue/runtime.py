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


def glue_job(
    session: SparkSession, name: str, arguments: Mapping[str, str], *, tracks_bookmark: bool
) -> GlueJob:
    """Return AWS Glue's own ``Job`` for a session.

    Args:
        session: the session.
        name: the job's name.
        arguments: the job's arguments.
        tracks_bookmark: whether a GlueContext may read in the run, so that Glue's bookmark is the run's.

    Raises:
        UsageError: the session's JVM has no Glue classes.
    """
    require_glue_classes(session._jvm)
    job = Job(session)
    init = partial(job.init, name, dict(arguments))
    return GlueJob(init=init, commit=job.commit, tracks_bookmark=tracks_bookmark)
