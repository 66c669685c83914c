"""The exceptions of a failed Spark job: Spark 3.5 raises either class, depending on the cause.

In a read or write of the run, they are EngineError.
"""

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from glue_secure.errors import EngineError

SPARK_ERRORS = (Py4JJavaError, PySparkException, EngineError)
