"""Lake Formation's words as frozen values: resources, grants, LF-tags, cell filters, opt-ins.

https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_Resource.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

IAM_ALLOWED = "IAM_ALLOWED_PRINCIPALS"
"""The group of everybody whom IAM lets in, under the name that the API has for it."""

Expression = tuple[tuple[str, tuple[str, ...]], ...]
"""LF-tag keys with the values that match: all keys have to, by any of their values. Sorted."""


class Permission(str, Enum):
    """``Permission`` of the API."""

    ALL = "ALL"
    SELECT = "SELECT"
    ALTER = "ALTER"
    DROP = "DROP"
    DELETE = "DELETE"
    INSERT = "INSERT"
    DESCRIBE = "DESCRIBE"
    CREATE_DATABASE = "CREATE_DATABASE"
    CREATE_TABLE = "CREATE_TABLE"
    DATA_LOCATION_ACCESS = "DATA_LOCATION_ACCESS"
    CREATE_LF_TAG = "CREATE_LF_TAG"
    ASSOCIATE = "ASSOCIATE"
    GRANT_WITH_LF_TAG_EXPRESSION = "GRANT_WITH_LF_TAG_EXPRESSION"
    CREATE_LF_TAG_EXPRESSION = "CREATE_LF_TAG_EXPRESSION"
    CREATE_CATALOG = "CREATE_CATALOG"
    SUPER_USER = "SUPER_USER"


class Kind(str, Enum):
    """What a resource is."""

    CATALOG = "catalog"
    DATABASE = "database"
    TABLE = "table"
    ALL_TABLES = "all tables"
    COLUMNS = "columns"
    OTHER_COLUMNS = "all columns but"
    CELLS = "cell filter"
    LOCATION = "data location"
    TAG = "LF-tag"
    EXPRESSION = "LF-tag expression"
    DATABASES_WITH = "databases with"
    TABLES_WITH = "tables with"
    OTHER = "other"


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """Something that permissions are granted on.

    Attributes:
        kind: which of the API's resources it is.
        database: the database's name.
        name: of the table; of a location its ARN, of an LF-tag its key, of an expression (also one that
            tables or databases are found by) its name; of ``OTHER`` the API's shape as JSON.
        part: the name of a cell filter.
        values: columns, sorted; of an LF-tag its values.
        expression: what tables or databases are found by, where no name says it.
    """

    kind: Kind
    database: str = ""
    name: str = ""
    part: str = ""
    values: tuple[str, ...] = ()
    expression: Expression = ()

    def __str__(self) -> str:
        table = f"{self.database}.{self.name}"
        values = ", ".join(self.values)
        told = {
            Kind.CATALOG: "the catalog",
            Kind.DATABASE: f"database {self.database}",
            Kind.TABLE: f"table {table}",
            Kind.ALL_TABLES: f"all tables of {self.database}",
            Kind.COLUMNS: f"columns {values} of {table}",
            Kind.OTHER_COLUMNS: f"all columns but {values} of {table}",
            Kind.CELLS: f"cell filter {self.part} of {table}",
            Kind.LOCATION: f"location {self.name}",
            Kind.TAG: f"LF-tag {self.name}={values}",
            Kind.EXPRESSION: f"LF-tag expression {self.name}",
            Kind.DATABASES_WITH: f"databases with {self._by}",
            Kind.TABLES_WITH: f"tables with {self._by}",
        }
        return told.get(self.kind, self.name)

    @property
    def _by(self) -> str:
        return f"expression {self.name}" if self.name else told_expression(self.expression)

    @classmethod
    def from_api(cls, shape: Mapping[str, Any], account: str) -> Resource:
        """Read a ``Resource``; one of another account, or of a kind unknown here, is ``OTHER``.

        A column wildcard without exclusions is the table: so is SELECT on a table listed.
        """
        name: str = next(iter(shape), "")
        inner: Mapping[str, Any] = shape.get(name) or {}
        if inner.get("CatalogId", inner.get("TableCatalogId", inner.get("Id"))) not in (None, "", account):
            return cls(Kind.OTHER, name=canonical(shape))
        database, table = str(inner.get("DatabaseName", "")), str(inner.get("Name", ""))
        if name == "Catalog":
            return cls(Kind.CATALOG)
        if name == "Database":
            return cls(Kind.DATABASE, table)
        if name == "Table":
            every = "TableWildcard" in inner or table == "ALL_TABLES"
            return cls(Kind.ALL_TABLES, database) if every else cls(Kind.TABLE, database, table)
        if name == "TableWithColumns":
            if inner.get("ColumnNames"):
                return cls(Kind.COLUMNS, database, table, values=tuple(sorted(inner["ColumnNames"])))
            but = tuple(sorted((inner.get("ColumnWildcard") or {}).get("ExcludedColumnNames") or ()))
            if but:
                return cls(Kind.OTHER_COLUMNS, database, table, values=but)
            return (
                cls(Kind.ALL_TABLES, database) if table == "ALL_TABLES" else cls(Kind.TABLE, database, table)
            )
        if name == "DataLocation":
            return cls(Kind.LOCATION, name=str(inner["ResourceArn"]))
        if name == "DataCellsFilter":
            return cls(Kind.CELLS, database, str(inner.get("TableName", "")), table)
        if name == "LFTag":
            return cls(Kind.TAG, name=str(inner["TagKey"]), values=tuple(sorted(inner["TagValues"])))
        if name == "LFTagExpression":
            return cls(Kind.EXPRESSION, name=table)
        if name == "LFTagPolicy":
            kind = Kind.DATABASES_WITH if inner.get("ResourceType") == "DATABASE" else Kind.TABLES_WITH
            return cls(
                kind,
                name=str(inner.get("ExpressionName") or ""),
                expression=expression_from_api(inner.get("Expression")),
            )
        return cls(Kind.OTHER, name=canonical(shape))

    def to_api(self) -> dict[str, Any]:
        """The API's shape, of the caller's own catalog."""
        table = {"DatabaseName": self.database, "Name": self.name}
        policy: dict[str, Any] = {"ExpressionName": self.name} if self.name else {}
        if self.expression:
            policy["Expression"] = expression_to_api(self.expression)
        shapes: dict[Kind, dict[str, Any]] = {
            Kind.CATALOG: {"Catalog": {}},
            Kind.DATABASE: {"Database": {"Name": self.database}},
            Kind.TABLE: {"Table": table},
            Kind.ALL_TABLES: {"Table": {"DatabaseName": self.database, "TableWildcard": {}}},
            Kind.COLUMNS: {"TableWithColumns": {**table, "ColumnNames": list(self.values)}},
            Kind.OTHER_COLUMNS: {
                "TableWithColumns": {**table, "ColumnWildcard": {"ExcludedColumnNames": list(self.values)}}
            },
            Kind.CELLS: {
                "DataCellsFilter": {
                    "DatabaseName": self.database,
                    "TableName": self.name,
                    "Name": self.part,
                }
            },
            Kind.LOCATION: {"DataLocation": {"ResourceArn": self.name}},
            Kind.TAG: {"LFTag": {"TagKey": self.name, "TagValues": list(self.values)}},
            Kind.EXPRESSION: {"LFTagExpression": {"Name": self.name}},
            Kind.DATABASES_WITH: {"LFTagPolicy": {"ResourceType": "DATABASE", **policy}},
            Kind.TABLES_WITH: {"LFTagPolicy": {"ResourceType": "TABLE", **policy}},
        }
        return shapes[self.kind] if self.kind in shapes else dict(json.loads(self.name))


@dataclass(frozen=True, slots=True)
class Grant:
    """What a principal may do with a resource.

    Attributes:
        principal: as the API names it: an ARN, an account, ``IAM_ALLOWED_PRINCIPALS``, ``ID:IAMPrincipals``.
        resource: on what.
        permissions: the API's words.
        grantable: those of them that it may pass on.
        condition: a Cedar condition under which alone it counts, ``""`` for none.
    """

    principal: str
    resource: Resource
    permissions: frozenset[str]
    grantable: frozenset[str] = frozenset()
    condition: str = ""

    @property
    def pair(self) -> tuple[str, Resource, str]:
        """What one list of permissions belongs to."""
        return self.principal, self.resource, self.condition

    @classmethod
    def from_api(cls, shape: Mapping[str, Any], account: str) -> Grant:
        """Read a ``PrincipalResourcePermissions``."""
        return cls(
            principal=str((shape.get("Principal") or {}).get("DataLakePrincipalIdentifier", "")),
            resource=Resource.from_api(shape["Resource"], account),
            permissions=frozenset(map(str, shape.get("Permissions") or ())),
            grantable=frozenset(map(str, shape.get("PermissionsWithGrantOption") or ())),
            condition=str((shape.get("Condition") or {}).get("Expression") or ""),
        )

    def to_api(self) -> dict[str, Any]:
        """The entry of a batch, without its id."""
        shape = {
            "Principal": {"DataLakePrincipalIdentifier": self.principal},
            "Resource": self.resource.to_api(),
            "Permissions": sorted(self.permissions),
            "PermissionsWithGrantOption": sorted(self.grantable),
        }
        return {**shape, "Condition": {"Expression": self.condition}} if self.condition else shape

    def __str__(self) -> str:
        words = ", ".join(
            f"{one} (grantable)" if one in self.grantable else one
            for one in sorted(self.permissions | self.grantable)
        )
        when = f" when {self.condition}" if self.condition else ""
        return f"{words} on {self.resource} for {self.principal}{when}"


@dataclass(frozen=True, slots=True, order=True)
class CellFilter:
    """Rows and columns of a table, under a name.

    Attributes:
        database: the table's database.
        table: the table's name.
        name: the filter's.
        rows: the predicate of its rows, ``""`` for all of them.
        columns: the only columns it shows, sorted; none named means all but ``excluded``.
        excluded: the columns it hides, sorted.
    """

    database: str
    table: str
    name: str
    rows: str = ""
    columns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def shows(self, column: str) -> bool:
        """Whether the column is visible through it."""
        return column in self.columns if self.columns else column not in self.excluded

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> CellFilter:
        """Read a ``DataCellsFilter``."""
        return cls(
            database=str(shape["DatabaseName"]),
            table=str(shape["TableName"]),
            name=str(shape["Name"]),
            rows=_rows(shape.get("RowFilter") or {}),
            columns=tuple(sorted(shape.get("ColumnNames") or ())),
            excluded=tuple(sorted((shape.get("ColumnWildcard") or {}).get("ExcludedColumnNames") or ())),
        )

    def to_api(self, account: str) -> dict[str, Any]:
        """``TableData`` of CreateDataCellsFilter."""
        shape: dict[str, Any] = {
            "TableCatalogId": account,
            "DatabaseName": self.database,
            "TableName": self.table,
            "Name": self.name,
            "RowFilter": {"FilterExpression": self.rows} if self.rows else {"AllRowsWildcard": {}},
        }
        if self.columns:
            return {**shape, "ColumnNames": list(self.columns)}
        but = {"ExcludedColumnNames": list(self.excluded)} if self.excluded else {}
        return {**shape, "ColumnWildcard": but}


@dataclass(frozen=True, slots=True, order=True)
class OptIn:
    """A principal held to Lake Formation's permissions on a resource in hybrid access mode."""

    principal: str
    resource: Resource


