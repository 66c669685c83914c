"""Hadoop settings of a Spark session: apply a plan, read the settings in force, and read S3 clients."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from glue_secure.core.iceberg import is_decisive, plan_catalogs
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.spark_conf import SettingsPlan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# One scheme for all reads and writes of the runtime, so that one client per bucket serves them.
SCHEME = "s3a"
_PREFIX = "fs.s3"
_S3A_CLIENT = "org.apache.hadoop.fs.s3a.S3AFileSystem"
# Of the AWS SDK for Java 1, then of version 2, which Hadoop 3.4 uses.
_JVM_PROPERTIES = (
    "com.amazonaws.sdk.disableCertChecking",
    "com.amazonaws.regions.RegionUtils.fileOverride",
    "aws.endpointUrl",
    "aws.endpointUrlS3",
    "aws.partitionsFile",
)
_JVM_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "AWS_PARTITIONS_FILE")
_EXECUTOR_VARIABLES = (*_JVM_VARIABLES, "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
_JVM_SETTINGS = tuple(
    f"spark.{process}.{kind}JavaOptions"
    for process in ("driver", "executor")
    for kind in ("extra", "default")
)


class HadoopSettings:
    """The Hadoop configuration of one Spark session.

    Args:
        spark: the session.

    Attributes:
        scheme: the scheme of every path that the runtime passes to Spark.
    """

    scheme = SCHEME

    def __init__(self, *, spark: SparkSession) -> None:
        self._jvm = spark._jvm
        self._conf = spark.sparkContext._jsc.hadoopConfiguration()
        self._spark = spark

    def apply(self, plan: SettingsPlan) -> None:
        """Set every setting of the plan, on the context and on the session.

        When a write starts, the session's own entries (``spark.conf.set("fs.s3a...")``) override the
        context's, so an older value there would be used.
        """
        for name, value in plan.settings.items():
            self._conf.set(name, value)
            self._spark.conf.set(name, value)
        catalogs = self._catalogs(self._spark._jsparkSession)
        path_style = self._conf.get("fs.s3a.path.style.access") == "true"
        for name, value in plan_catalogs(catalogs, plan.key, path_style=path_style).items():
            self._spark.conf.set(name, value)

    def in_force(self, session: Any = None) -> dict[str, str]:
        """Return the ``fs.s3*`` settings that a write would use now, and those of Iceberg catalogs.

        Args:
            session: the JVM's ``SparkSession`` that writes; None for the run's.
        """
        session = self._spark._jsparkSession if session is None else session
        settings = session.sessionState().newHadoopConf()
        # One call to the JVM instead of three for each of a few hundred settings. Configuration.get expands
        # variables and follows renamed keys.
        mapper = self._jvm.com.fasterxml.jackson.databind.ObjectMapper()
        with suppress_client_logs():  # fs.s3a.secret.key may be among them
            values = json.loads(mapper.writeValueAsString(settings.getPropsWithPrefix(_PREFIX)))
        return {_PREFIX + name: str(value) for name, value in values.items()} | self._catalogs(session)

    def _catalogs(self, session: Any) -> dict[str, str]:
        settings = session.conf()
        # All names in one call, and the values of a few.
        names = str(settings.getAll().keys().mkString("\n")).split("\n")
        return {name: str(settings.get(name)) for name in names if is_decisive(name)}

    def client_encryption(self, uri: S3Uri) -> tuple[str, str]:
        """Return algorithm and key of the file system client that serves this bucket.

        A client that was created with other settings is closed, which removes it from Hadoop's cache. The
        result is then the new client's.
        """
        settings = self._spark._jsparkSession.sessionState().newHadoopConf()
        expected = (settings.get("fs.s3a.encryption.algorithm"), settings.get("fs.s3a.encryption.key"))
        actual = self._client_encryption(uri, settings)
        if actual != expected:
            self._file_system(uri, settings).close()
            actual = self._client_encryption(uri, settings)
        return actual

    def java_options(self) -> dict[str, str]:
        """Return options that could redirect the JVM or disable certificate checks, by where they are set."""
        system, context = self._jvm.java.lang.System, self._spark.sparkContext.getConf()
        options = {f"system property {name}": system.getProperty(name) for name in _JVM_PROPERTIES}
        options |= {f"environment variable {name}": system.getenv(name) for name in _JVM_VARIABLES}
        executor = tuple(f"spark.executorEnv.{name}" for name in _EXECUTOR_VARIABLES)
        options |= {name: context.get(name, None) for name in (*_JVM_SETTINGS, *executor)}
        return {name: str(value) for name, value in options.items() if value is not None}

    def _file_system(self, uri: S3Uri, settings: Any) -> Any:
        # Path, not URI: a key may contain a space or a brace.
        path = self._jvm.org.apache.hadoop.fs.Path(uri.with_scheme(self.scheme))
        return self._jvm.org.apache.hadoop.fs.FileSystem.get(path.toUri(), settings)

    def _client_encryption(self, uri: S3Uri, settings: Any) -> tuple[str, str]:
        client = self._file_system(uri, settings)
        class_name = str(client.getClass().getName())
        if class_name != _S3A_CLIENT:
            return class_name, ""
        # The key as the client resolves it, with per-bucket settings and credential providers.
        key = self._jvm.org.apache.hadoop.fs.s3a.S3AUtils.getS3EncryptionKey(uri.bucket, client.getConf())
        return str(client.getS3EncryptionAlgorithm().getMethod()), str(key or "")


def versions(spark: SparkSession) -> Mapping[str, str]:
    """Spark, Hadoop and Java of the session."""
    jvm = spark._jvm
    return {
        "spark": str(spark.version),
        "hadoop": str(jvm.org.apache.hadoop.util.VersionInfo.getVersion()),
        "java": str(jvm.java.lang.System.getProperty("java.version")),
    }
