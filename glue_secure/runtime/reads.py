"""The one funnel for reads: bookmarks select, TLS is verified, and the ledger notes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from glue_secure.bookmarks.selection import is_data
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.core.errors import GlueSecureError, UsageError
from glue_secure.core.evidence import ReadRecord, digest
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.objects import ObjectSummary
from glue_secure.core.policy import enforce
from glue_secure.core.quiet import wire_logs_muted
from glue_secure.core.service import ServiceError
from glue_secure.core.spark_conf import SettingsPlan, check_settings
from glue_secure.runtime.connections import ConnectionDesk
from glue_secure.runtime.ledger import Ledger
from glue_secure.runtime.ports import ControlPlane, Engine, ObjectStore
from glue_secure.runtime.writes import refuse_protected, s3_location

_IDENTIFIERS = re.compile(r'(?:\w+|"[^"\x00-\x1f]+")(?:\.(?:\w+|"[^"\x00-\x1f]+")){0,2}\Z')
TABLE_FORMATS = ("csv", "json", "orc", "parquet")


class ReadFunnel:
    """Reads S3 through bookmarks, and tables through verified TLS.

    Args:
        plan: the settings that must be in force; reads travel over the same endpoint.
        engine: what moves the data.
        objects: S3 as the driver sees it.
        control_plane: where Data Catalog tables are read.
        bookmarks: what is new.
        connections: opens Glue connections, verified.
        ledger: where the read is noted.
    """

    def __init__(
        self,
        *,
        plan: SettingsPlan,
        engine: Engine,
        objects: ObjectStore,
        control_plane: ControlPlane,
        bookmarks: BookmarkSession,
        connections: ConnectionDesk,
        ledger: Ledger,
    ) -> None:
        self._plan, self._engine, self._objects = plan, engine, objects
        self._control_plane = control_plane
        self._bookmarks, self._connections, self._ledger = bookmarks, connections, ledger

    def read_s3(
        self,
        source: str | Sequence[str],
        *,
        format: str,
        options: Mapping[str, str] | None = None,
        transformation_ctx: str = "",
        schema: Any = None,
        convert: Callable[[Any, bool], Any] | None = None,
    ) -> Any:
        """A frame of the objects below ``source`` that are new to ``transformation_ctx``.

        Nothing new gives a frame with the usual columns and no rows: the schema is that of the newest
        object there. An empty ``transformation_ctx`` is not tracked: everything is read.

        ``convert`` makes something else of the frame; its second argument says whether the frame is there
        for its schema only, and then what it makes must have no rows.
        """
        options = dict(options or {})
        sources = [source] if isinstance(source, str) else list(source)
        locations = [s3_location(text, "read of") for text in sources]
        refuse_protected(options, f"read of {', '.join(map(str, locations))}")
        enforce(check_settings(self._plan, self._engine.settings_in_force()))
        listing = _Listing(locations, self._objects)
        with self._ledger.timed("list"):
            try:
                new = self._bookmarks.select(transformation_ctx, listing, roots=locations)
            except ServiceError as error:
                raise GlueSecureError(
                    f"cannot list {', '.join(map(str, locations))}: {error}", aws_code=error.code
                ) from error
        chosen = [found.uri for found in new] or ([listing.newest.uri] if listing.newest else [])
        frame, mark = self._engine.read_s3(
            chosen,
            base=locations[0] if len(locations) == 1 else None,
            format=format,
            options=options,
            schema=schema,
            empty=not new and convert is None,
        )
        if convert is not None:
            frame = convert(frame, not new)
        self._ledger.read(
            ReadRecord(
                source=", ".join(map(str, locations)),
                kind="s3",
                format=format,
                transformation_ctx=transformation_ctx,
                objects=len(new),
                bytes=sum(found.size for found in new),
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
        options: Mapping[str, str] | None = None,
        spark_options: Mapping[str, str] | None = None,
    ) -> Any:
        """A frame of ``table`` (or of ``(query) alias``) through the Glue connection, TLS verified."""
        opened = self._connections.open(connection, dict(options or {}))
        with wire_logs_muted():
            frame, mark = self._engine.read_jdbc(
                url=opened.url,
                driver=opened.driver,
                table=table,
                credentials=opened.credentials,
                driver_options=opened.driver_options,
                spark_options={**dict(spark_options or {}), **opened.reader_options},
            )
        # A query may quote data, so the evidence tells it by its digest.
        told = table if _IDENTIFIERS.match(table) else f"(query) sha256:{digest(table.encode())}"
        self._ledger.read(ReadRecord(f"{connection}/{told}", "jdbc", opened.engine, "", 0, 0, None), mark)
        return frame

    def read_table(self, database: str, name: str, *, transformation_ctx: str = "") -> Any:
        """A frame of a Data Catalog table, in S3 or behind a Glue connection.

        Raises:
            GlueSecureError: the table cannot be read from the catalog.
            UsageError: its format is not one that is served here.
        """
        try:
            table = self._control_plane.table(database, name)
        except ServiceError as error:
            raise GlueSecureError(
                f"cannot read table {database}.{name}: {error}", aws_code=error.code
            ) from error
        if table.connection:
            # A crawler writes the location as database.schema.table; the connection names the database.
            name_in_database = table.location.partition(".")[2] or table.location
            if not _IDENTIFIERS.match(name_in_database):
                raise UsageError(
                    f"table {database}.{name}",
                    found="a location that is not the name of a database table",
                    required="DATABASE.SCHEMA.TABLE; SQL belongs into the script, not into the catalog",
                )
            return self.read_jdbc(table.connection, name_in_database)
        options = {}
        if table.classification == "csv":
            header = table.parameters.get("skip.header.line.count", "0") != "0"
            options = {
                "header": str(header).lower(),
                "sep": table.serde.get("field.delim", table.serde.get("separatorChar", ",")),
                "quote": table.serde.get("quoteChar", '"'),
            }
        if table.classification not in TABLE_FORMATS:
            raise UsageError(
                f"table {database}.{name}",
                found=f"classification {table.classification!r}",
                required=", ".join(TABLE_FORMATS),
                fix="set the table's parameter classification, or read its files with from_options",
            )
        return self.read_s3(
            table.location,
            format=table.classification,
            options=options,
            transformation_ctx=transformation_ctx,
        )

    def jdbc_conf(self, connection: str) -> dict[str, Any]:
        """What ``extract_jdbc_conf`` returns; ``fullUrl`` carries the forced TLS options."""
        opened = self._connections.open(connection, {})
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


class _Listing:
    """The listing of several locations, remembering the newest data object for its schema."""

    def __init__(self, locations: Sequence[S3Uri], objects: ObjectStore) -> None:
        self._locations, self._objects = locations, objects
        self.newest: ObjectSummary | None = None

    def __iter__(self) -> Iterator[ObjectSummary]:
        for location in self._locations:
            for found in self._objects.list(location):
                # Hadoop folds '//' and '..' in a path: such a key would make it read another object. Refused
                # while listing, before a bookmark takes note of it.
                S3Uri.parse(str(found.uri))
                newer = self.newest is None or found.last_modified >= self.newest.last_modified
                if newer and found.size and is_data(found.uri, self._locations):
                    self.newest = found
                yield found
