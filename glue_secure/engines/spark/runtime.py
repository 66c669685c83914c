"""The plain-Spark runtime, as ``run.runtime_selection`` loads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from glue_secure.engines.package_distribution import ship_package
from glue_secure.engines.spark.engine import SparkEngine

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def create_engine(session: SparkSession) -> SparkEngine:
    """Return the engine of a session, after distributing this package to the executors."""
    ship_package(session)
    return SparkEngine(spark=session)


def glue_job(
    session: SparkSession, name: str, arguments: Mapping[str, str], *, tracks_bookmark: bool
) -> None:
    """Return None: plain Spark has no ``Job`` of AWS Glue."""
