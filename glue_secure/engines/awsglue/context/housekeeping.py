"""Purges, transitions and streams of the guarded GlueContext."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glue_secure.core.errors import UsageError
from glue_secure.engines.awsglue.context.base import GuardedContext, Options
from glue_secure.engines.awsglue.frames import adopt
from glue_secure.engines.awsglue.options import judge_s3_options


class Keeping(GuardedContext):
    """The part of GlueContext that deletes, moves and loops."""

    def purge_table(
        self,
        database: str,
        table_name: str,
        options: Options | None = None,
        transformation_ctx: str = "",
        catalog_id: str | None = None,
    ) -> None:
        """Delete a table's files. Refuses where bookmarks or evidence lie (GS-S3-009)."""
        wanted = {} if options is None else options
        with self.guarded("purge_table") as run:
            self._own_catalog("purge_table", catalog_id)
            table, real = run.catalog_table(database, table_name), super().purge_table

            def purge() -> None:
                with self._gate.opened("purgeTable"):
                    real(database, table_name, wanted, transformation_ctx, catalog_id)

            self._watch_manifest(wanted)
            run.purge_through(table.location, target=f"{database}.{table_name}", perform=purge)

    def purge_s3_path(
        self, s3_path: str, options: Options | None = None, transformation_ctx: str = ""
    ) -> None:
        """Delete the files below a place. Refuses where bookmarks or evidence lie (GS-S3-009)."""
        wanted = {} if options is None else options
        with self.guarded("purge_s3_path") as run:
            real = super().purge_s3_path

            def purge() -> None:
                with self._gate.opened("purgeS3Path"):
                    real(s3_path, wanted, transformation_ctx)

            self._watch_manifest(wanted)
            run.purge_through(s3_path, target=s3_path, perform=purge)

    def transition_table(
        self,
        database: str,  # noqa: ARG002 - Glue's signature, here and below
        table_name: str,  # noqa: ARG002
        transition_to: str,  # noqa: ARG002
        options: Options | None = None,  # noqa: ARG002
        transformation_ctx: str = "",  # noqa: ARG002
        catalog_id: str | None = None,  # noqa: ARG002
    ) -> None:
        """Not offered: see :meth:`transition_s3_path`."""
        self._refuse_transition("transition_table")

    def transition_s3_path(
        self,
        s3_path: str,  # noqa: ARG002
        transition_to: str,  # noqa: ARG002
        options: Options | None = None,  # noqa: ARG002
        transformation_ctx: str = "",  # noqa: ARG002
    ) -> None:
        """Not offered: a batch job of S3 copies the objects after the call, so nobody can verify them."""
        self._refuse_transition("transition_s3_path")

    def forEachBatch(
        self, frame: Any, batch_function: Callable[[Any, Any], Any], options: Options | None = None
    ) -> Any:
        """Call ``batch_function`` for each micro-batch; the checkpoint's objects are verified at the end."""
        wanted = {} if options is None else options
        with self.guarded("forEachBatch") as run:
            missing = [name for name in ("windowSize", "checkpointLocation") if not wanted.get(name)]
            if missing:
                raise UsageError("options of forEachBatch", found="too little", required=", ".join(missing))
            run.watch_until_commit(str(wanted["checkpointLocation"]), format="checkpoint")
            return super().forEachBatch(frame, batch_function, wanted)

    def getSampleStreamingDynamicFrame(
        self,
        frame: Any,
        options: Options | None = None,
        batch_function: Callable[[Any, Any], Any] | None = None,
    ) -> Any:
        """A DynamicFrame of what a stream delivers in a while, by way of memory."""
        with self.guarded("getSampleStreamingDynamicFrame"):
            wanted = {} if options is None else options
            return adopt(super().getSampleStreamingDynamicFrame(frame, wanted, batch_function))

    def _watch_manifest(self, options: Options) -> None:
        manifest = options.get("manifestFilePath")
        judge_s3_options({n: v for n, v in options.items() if n != "manifestFilePath"}, "purge")
        if manifest:
            self.require_run("purge").watch_until_commit(str(manifest), format="csv")

    def _refuse_transition(self, call: str) -> None:
        with self.guarded(call):
            raise UsageError(
                call,
                found="copies that S3 makes after the call has returned",
                required="writes that can be read back before the run ends",
                fix="give the bucket a lifecycle rule that moves the objects to the storage class",
            )
