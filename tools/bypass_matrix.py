"""The combinations of writers, places, encryption settings and APIs that the bypass suite runs.

The expected outcome of a combination follows from a few rules (:func:`_expected`), not from a list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

APIS = {"short": "SecureJob", "glue": "Job(glueContext)"}
SPARK = {
    "files": "df.write.parquet",
    "partitions": "df.write.partitionBy",
    "table": "CREATE TABLE AS SELECT",
    "partition_elsewhere": "INSERT INTO a partition whose location has a space and is not the table's",
    "partition_dropped": "INSERT INTO a partition outside the table's location, then DROP TABLE",
    "rdd": "rdd.saveAsTextFile",
    "jvm_rdd": "the JVM's saveAsTextFile",
    "model": "the save of a pyspark.ml transformer",
    "hadoop_file": "a file of Hadoop's FileSystem API",
}
"""What writes with Spark."""
HIVE = {
    "hive_table": "CREATE TABLE STORED AS TEXTFILE AS SELECT",
    "hive_insert": "INSERT INTO a Hive table with dynamic partitions",
    "hive_partition_elsewhere": "INSERT INTO a partition of a Hive table outside its location",
    "hive_partition_dropped": "INSERT INTO a partition of a Hive table outside its location, then DROP TABLE",
}
"""What writes with Spark's support for Hive."""
BOTO3 = {
    "put": "put_object of boto3.client",
    "resource": "Object.put of boto3.resource",
    "parts": "upload_fileobj in parts",
    "copy": "copy_object",
}
"""What writes with boto3."""
PLACES = {
    "script": "",
    "thread": ", in a thread whose error is lost",
    "batch": ", in foreachBatch",
    "session": ", in spark.newSession()",
    "executor": ", in a function on an executor",
    "executor_killed": ", in a Python worker that is killed afterwards",
    "subprocess": ", in a subprocess",
}
ENCRYPTIONS = {
    "planned": "",
    "aes256": ", with AES256",
    "other_key": ", under another key",
    "customer_key": ", with SSE-C",
    "endpoint": ", to an http:// endpoint",
    "reserved": ", into the evidence prefix",
    "after_commit": ", after the commit",
    "before_init": ", before job.init",
}
SESSIONS = {
    "": "",
    "cluster": "local-cluster[2,1,1024]",
    "hive": "enableHiveSupport",
}
"""The Spark sessions: ``""`` is the session of the suite, each of the others a process of its own."""
NOT_OBSERVED = "not observed"
"""Outcome without the request guard of what only the guard observes."""
_WITHOUT_LOCATION = "jvm_rdd", "model"
"""What saves with the JVM's RDDs: Spark does not report where, which may be a local disk."""
_ONLY_GUARDED = "hadoop_file", "rename_before", "endpoint", "after_commit", "before_init"
"""What only the request guard observes."""
_VALUES = "planned", "aes256"
_SINGLE = "other_key", "endpoint", "after_commit", "before_init"


@dataclass(frozen=True)
class Combination:
    """One combination.

    Attributes:
        api: a key of :data:`APIS`.
        writer: a key of :data:`SPARK` or :data:`BOTO3`.
        place: a key of :data:`PLACES`.
        encryption: a key of :data:`ENCRYPTIONS`.
        session: a key of :data:`SESSIONS`.
    """

    api: str
    writer: str
    place: str
    encryption: str
    session: str = ""

    @property
    def name(self) -> str:
        """The name of the test case."""
        words = (self.session, self.api, self.writer, self.place, self.encryption)
        return "_".join(word for word in words if word)

    @property
    def attempt(self) -> str:
        """What is attempted, in words."""
        writer = (SPARK | HIVE | BOTO3)[self.writer]
        return writer + PLACES[self.place] + ENCRYPTIONS[self.encryption]

    @property
    def _changes_settings_of_rdd(self) -> bool:
        """Whether rdd.saveAsTextFile reads the changed settings first; foreachBatch has its own."""
        return self.writer == "rdd" and self.place != "batch" and self.encryption in ("aes256", "other_key")

    def expected(self, *, guarded: bool) -> tuple[str, str]:
        """Return the outcome and the control, with or without the request guard."""
        if self.writer in BOTO3:
            return _BOTO3[self.encryption]
        if not guarded:
            return _without_guard(self)
        if self._changes_settings_of_rdd:
            return "rejected", "GS-S3-001"
        return _GUARDED[self.encryption]