@dataclass(frozen=True, slots=True)
class TableTags:
    """The LF-tags of a table, as they are assigned; a column inherits the table's, a table the database's."""

    database: Mapping[str, str] = field(default_factory=dict)
    table: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def of_table(self) -> dict[str, str]:
        """What counts for the table."""
        return {**self.database, **self.table}

    def of_column(self, column: str) -> dict[str, str]:
        """What counts for a column."""
        return {**self.of_table, **self.columns.get(column, {})}


def matches(expression: Expression, tags: Mapping[str, str]) -> bool:
    """Whether tags meet an expression: each key by one of its values; ``*`` is any value."""
    return bool(expression) and all(
        key in tags and (tags[key] in values or "*" in values) for key, values in expression
    )


def expression_of(tags: Mapping[str, Iterable[str]]) -> Expression:
    """An expression in its one form."""
    return tuple(sorted((key, tuple(sorted(set(values)))) for key, values in tags.items()))


def expression_from_api(shapes: Any) -> Expression:
    """Read a list of ``LFTag``."""
    return expression_of({str(one["TagKey"]): map(str, one["TagValues"]) for one in shapes or ()})


def expression_to_api(expression: Expression) -> list[dict[str, Any]]:
    """A list of ``LFTag``."""
    return [{"TagKey": key, "TagValues": list(values)} for key, values in expression]


def tags_from_api(shape: Mapping[str, Any]) -> TableTags:
    """Read a GetResourceLFTags response for a table."""
    return TableTags(
        _pairs(shape.get("LFTagOnDatabase")),
        _pairs(shape.get("LFTagsOnTable")),
        {str(one["Name"]): _pairs(one.get("LFTags")) for one in shape.get("LFTagsOnColumns") or ()},
    )


def told_expression(expression: Expression) -> str:
    """``classification=internal|public and pii=false``."""
    return " and ".join(f"{key}={'|'.join(values)}" for key, values in expression) or "no tags"


def canonical(shape: Any) -> str:
    """JSON in one form."""
    return json.dumps(shape, sort_keys=True, separators=(",", ":"))


def _rows(shape: Mapping[str, Any]) -> str:
    rows = str(shape.get("FilterExpression") or "")
    return "" if rows.strip().lower() == "true" else rows


def _pairs(shapes: Any) -> dict[str, str]:
    return {str(one["TagKey"]): str(one["TagValues"][0]) for one in shapes or () if one.get("TagValues")}
