"""The Data Catalog as the metastore of Spark SQL, as in a Glue job with ``--enable-glue-datacatalog``.

Glue replaces the client of Spark's Hive metastore by one that calls the Glue API. This module does the same
in plain Spark: the client is a Python object, which Spark's Hive calls through Py4J. Databases, tables and
partitions, and every change of them, are those of the Data Catalog; nothing is stored on this machine.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-data-catalog-hive.html
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from glue_secure.core.arguments import DATA_CATALOG, JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.ports import Metastore
from glue_secure.engines.spark.metastore_client import MetastoreClient
from glue_secure.run.runtime_selection import SPARK, selected_runtime

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

IMPLEMENTATION = "spark.sql.catalogImplementation"
CLIENT_FACTORY = "hive.metastore.client.factory.class"
"""The setting by which a job on Amazon EMR, and some Glue jobs, choose the Data Catalog."""
_HIVE = "org.apache.hadoop.hive.ql.metadata.Hive"


def is_requested(spark: SparkSession) -> bool:
    """Return whether the session's own settings choose the Data Catalog, without an argument of the job."""
    context = spark.sparkContext
    if spark.conf.get(CLIENT_FACTORY, None) or spark.conf.get(f"spark.hadoop.{CLIENT_FACTORY}", None):
        return True
    return bool(context._jsc.hadoopConfiguration().get(CLIENT_FACTORY))


def has_hive(spark: SparkSession) -> bool:
    """Return whether the session has Hive support."""
    return str(spark.conf.get(IMPLEMENTATION)) == "hive"


def session_as_requested(spark: SparkSession, arguments: JobArguments | None = None) -> SparkSession:
    """Return a session whose SQL uses the Data Catalog if the job asks for it, else ``spark``.

    Args:
        spark: the session.
        arguments: the job's arguments; None for those of the process.
    """
    if selected_runtime() != SPARK:
        return spark  # Glue's own client serves Spark SQL
    arguments = JobArguments.parse(sys.argv) if arguments is None else arguments
    if arguments.uses_data_catalog() or is_requested(spark):
        return session_with_catalog(spark)
    return spark


def session_with_catalog(spark: SparkSession) -> SparkSession:
    """Return a session of the same SparkContext whose SQL uses the Data Catalog.

    It is ``spark`` if that has Hive support, else a new session with the settings of ``spark``, which becomes
    the default session. Hive support cannot be added to a session.
    """
    if not has_hive(spark):
        spark = _new_session(spark)
    _install(spark, _client_of(spark))
    return spark


def serve(spark: SparkSession, metastore: Metastore) -> Callable[[], None]:
    """Answer the session's metastore calls with ``metastore``; return a function that ends it.

    Raises:
        UsageError: the session has no Hive support.
    """
    if not has_hive(spark):
        raise UsageError(
            f"--{DATA_CATALOG}",
            found="a session without Hive support",
            required="a session with the Data Catalog as its metastore",
            fix="create the GlueContext of the SparkContext and use glueContext.spark_session, or start "
            f"Spark with --conf {IMPLEMENTATION}=hive",
        )
    client = _client_of(spark)
    client.metastore = metastore
    # Again: Hive copies the settings of Hadoop, and the run has changed them.
    _install(spark, client)

    def end() -> None:
        if client.metastore is metastore:
            client.metastore = None

    return end


def _new_session(spark: SparkSession) -> SparkSession:
    from pyspark.sql import SparkSession

    context = spark.sparkContext
    jvm = context._jvm
    context._jsc.sc().conf().set(IMPLEMENTATION, "hive")
    java_class = spark._jsparkSession.getClass()
    constructor = next(
        found for found in java_class.getDeclaredConstructors() if found.getParameterCount() == 1
    )
    constructor.setAccessible(True)
    arguments = context._gateway.new_array(jvm.java.lang.Object, 1)
    arguments[0] = context._jsc.sc()
    java_session = constructor.newInstance(arguments)
    settings = spark._jsparkSession.conf().getAll().iterator()
    while settings.hasNext():
        entry = settings.next()
        name = str(entry._1())
        if java_session.conf().isModifiable(name):
            java_session.conf().set(name, str(entry._2()))
    session = SparkSession(context, java_session)
    make_default(session)
    return session


def make_default(spark: SparkSession) -> None:
    """Let ``SparkSession.builder.getOrCreate()`` return a session."""
    from pyspark.sql import SparkSession

    SparkSession._instantiatedSession = spark
    java_session = spark._jsparkSession
    companion = java_session.getClass().getClassLoader().loadClass("org.apache.spark.sql.SparkSession")
    for method in companion.getMethods():
        if method.getName() in ("setDefaultSession", "setActiveSession"):
            method.invoke(None, _array(spark.sparkContext, java_session))


def _array(context: Any, *values: Any) -> Any:
    array = context._gateway.new_array(context._jvm.java.lang.Object, len(values))
    for position, value in enumerate(values):
        array[position] = value
    return array


def _install(spark: SparkSession, client: MetastoreClient) -> None:
    """Make Spark's Hive call the client, with the present settings of Hadoop."""
    context = spark.sparkContext
    jvm = context._jvm
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    kind = loader.loadClass(_HIVE)
    conf = jvm.org.apache.hadoop.hive.conf.HiveConf(context._jsc.hadoopConfiguration(), kind)
    (constructor,) = kind.getDeclaredConstructors()
    constructor.setAccessible(True)
    # False: functions of the metastore are not registered.
    hive = constructor.newInstance(_array(context, conf, False))
    field = kind.getDeclaredField("metaStoreClient")
    field.setAccessible(True)
    field.set(hive, client)
    # Spark takes the client of this thread if it has none yet.
    jvm.org.apache.hadoop.hive.ql.metadata.Hive.set(hive)
    hive_client = spark._jsparkSession.sharedState().externalCatalog().unwrapped().client()
    getattr(hive_client.clientLoader(), "cachedHive_$eq")(hive)
    state = hive_client.state().getConf()
    settings = conf.iterator()
    while settings.hasNext():
        entry = settings.next()
        if str(entry.getKey()).startswith("fs.s3"):
            state.set(entry.getKey(), entry.getValue())


_clients: dict[int, MetastoreClient] = {}


def _client_of(spark: SparkSession) -> MetastoreClient:
    """Return the client of the session's JVM. It stays: Hive keeps the first that it gets."""
    from pyspark.java_gateway import ensure_callback_server_started

    gateway = spark.sparkContext._gateway
    if id(gateway) not in _clients:
        ensure_callback_server_started(gateway)
        parameters = getattr(gateway, "python_parameters", None) or gateway.callback_server_parameters
        # Hive distinguishes a table that does not exist from another error by the exception's class.
        parameters.propagate_java_exceptions = True
        _clients[id(gateway)] = MetastoreClient(gateway.jvm)
    return _clients[id(gateway)]