USAGE_ERROR = ""
"""Instead of a control: a call after the end of the run is a usage error."""
_BOTO3 = {
    "planned": ("encrypted", "GS-S3-004"),
    "aes256": ("rejected", "GS-S3-005"),
    "other_key": ("rejected", "GS-S3-005"),
    "customer_key": ("rejected", "GS-S3-005"),
    "reserved": ("rejected", "GS-S3-009"),
    "after_commit": ("rejected", USAGE_ERROR),
}
_GUARDED = {
    "planned": ("encrypted", "GS-S3-004"),
    "aes256": ("rejected", "GS-S3-005"),
    "other_key": ("rejected", "GS-S3-005"),
    "endpoint": ("rejected", "GS-S3-002"),
    "reserved": ("rejected", "GS-S3-009"),
    "after_commit": ("rejected", "GS-SEC-007"),
    "before_init": ("rejected", "GS-SEC-007"),
}


def _without_guard(row: Combination) -> tuple[str, str]:
    """Return what listings and Spark's plans find."""
    if row.writer in _ONLY_GUARDED or row.encryption in _ONLY_GUARDED:
        return NOT_OBSERVED, _GUARDED[row.encryption][1]
    if row._changes_settings_of_rdd:
        return "rejected", "GS-S3-001"
    if row.writer in HIVE and row.encryption != "planned":
        # Hive moves the files with its own file system, which may encrypt them again under the run's key.
        return NOT_OBSERVED, _GUARDED[row.encryption][1]
    if row.writer in _WITHOUT_LOCATION:
        return "detected", "GS-S3-012"
    if row.encryption == "reserved":
        return ("rejected" if row.writer == "rdd" else "detected"), "GS-S3-009"
    if row.encryption == "planned":
        return "encrypted", "GS-S3-004"
    return "detected", "GS-S3-004"


def combinations() -> Iterator[Combination]:
    """Yield the combinations that the suite runs, in the order of the page."""
    for api in APIS:
        for writer in SPARK:
            for encryption in (*_VALUES, "reserved"):
                yield Combination(api, writer, "script", encryption)
        for writer in ("files", "partition_elsewhere", "rdd", "model"):
            for place in ("thread", "batch"):
                for encryption in _VALUES:
                    yield Combination(api, writer, place, encryption)
        for encryption in _VALUES:
            yield Combination(api, "files", "session", encryption)
        for writer in ("files", "hadoop_file"):
            for encryption in _SINGLE:
                yield Combination(api, writer, "script", encryption)
        for writer in BOTO3:
            for encryption in _BOTO3:
                # Each form of boto3 with each API, in turn.
                if (list(BOTO3).index(writer) + list(_BOTO3).index(encryption)) % 2 == (api == "glue"):
                    place = (
                        "script" if encryption == "after_commit" or writer in ("put", "copy") else "thread"
                    )
                    yield Combination(api, writer, place, encryption)


_OF_EVERY_SESSION = """
    short files script planned
    glue files script other_key
    short files script before_init
    glue files script after_commit
    glue files thread planned
    short files thread aes256
    short files batch planned
    glue files batch aes256
    glue files session planned
    short files session other_key
    short partition_elsewhere script planned
    glue partition_elsewhere thread aes256
    short partition_dropped script planned
    glue partition_dropped script aes256
    short rdd script planned
    glue rdd thread aes256
    short jvm_rdd script planned
    glue jvm_rdd script other_key
    short model script planned
    glue model thread aes256
    short hadoop_file script aes256
    short put executor planned
    glue put executor aes256
    short put subprocess planned
    glue put script after_commit
"""
_OF_CLUSTER = """
    short put executor_killed planned
"""
_OF_HIVE = """
    short hive_table script planned
    glue hive_table script aes256
    glue hive_insert script planned
    short hive_insert script other_key
    short hive_partition_elsewhere script planned
    glue hive_partition_elsewhere script aes256
    glue hive_partition_elsewhere thread planned
    short hive_partition_elsewhere thread aes256
    short hive_partition_elsewhere batch planned
    glue hive_partition_elsewhere session planned
    glue hive_partition_dropped script planned
    short hive_partition_dropped script aes256
"""


def combinations_of(session: str) -> Iterator[Combination]:
    """Yield the combinations that run in a session of a process of its own, in the order of the page.

    Args:
        session: a key of :data:`SESSIONS`.
    """
    lines = _OF_EVERY_SESSION + {"cluster": _OF_CLUSTER, "hive": _OF_HIVE}[session]
    for words in filter(None, map(str.split, lines.splitlines())):
        yield Combination(*words, session)
