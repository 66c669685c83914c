"""The exceptions of a failed Spark job: Spark 3.5 raises either class, depending on the cause."""

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

SPARK_ERRORS = (Py4JJavaError, PySparkException)
