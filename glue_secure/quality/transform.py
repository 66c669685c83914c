"""The quality gate of the awsglue-compatible API: a transform to apply before a sink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from glue_secure.core.typed_calls import context_of

if TYPE_CHECKING:
    from glue_secure.dynamicframe import DynamicFrame


class QualityGate:
    """Checks a DynamicFrame against a suite. awsglue has no transform of this name.

    ``QualityGate.apply(frame=flights, suite="suites/flights.json", on_failure="quarantine")``
    """

    @classmethod
    def apply(
        cls,
        frame: DynamicFrame,
        suite: str,
        on_failure: Literal["block", "warn", "quarantine"] = "block",
        quarantine: str | None = None,
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        """Create the transform, call it with these arguments, and return its result."""
        return cls()(frame, suite, on_failure, quarantine, transformation_ctx)

    @classmethod
    def name(cls) -> str:
        """Return the class name."""
        return cls.__name__

    def __call__(
        self,
        frame: DynamicFrame,
        suite: str,
        on_failure: Literal["block", "warn", "quarantine"] = "block",
        quarantine: str | None = None,
        transformation_ctx: str = "",
    ) -> DynamicFrame:
        """Return the frame. With ``quarantine``, return its rows that meet all critical rules.

        The transform does not know the sink. Make sure that the quarantine location does not overlap it.

        Args:
            frame: the DynamicFrame. Its error records are not checked.
            suite: a suite that ``--glue-secure-suites`` names.
            on_failure: the action if a critical rule is broken.
            quarantine: S3 location; None uses ``--glue-secure-quarantine-uri``.
            transformation_ctx: name in messages and in the evidence.

        Raises:
            RefusedError: see ``glue_secure.quality.gate.SuiteGate.apply``.
            VerificationError: see ``glue_secure.quality.gate.SuiteGate.apply``.
            UsageError: ``frame`` is not a DynamicFrame.
        """
        context = context_of(frame, "QualityGate")
        run, data = context.require_run("QualityGate"), frame.toDF()
        label = f"QualityGate {transformation_ctx}".strip()
        valid = run.check_quality(data, label, suite=suite, on_failure=on_failure, quarantine=quarantine)
        return frame if valid is data else type(frame).fromDF(valid, context, frame.name)
