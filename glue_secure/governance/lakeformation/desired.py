"""What a permissions file asks for, as a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glue_secure.governance.lakeformation.model import CellFilter, Expression, Grant, OptIn, Resource

Pair = tuple[str, Resource, str]


@dataclass(frozen=True, slots=True)
class Location:
    """A data location that is registered with Lake Formation.

    Attributes:
        arn: of the bucket or prefix.
        role: the role that Lake Formation reads with; ``""`` for its service-linked role.
        hybrid: whether principals that did not opt in go by IAM still.
    """

    arn: str
    role: str = ""
    hybrid: bool = False


@dataclass(frozen=True, slots=True)
class Desired:
    """A permissions file.

    Attributes:
        account: the account it is for, ``""`` where it names none.
        close_to_iam: databases that are taken from IAMAllowedPrincipals; ``*`` is every one.
        close_defaults: whether new databases and tables are to come without permissions for that group.
        principals: everybody whom the file names, declared or used.
        tags: LF-tag keys with all of their values.
        expressions: named LF-tag expressions.
        locations: data locations, by ARN.
        assignments: the LF-tags of each database, table or column that the file names.
        filters: cell filters, by database, table and name.
        grants: by principal, resource and condition.
        opt_ins: who is held to Lake Formation in hybrid access mode.
        document: the file as it was parsed.
    """

    account: str = ""
    close_to_iam: tuple[str, ...] = ()
    close_defaults: bool = False
    principals: frozenset[str] = frozenset()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    expressions: Mapping[str, Expression] = field(default_factory=dict)
    locations: Mapping[str, Location] = field(default_factory=dict)
    assignments: Mapping[Resource, Mapping[str, str]] = field(default_factory=dict)
    filters: Mapping[tuple[str, str, str], CellFilter] = field(default_factory=dict)
    grants: Mapping[Pair, Grant] = field(default_factory=dict)
    opt_ins: frozenset[OptIn] = frozenset()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def closes(self, database: str) -> bool:
        """Whether the database, and its tables, are taken from IAMAllowedPrincipals."""
        return "*" in self.close_to_iam or database in self.close_to_iam
