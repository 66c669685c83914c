"""GlueContext in Glue: the real one, every read and write through the run's guard.

Two walls. The methods of the parts look at a call's options before the real method runs; and the JVM object
that the real methods use is handed out behind a gate (``gate.py``), which they open for one call on one
thread. Arguments reach the JVM as the real class sends them; what is enforced is added (``enforceSSL``).
"""

from __future__ import annotations

from typing import Any

from awsglue.context import GlueContext as TheirGlueContext

from glue_secure.core.errors import UsageError
from glue_secure.engines.awsglue.context.housekeeping import Keeping
from glue_secure.engines.awsglue.context.reading import Reading
from glue_secure.engines.awsglue.context.writing import Writing
from glue_secure.engines.awsglue.jvm_call_guard import Gate, GuardedScalaContext, block_unknown_methods
from glue_secure.engines.package_distribution import ship_package

__all__ = ["GlueContext"]

# Public names of awsglue 5.0 and 5.1 that reach no data, or reach it through what the parts define.
_KNOWN = frozenset(
    [
        "add_ingestion_time_columns",
        "cancel_transaction",
        "commit_transaction",
        "convert_resolve_option",
        "create_data_frame_from_options",
        "create_dynamic_frame_from_options",
        "create_sample_dynamic_frame_from_options",
        "currentTimeMillis",
        "get_catalog_schema_as_spark_schema",
        "get_logger",
        "start_transaction",
        "write_dynamic_frame_from_jdbc_conf",
        "write_dynamic_frame_from_options",
        "write_from_options",
    ]
)


class GlueContext(Reading, Writing, Keeping):
    """awsglue's GlueContext; it refuses every read and write until ``job.init`` has run.

    Args:
        sparkContext: a ``SparkContext`` or ``SparkSession``; None takes or makes the session.
        options: Glue's ``minPartitions`` and ``targetPartitions``.
    """

    def __init__(self, sparkContext: Any = None, **options: Any) -> None:
        unknown = set(options) - {"minPartitions", "targetPartitions"}
        if unknown:
            raise UsageError(
                "GlueContext", found=", ".join(sorted(unknown)), required="minPartitions, targetPartitions"
            )
        self.secured_run = None
        self._gate = Gate()
        super().__init__(sparkContext, **options)
        if not all(isinstance(j, GuardedScalaContext) for j in (self._ssql_ctx, self._glue_scala_context)):
            raise UsageError(
                "GlueContext",
                found="an awsglue that makes the JVM's context in another way, past the guard",
                required="awsglue as in Glue 5.0 and 5.1",
            )
        ship_package(self.spark_session)


block_unknown_methods(GlueContext, TheirGlueContext, _KNOWN)
