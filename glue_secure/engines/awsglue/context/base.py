"""What every part of the guarded GlueContext stands on: the run, the gate, and what a call reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from awsglue.context import GlueContext as TheirGlueContext

from glue_secure.core.errors import ControlError, UsageError
from glue_secure.engines.awsglue.jvm_call_guard import Gate, GuardedScalaContext, require_glue_classes
from glue_secure.engines.awsglue.options import (
    JdbcReach,
    S3Reach,
    enforced,
    judge_s3_options,
    parse_connection,
    parse_source,
)
from glue_secure.preflight.fine_grained import refuse_rdds
from glue_secure.run.init_required import before_init

if TYPE_CHECKING:
    from glue_secure.run.run import Run

Options = dict[str, Any]


class GuardedContext(TheirGlueContext):  # type: ignore[misc]
    """The real context behind the gate, and the run of a job."""

    secured_run: Run | None
    _gate: Gate

    def _get_glue_scala_context(self, **options: Any) -> GuardedScalaContext:
        require_glue_classes(self._jvm)
        return GuardedScalaContext(super()._get_glue_scala_context(**options), self._gate)

    def require_run(self, call: str) -> Run:
        """The run, or a refusal: before ``job.init`` (GS-SEC-007), or of what needs RDDs (GS-LF-007)."""
        if self.secured_run is None:
            raise before_init(call)
        refuse_rdds(call, fine_grained=self.secured_run.fine_grained)
        return self.secured_run

    @contextmanager
    def guarded(self, call: str) -> Iterator[Run]:
        """The run, for one call that reads or writes; what fails in it spoils the run."""
        run = self.require_run(call)
        with run.call():
            yield run

    def written(self, reach: S3Reach | JdbcReach, write: Callable[[], Any], count: Callable[[], int]) -> Any:
        """What ``write`` returns, once everything that appeared in ``reach`` is verified."""
        run, answers = self.require_run("a sink's write"), []
        if isinstance(reach, JdbcReach):
            run.reject_unprotectable_sink(f"{reach.connection}/{reach.table}")
            opened = run.open_connection(reach.connection, reach.options)
            with run.own_tables():
                answers.append(write())
            run.note_jdbc(reach.connection, reach.table, opened.engine, reading=False)
        else:
            run.write_through(
                reach.places[0], format=reach.format, perform=lambda: answers.append(write()), count=count
            )
        return answers[0]

    def _source(
        self, call: str, connection_type: str, format: str | None, options: Options
    ) -> tuple[S3Reach | JdbcReach, Options]:
        """What a source reaches, and its options as they go on."""
        with self.guarded(call):
            reach = parse_source(connection_type, format, options)
            return reach, enforced(options) if isinstance(reach, JdbcReach) else options

    def _read(
        self, call: str, reach: S3Reach | JdbcReach, transformation_ctx: str, make: Callable[[], Any]
    ) -> Any:
        """What ``make`` returns, once what it reads from is guarded."""
        run = self.require_run(call)
        if isinstance(reach, S3Reach):
            return run.read_through(
                reach.places, format=reach.format, perform=make, transformation_ctx=transformation_ctx
            )
        with run.call(ControlError):
            opened = run.open_connection(reach.connection, reach.options)
            made = make()
            run.note_jdbc(reach.connection, reach.table, opened.engine, reading=True)
            return made

    def _table(
        self,
        call: str,
        database: str | None,
        table_name: str | None,
        redshift_tmp_dir: str,
        additional_options: Mapping[str, Any] | None,
        catalog_id: str | None,
        more: Mapping[str, Any],
    ) -> tuple[S3Reach | JdbcReach, Options]:
        """What a Data Catalog table reaches, and the options as they go on."""
        with self.guarded(call) as run:
            names = [name for name in (database, more.get("name_space")) if name is not None]
            if len(names) != 1 or table_name is None:
                raise UsageError(
                    call,
                    found=f"{len(names)} names of a database, table_name={table_name!r}",
                    required="database (or name_space, its old name) and table_name",
                )
            self._own_catalog(call, catalog_id)
            self._temporary_place(redshift_tmp_dir, call)
            table, wanted = run.catalog_table(names[0], table_name), dict(additional_options or {})
            what = f"table {names[0]}.{table_name}"
            if table.connection:
                judged = parse_connection(table.connection, wanted, what)
                return JdbcReach(table.connection, table.location, judged.options), enforced(wanted)
            if table.parameters.get("table_type", "").upper() == "ICEBERG":
                raise UsageError(
                    what,
                    found="an Iceberg table, whose files are written past Hadoop's file systems",
                    required="a table that this project guards in Glue",
                    fix="docs/differences-from-glue.md lists what is guarded in Glue",
                )
            judge_s3_options(wanted, what)
            return S3Reach((table.location,), table.classification or "table"), wanted

    def _temporary_place(self, place: str, call: str) -> None:
        """Refuse a ``redshift_tmp_dir`` not in S3 (GS-S3-006) or a kept place (GS-S3-009); ``""`` is none."""
        if place:
            self.require_run(call).reject_reserved_location(place, f"{call} by way of")

    def _own_catalog(self, call: str, catalog_id: str | None) -> None:
        """Refuse another account's catalog: what it says was not read by the guard."""
        run = self.require_run(call)
        if catalog_id and str(catalog_id) != run.preflight.account:
            raise UsageError(
                call,
                found=f"catalog_id {catalog_id}",
                required=f"the catalog of the run's own account, {run.preflight.account}",
            )
