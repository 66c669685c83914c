"""Glue's own ``Job`` for a job that has no GlueContext."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from awsglue.job import Job

from glue_secure.engines.awsglue.jvm_call_guard import require_glue_classes


def init_job(spark: Any, name: str, arguments: Mapping[str, str]) -> Callable[[], None]:
    """Call Glue's ``Job.init`` on a session; returns its ``Job.commit``.

    Args:
        spark: the session.
        name: the job's name.
        arguments: the job's arguments; Glue's bookmark tracks no source of such a job.

    Raises:
        UsageError: the JVM has no Glue classes.
    """
    require_glue_classes(spark._jvm)
    job = Job(spark)
    job.init(name, dict(arguments))
    commit: Callable[[], None] = job.commit
    return commit
