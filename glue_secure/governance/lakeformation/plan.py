"""The difference between a permissions file and an account, as steps in a safe order.

What the account holds streams by and is not kept: memory goes with the file and with the difference, not with
the account.

The order keeps every moment between the old and the new permissions. Where LF-tags or expressions change,
grants by tags that go are revoked first, and those that come are granted last: else a grant that is to go
would meet a tag that has just come. Everything else is granted before it is revoked, so that nobody who keeps
access loses it meanwhile. IAMAllowedPrincipals loses its permissions when the grants that replace them stand,
and a location is registered (hybrid access mode aside) only after that: it would be open to the group.
https://docs.aws.amazon.com/lake-formation/latest/dg/upgrade-glue-lake-formation-background.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, failed
from glue_secure.governance.lakeformation.account import Account, Assigned, Settings
from glue_secure.governance.lakeformation.desired import Desired, Location, Pair
from glue_secure.governance.lakeformation.model import (
    IAM_ALLOWED,
    Expression,
    Grant,
    Kind,
    OptIn,
    Permission,
    Resource,
    canonical,
)
from glue_secure.governance.lakeformation.steps import (
    Action,
    Assignment,
    Named,
    Plan,
    Step,
    Subject,
    TagValues,
    Unmanaged,
)

T = TypeVar("T")
_BY_TAGS = (Kind.DATABASES_WITH, Kind.TABLES_WITH)
_SHOWN = 20


def make_plan(desired: Desired, account: Account, unmanaged: Unmanaged = Unmanaged.LEAVE) -> Plan:
    """Read the account once, page by page, and tell what has to change.

    Raises:
        UsageError: the file is for another account, or names what neither it nor the account has.
        ServiceError: the account cannot be read.
    """
    if desired.account not in ("", account.id):
        raise UsageError("account", found=account.id, required=f"{desired.account}, which the file is for")
    return _Planner(desired, account, unmanaged).plan()


class Seal:
    """A digest of what was read, whatever the order in which it came."""

    def __init__(self) -> None:
        self._sum, self.count = 0, 0

    def each(self, facts: Iterable[T]) -> Iterator[T]:
        """The facts as they come, each noted."""
        for fact in facts:
            digest = hashlib.sha256(_text(fact).encode()).digest()
            self._sum = (self._sum + int.from_bytes(digest, "big")) % 2**256
            self.count += 1
            yield fact

    @property
    def value(self) -> str:
        """Hexadecimal."""
        return f"{self.count}-{self._sum:064x}"


def _text(fact: Any) -> str:
    if isinstance(fact, Grant):
        return canonical(fact.to_api())
    return f"{type(fact).__name__} {fact!r}"


class _Planner:
    def __init__(self, desired: Desired, account: Account, unmanaged: Unmanaged) -> None:
        self._desired, self._account, self._unmanaged = desired, account, unmanaged
        self._seal, self._steps = Seal(), list[Step]()
        self._unnamed = 0
        self._granted: dict[tuple[Kind, str, str], set[str]] = {}
        for one in desired.grants.values():
            self._granted.setdefault(_place(one.resource), set()).add(one.principal)

    def plan(self) -> Plan:
        desired, seal = self._desired, self._seal
        settings = next(seal.each([self._account.settings()]))
        open_databases = list(seal.each(self._account.open_databases()))
        tags = dict(seal.each(self._account.tags()))
        expressions = dict(seal.each(self._account.expressions()))
        self._require_names(tags, expressions)
        removed = self._plan_tags(tags)
        self._plan_assignments(tags, removed)
        self._plan_expressions(expressions)
        self._plan_filters()
        self._plan_locations()
        opted = self._plan_opt_ins()
        held_by_iam = self._plan_grants(opted)
        findings = self._plan_defaults(settings, open_databases) + held_by_iam
        self._steps.sort(key=_turn)
        return Plan(
            account=self._account.id,
            unmanaged=self._unmanaged,
            fingerprint=seal.value,
            steps=tuple(self._steps),
            findings=tuple(findings),
            unnamed=self._unnamed,
            read=seal.count,
            desired=desired,
        )

    def _step(self, action: Action, subject: Subject, *, exists: bool = False) -> None:
        self._steps.append(Step(action, subject, exists))

    def _require_names(
        self, tags: Mapping[str, tuple[str, ...]], expressions: Mapping[str, Expression]
    ) -> None:
        """Refuse LF-tags and expressions that neither the file nor the account has."""
        known = {**tags, **self._desired.tags}
        resources = [one.resource for one in self._desired.grants.values()]
        pairs = [pair for tagged in self._desired.assignments.values() for pair in tagged.items()]
        for expression in (*self._desired.expressions.values(), *(one.expression for one in resources)):
            pairs += [(key, value) for key, values in expression for value in values]
        pairs += [(one.name, value) for one in resources if one.kind is Kind.TAG for value in one.values]
        for key, value in pairs:
            if key not in known or value not in (*known[key], "*"):
                raise _unknown(f"LF-tag {key}={value}", "lf_tags")
        for one in resources:
            named = one.kind is Kind.EXPRESSION or (one.kind in _BY_TAGS and one.name)
            if named and one.name not in expressions and one.name not in self._desired.expressions:
                raise _unknown(f"LF-tag expression {one.name}", "expressions")

    def _plan_tags(self, tags: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
        removed: dict[str, set[str]] = {}
        for key, values in self._desired.tags.items():
            if key not in tags:
                self._step(Action.CREATE_TAG, TagValues(key, tuple(sorted(values))))
                continue
            if new := set(values) - set(tags[key]):
                self._step(Action.ADD_VALUES, TagValues(key, tuple(sorted(new))))
            if old := set(tags[key]) - set(values):
                removed[key] = old
                self._step(Action.REMOVE_VALUES, TagValues(key, tuple(sorted(old))))
        return removed

    def _plan_assignments(self, tags: Mapping[str, tuple[str, ...]], removed: Mapping[str, set[str]]) -> None:
        """Of a resource that the file names, the LF-tags whose keys it declares are those that it says."""
        desired = self._desired
        held: dict[Resource, dict[str, Assigned]] = {}
        for one in self._seal.each(self._account.assigned(tags)):
            if one.resource in desired.assignments:
                held.setdefault(one.resource, {})[one.key] = one
            elif one.value in removed.get(one.key, ()) and not one.same:
                raise UsageError(
                    f"LF-tag {one.key}={one.value}",
                    found=f"assigned to {one.resource}, which the file does not name",
                    required="a value that nothing carries, before it is removed",
                    fix="add the resource to [[assign]], or keep the value in [lf_tags]",
                )
        for resource, wanted in desired.assignments.items():
            present = held.get(resource, {})
            new = {key: value for key, value in wanted.items() if not self._stands(present.get(key), value)}
            old = {
                key: one.value
                for key, one in present.items()
                if key in desired.tags and key not in wanted and not one.same
            }
            if old:
                self._step(Action.UNASSIGN, Assignment(resource, tuple(sorted(old.items()))))
            if new:
                self._step(Action.ASSIGN, Assignment(resource, tuple(sorted(new.items()))))

    def _stands(self, held: Assigned | None, value: str) -> bool:
        """Whether a resource has the value, and keeps it when what it may inherit it from changes."""
        if held is None or held.value != value:
            return False
        of = held.resource
        parents = [Resource(Kind.DATABASE, of.database), Resource(Kind.TABLE, of.database, of.name)]
        above = [one for one in parents if one != of and one in self._desired.assignments]
        return not held.same or all(
            self._desired.assignments[one].get(held.key, value) == value for one in above
        )

    def _plan_expressions(self, expressions: Mapping[str, Expression]) -> None:
        for name, expression in self._desired.expressions.items():
            if name not in expressions:
                self._step(Action.PUT_EXPRESSION, Named(name, expression))
            elif expressions[name] != expression:
                self._step(Action.CHANGE_EXPRESSION, Named(name, expression))

    def _plan_filters(self) -> None:
        wanted = dict(self._desired.filters)
        named = {
            (one.resource.database, one.resource.name, one.resource.part)
            for one in self._desired.grants.values()
            if one.resource.kind is Kind.CELLS
        } - set(wanted)
        for one in self._seal.each(self._account.filters()):
            key = (one.database, one.table, one.name)
            named.discard(key)
            if key in wanted and wanted.pop(key) != one:
                self._step(Action.CHANGE_FILTER, self._desired.filters[key])
        if named:
            raise _unknown("cell filter {2} of {0}.{1}".format(*min(named)), "filters")
        for new in wanted.values():
            self._step(Action.CREATE_FILTER, new)

    def _plan_locations(self) -> None:
        wanted = dict(self._desired.locations)
        for one in self._seal.each(self._account.locations()):
            new = wanted.pop(one.arn.rstrip("/"), None)
            if new is not None and new != one:
                self._register(new, exists=True)
        for new in wanted.values():
            self._register(new, exists=False)

    def _register(self, location: Location, *, exists: bool) -> None:
        action = Action.REGISTER_HYBRID if location.hybrid else Action.REGISTER
        self._step(action, location, exists=exists)

    def _plan_opt_ins(self) -> set[OptIn]:
        """Plan them, and tell those that will be in force for principals that the file names."""
        missing, kept = set(self._desired.opt_ins), set(self._desired.opt_ins)
        for one in self._seal.each(self._account.opt_ins()):
            if one in self._desired.opt_ins:
                missing.discard(one)
            elif self._takes_away(one.principal):
                self._step(Action.OPT_OUT, one)
            else:
                self._unnamed += 1
                if one.principal in self._desired.principals:
                    kept.add(one)
        for one in sorted(missing):
            self._step(Action.OPT_IN, one)
        return kept

    def _takes_away(self, principal: str) -> bool:
        if self._unmanaged is Unmanaged.PRINCIPALS:
            return principal in self._desired.principals
        return self._unmanaged is Unmanaged.EVERYTHING

    def _plan_grants(self, opted: set[OptIn]) -> list[Finding]:
        held: dict[Pair, tuple[set[str], set[str]]] = {}
        open_to_iam: list[Grant] = []
        open_count = 0
        for one in self._seal.each(self._account.grants()):
            if one.principal == IAM_ALLOWED:
                if self._desired.closes(one.resource.database) and one.resource.kind is not Kind.OTHER:
                    self._step(Action.REVOKE_IAM, one)
                elif Permission.ALL in one.permissions and self._concerns(one.resource, opted):
                    open_count += 1
                    if len(open_to_iam) < _SHOWN:
                        open_to_iam.append(one)
            elif one.pair in self._desired.grants:
                permissions, grantable = held.setdefault(one.pair, (set(), set()))
                permissions |= one.permissions
                grantable |= one.grantable
            elif self._takes_away(one.principal) and one.resource.kind is not Kind.OTHER:
                self._step(Action.REVOKE, one)
            else:
                self._unnamed += 1
        for pair, wanted in self._desired.grants.items():
            self._compare(wanted, *held.get(pair, (set(), set())))
        if any(step.action in _TAGS_CHANGE for step in self._steps):
            self._steps = [_earlier(step) for step in self._steps]
        if not open_to_iam:
            return []
        more = f" and {open_count - len(open_to_iam)} more" if open_count > len(open_to_iam) else ""
        return [
            failed(
                "GS-LF-001",
                f"IAMAllowedPrincipals in account {self._account.id}",
                found="Super on " + ", ".join(str(one.resource) for one in open_to_iam) + more,
                required="no permissions for that group on what the file grants",
                fix="name the databases in settings.close_to_iam, or opt the grants' principals in",
            )
        ]

    def _compare(self, wanted: Grant, permissions: set[str], grantable: set[str]) -> None:
        new, old = _difference(wanted.permissions, permissions)
        new_option, old_option = _difference(wanted.grantable, grantable)
        if new or new_option:
            subject = Grant(wanted.principal, wanted.resource, new | new_option, new_option, wanted.condition)
            self._step(Action.GRANT, subject)
        if old or old_option:
            self._step(
                Action.REVOKE, Grant(wanted.principal, wanted.resource, old, old_option, wanted.condition)
            )

    def _concerns(self, on: Resource, opted: set[OptIn]) -> bool:
        """Whether the file grants something there, to somebody who has not opted in there."""
        keys = [_place(on), _place(Resource(Kind.ALL_TABLES, on.database)), (Kind.TABLES_WITH, "", "")]
        if on.kind is Kind.DATABASE:
            keys = [_place(on), (Kind.DATABASES_WITH, "", "")]
        every = Resource(Kind.ALL_TABLES, on.database)
        for principal in (one for key in keys for one in self._granted.get(key, ())):
            if not {OptIn(principal, one) for one in (on, every, Resource(Kind.CATALOG))} & opted:
                return True
        return False

    def _plan_defaults(self, settings: Settings, open_databases: list[str]) -> list[Finding]:
        findings = []
        is_open = settings.open_databases or settings.open_tables
        if self._desired.close_defaults and is_open:
            self._step(Action.CLOSE_DEFAULTS, "")
        elif is_open:
            findings.append(
                failed(
                    "GS-LF-002",
                    f"default permissions of account {self._account.id}",
                    found="new databases and tables come with permissions for IAMAllowedPrincipals",
                    required="none",
                    fix="settings.close_defaults = true",
                )
            )
        for name in open_databases:
            if self._desired.closes(name):
                self._step(Action.CLOSE_DATABASE, name)
            elif any(one.resource.database == name for one in self._desired.grants.values()):
                findings.append(
                    failed(
                        "GS-LF-002",
                        f"default permissions of database {name}",
                        found="new tables come with permissions for IAMAllowedPrincipals",
                        required="none",
                        fix=f"name {name} in settings.close_to_iam",
                    )
                )
        return findings


_ORDER = {action: at for at, action in enumerate(Action)}


def _place(of: Resource) -> tuple[Kind, str, str]:
    """Where a grant counts, columns and cell filters with their table."""
    if of.kind in _BY_TAGS:
        return of.kind, "", ""
    if of.kind in (Kind.DATABASE, Kind.ALL_TABLES):
        return of.kind, of.database, ""
    return Kind.TABLE, of.database, of.name


def _turn(step: Step) -> tuple[int, bool]:
    """When a step is taken: by its action, and tables before their database."""
    of = step.subject
    return _ORDER[step.action], isinstance(of, Grant) and of.resource.kind is Kind.DATABASE


_TAGS_CHANGE = (Action.UNASSIGN, Action.ASSIGN, Action.CHANGE_EXPRESSION)


def _earlier(step: Step) -> Step:
    by_tags = isinstance(step.subject, Grant) and step.subject.resource.kind in _BY_TAGS
    return Step(Action.REVOKE_BY_TAGS, step.subject) if step.action is Action.REVOKE and by_tags else step


def _difference(wanted: frozenset[str], held: set[str]) -> tuple[frozenset[str], frozenset[str]]:
    """What is missing and what is too much. ALL holds every other one, and the service lists them too."""
    if Permission.ALL.value in wanted:
        return frozenset() if Permission.ALL.value in held else frozenset(
            (Permission.ALL.value,)
        ), frozenset()
    # What is listed beside ALL may be there by it alone, and go with it.
    new = wanted if Permission.ALL.value in held else wanted - held
    return new, frozenset(held) - wanted


def _unknown(what: str, table: str) -> UsageError:
    return UsageError(
        what,
        found="neither in the file nor in the account",
        required="one of them has it",
        fix=f"declare it in [{table}], or correct the name",
    )
