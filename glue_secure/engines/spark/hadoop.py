"""Hadoop settings of a Spark session: apply a plan, read the settings in force, and read S3 clients."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError

from glue_secure.core.iceberg import catalogs, is_decisive, is_property, is_service, plan_catalogs
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
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
        self._before: dict[str, tuple[str | None, str | None]] = {}
        self._key: KmsKeyArn | None = None

    def apply(self, plan: SettingsPlan) -> None:
        """Set every setting of the plan, on the context and on the session.

        When a write starts, the session's own entries (``spark.conf.set("fs.s3a...")``) override the
        context's, so an older value there would be used.
        """
        for name, value in plan.settings.items():
            if ".bucket." in name and name not in self._before:
                self._before[name] = (self._conf.get(name), self._spark.conf.get(name, None))
            self._conf.set(name, value)
            self._spark.conf.set(name, value)
        self._key = plan.key
        for name, value in self._plan_catalogs(self._catalogs(self._spark._jsparkSession)).items():
            self._spark.conf.set(name, value)
        self._close_older_clients()

    def settings_with(self, name: str, value: str) -> Mapping[str, str]:
        """Return the settings of an Iceberg catalog whose class a script sets after the run's start.

        Spark creates a catalog when it is first used, so that they apply to it.
        """
        return self._plan_catalogs({name: value})

    def _plan_catalogs(self, settings: Mapping[str, str]) -> dict[str, str]:
        if self._key is None or not catalogs(settings):
            return {}
        path_style = self._conf.get("fs.s3a.path.style.access") == "true"
        return plan_catalogs(settings, self._key, path_style=path_style)

    def restore(self) -> None:
        """Remove the plan's settings of single buckets, which a later run of the session may not have."""
        for name, (of_context, of_session) in self._before.items():
            if of_context is None:
                self._conf.unset(name)
            else:
                self._conf.set(name, of_context)
            if of_session is None:
                self._spark.conf.unset(name)
            else:
                self._spark.conf.set(name, of_session)
        self._before.clear()

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
        with suppress_client_logs():  # a property of a catalog may have a secret that its name does not show
            found = {
                name: str(settings.get(name)) for name in names if is_decisive(name) or is_property(name)
            }
        return {name: value for name, value in found.items() if is_decisive(name) or is_service(name, value)}

    def client_encryption(self, uri: S3Uri) -> tuple[str, str]:
        """Return algorithm and key of the file system client that serves this bucket.

        A client that was created with other settings is closed, which removes it from Hadoop's cache. The
        result is then the new client's.
        """
        settings = self._settings()
        client = self._file_system(uri, settings)
        if self._encryption_of(client) != _encryption_in(settings, uri.bucket):
            client.close()
            client = self._file_system(uri, settings)
        return self._encryption_of(client)

    def java_options(self) -> dict[str, str]:
        """Return options that could redirect the JVM or disable certificate checks, by where they are set."""
        system, context = self._jvm.java.lang.System, self._context_settings()
        options = {f"system property {name}": system.getProperty(name) for name in _JVM_PROPERTIES}
        options |= {f"environment variable {name}": system.getenv(name) for name in _JVM_VARIABLES}
        executor = tuple(f"spark.executorEnv.{name}" for name in _EXECUTOR_VARIABLES)
        options |= {name: context.get(name, None) for name in (*_JVM_SETTINGS, *executor)}
        return {name: str(value) for name, value in options.items() if value is not None}

    def _context_settings(self) -> Any:
        """Return the JVM's SparkConf; ``SparkContext.getConf`` copies it with a call for each setting."""
        return self._spark.sparkContext._jsc.getConf()

    def _file_system(self, uri: S3Uri, settings: Any) -> Any:
        # Path, not URI: a key may contain a space or a brace.
        path = self._jvm.org.apache.hadoop.fs.Path(uri.with_scheme(self.scheme))
        return self._jvm.org.apache.hadoop.fs.FileSystem.get(path.toUri(), settings)

    def _encryption_of(self, client: Any) -> tuple[str, str]:
        class_name = str(client.getClass().getName())
        if class_name != _S3A_CLIENT:
            return class_name, ""
        # The key as the client resolves it, with per-bucket settings and credential providers.
        utils = self._jvm.org.apache.hadoop.fs.s3a.S3AUtils
        key = utils.getS3EncryptionKey(client.getBucket(), client.getConf())
        return str(client.getS3EncryptionAlgorithm().getMethod()), str(key or "")

    def _close_older_clients(self) -> None:
        """Close the cached S3A clients that were created with other encryption settings.

        Hadoop then creates new ones, also for writes outside glue-secure. The client of the bucket with
        Spark's event logs stays open, because Spark writes to it until the application ends.
        """
        settings = self._settings()
        event_logs = str(self._context_settings().get("spark.eventLog.dir", ""))
        for client in self._cached_clients():
            has_event_logs = client.getBucket() == event_logs.partition("://")[2].partition("/")[0]
            expected = _encryption_in(settings, client.getBucket())
            if self._encryption_of(client) != expected and not has_event_logs:
                client.close()

    def _cached_clients(self) -> list[Any]:
        """Return the S3A clients in Hadoop's cache.

        The cache has no public method. If it cannot be read, an older client stays, and its
        writes fail their verification.
        """
        try:
            file_system = self._jvm.java.lang.Class.forName("org.apache.hadoop.fs.FileSystem")
            cache = self._field(file_system, "CACHE", None)
            entries = self._field(cache.getClass(), "map", cache)
            clients = list(self._jvm.java.util.ArrayList(entries.values()))
        except Py4JError:
            return []
        return [client for client in clients if str(client.getClass().getName()) == _S3A_CLIENT]

    @staticmethod
    def _field(java_class: Any, name: str, owner: Any) -> Any:
        field = java_class.getDeclaredField(name)
        field.setAccessible(True)
        return field.get(owner)

    def _settings(self) -> Any:
        return self._spark._jsparkSession.sessionState().newHadoopConf()


def _encryption_in(settings: Any, bucket: str) -> tuple[str, str]:
    """Return algorithm and key of a bucket: its own settings, else those of every bucket."""
    names = ("encryption.algorithm", "encryption.key")
    algorithm, key = (
        str(settings.get(f"fs.s3a.bucket.{bucket}.{name}", settings.get(f"fs.s3a.{name}")) or "")
        for name in names
    )
    return algorithm, key


def versions(spark: SparkSession) -> Mapping[str, str]:
    """Spark, Hadoop and Java of the session."""
    jvm = spark._jvm
    return {
        "spark": str(spark.version),
        "hadoop": str(jvm.org.apache.hadoop.util.VersionInfo.getVersion()),
        "java": str(jvm.java.lang.System.getProperty("java.version")),
    }
