"""The one funnel for reads: bookmarks select, TLS is verified, and the recorder notes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from glue_secure.bookmarks.bounds import Limits
from glue_secure.bookmarks.selection import DEFAULT
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.bookmarks.sql.keys import KEYS, asked_keys
from glue_secure.bookmarks.sql.tables import DIALECTS, OpenedDatabase, Rows, rows_of
from glue_secure.connections.manager import ConnectionManager
from glue_secure.core.catalog import CatalogTable, PartitionValues
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.evidence import ReadRecord, WriteRecord, digest
from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import S3Uri, is_table_name
from glue_secure.core.ports import Catalog, Engine, ObjectStore
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.redaction import redacting_logger
from glue_secure.core.service import ServiceError
from glue_secure.core.spark_conf import SettingsPlan, check_settings
from glue_secure.io.listing import Listing
from glue_secure.io.locations import s3_location
from glue_secure.io.partitioned_reads import predicates_of, require_no_strides
from glue_secure.io.source_filter import WHOLE, Scope
from glue_secure.io.writer import refuse_protected

FETCH_SIZE = "10000"
"""Rows that a driver fetches at once where the call says nothing. PostgreSQL's and MySQL's drivers would hold
the whole answer in memory, Oracle's would ask again every ten rows (bench/jdbc.py measures it)."""
# The mark of reads whose rows nothing here counts.
UNMEASURED = ""
_LOG = redacting_logger(__name__)


