"""The Spark session of a test process, which is left running for the next one.

:mod:`glue_secure.embedded.warm_session` starts and ends it.
"""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from glue_secure.embedded import warm_session
from glue_secure.embedded.account import EmbeddedAccount
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.warm_session import WarmSession

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The lines whose session was found to be unchanged after a test process.
_LINES = ("3.5",)
# Python workers with another environment are other processes, so none has modules of an earlier test process.
_WORKERS = "GLUE_SECURE_TEST_PROCESS"


@contextmanager
def running_session(account: EmbeddedAccount) -> Iterator[SparkSession | None]:
    """Connect to the account's running session during the block.

    Yield None if another process uses it, or if the line of Spark is not one of ``_LINES``.
    The session is a new one of a running Spark: temporary views, functions and SQL settings of an earlier
    process do not exist in it. Hadoop's settings are restored after the block. If the block stopped Spark or
    left tables, files, JARs or system properties behind, the next process gets a new Spark.
    """
    if installed_spark().line not in _LINES:
        yield None
        return
    with warm_session.reserved(account) as warm:
        if warm is None:
            yield None
            return
        session = _connect(warm)
        yield session
        if _is_unchanged(session, warm):
            _disconnect(session)
            warm_session.mark_unchanged(account)


def _connect(warm: WarmSession) -> SparkSession:
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_GATEWAY_PORT", str(warm.port))
        patch.setenv("PYSPARK_GATEWAY_SECRET", warm.secret)
        gateway: Any = launch_gateway()
    jvm = gateway.jvm
    running = jvm.SparkSession.getDefaultSession().get()
    java_context = jvm.JavaSparkContext.fromSparkContext(running.sparkContext())
    arguments: dict[str, Any] = {"gateway": gateway, "jsc": java_context}
    context = SparkContext(conf=SparkConf(_jconf=java_context.getConf()), **arguments)
    context.environment[_WORKERS] = uuid.uuid4().hex
    return SparkSession(context, running.newSession())


def _is_unchanged(session: SparkSession, warm: WarmSession) -> bool:
    """Restore what can be restored. Return whether Spark is as it was when it started."""
    context: Any = session.sparkContext
    java_context, jvm = context._jsc, context._jvm
    if java_context is None or java_context.sc().isStopped():
        return False
    for query in session.streams.active:
        query.stop()
    java_context.sc().cancelAllJobs()
    session.catalog.clearCache()
    stream = jvm.java.io.ByteArrayInputStream(base64.b64decode(warm.hadoop))
    java_context.hadoopConfiguration().readFields(jvm.java.io.DataInputStream(stream))
    # Children of the JVM are the daemons of Python workers.
    for process in jvm.java.lang.ProcessHandle.current().children().toArray():
        process.destroy()
    shared: Any = session._jsparkSession.sharedState()
    catalog = shared.externalCatalog()
    left_behind = (
        java_context.sc().listFiles().size(),
        java_context.sc().listJars().size(),
        catalog.listDatabases("*").size() - 1,
        catalog.listTables("default").size(),
        sum(table.namespace == ["global_temp"] for table in session.catalog.listTables("global_temp")),
    )
    return not any(left_behind) and warm_session.digest_of_properties(jvm) == warm.properties


def _disconnect(session: SparkSession) -> None:
    """Release Python's side of the session. ``stop`` would stop Spark."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    context: Any = session.sparkContext
    context._accumulatorServer.shutdown()
    context._accumulatorServer.server_close()
    context._accumulatorServer = context._jsc = None
    with SparkContext._lock:
        SparkContext._active_spark_context = SparkContext._gateway = SparkContext._jvm = None
    # Spark 4 has other names for the two attributes.
    for name in ("_instantiatedSession", "_activeSession", "_default_session", "_active_session"):
        if name in vars(SparkSession):
            setattr(SparkSession, name, None)
    # The sockets of Py4J stay open until the process ends. Closing one waits for the thread that reads it.
    os.environ.pop("SPARK_AUTH_SOCKET_TIMEOUT", None)
    os.environ.pop("SPARK_BUFFER_SIZE", None)
