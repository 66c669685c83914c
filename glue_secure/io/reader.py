"""Reads of a run: bookmarks select the objects or rows, TLS is verified, and each read is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

from glue_secure.bookmarks.bounds import Limits
from glue_secure.bookmarks.packed import Locations, PackedObjects
from glue_secure.bookmarks.selection import DEFAULT
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.bookmarks.sql.keys import KEYS, requested_keys
from glue_secure.bookmarks.sql.tables import OpenedDatabase, RowSelection, select_rows
from glue_secure.connections.manager import ConnectionManager
from glue_secure.core.catalog import CatalogTable, PartitionValues
from glue_secure.core.errors import ControlError, GlueSecureError, UsageError
from glue_secure.core.evidence import ReadRecord, digest
from glue_secure.core.findings import enforce
from glue_secure.core.identifiers import S3Uri, is_table_name
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.ports import Catalog, Engine, ObjectStore, Operation
from glue_secure.core.recorder import RunRecorder
from glue_secure.core.redaction import SecretOptions, redacting_logger
from glue_secure.core.service import ServiceError
from glue_secure.core.spark_conf import SettingsPlan, check_settings
from glue_secure.io.call_checks import reject_protected_options, s3_location
from glue_secure.io.listing import MOST_NAMED, SourceListing, described
from glue_secure.io.partitioned_reads import predicates_of, require_no_strides
from glue_secure.io.read_objects import ReadObjects
from glue_secure.io.source_filter import ALL_OBJECTS, SKIP_INVALID, SourceFilter
from glue_secure.verification.source_requirements import SourceChecker

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

Frame = TypeVar("Frame")
"""What a caller makes of a DataFrame, or a frame or source of awsglue."""
FETCH_SIZE = "10000"
"""Rows that a driver fetches at once unless the call sets ``fetchsize``. By default, PostgreSQL's and MySQL's
drivers load the whole result into memory, and Oracle's sends a request for every ten rows (bench/jdbc.py)."""
_NEVER_EMPTY = ("parquet", "orc", "avro")
_NOT_COUNTED = ""  # the scan id of reads whose rows are not counted
_LOG = redacting_logger(__name__)


