"""The JDBC sink: a Glue connection, a table, and nothing that could weaken either.

https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-connect-jdbc-home.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.evidence import WriteRecord
from glue_secure.core.options import truth, whole_number
from glue_secure.dynamicframe.frames.table import Table
from glue_secure.dynamicframe.types import glue_types as glue
from glue_secure.io.locations import s3_location

if TYPE_CHECKING:
    from glue_secure.run.run import Run

# Documented for Redshift alone: SQL around the load, and where the load's files lie.
_REDSHIFT = (
    "preactions",
    "postactions",
    "extracopyoptions",
    "redshifttmpdir",
    "aws_iam_role",
    "aws_iam_user",
)


@dataclass(frozen=True, slots=True)
class JdbcTarget:
    """Where a JDBC sink writes.

    Attributes:
        connection: the Glue connection's name.
        table: the database table; ``""`` for a collection, whose frames go to tables of their names.
        database: what the call takes the connection's database to be; ``""`` for no claim.
        options: the caller's other options, judged when the connection is opened.
    """

    connection: str
    table: str
    database: str
    options: Mapping[str, str]

    @classmethod
    def of(
        cls, connection: str, options: Mapping[str, Any], *, redshift_tmp_dir: str = "", what: str
    ) -> JdbcTarget:
        """Read ``connection_options`` of a sink.

        ``redshift_tmp_dir``, which Glue's tutorials pass whatever the engine, must be a place in S3 or
        empty. Nothing is written there: Redshift alone is loaded by way of S3.

        Raises:
            UsageError: an option of another engine.
            RefusedError: GS-TLS-008, a password among the options; GS-S3-006, a ``redshift_tmp_dir`` elsewhere.
        """
        rest = dict(options)
        lowered = {name.lower(): name for name in rest}
        redshift = [lowered[name] for name in _REDSHIFT if name in lowered]
        if redshift_tmp_dir:
            s3_location(redshift_tmp_dir, f"{what} by way of")
        if redshift:
            raise UsageError(
                what,
                found=", ".join(redshift),
                required="options of a JDBC sink; these are documented for Amazon Redshift alone",
                fix="run the statements in the database, or write with Amazon Redshift's own connection",
            )
        if "password" in lowered or "user" in lowered:
            raise RefusedError(
                "GS-TLS-008",
                resource=what,
                found="credentials in connection_options",
                required="a Glue connection whose password lies in Secrets Manager",
                fix='use {"useConnectionProperties": "true", "connectionName": ..., "dbtable": ...}',
            )
        if "bulkSize" in rest:  # how many inserts run side by side: what Spark calls numPartitions
            if "numPartitions" in rest:
                raise UsageError(what, found="bulkSize and numPartitions", required="one of them")
            rest["numPartitions"] = whole_number(f"bulkSize of {what}", rest.pop("bulkSize"), least=1)
        table, database = rest.pop("dbtable", ""), rest.pop("database", "")
        return cls(connection, str(table), str(database), {name: str(value) for name, value in rest.items()})

    def write(self, run: Run, table: Table, name: str = "") -> WriteRecord:
        """Append one frame; ``name`` is the table that a collection's frame goes to."""
        what = f"a write through connection {self.connection}"
        if name and self.table:
            raise UsageError(
                what,
                found=f"a collection and dbtable {self.table}",
                required="no dbtable: each frame goes to the table of its name",
            )
        if not (name or self.table):
            raise UsageError(what, found="no dbtable", required="dbtable: TABLE or SCHEMA.TABLE")
        for each in table.schema.fields:
            if isinstance(each.dataType, (glue.ChoiceType, glue.StructType, glue.MapType)):
                raise UsageError(
                    what,
                    found=f"column {each.name}, a {each.dataType.typeName()}",
                    required="columns that a database table can have",
                    fix="resolveChoice or relationalize first",
                )
        return run.write_jdbc(
            table.data, self.connection, name or self.table, database=self.database, options=self.options
        )


def through_connection(connection_type: str, options: Mapping[str, Any]) -> JdbcTarget:
    """The target of ``connection_type="postgresql"``: a connection by name, no URL of the script's own."""
    rest = dict(options)
    what = f"connection_options of a {connection_type} sink"
    name = rest.pop("connectionName", None)
    if not name or not truth("useConnectionProperties", rest.pop("useConnectionProperties", False)):
        if {"password", "user", "url"} & {each.lower() for each in rest}:
            raise RefusedError(
                "GS-TLS-008",
                resource=what,
                found="an address or credentials in connection_options",
                required="a Glue connection whose password lies in Secrets Manager",
                fix='use {"useConnectionProperties": "true", "connectionName": ..., "dbtable": ...}',
            )
        raise UsageError(
            what,
            found=", ".join(sorted(map(str, rest))) or "too little",
            required="connectionName, useConnectionProperties, dbtable",
            fix='{"useConnectionProperties": "true", "connectionName": NAME, "dbtable": TABLE}',
        )
    rest["vendor"] = connection_type  # the connection's engine must be the one that the call names
    return JdbcTarget.of(str(name), rest, what=what)
