"""The content of a permissions file, as a frozen value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from glue_secure.governance.lakeformation.model import (
    CellFilter,
    Expression,
    Grant,
    Kind,
    OptIn,
    Resource,
    RowAttachment,
    RowPolicy,
)
from glue_secure.governance.lakeformation.settings import Setting
from glue_secure.policyfile.model import PolicyException

Pair = tuple[str, Resource, str]


@dataclass(frozen=True, slots=True)
class Location:
    """A data location that is registered with Lake Formation.

    Attributes:
        arn: ARN of the bucket or prefix.
        role: ARN of the role that Lake Formation uses; ``""`` for its service-linked role.
        hybrid: whether the location is in hybrid access mode, in which principals without an opt-in use
            their IAM permissions.
    """

    arn: str
    role: str = ""
    hybrid: bool = False


class Deleted(str, Enum):
    """Kinds of objects that ``[delete]`` can name, in the order in which they are deleted."""

    LOCATION = "registration of location"
    FILTER = "cell filter"
    ROW_POLICY = "row policy"
    EXPRESSION = "LF-Tag expression"
    TAG = "LF-Tag"


@dataclass(frozen=True, slots=True, order=True)
class Deletion:
    """An object that is deleted if the account has it.

    Attributes:
        kind: the kind of the object.
        name: the ARN of a location, the key of an LF-Tag, the name of an expression or filter.
        database: database of a filter.
        table: table of a filter.
    """

    kind: Deleted
    name: str
    database: str = ""
    table: str = ""

    def __str__(self) -> str:
        table = f" of {self.database}.{self.table}" if self.table else ""
        return f"{self.kind.value} {self.name}{table}"

    @classmethod
    def of_resource(cls, resource: Resource) -> Iterator[Deletion]:
        """Yield the objects that a grant on the resource uses."""
        if resource.kind is Kind.LOCATION:
            yield cls(Deleted.LOCATION, resource.name)
        elif resource.kind is Kind.CELLS:
            yield cls(Deleted.FILTER, resource.part, resource.database, resource.name)
        elif resource.kind is Kind.TAG:
            yield cls(Deleted.TAG, resource.name)
        elif resource.kind in (Kind.EXPRESSION, Kind.DATABASES_WITH, Kind.TABLES_WITH):
            if resource.name:
                yield cls(Deleted.EXPRESSION, resource.name)
            yield from cls.of_expression(resource.expression)

    @classmethod
    def of_expression(cls, expression: Expression) -> Iterator[Deletion]:
        """Yield the LF-Tags that an expression uses."""
        yield from (cls(Deleted.TAG, key) for key, _ in expression)


@dataclass(frozen=True, slots=True)
class DesiredState:
    """A permissions file.

    Attributes:
        account: the account id, ``""`` if the file has none.
        close_to_iam: databases and ids of nested catalogs whose permissions of IAMAllowedPrincipals are
            revoked; ``*`` for all.
        close_defaults: whether to remove the default permissions of that group on new databases and tables.
        settings: the values of the settings of the account that the file contains.
        principals: all principals that the file declares or uses.
        tags: LF-Tag keys and all of their values.
        expressions: named LF-Tag expressions.
        locations: data locations, by ARN.
        assignments: the LF-Tags of each database, table or column in the file.
        filters: data cell filters, by database, table and name.
        grants: grants by principal, resource and condition.
        opt_ins: principals and resources that use Lake Formation permissions in hybrid access mode.
        row_policies: row-level security policies, by name.
        row_attachments: row-level security policies of tables.
        deletions: objects to delete.
        exceptions: findings of ``lint`` that the file accepts; ``control`` is the id of the rule.
        numbers: the number of each grant's entry in ``[[grants]]``.
        document: the parsed file.
    """

    account: str = ""
    close_to_iam: tuple[str, ...] = ()
    close_defaults: bool = False
    settings: Mapping[Setting, tuple[str, ...]] = field(default_factory=dict)
    principals: frozenset[str] = frozenset()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    expressions: Mapping[str, Expression] = field(default_factory=dict)
    locations: Mapping[str, Location] = field(default_factory=dict)
    assignments: Mapping[Resource, Mapping[str, str]] = field(default_factory=dict)
    filters: Mapping[tuple[str, str, str], CellFilter] = field(default_factory=dict)
    grants: Mapping[Pair, Grant] = field(default_factory=dict)
    opt_ins: frozenset[OptIn] = frozenset()
    row_policies: Mapping[str, RowPolicy] = field(default_factory=dict)
    row_attachments: frozenset[RowAttachment] = frozenset()
    deletions: frozenset[Deletion] = frozenset()
    exceptions: tuple[PolicyException, ...] = ()
    numbers: Mapping[Pair, int] = field(default_factory=dict, repr=False)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def has_row_policies(self) -> bool:
        """Whether the file contains or deletes row-level security policies."""
        deleted = any(deletion.kind is Deleted.ROW_POLICY for deletion in self.deletions)
        return bool(self.row_policies or self.row_attachments) or deleted

    def closes(self, database: str, catalog: str = "") -> bool:
        """Return whether to revoke IAMAllowedPrincipals' permissions on the database and its tables.

        Args:
            database: name of the database.
            catalog: id of its nested catalog, which the file closes as a whole.
        """
        return "*" in self.close_to_iam or (catalog or database) in self.close_to_iam
