"""A user's own connector in local Spark: a data source by its class, or a JDBC driver.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect.html#aws-glue-programming-etl-connect-market
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue_secure.bookmarks.sql.keys import requested_keys
from glue_secure.connections.connectors.options import check_connection, option_of
from glue_secure.connections.connectors.table import Connector
from glue_secure.core.connection import Credentials
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.findings import enforce
from glue_secure.core.log_suppression import suppress_client_logs
from glue_secure.core.options import option_text
from glue_secure.engines.spark.protected_table import with_protected_data

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from glue_secure.dynamicframe.frames.table import Table
    from glue_secure.io.source_filter import Sample
    from glue_secure.run.run import Run

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
# Options of Glue that no data source reads.
_GLUES_OWN = ("classname", "connectionname", "secretid", "useconnectionproperties")
_TABLES = ("dbtable", "tablename", "table", "query")


@dataclass(frozen=True, slots=True)
class CustomSource:
    """A source of ``custom.spark``, ``custom.jdbc``, ``marketplace.spark`` or ``marketplace.jdbc``.

    Attributes:
        spark: the session.
        connector: the entry of the table of connectors.
        connection_type: as the call names it.
        options: Glue's ``connection_options``.
        transformation_ctx: for the evidence; the source has no bookmark.
    """

    spark: SparkSession
    connector: Connector
    connection_type: str
    options: Mapping[str, Any]
    transformation_ctx: str = ""

    def with_format(self, format: str, options: Mapping[str, Any]) -> CustomSource:  # noqa: ARG002
        """Raise UsageError: the connector has its own format."""
        raise UsageError(
            f"a {self.connection_type} source", found="a format", required="connection_options only"
        )

    def read(self, run: Run, *, dynamic: bool, sample: Sample | None = None) -> DataFrame:  # noqa: ARG002
        """Return the connector's frame.

        Raises:
            RefusedError, VerificationError: GS-CON-002, no entry allows the connector; GS-TLS-008, -011.
            UsageError: an option is missing, or belongs to Glue's own readers.
        """
        resource = f"a {self.connection_type} source"
        requested, options = requested_keys(self.options)
        if requested.names and run.bookmarks.tracks(self.transformation_ctx):
            raise UsageError(
                resource,
                found="jobBookmarkKeys and a transformation_ctx",
                required="no bookmark in local Spark: the connector's own code selects the rows",
                fix='transformation_ctx="" reads every row; a Glue JDBC connection has bookmarks',
            )
        format, given, source = _opened(run, self.connector, self.connection_type, options, resource)
        condition = given.pop("filterPredicate", "")
        with suppress_client_logs():
            frame = self.spark.read.format(format).options(**given).load()
        run.stores.record_read(
            self.connection_type.lower(), source, transformation_ctx=self.transformation_ctx
        )
        return frame.where(condition) if condition else frame


@dataclass(frozen=True, slots=True)
class CustomSink:
    """A sink of the same types.

    Attributes:
        connector: the entry of the table of connectors.
        connection_type: as the call names it.
        options: Glue's ``connection_options``.
    """

    connector: Connector
    connection_type: str
    options: Mapping[str, Any]

    def write(self, run: Run, table: Table, name: str = "") -> WriteRecord:
        """Append the rows by the connector; raises as :meth:`CustomSource.read`, and GS-COL."""
        resource = f"a {self.connection_type} sink"
        if name:
            raise UsageError(resource, found="a collection", required="one DynamicFrame")
        format, given, target = _opened(run, self.connector, self.connection_type, self.options, resource)
        run.guard.require_same_session(table.data, target)
        records = with_protected_data(table, run.columns.protect(table.data, target)).data
        with (
            run.recorder.timed("write"),
            run.engine.attribute_writes_to_run(None, by_connector=True),
            suppress_client_logs(),
        ):
            records.write.format(format).mode("append").options(**given).save()
        return run.stores.record_write(self.connection_type.lower(), target, None)


def _opened(
    run: Run, connector: Connector, connection_type: str, options: Mapping[str, Any], resource: str
) -> tuple[str, dict[str, str], str]:
    """Check a call. Return Spark's format, its options with the login, and the source for the evidence."""
    kind = connection_type.lower()
    if kind not in ("custom.spark", "custom.jdbc", "marketplace.spark", "marketplace.jdbc"):
        raise UsageError(
            resource,
            found="a connector that AWS Lambda runs",
            required="AWS Glue",
            fix="run this job in AWS Glue; docs/connectors.md",
        )
    if option_of(options, "dataTypeMapping"):
        raise UsageError(
            resource,
            found="dataTypeMapping",
            required="no such option in local Spark",
            fix="cast the columns after the read, for instance with ApplyMapping",
        )
    run.stores.check_call(connector, options, resource)
    class_name = run.stores.approval.classes(options, resource)[0]
    given = {name: option_text(value) for name, value in options.items() if name.lower() not in _GLUES_OWN}
    secret, name = option_of(options, "secretId"), option_of(options, "connectionName")
    if name:
        connection = run.connections.read(name)
        run.recorder.record(enforce(check_connection(connector, connection)))
        secret = secret or connection.secret or connection.properties.get("SECRET_ID", "")
    credentials = run.connections.credentials(name or class_name, secret) if secret else None
    source = f"{class_name}/{next((given[key] for key in given if key.lower() in _TABLES[:3]), 'query')}"
    given = {key: _filled(key, value, credentials, resource) for key, value in given.items()}
    if credentials is not None and not any(_PLACEHOLDER.search(option_text(one)) for one in options.values()):
        given |= {"user": credentials.user, "password": credentials.password}
    if kind.endswith(".spark"):
        return class_name, given, source
    if not option_of(options, "url"):
        raise UsageError(resource, found="no url", required="url: the JDBC URL of the driver")
    run.engine.suppress_jdbc_logs()
    return "jdbc", {**given, "driver": class_name}, source


def _filled(name: str, value: str, credentials: Credentials | None, resource: str) -> str:
    """Return an option with ``${username}``, ``${user}`` and ``${password}`` replaced by the secret's."""
    known = {}
    if credentials is not None:
        known = {"user": credentials.user, "username": credentials.user, "password": credentials.password}

    def text(match: re.Match[str]) -> str:
        if match[1].lower() not in known:
            raise UsageError(
                f"option {name} of {resource}",
                found=f"${{{match[1]}}}",
                required="${username} or ${password}, and secretId",
            )
        return known[match[1].lower()]

    return _PLACEHOLDER.sub(text, value)
