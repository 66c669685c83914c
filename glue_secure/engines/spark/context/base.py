"""What every part of the context stands on: the run, or its refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.dynamicframe.emulation import DynamicFrame
from glue_secure.preflight.fine_grained import refuse_rdds
from glue_secure.run.init_required import before_init

if TYPE_CHECKING:
    from glue_secure.run.run import Run


class ContextBase:
    """The session and the run of a context."""

    spark_session: Any
    secured_run: Run | None

    def require_run(self, call: str) -> Run:
        """The run, or a refusal: before ``job.init`` (GS-SEC-007), or of what needs RDDs (GS-LF-007)."""
        if self.secured_run is None:
            raise before_init(call)
        refuse_rdds(call, fine_grained=self.secured_run.fine_grained)
        return self.secured_run

    def _frame(self, dataframe: Any, transformation_ctx: str) -> DynamicFrame:
        return DynamicFrame(dataframe, self, transformation_ctx)
