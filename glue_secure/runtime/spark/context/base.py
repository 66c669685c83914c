"""What every part of the context stands on: the run, or its refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glue_secure.runtime.before_init import before_init
from glue_secure.runtime.spark.dynamicframe import DynamicFrame

if TYPE_CHECKING:
    from glue_secure.runtime.run import SecuredRun


class ContextBase:
    """The session and the run of a context."""

    spark_session: Any
    secured_run: SecuredRun | None

    def require_run(self, call: str) -> SecuredRun:
        """The run, or a refusal when ``job.init`` has not been called (GS-SEC-007)."""
        if self.secured_run is None:
            raise before_init(call)
        return self.secured_run

    def _frame(self, dataframe: Any, transformation_ctx: str) -> DynamicFrame:
        return DynamicFrame(dataframe, self, transformation_ctx)
