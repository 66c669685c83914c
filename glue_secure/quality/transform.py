"""The drop-in door's gate: a transform that stands before a sink."""

from __future__ import annotations

from typing import Any

from glue_secure.core.errors import UsageError


class QualityGate:
    """Holds a DynamicFrame against a suite. awsglue has no transform of this name.

    ``QualityGate.apply(frame=flights, expect="suites/flights.json", on_failure="quarantine")``
    """

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """The transform's result for these arguments."""
        return cls()(*args, **kwargs)

    @classmethod
    def name(cls) -> str:
        """The class's name."""
        return cls.__name__

    def __call__(
        self,
        frame: Any,
        expect: str,
        on_failure: str = "block",
        quarantine: str | None = None,
        transformation_ctx: str = "",
    ) -> Any:
        """The frame, or in quarantine its rows that break no critical rule.

        The sink that comes after it is not known here: see that the quarantine lies apart from it.

        Args:
            frame: a DynamicFrame. Records that failed on the way to it are not looked at.
            expect: a suite that ``--glue-secure-suites`` names.
            on_failure: ``block``, ``warn`` or ``quarantine``.
            quarantine: S3 location; None takes ``--glue-secure-quarantine-uri``.
            transformation_ctx: stands in messages and in the evidence.

        Raises:
            RefusedError, VerificationError: as ``job.write.s3`` with ``expect``.
        """
        context = getattr(frame, "glue_ctx", None)
        if context is None:
            raise UsageError("QualityGate", found=type(frame).__name__, required="a DynamicFrame")
        run, data = context.require_run("QualityGate"), frame.toDF()
        told = f"QualityGate {transformation_ctx}".strip()
        good = run.check_quality(data, told, suite=expect, on_failure=on_failure, quarantine=quarantine)
        return frame if good is data else type(frame).fromDF(good, context, frame.name)
