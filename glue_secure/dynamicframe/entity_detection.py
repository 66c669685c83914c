"""``EntityDetector`` of ``awsglueml.transforms`` for plain Spark: an error, or a stub that finds nothing.

AWS's models are in AWS Glue only. Source: "Using Sensitive Data Detection outside AWS Glue Studio" of the AWS
Glue developer guide.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from glue_secure.core.arguments import ENTITY_DETECTION, JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import GateRecord
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.typed_calls import context_of
from glue_secure.dynamicframe.frame import DynamicFrame

if TYPE_CHECKING:
    from glue_secure.run.run import Run

_LOG = redacting_logger(__name__)
_DETECTED = "map<string, array<struct<entityType: string, actionUsed: string, start: int, end: int>>>"


class EntityDetector:
    """Finds sensitive data in AWS Glue.

    Here, every call raises UsageError, unless the job has ``--glue-secure-entity-detection nothing-found``
    and the account is the embedded one. Then the result is that nothing was found. A warning and the evidence
    say so.
    """

    def detect(
        self,
        frame: DynamicFrame,
        entityTypesToDetect: Sequence[str] | Mapping[str, Any] | None = None,  # noqa: ARG002
        outputColumnName: str = "DetectedEntities",
        detectionSensitivity: str = "LOW",  # noqa: ARG002 - awsglueml's signature
        detectionParameters: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> DynamicFrame:
        """Return the frame with a column of the entities found in each row, which is an empty map.

        Raises:
            UsageError: the job has no stub, or the account is not the embedded one.
        """
        from pyspark.sql import functions as F

        with _run_that_detects_nothing(frame, "EntityDetector.detect"):
            data = frame.toDF().withColumn(outputColumnName, F.expr("map()").cast(_DETECTED))
        return DynamicFrame.fromDF(data, frame.glue_ctx, frame.name)

    def classify_columns(
        self,
        frame: DynamicFrame,
        entityTypesToDetect: Sequence[str],  # noqa: ARG002 - awsglueml's signature
        sampleFraction: float = 0.1,  # noqa: ARG002
        thresholdFraction: float = 0.1,  # noqa: ARG002
        detectionSensitivity: str = "LOW",  # noqa: ARG002
    ) -> dict[str, list[str]]:
        """Return column → types of entities found, which is empty. Raises UsageError as :meth:`detect`."""
        with _run_that_detects_nothing(frame, "EntityDetector.classify_columns"):
            return {}


@contextmanager
def _run_that_detects_nothing(frame: DynamicFrame, call: str) -> Iterator[None]:
    """Record that nothing was detected. Raises UsageError if the job does not permit this."""
    run: Run = context_of(frame, call).require_run(call)
    with run.operation():
        is_embedded = run.services.environment.kind == "embedded"
        if not JobArguments.parse(sys.argv).detects_no_entities() or not is_embedded:
            raise UsageError(
                call,
                found="plain Spark, without AWS's models",
                required="AWS Glue, which has them",
                fix=f"run the job in AWS Glue; for a test with the embedded account: --{ENTITY_DETECTION} "
                "nothing-found"
                if is_embedded
                else "run the job in AWS Glue with Glue's own bookmarks",
            )
        _LOG.warning(
            "%s has no models here: it reports that nothing was found (--%s)", call, ENTITY_DETECTION
        )
        run.recorder.gates.append(
            GateRecord(call, "EntityDetector", f"--{ENTITY_DETECTION}", "", "not detected", ())
        )
        yield
