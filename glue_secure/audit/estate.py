"""The answers of an account to the calls of an audit, as frozen values.

A check asks for an answer by its call and resource. An answer that the service did not give is
:class:`Unread`, from which no check derives a pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from glue_secure.audit.calls import Call
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.audit.packed import Packed
from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, unknown

Shape = Mapping[str, Any]
Items = tuple[Shape, ...] | Packed[Shape]
Derived = TypeVar("Derived")
MALFORMED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, UsageError)
"""Errors that an answer without an expected member, or with another form, can cause in a check."""


@dataclass(frozen=True, slots=True)
class Unread:
    """An answer that the service did not give.

    Attributes:
        call: the call.
        code: the AWS error code, ``""`` if the service did not answer.
        message: the error, without secrets.
    """

    call: Call
    code: str
    message: str

    @property
    def missing_permission(self) -> str:
        """The IAM action that the caller lacks, ``""`` if the error is another one.

        It is the action that the error names, such as ``kms:Decrypt`` of a call that reads encrypted data, or
        ``sts:AssumeRole``; otherwise the action of the call.
        """
        if self.code in _ENCRYPTED:
            return "kms:Decrypt"
        if not is_denied(self.code):
            return ""
        named = _NAMED_ACTION.search(self.message)
        return named["action"] if named else self.call.permission


@dataclass(frozen=True, slots=True)
class Absent:
    """The answer that a resource, or a part of it, does not exist."""

    code: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The results of a listing.

    Attributes:
        items: the results, all of them if ``unread`` is None.
        unread: why further results are unknown.
    """

    items: Items = ()
    unread: Unread | None = None


Answer = Shape | Absent | Unread


@dataclass(frozen=True, slots=True)
class Estate:
    """What an audit knows about one account in one AWS Region.

    Attributes:
        account: the account's twelve digits.
        region: the AWS Region.
        partition: ``aws``, ``aws-cn``, ...
        now: the time of the audit, UTC.
        listings: (name of the call, name of the resource or ``""``) → results.
        answers: (name of the call, name of the resource or ``""``) → answer.
    """

    account: str
    region: str
    partition: str
    now: datetime
    listings: Mapping[tuple[str, str], Listing] = field(default_factory=dict)
    answers: Mapping[tuple[str, str], Answer] = field(default_factory=dict)
    _derived: dict[Any, tuple[tuple[int, int], Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def derived(self, function: Callable[[Estate], Derived]) -> Derived:
        """Return the value of a function of this estate, which is computed again after further answers.

        The collection only adds answers, so that their number shows whether there are further ones.
        """
        size = (len(self.listings), len(self.answers))
        known = self._derived.get(function)
        if known is None or known[0] != size:
            known = self._derived[function] = (size, function(self))
        value: Derived = known[1]
        return value

    def listing(self, call: Call, key: str = "") -> Listing:
        """Return the results of a listing. Raises KeyError if the audit did not make the call."""
        return self.listings[call.name, key]

    def answer(self, call: Call, key: str = "") -> Answer:
        """Return the answer of a call. Raises KeyError if the audit did not make the call."""
        return self.answers[call.name, key]

    def known(self, call: Call, key: str = "") -> Items:
        """Return the results of a listing that are known so far."""
        return self.listings.get((call.name, key), Listing()).items

    def known_answer(self, call: Call, key: str = "") -> Shape | None:
        """Return the answer of a call, None if it is not known, absent or unread."""
        answer = self.answers.get((call.name, key))
        return None if isinstance(answer, Absent | Unread) else answer

    def finding(
        self, finding: Finding, resource: Resource, jobs: Iterator[str] | tuple[str, ...] = (), part: str = ""
    ) -> AuditFinding:
        """Return a finding about a resource of this account, or about a part of it."""
        return AuditFinding(finding, resource, self.account, self.region, tuple(sorted(set(jobs))), part=part)

    def unknown(
        self, control: str, resource: Resource, unread: Unread, jobs: tuple[str, ...] = ()
    ) -> AuditFinding:
        """Return the UNKNOWN of a control whose facts could not be read."""
        permission = unread.missing_permission
        finding = unknown(
            control,
            str(resource),
            found=unread.message,
            required=f"the answer of {unread.call.operation}",
            fix=f"grant {permission}: glue-secure policy iam audit prints the policy"
            + ("; the policy of the key must allow it, too" if permission == "kms:Decrypt" else "")
            if permission
            else "run the audit again; if the error remains, correct what it names",
            aws_code=unread.code or None,
        )
        return AuditFinding(
            finding, resource, self.account, self.region, tuple(sorted(set(jobs))), permission
        )

    @property
    def resource(self) -> Resource:
        """The account itself."""
        return Resource(ResourceKind.ACCOUNT, self.account)


def derived(function: Callable[[Estate], Derived]) -> Callable[[Estate], Derived]:
    """Decorate a function of an estate whose value several checks need. Callers do not change the value."""

    @wraps(function)
    def from_estate(estate: Estate) -> Derived:
        return estate.derived(function)

    return from_estate


def is_denied(code: str) -> bool:
    """Return whether an error code means that the caller lacks a permission."""
    return code in _DENIED


_ENCRYPTED = frozenset({"GlueEncryptionException", "KmsAccessDeniedException"})
"""Error codes of AWS Glue and AWS Step Functions for a caller that may not use the key of encrypted data."""
_NAMED_ACTION = re.compile(r"not authorized to perform:? (?P<action>[a-z0-9-]+:[A-Za-z0-9]+)")
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AllAccessDisabled",
        "403",
        "Forbidden",
    }
)
