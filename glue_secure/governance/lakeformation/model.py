"""Lake Formation's resources, grants, LF-Tags, data cell filters and opt-ins, as frozen values.

https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_Resource.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

IAM_ALLOWED = "IAM_ALLOWED_PRINCIPALS"
"""The API's name of the group IAMAllowedPrincipals, which contains all principals that IAM allows."""

Expression = tuple[tuple[str, tuple[str, ...]], ...]
"""Sorted LF-Tag keys and values. All keys must match, each by any of its values."""

_IN_NESTED_CATALOGS = ("Catalog", "Database", "Table", "TableWithColumns", "UserDefinedFunction")
"""Members of the API's ``Resource`` that the permissions file can contain for nested catalogs."""


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
    EXECUTE = "EXECUTE"


class Kind(str, Enum):
    """The kind of a resource."""

    CATALOG = "catalog"
    NESTED_CATALOG = "nested catalog"
    DATABASE = "database"
    TABLE = "table"
    ALL_TABLES = "all tables"
    COLUMNS = "columns"
    OTHER_COLUMNS = "all columns but"
    CELLS = "cell filter"
    FUNCTION = "function"
    ALL_FUNCTIONS = "all functions"
    LOCATION = "data location"
    TAG = "LF-Tag"
    EXPRESSION = "LF-Tag expression"
    DATABASES_WITH = "databases with"
    TABLES_WITH = "tables with"
    OTHER = "other"