class DataReader:
    """Reads S3 through bookmarks, and tables through verified TLS.

    Args:
        plan: the settings that must be in force; reads travel over the same endpoint.
        engine: what moves the data.
        objects: S3 as the driver sees it.
        control_plane: where Data Catalog tables are read.
        bookmarks: what is new.
        connections: opens Glue connections, verified.
        recorder: where the read is noted.
    """

    def __init__(
        self,
        *,
        plan: SettingsPlan,
        engine: Engine,
        objects: ObjectStore,
        control_plane: Catalog,
        bookmarks: BookmarkSession,
        connections: ConnectionManager,
        recorder: RunRecorder,
    ) -> None:
        self._plan, self._engine, self._objects = plan, engine, objects
        self._control_plane = control_plane
        self._bookmarks, self._connections, self._recorder = bookmarks, connections, recorder

    def read_s3(
        self,
        source: str | Sequence[str],
        *,
        format: str,
        options: Mapping[str, str] | None = None,
        transformation_ctx: str = "",
        schema: Any = None,
        convert: Callable[[Any, bool], Any] | None = None,
        scope: Scope = WHOLE,
        limits: Limits = DEFAULT,
        record_format: str = "",
        told: str = "",
        partition_columns: bool = True,
        label: Callable[[Sequence[S3Uri]], PartitionValues | None] | None = None,
        otherwise: Any = None,
    ) -> Any:
        """A frame of the objects below ``source`` that are new to ``transformation_ctx``.

        Nothing new gives a frame with the usual columns and no rows: the schema is that of the newest
        object there. An empty ``transformation_ctx`` is not tracked: everything is read.

        ``convert`` makes something else of the frame; its second argument says whether the frame is there
        for its schema only, and then what it makes must have no rows. Where nothing at all lies it is not
        called.

        Args:
            source: location or locations; none at all gives an empty frame of ``schema``.
            format: Spark's name of it.
            options: Spark's options.
            transformation_ctx: the bookmark's name for this source.
            schema: a ``StructType`` or DDL text; None infers.
            convert: see above.
            scope: what below the locations belongs to the source; the bookmark sees nothing else.
            limits: the bookmark's window, and how much to read at most.
            record_format: what the evidence calls the format; ``format`` by default.
            told: what the evidence calls the source; the locations by default.
            partition_columns: whether folder names (``month=1``) below a single location become columns.
            label: partition columns that the objects get instead, by the folder in which they lie.
            otherwise: the schema when nothing at all lies there; then ``convert`` is not called.
        """
        options = dict(options or {})
        sources = [source] if isinstance(source, str) else list(source)
        locations = [s3_location(text, "read of") for text in sources]
        refuse_protected(options, f"read of {', '.join(map(str, locations))}")
        enforce(check_settings(self._plan, self._engine.settings_in_force()))
        started = self._bookmarks.listed_to(transformation_ctx, limits)
        listing = Listing(locations, self._objects, scope, started)
        with self._recorder.timed("list"):
            try:
                # The listing has already taken out what is no data below its own location.
                new = self._bookmarks.select(transformation_ctx, listing, locations=locations, limits=limits)
                if not new:
                    listing.look_back()
            except ServiceError as error:
                raise GlueSecureError(
                    f"cannot list {', '.join(map(str, locations))}: {error}", aws_code=error.code
                ) from error
        listing.warn()
        new = tuple(scope.sampled(new))
        chosen = [found.uri for found in new] or ([listing.newest.uri] if listing.newest else [])
        scope.check(chosen)
        base = locations[0] if len(locations) == 1 and partition_columns and label is None else None
        if base is not None:
            _refuse_half_partitioned(base, chosen)
        size = sum(found.size for found in new)
        frame, mark = self._engine.read_s3(
            chosen,
            base=base,
            format=format,
            options=options,
            schema=schema if chosen or otherwise is None else otherwise,
            empty=not new and convert is None,
            partition_values=label(chosen) if label is not None and chosen else None,
            partitions=scope.partitions(size),
        )
        if convert is not None and chosen:
            frame = convert(frame, not new)
        self._recorder.read(
            ReadRecord(
                source=told or ", ".join(map(str, locations)),
                kind="s3",
                format=record_format or format,
                transformation_ctx=transformation_ctx,
                objects=len(new),
                bytes=size,
                rows=None,
            ),
            mark,
        )
        return frame

    def read_jdbc(
        self,
        connection: str,
        table: str,
        *,
        options: Mapping[str, Any] | None = None,
        spark_options: Mapping[str, str] | None = None,
        catalog_id: str | None = None,
        transformation_ctx: str = "",
    ) -> Any:
        """A frame of ``table`` (or of ``(query) alias``) through the Glue connection, TLS verified.

        Of a tracked source it has the rows that are new; nothing new gives its columns and no rows.

        Args:
            connection: the Glue connection's name.
            table: see above.
            options: the driver's harmless options; ``hashfield``, ``hashexpression``, ``hashpartitions``
                (Glue's parallel read); ``jobBookmarkKeys``, ``jobBookmarkKeysSortOrder``.
            spark_options: Spark's reader options.
            catalog_id: the account whose catalog holds the connection; None for the run's own.
            transformation_ctx: the bookmark's name for this source; ``""`` reads everything.

        Raises:
            UsageError: the bookmark cannot go by these keys; see :mod:`glue_secure.bookmarks.sql.tables`.
        """
        asked, rest = asked_keys(options or {})
        opened = self._connections.open(connection, rest, catalog_id)
        parts, reader = predicates_of(opened.engine, opened.reader_options)
        told, database, rows = f"{connection}/{_told(table)}", OpenedDatabase(self._engine, opened), Rows()
        if asked.names and not transformation_ctx:
            _LOG.warning("%s: %s without a transformation_ctx does nothing, as in Glue", told, KEYS)
        if self._bookmarks.tracks(transformation_ctx):
            _require_bookmark_sql(told, opened.engine)
            with self._recorder.timed("list"):
                rows = rows_of(
                    table,
                    what=told,
                    is_name=is_table_name(table),
                    asked=asked,
                    transformation_ctx=transformation_ctx,
                    bookmarks=self._bookmarks,
                    database=database,
                    engine=opened.engine,
                )
        spark_options = {"fetchsize": FETCH_SIZE, **dict(spark_options or {}), **reader}
        if parts or rows.tracked:
            require_no_strides(told, spark_options)
        if rows.where:
            parts = tuple(f"({part}) and ({rows.where})" for part in parts) or (rows.where,)
        frame, mark = database.read(table, parts, spark_options=spark_options, empty=rows.none_new)
        tracked = transformation_ctx if rows.tracked else ""
        self._recorder.read(ReadRecord(told, "jdbc", opened.engine, tracked, 0, 0, None), mark)
        if rows.tracked:
            # Last of all: a read that failed before, and was caught, moves nothing.
            self._bookmarks.propose(transformation_ctx, rows.next_state)
        return frame

    def read_through(
        self,
        sources: Sequence[str],
        *,
        format: str,
        perform: Callable[[], Any],
        options: Mapping[str, str] | None = None,
        transformation_ctx: str = "",
    ) -> Any:
        """Guard ``sources``, and let ``perform`` make the frame: awsglue selects what is new by itself.

        The evidence names the read; how many objects it selected is known to Glue alone.
        """
        locations = [s3_location(text, "read of") for text in sources]
        refuse_protected(options or {}, f"read of {', '.join(map(str, locations))}")
        enforce(check_settings(self._plan, self._engine.settings_in_force()))
        frame = perform()
        place = ", ".join(map(str, locations))
        self._recorder.read(ReadRecord(place, "s3", format, transformation_ctx, None, None, None), UNMEASURED)
        return frame

    def note_jdbc(self, connection: str, table: str, engine: str, *, reading: bool) -> None:
        """Note what an engine reads from, or wrote to, a table over a connection that was opened here."""
        place = f"{connection}/{_told(table)}"
        if reading:
            self._recorder.read(ReadRecord(place, "jdbc", engine, "", 0, 0, None), UNMEASURED)
        else:
            self._recorder.writes.append(WriteRecord(place, engine, None, (), 0.0, "jdbc"))

    def catalog_table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """A Data Catalog table as the catalog describes it.

        Raises:
            GlueSecureError: it cannot be read.
        """
        try:
            return self._control_plane.table(database, name, catalog_id)
        except ServiceError as error:
            raise GlueSecureError(
                f"cannot read table {database}.{name}: {error}", aws_code=error.code
            ) from error

    def jdbc_options(self, connection: str) -> dict[str, str]:
        """What Spark's own ``format("jdbc")`` needs to connect: full verification, and the password."""
        opened = self._connections.open(connection, {})
        self._connections.suppress_logs_until_close()
        return {
            **opened.driver_options,
            "url": opened.url,
            "driver": opened.driver,
            "user": opened.credentials.user,
            "password": opened.credentials.password,
        }

    def kafka_options(self, connection: str, options: Mapping[str, object]) -> dict[str, str]:
        """What Spark's own ``format("kafka")`` needs to connect: full verification, and the login."""
        given = self._connections.kafka(connection, options)
        self._connections.suppress_logs_until_close()
        return given

    def jdbc_conf(self, connection: str, catalog_id: str | None = None) -> dict[str, Any]:
        """What ``extract_jdbc_conf`` returns; ``fullUrl`` carries the forced TLS options.

        Raises:
            UsageError: the engine's driver does not take all of them in a URL.
        """
        opened = self._connections.open(connection, {}, catalog_id)
        if opened.engine != "postgresql":
            raise UsageError(
                f"extract_jdbc_conf of connection {connection}",
                found=f"an engine whose full verification does not fit into one URL, {opened.engine}",
                required="postgresql",
                fix="use job.jdbc_options(connection) with spark.read.format('jdbc').options(...)",
            )
        self._connections.suppress_logs_until_close()
        return {
            "vendor": opened.engine,
            "url": opened.url.rpartition("/")[0],
            "fullUrl": f"{opened.url}?{urlencode(opened.driver_options, quote_via=quote)}",
            "user": opened.credentials.user,
            "password": opened.credentials.password,
            "enforceSSL": "true",
            "skipCustomJDBCCertValidation": "false",
            "customJDBCCert": opened.certificate,
            "customJDBCCertString": "",
        }


def _require_bookmark_sql(told: str, engine: str) -> None:
    """Refuse a tracked source of another engine: no bookmark speaks its SQL, a whole read would hide it."""
    if engine not in DIALECTS:
        raise UsageError(
            f"a bookmark of {told}",
            found=f"a table of {engine}, and a transformation_ctx",
            required=f"{', '.join(DIALECTS)}; bookmarks of other engines are not served yet",
            fix='transformation_ctx="" reads every row; filter in a query what the job has read before',
        )


def _refuse_half_partitioned(base: S3Uri, objects: Sequence[S3Uri]) -> None:
    """Spark reads what lies in partition folders and drops, in silence, what lies beside them."""
    begin = len(base.as_prefix())
    beside = [uri for uri in objects if "=" not in uri.key[begin:].rpartition("/")[0]]
    if beside and len(beside) < len(objects):
        raise UsageError(
            f"a read of {base}",
            found=f"{beside[0]} beside partition folders (name=value): Spark would drop it in silence",
            required="objects in partition folders, or none of them",
            fix="read the folders one by one, or move the object",
        )


def _told(table: str) -> str:
    # A query may quote data, so the evidence tells it by its digest.
    return table if is_table_name(table) else f"(query) sha256:{digest(table.encode())}"