class DataReader:
    """Reads S3 through bookmarks, and database tables through verified TLS.

    Every public method that reads is one operation of the run.

    Args:
        plan: the settings that must be in force; reads use the same endpoint as writes.
        engine: reads the data.
        objects: S3, called from the driver.
        catalog: the Data Catalog.
        bookmarks: selects what is new.
        connections: opens verified connections.
        recorder: receives the records.
        read_objects: receives the objects of each read.
        sources: checks the requirements of the policy file on objects that are read.
        operation: the context of one operation of the run.
    """

    def __init__(
        self,
        *,
        plan: SettingsPlan,
        engine: Engine,
        objects: ObjectStore,
        catalog: Catalog,
        bookmarks: BookmarkSession,
        connections: ConnectionManager,
        recorder: RunRecorder,
        read_objects: ReadObjects,
        sources: SourceChecker,
        operation: Operation,
    ) -> None:
        self._read_objects, self._sources = read_objects, sources
        self._plan, self._engine, self._objects, self._catalog = plan, engine, objects, catalog
        self._bookmarks, self._connections = bookmarks, connections
        self._recorder, self._operation = recorder, operation

    def reads_without_objects(self) -> Sequence[str]:
        """Return a text for each read of the run whose locations have no object with data."""
        return self._read_objects.without_objects

    def read_s3(
        self,
        source: str | Sequence[str],
        *,
        format: str,
        options: Mapping[str, str] | None = None,
        transformation_ctx: str = "",
        schema: StructType | str | None = None,
        convert: Callable[[DataFrame, bool], Frame] | None = None,
        source_filter: SourceFilter = ALL_OBJECTS,
        limits: Limits = DEFAULT,
        evidence_format: str = "",
        evidence_source: str = "",
        partition_columns: bool = True,
        partition_values_of: Callable[[Sequence[S3Uri]], PartitionValues | None] | None = None,
        schema_without_objects: StructType | None = None,
        merged_columns_of: Callable[[Frame], Sequence[str]] = lambda _frame: (),
    ) -> DataFrame | Frame:
        """Return a DataFrame of the objects below ``source`` that are new to ``transformation_ctx``.

        If there are no new objects, the frame is empty and has the schema of the newest existing object.

        Args:
            source: S3 location or locations; no location gives an empty frame of ``schema``.
            format: Spark's name of the format.
            options: options of Spark's reader.
            transformation_ctx: the transformation context; ``""`` reads every object, without a bookmark.
            schema: a ``StructType`` or DDL text; None infers the schema.
            convert: converts the frame, and its result is returned instead. The second argument is true if
                the frame was read for its schema only; the result must then have no rows. It is not called if
                there are no objects at all.
            source_filter: which objects below the locations belong to the source.
            limits: the bookmark's window, and the most that is read.
            evidence_format: the format in the evidence, if it differs from ``format``.
            evidence_source: the source in the evidence; by default the locations.
            partition_columns: whether folder names (``month=1``) below a single location become columns.
            partition_values_of: returns partition columns for the objects, in place of folder names.
            schema_without_objects: the schema if there are no objects at all.
            merged_columns_of: returns the columns of a converted frame that have several types, for the
                evidence.

        Raises:
            RefusedError: GS-S3-001 to -003, -005, -006, -014.
            GlueSecureError: a location cannot be listed.
        """
        with self._operation(ControlError), self._bookmarks.withdrawn_on_error(transformation_ctx):
            options = dict(options or {})
            sources = [source] if isinstance(source, str) else list(source)
            locations = [s3_location(text, "read of") for text in sources]
            description = ", ".join(map(str, locations))
            reject_protected_options(options, f"read of {description}")
            enforce(check_settings(self._plan, self._engine.settings_in_force()))
            start_after = self._bookmarks.listed_to(transformation_ctx, limits)
            listing = SourceListing(locations, self._objects, source_filter, start_after)
            with self._recorder.timed("list"):
                try:
                    new = self._bookmarks.select(
                        transformation_ctx,
                        listing,
                        locations=locations,
                        limits=limits,
                        scope=source_filter.scope(locations),
                    )
                    if not new:
                        listing.find_newest()
                except ServiceError as error:
                    raise GlueSecureError(
                        f"cannot list {description}: {error}", aws_code=error.code
                    ) from error
            listing.check()
            new = source_filter.sampled(new)
            new, skipped = self._without_invalid(
                new, listing, format, source_filter, has_schema=schema is not None
            )
            newest = (listing.newest,) if listing.newest is not None else ()
            uris = Locations(new or newest)
            source_filter.check_compression(uris)
            encryption = self._sources.check(uris)
            base = None
            if len(locations) == 1 and partition_columns and partition_values_of is None:
                base = locations[0]
                _reject_mixed_partitioning(base, uris)
            if not uris and schema is None and schema_without_objects is None:
                tracked = f" (bookmark {transformation_ctx!r})" if transformation_ctx else ""
                nothing = f"{listing.nothing_found()}{tracked}"
                self._read_objects.without_objects.append(nothing)
                _LOG.warning(
                    "%s, so the frame has no columns; correct the location, or pass a schema", nothing
                )
            elif listing.newest is not None and not new:
                _LOG.info(
                    "read of %s (bookmark %r): no new objects; the newest is %s",
                    description,
                    transformation_ctx,
                    described(listing.newest),
                )
            size = sum(summary.size for summary in new)
            frame, scan = self._engine.read_s3(
                uris,
                base=base,
                format=format,
                options=options,
                schema=schema if uris or schema_without_objects is None else schema_without_objects,
                empty=not new and convert is None,
                partition_values=partition_values_of(uris) if partition_values_of and uris else None,
                partitions=source_filter.partitions(size, len(new)),
            )
            merged = tuple(self._engine.merged_columns(scan))
            if convert is not None and uris:
                converted = convert(frame, not new)
                merged += tuple(merged_columns_of(converted))
                frame = converted
            self._recorder.read(
                ReadRecord(
                    source=evidence_source or description,
                    kind="s3",
                    format=evidence_format or format,
                    transformation_ctx=transformation_ctx,
                    objects=len(new),
                    bytes=size,
                    rows=None,
                    skipped=listing.invalid_count + len(skipped),
                    skipped_objects=(*listing.invalid, *skipped)[:MOST_NAMED],
                    merged_columns=merged,
                    encryption=encryption,
                ),
                scan,
            )
            self._read_objects.record_read(evidence_source or description, uris if new else (), scan)
            return frame

    @staticmethod
    def _without_invalid(
        new: Sequence[ObjectSummary],
        listing: SourceListing,
        format: str,
        source_filter: SourceFilter,
        *,
        has_schema: bool,
    ) -> tuple[Sequence[ObjectSummary], tuple[S3Uri, ...]]:
        """Return the objects that can be read as data, and those that are skipped.

        An object of 0 bytes is not a file of Parquet, ORC or Avro. Spark stops at it; for ORC, only if no
        other object and no schema has the columns.

        Raises:
            UsageError: the caller does not skip invalid objects.
        """
        empty = [entry.uri for entry in new if not entry.size] if format in _NEVER_EMPTY else []
        if empty and not source_filter.skip_invalid:
            if format == "orc" and (has_schema or len(empty) < len(new)):
                return new, ()
            more = f", and {len(empty) - 1} more" if empty[1:] else ""
            raise UsageError(
                f"a read of {format}",
                found=f"{empty[0]}, an object of 0 bytes{more}",
                required=f"objects of {format}",
                fix=f"delete it, exclude it with 'exclusions', or skip such objects with {SKIP_INVALID!r}: "
                "True, which names them in the evidence",
            )
        if empty or listing.invalid:
            _LOG.warning(
                "%d objects cannot be read as data and were skipped, for instance %r: %s",
                listing.invalid_count + len(empty),
                str((*listing.invalid, *empty)[0]),
                SKIP_INVALID,
            )
        if not empty:
            return new, ()
        return PackedObjects(entry for entry in new if entry.size), tuple(empty)

    def read_custom(
        self,
        sources: Sequence[str],
        *,
        format: str,
        perform: Callable[[], Frame],
        transformation_ctx: str = "",
    ) -> Frame:
        """Check S3 locations, and return the frame that ``perform`` reads with Glue's own reader.

        Glue's bookmark selects the objects, so the evidence has no number of objects.

        Args:
            sources: S3 locations.
            format: for the evidence.
            perform: reads.
            transformation_ctx: for the evidence.

        Raises:
            RefusedError: GS-S3-001 to -003, -006, -014.
        """
        with self._operation(ControlError):
            locations = [s3_location(text, "read of") for text in sources]
            description = ", ".join(map(str, locations))
            enforce(check_settings(self._plan, self._engine.settings_in_force()))
            encryption = self._sources.check_locations(locations)
            frame = perform()
            record = ReadRecord(
                description, "s3", format, transformation_ctx, None, None, None, encryption=encryption
            )
            self._recorder.read(record, _NOT_COUNTED)
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
    ) -> DataFrame:
        """Return a DataFrame of a table or query through a Glue connection whose TLS is verified.

        With a bookmark, the frame has the new rows; if there are none, it is empty with the table's columns.
        An error other than a failed control does not mark the run as failed: the bookmark changes only if
        the read succeeds.

        Args:
            connection: the Glue connection's name.
            table: a table's name, or ``(query) alias``.
            options: connection options; ``hashfield``, ``hashexpression`` and ``hashpartitions`` (Glue's
                parallel read); ``jobBookmarkKeys`` and ``jobBookmarkKeysSortOrder``.
            spark_options: options of Spark's JDBC reader.
            catalog_id: the account whose Data Catalog has the connection; None for the run's account.
            transformation_ctx: the transformation context; ``""`` reads every row, without a bookmark.

        Raises:
            RefusedError, VerificationError: GS-TLS.
            UsageError: the bookmark cannot use these keys; see :mod:`glue_secure.bookmarks.sql.tables`.
        """
        with self._operation(ControlError):
            requested, connection_options = requested_keys(options or {})
            opened = self._connections.open(connection, connection_options, catalog_id)
            predicates, reader_options = predicates_of(opened.engine, opened.reader_options)
            source, database, rows = (
                _jdbc_source(connection, table),
                OpenedDatabase(self._engine, opened),
                RowSelection(),
            )
            if requested.names and not transformation_ctx:
                _LOG.warning("%s: %s has no effect without a transformation_ctx, as in Glue", source, KEYS)
            if self._bookmarks.tracks(transformation_ctx):
                with self._recorder.timed("list"):
                    rows = select_rows(
                        table,
                        label=source,
                        is_name=is_table_name(table),
                        requested=requested,
                        transformation_ctx=transformation_ctx,
                        bookmarks=self._bookmarks,
                        database=database,
                        connection=connection if not catalog_id else f"{catalog_id}:{connection}",
                        location=opened.url,
                        engine=opened.engine,
                    )
            spark_options = {"fetchsize": FETCH_SIZE, **dict(spark_options or {}), **reader_options}
            if predicates or rows.tracked:
                require_no_strides(source, spark_options)
            if rows.where:
                predicates = tuple(f"({part}) and ({rows.where})" for part in predicates) or (rows.where,)
            frame, scan = database.read(table, predicates, spark_options=spark_options, empty=rows.is_empty)
            context = transformation_ctx if rows.tracked else ""
            self._recorder.read(ReadRecord(source, "jdbc", opened.engine, context, 0, 0, None), scan)
            if rows.is_empty:
                self._read_objects.selected_nothing = True
            if rows.tracked:
                # Last: a read that fails before this, and whose error the script catches, changes no
                # bookmark.
                self._bookmarks.propose(transformation_ctx, rows.next_state)
            return frame

    def read_jdbc_custom(
        self, connection: str, table: str, *, options: Mapping[str, str], perform: Callable[[], Frame]
    ) -> Frame:
        """Verify a Glue connection, and return the frame that ``perform`` reads with Glue's own reader.

        Args:
            connection: the Glue connection's name.
            table: a table's name, or a query.
            options: connection options; each is validated.
            perform: reads.

        Raises:
            RefusedError, VerificationError: as in :meth:`ConnectionManager.open_for_glue`.
        """
        with self._operation(ControlError):
            opened = self._connections.open_for_glue(connection, options)
            frame = perform()
            source = _jdbc_source(connection, table)
            self._recorder.read(ReadRecord(source, "jdbc", opened.engine, "", 0, 0, None), _NOT_COUNTED)
            return frame

    def catalog_table(self, database: str, name: str, catalog_id: str | None = None) -> CatalogTable:
        """Return a Data Catalog table.

        Raises:
            RefusedError, VerificationError: GS-CAT, GS-KMS.
            GlueSecureError: the table cannot be read.
        """
        with self._operation(ControlError):
            try:
                return self._catalog.table(database, name, catalog_id)
            except ServiceError as error:
                raise GlueSecureError(
                    f"cannot read table {database}.{name}: {error}", aws_code=error.code
                ) from error

    def jdbc_options(self, connection: str) -> dict[str, str]:
        """Return the options of a verified connection for ``spark.read.format("jdbc")``, with the password.

        Raises:
            RefusedError, VerificationError: GS-TLS.
        """
        with self._operation(ControlError):
            opened = self._connections.open(connection, {})
            self._connections.suppress_logs_until_close()
            return SecretOptions(
                {
                    **opened.driver_options,
                    "url": opened.url,
                    "driver": opened.driver,
                    "user": opened.credentials.user,
                    "password": opened.credentials.password,
                }
            )

    def kafka_options(self, connection: str, options: Mapping[str, object]) -> dict[str, str]:
        """Return the options of a verified connection for Spark's ``format("kafka")``, with the login.

        Raises:
            RefusedError, VerificationError: GS-TLS.
        """
        with self._operation(ControlError):
            kafka_options = self._connections.kafka_options(connection, options)
            self._connections.suppress_logs_until_close()
            return SecretOptions(kafka_options)

    def jdbc_conf(self, connection: str, catalog_id: str | None = None) -> dict[str, Any]:
        """Return the result of ``extract_jdbc_conf``; ``fullUrl`` contains the forced TLS options.

        Raises:
            RefusedError, VerificationError: GS-TLS.
            UsageError: the engine's driver does not accept all of these options in a URL.
        """
        with self._operation(ControlError):
            opened = self._connections.open(connection, {}, catalog_id)
            if opened.engine != "postgresql":
                raise UsageError(
                    f"extract_jdbc_conf of connection {connection}",
                    found=f"{opened.engine}, whose driver does not accept full verification in a URL",
                    required="postgresql",
                    fix="use job.jdbc_options(connection) with spark.read.format('jdbc').options(...)",
                )
            self._connections.suppress_logs_until_close()
            conf: dict[str, Any] = {
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
            return SecretOptions(conf)


def _reject_mixed_partitioning(base: S3Uri, uris: Sequence[S3Uri]) -> None:
    """Reject objects beside partition folders, which Spark silently drops when it reads the folders."""
    start = len(base.as_prefix())
    beside, first = 0, None
    for uri in uris:
        if "=" not in uri.key[start:].rpartition("/")[0]:
            first = first or uri
            beside += 1
    if beside and beside < len(uris):
        raise UsageError(
            f"a read of {base}",
            found=f"{first} beside partition folders (name=value), which Spark would silently drop",
            required="every object in a partition folder, or none",
            fix="read the folders one by one, or move the object",
        )


def _jdbc_source(connection: str, table: str) -> str:
    """Return the source's name for the evidence; a query may quote data, so only its digest is shown."""
    name = table if is_table_name(table) else f"(query) sha256:{digest(table.encode())}"
    return f"{connection}/{name}"