@dataclass(frozen=True, slots=True, order=True)
class Resource:
    """A resource on which permissions are granted.

    Attributes:
        kind: the kind of the resource.
        database: name of the database.
        name: name of the table or function; for other kinds the ARN of a location, the key of an LF-Tag, the
            name of an LF-Tag expression, or the API's structure as JSON (``OTHER``).
        part: name of a data cell filter.
        values: columns, sorted, or values of an LF-Tag.
        expression: an LF-Tag expression without a name, for ``DATABASES_WITH`` and ``TABLES_WITH``.
        catalog: id of the nested catalog that contains the resource (``ACCOUNT:NAME``, or
            ``ACCOUNT:NAME/NAME`` for S3 Tables and Redshift); ``""`` for the account's default catalog.
    """

    kind: Kind
    database: str = ""
    name: str = ""
    part: str = ""
    values: tuple[str, ...] = ()
    expression: Expression = ()
    catalog: str = ""

    def __str__(self) -> str:
        table = f"{self.database}.{self.name}"
        values = ", ".join(self.values)
        descriptions = {
            Kind.CATALOG: "the catalog",
            Kind.FUNCTION: f"function {table}",
            Kind.ALL_FUNCTIONS: f"all functions of {self.database}",
            Kind.DATABASE: f"database {self.database}",
            Kind.TABLE: f"table {table}",
            Kind.ALL_TABLES: f"all tables of {self.database}",
            Kind.COLUMNS: f"columns {values} of {table}",
            Kind.OTHER_COLUMNS: f"all columns but {values} of {table}",
            Kind.CELLS: f"cell filter {self.part} of {table}",
            Kind.LOCATION: f"location {self.name}",
            Kind.TAG: f"LF-Tag {self.name}={values}",
            Kind.EXPRESSION: f"LF-Tag expression {self.name}",
            Kind.DATABASES_WITH: f"databases with {self._by}",
            Kind.TABLES_WITH: f"tables with {self._by}",
        }
        if self.kind is Kind.NESTED_CATALOG:
            return f"catalog {self.catalog}"
        description = descriptions.get(self.kind, self.name)
        return f"{description} of catalog {self.catalog}" if self.catalog else description

    @property
    def _by(self) -> str:
        return f"expression {self.name}" if self.name else expression_text(self.expression)

    @classmethod
    def from_api(cls, shape: Mapping[str, Any], account: str) -> Resource:
        """Convert the API's ``Resource``. A resource of another account or an unknown kind is ``OTHER``.

        A column wildcard without exclusions is the table, because the API lists SELECT on a table like this.
        """
        name: str = next(iter(shape), "")
        inner: Mapping[str, Any] = shape.get(name) or {}
        owner = str(inner.get("CatalogId", inner.get("TableCatalogId", inner.get("Id"))) or account)
        if owner != account:
            return cls._from_nested(name, shape, account, owner)
        database, table = str(inner.get("DatabaseName", "")), str(inner.get("Name", ""))
        if name == "Catalog":
            return cls(Kind.CATALOG)
        if name == "UserDefinedFunction":
            is_one = "UserDefinedFunctionWildcard" not in inner
            return cls(Kind.FUNCTION, database, table) if is_one else cls(Kind.ALL_FUNCTIONS, database)
        if name == "Database":
            return cls(Kind.DATABASE, table)
        if name == "Table":
            all_tables = "TableWildcard" in inner or table == "ALL_TABLES"
            return cls(Kind.ALL_TABLES, database) if all_tables else cls(Kind.TABLE, database, table)
        if name == "TableWithColumns":
            if inner.get("ColumnNames"):
                return cls(Kind.COLUMNS, database, table, values=tuple(sorted(inner["ColumnNames"])))
            excluded = tuple(sorted((inner.get("ColumnWildcard") or {}).get("ExcludedColumnNames") or ()))
            if excluded:
                return cls(Kind.OTHER_COLUMNS, database, table, values=excluded)
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

    @classmethod
    def _from_nested(cls, name: str, shape: Mapping[str, Any], account: str, owner: str) -> Resource:
        """Convert a resource of a nested catalog of the account; of another account, it is ``OTHER``."""
        if not owner.startswith(f"{account}:") or name not in _IN_NESTED_CATALOGS:
            return cls(Kind.OTHER, name=canonical(shape))
        if name == "Catalog":
            return cls(Kind.NESTED_CATALOG, catalog=owner)
        inner = {member: value for member, value in shape[name].items() if member != "CatalogId"}
        return replace(cls.from_api({name: inner}, account), catalog=owner)

    @property
    def listed_with(self) -> Resource:
        """The resource whose permissions ListPermissions returns with those of this resource."""
        if self.kind in (Kind.COLUMNS, Kind.OTHER_COLUMNS):
            return Resource(Kind.TABLE, self.database, self.name, catalog=self.catalog)
        return self

    def to_api(self) -> dict[str, Any]:
        """Return the API's ``Resource``."""
        if not self.catalog:
            return self._to_api()
        if self.kind is Kind.NESTED_CATALOG:
            return {"Catalog": {"Id": self.catalog}}
        ((name, inner),) = self._to_api().items()
        return {name: {"CatalogId": self.catalog, **inner}}

    def _to_api(self) -> dict[str, Any]:
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
            Kind.FUNCTION: {"UserDefinedFunction": table},
            Kind.ALL_FUNCTIONS: {
                "UserDefinedFunction": {"DatabaseName": self.database, "UserDefinedFunctionWildcard": {}}
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
    """The permissions of a principal on a resource.

    Attributes:
        principal: an ARN, an account id, ``IAM_ALLOWED_PRINCIPALS``, or ``ID:IAMPrincipals``.
        resource: the resource.
        permissions: names of permissions, as in the API.
        grantable: permissions that the principal can grant to others.
        condition: a Cedar expression that limits the grant, ``""`` for none.
    """

    principal: str
    resource: Resource
    permissions: frozenset[str]
    grantable: frozenset[str] = frozenset()
    condition: str = ""

    @property
    def pair(self) -> tuple[str, Resource, str]:
        """Principal, resource and condition, which identify the grant."""
        return self.principal, self.resource, self.condition

    @classmethod
    def from_api(cls, shape: Mapping[str, Any], account: str) -> Grant:
        """Convert the API's ``PrincipalResourcePermissions``."""
        return cls(
            principal=str((shape.get("Principal") or {}).get("DataLakePrincipalIdentifier", "")),
            resource=Resource.from_api(shape["Resource"], account),
            permissions=frozenset(map(str, shape.get("Permissions") or ())),
            grantable=frozenset(map(str, shape.get("PermissionsWithGrantOption") or ())),
            condition=str((shape.get("Condition") or {}).get("Expression") or ""),
        )

    def to_api(self) -> dict[str, Any]:
        """Return an entry of a batch request, without its id."""
        shape = {
            "Principal": {"DataLakePrincipalIdentifier": self.principal},
            "Resource": self.resource.to_api(),
            "Permissions": sorted(self.permissions),
            "PermissionsWithGrantOption": sorted(self.grantable),
        }
        return {**shape, "Condition": {"Expression": self.condition}} if self.condition else shape

    def __str__(self) -> str:
        permissions = ", ".join(
            f"{name} (grantable)" if name in self.grantable else name
            for name in sorted(self.permissions | self.grantable)
        )
        condition = f" when {self.condition}" if self.condition else ""
        return f"{permissions} on {self.resource} for {self.principal}{condition}"


@dataclass(frozen=True, slots=True, order=True)
class CellFilter:
    """A data cell filter: rows and columns of a table.

    Attributes:
        database: name of the database.
        table: name of the table.
        name: name of the filter.
        rows: row filter expression, ``""`` for all rows.
        columns: included columns, sorted; empty for all columns except ``excluded``.
        excluded: excluded columns, sorted.
    """

    database: str
    table: str
    name: str
    rows: str = ""
    columns: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def shows(self, column: str) -> bool:
        """Return whether the filter includes the column."""
        return column in self.columns if self.columns else column not in self.excluded

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> CellFilter:
        """Convert the API's ``DataCellsFilter``."""
        return cls(
            database=str(shape["DatabaseName"]),
            table=str(shape["TableName"]),
            name=str(shape["Name"]),
            rows=_rows(shape.get("RowFilter") or {}),
            columns=tuple(sorted(shape.get("ColumnNames") or ())),
            excluded=tuple(sorted((shape.get("ColumnWildcard") or {}).get("ExcludedColumnNames") or ())),
        )

    def to_api(self, account: str) -> dict[str, Any]:
        """Return ``TableData`` of CreateDataCellsFilter."""
        shape: dict[str, Any] = {
            "TableCatalogId": account,
            "DatabaseName": self.database,
            "TableName": self.table,
            "Name": self.name,
            "RowFilter": {"FilterExpression": self.rows} if self.rows else {"AllRowsWildcard": {}},
        }
        if self.columns:
            return {**shape, "ColumnNames": list(self.columns)}
        wildcard = {"ExcludedColumnNames": list(self.excluded)} if self.excluded else {}
        return {**shape, "ColumnWildcard": wildcard}


@dataclass(frozen=True, slots=True, order=True)
class OptIn:
    """A principal that uses Lake Formation permissions on a resource in hybrid access mode.

    Attributes:
        principal: the principal.
        resource: the resource.
        condition: a Cedar expression that limits the opt-in, ``""`` for none.
    """

    principal: str
    resource: Resource
    condition: str = ""

    @classmethod
    def from_api(cls, shape: Mapping[str, Any], account: str) -> OptIn:
        """Convert the API's ``LakeFormationOptInsInfo``."""
        return cls(
            str((shape.get("Principal") or {}).get("DataLakePrincipalIdentifier", "")),
            Resource.from_api(shape["Resource"], account),
            str((shape.get("Condition") or {}).get("Expression") or ""),
        )

    def to_api(self) -> dict[str, Any]:
        """Return the parameters of CreateLakeFormationOptIn and DeleteLakeFormationOptIn."""
        shape = {
            "Principal": {"DataLakePrincipalIdentifier": self.principal},
            "Resource": self.resource.to_api(),
        }
        return {**shape, "Condition": {"Expression": self.condition}} if self.condition else shape

    def __str__(self) -> str:
        condition = f" when {self.condition}" if self.condition else ""
        return f"{self.principal} to {self.resource}{condition}"


@dataclass(frozen=True, slots=True, order=True)
class RowPolicy:
    """A row-level security policy: rows of any table that has its columns.

    Attributes:
        name: name of the policy.
        columns: name and type of each column that the filter expression uses, sorted.
        rows: filter expression.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: str

    @classmethod
    def from_api(cls, shape: Mapping[str, Any]) -> RowPolicy:
        """Convert the API's ``RLSPolicy``."""
        columns = ((str(column["Name"]), str(column.get("Type") or "")) for column in _columns(shape))
        return cls(str(shape["Name"]), tuple(sorted(columns)), str(shape.get("FilterExpression") or ""))

    def to_api(self) -> dict[str, Any]:
        """Return the parameters of CreateRLSPolicy."""
        columns = [{"Name": name, "Type": kind} if kind else {"Name": name} for name, kind in self.columns]
        return {"Name": self.name, "AttachmentColumns": columns, "FilterExpression": self.rows}

    def __str__(self) -> str:
        columns = ", ".join(f"{name} {kind}".rstrip() for name, kind in self.columns)
        return f"{self.name} ({columns}): {self.rows}"


@dataclass(frozen=True, slots=True, order=True)
class RowAttachment:
    """A row-level security policy of a table.

    Attributes:
        policy: name of the policy.
        principal: the principal whose rows it restricts, ``""`` for none in particular.
        resource: the table.
        default: whether it applies to all principals.
        condition: a Cedar expression that limits it, ``""`` for none.
    """

    policy: str
    principal: str
    resource: Resource
    default: bool = False
    condition: str = ""

    @classmethod
    def from_api(cls, shape: Mapping[str, Any], account: str) -> RowAttachment:
        """Convert the API's ``RLSPolicyAttachment``."""
        return cls(
            str(shape.get("PolicyName", "")),
            str((shape.get("Principal") or {}).get("DataLakePrincipalIdentifier", "")),
            Resource.from_api(shape.get("Resource") or {}, account),
            shape.get("DefaultRLSPolicy") is True,
            str((shape.get("Condition") or {}).get("Expression") or ""),
        )

    def to_api(self, default: str) -> dict[str, Any]:
        """Return the parameters of a request.

        Args:
            default: name of the parameter for a default policy: ``SetDefault`` or ``RemoveDefault``.
        """
        shape: dict[str, Any] = {"Name": self.policy, "Resource": self.resource.to_api()}
        if self.principal:
            shape["Principal"] = {"DataLakePrincipalIdentifier": self.principal}
        if self.default:
            shape[default] = True
        return {**shape, "Condition": {"Expression": self.condition}} if self.condition else shape

    def __str__(self) -> str:
        to = " and ".join(filter(None, (self.principal, "all principals" if self.default else "")))
        condition = f" when {self.condition}" if self.condition else ""
        return f"{self.policy} to {self.resource} for {to}{condition}"


@dataclass(frozen=True, slots=True)
class TableTags:
    """The assigned LF-Tags of a table. Columns inherit those of the table, tables those of the database."""

    database: Mapping[str, str] = field(default_factory=dict)
    table: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def of_table(self) -> dict[str, str]:
        """The effective LF-Tags of the table."""
        return {**self.database, **self.table}

    def of_column(self, column: str) -> dict[str, str]:
        """Return the effective LF-Tags of a column."""
        return {**self.of_table, **self.columns.get(column, {})}


def matches(expression: Expression, tags: Mapping[str, str]) -> bool:
    """Return whether tags match an expression: each key by one of its values; ``*`` matches any value."""
    return bool(expression) and all(
        key in tags and (tags[key] in values or "*" in values) for key, values in expression
    )


def is_like(text: str, pattern: str) -> bool:
    """Return whether a text matches a pattern, in which ``*`` stands for any text."""
    parts = map(re.escape, pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def expression_of(tags: Mapping[str, Iterable[str]]) -> Expression:
    """Return an expression in canonical form."""
    return tuple(sorted((key, tuple(sorted(set(values)))) for key, values in tags.items()))


def expression_from_api(shapes: Any) -> Expression:
    """Convert the API's list of ``LFTag``."""
    return expression_of({str(tag["TagKey"]): map(str, tag["TagValues"]) for tag in shapes or ()})


def expression_to_api(expression: Expression) -> list[dict[str, Any]]:
    """Return the API's list of ``LFTag``."""
    return [{"TagKey": key, "TagValues": list(values)} for key, values in expression]


def tags_from_api(shape: Mapping[str, Any]) -> TableTags:
    """Convert a response of GetResourceLFTags for a table."""
    return TableTags(
        _pairs(shape.get("LFTagOnDatabase")),
        _pairs(shape.get("LFTagsOnTable")),
        {str(column["Name"]): _pairs(column.get("LFTags")) for column in shape.get("LFTagsOnColumns") or ()},
    )


def expression_text(expression: Expression) -> str:
    """Return an expression as text: ``classification=internal|public and pii=false``."""
    return " and ".join(f"{key}={'|'.join(values)}" for key, values in expression) or "no tags"


def canonical(shape: Any) -> str:
    """Return a value as canonical JSON."""
    return json.dumps(shape, sort_keys=True, separators=(",", ":"))


def _columns(shape: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return shape.get("AttachmentColumns") or ()


def _rows(shape: Mapping[str, Any]) -> str:
    rows = str(shape.get("FilterExpression") or "")
    return "" if rows.strip().lower() == "true" else rows


def _pairs(shapes: Any) -> dict[str, str]:
    return {str(tag["TagKey"]): str(tag["TagValues"][0]) for tag in shapes or () if tag.get("TagValues")}
