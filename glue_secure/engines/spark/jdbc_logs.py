"""Spark's loggers that print the properties of JDBC connections, with the password, at DEBUG."""

from __future__ import annotations

from typing import Any

from py4j.protocol import Py4JError

_PACKAGE = "org.apache.spark.sql.execution.datasources.jdbc.connection"
_LOGGER = f"{_PACKAGE}.BasicConnectionProvider"


def suppress_jdbc_logs(jvm: Any) -> bool:
    """Raise the loggers of Spark's JDBC connection providers to INFO on the driver.

    ``SparkContext.setLogLevel`` does not lower them again. Frames are read after the call that created them,
    so the level stays for the life of the JVM. On executors the request guard does the same.

    Returns:
        Whether the loggers print nothing at DEBUG now.
    """
    try:
        level = jvm.org.apache.logging.log4j.Level.INFO
        jvm.org.apache.logging.log4j.core.config.Configurator.setAllLevels(_PACKAGE, level)
    except (Py4JError, TypeError):
        pass  # Another logging library. Its level is compared below.
    try:
        return not jvm.org.slf4j.LoggerFactory.getLogger(_LOGGER).isDebugEnabled()
    except (Py4JError, TypeError):
        return False
