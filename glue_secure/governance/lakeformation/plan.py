"""The difference between a permissions file and an account, as steps in a safe order.

The account's state is streamed, so that memory depends on the file and the difference, not on the account.

While the steps are applied, a principal has no permission that is in neither the old nor the new state. If
LF-Tags or expressions change, grants by LF-Tags are revoked before the change and granted after it;
otherwise, an old grant could match a new tag. All other grants are made before revocations, so that a
principal does not lose access in between, unless Lake Formation refuses both at the same time. Permissions of
IAMAllowedPrincipals are revoked after the grants that replace them. A location is registered after that,
unless in hybrid access mode; otherwise, the group would have access to it.
https://docs.aws.amazon.com/lake-formation/latest/dg/upgrade-glue-lake-formation-background.html
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from glue_secure.core.errors import UsageError
from glue_secure.core.findings import Finding, failed
from glue_secure.governance.lakeformation.account import Account, AssignedTag
from glue_secure.governance.lakeformation.desired import Deleted, Deletion, DesiredState, Location, Pair
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
from glue_secure.governance.lakeformation.reference import (
    SOME_COLUMNS,
    TableOfGrant,
    is_implicit,
    table_of_grant,
)
from glue_secure.governance.lakeformation.settings import Setting, SettingChange, Settings, SettingState
from glue_secure.governance.lakeformation.steps import (
    AccessPlan,
    Assignment,
    DeletedObject,
    NamedExpression,
    PlanStep,
    StepAction,
    Subject,
    TagValues,
    Unmanaged,
)

T = TypeVar("T")
_BY_TAGS = (Kind.DATABASES_WITH, Kind.TABLES_WITH)
_ANY_DATABASE = (*_BY_TAGS, Kind.CATALOG)
_MAX_LISTED = 20
"""Maximum number of resources that a finding lists."""


def make_plan(desired: DesiredState, account: Account, unmanaged: Unmanaged = Unmanaged.LEAVE) -> AccessPlan:
    """Read the account once, page by page, and return the steps to the desired state.

    Raises:
        UsageError: the file is for another account, or uses a name that neither it nor the account defines.
        ServiceError: the account cannot be read.
    """
    if desired.account not in ("", account.id):
        raise UsageError("account", found=account.id, required=f"{desired.account}, which the file is for")
    for grant in desired.grants.values():
        if grant.resource.catalog and not grant.resource.catalog.startswith(f"{account.id}:"):
            found = f"{grant.resource}, in account {account.id}"
            raise UsageError("catalog", found=found, required=f"a catalog of account {account.id}")
    return _Planner(desired, account, unmanaged).plan()


class PlanDigest:
    """A digest of the account's state that does not depend on the order of the entries."""

    def __init__(self) -> None:
        self._sum, self.count = 0, 0

    def added(self, entries: Iterable[T]) -> Iterator[T]:
        """Yield the entries, and add each to the digest."""
        for entry in entries:
            digest = hashlib.sha256(_text(entry).encode()).digest()
            self._sum = (self._sum + int.from_bytes(digest, "big")) % 2**256
            self.count += 1
            yield entry

    @property
    def value(self) -> str:
        """Number of entries and hexadecimal digest."""
        return f"{self.count}-{self._sum:064x}"


def _text(entry: Any) -> str:
    if isinstance(entry, Grant):
        return canonical(entry.to_api())
    return f"{type(entry).__name__} {entry!r}"


class _Planner:
    def __init__(self, desired: DesiredState, account: Account, unmanaged: Unmanaged) -> None:
        self._desired, self._account, self._unmanaged = desired, account, unmanaged
        self._digest, self._steps = PlanDigest(), list[PlanStep]()
        self._unnamed = 0
        self._settings = Settings()
        self._blocked: list[Finding] = []
        self._deletable: set[Deletion] = set()
        self._uses: Counter[Deletion] = Counter()
        self._remaining: set[Resource] = {grant.resource for grant in desired.grants.values()}
        self._granted: dict[tuple[Kind, str, str, str], set[str]] = {}
        for grant in desired.grants.values():
            self._granted.setdefault(_effective_resource(grant.resource), set()).add(grant.principal)

    def plan(self) -> AccessPlan:
        desired, digest = self._desired, self._digest
        settings = next(digest.added([self._account.settings()]))
        self._settings = settings
        self._plan_settings(settings)
        open_databases = list(digest.added(self._account.open_databases()))
        tags = dict(digest.added(self._account.tags()))
        expressions = dict(digest.added(self._account.expressions()))
        self._require_names(tags, expressions)
        self._found(*(Deletion(Deleted.TAG, key) for key in tags))
        self._found(*(Deletion(Deleted.EXPRESSION, name) for name in expressions))
        for expression in expressions.values():
            self._used(Deletion.of_expression(expression))
        removed = self._plan_tags(tags)
        self._plan_assignments(tags, removed)
        self._plan_expressions(expressions)
        self._plan_filters()
        if desired.has_row_policies:
            self._plan_row_policies()
        self._plan_locations()
        opt_ins = self._plan_opt_ins()
        open_to_iam = self._plan_grants(opt_ins)
        self._plan_deletions()
        findings = self._blocked + self._plan_defaults(settings, open_databases) + open_to_iam
        self._steps.sort(key=_order)
        return AccessPlan(
            account=self._account.id,
            unmanaged=self._unmanaged,
            fingerprint=digest.value,
            steps=tuple(self._steps),
            findings=tuple(findings),
            unnamed=self._unnamed,
            read=digest.count,
            desired=desired,
            settings=tuple(
                SettingState(setting.member, settings.values[setting], desired.settings.get(setting))
                for setting in Setting
            ),
            current=settings,
            locked=tuple(self._locked()),
        )

    def _found(self, *deletions: Deletion) -> None:
        """Note that the account has an object of ``[delete]``."""
        self._deletable |= self._desired.deletions.intersection(deletions)

    def _used(self, deletions: Iterable[Deletion]) -> None:
        """Count a use of objects of ``[delete]``."""
        self._uses.update(self._desired.deletions.intersection(deletions))

    def _plan_deletions(self) -> None:
        for deletion in sorted(self._deletable, key=lambda deletion: (_DELETED[deletion.kind], deletion)):
            self._step(StepAction.DELETE, DeletedObject(deletion, self._uses[deletion]))

    def _is_implicit(self, grant: Grant) -> bool:
        """Return whether the grant gives an administrator nothing, also after the plan."""
        wanted, current = self._desired.settings, self._settings
        return is_implicit(
            grant,
            wanted.get(Setting.ADMINISTRATORS, current.administrators),
            wanted.get(Setting.READERS, current.readers),
        )

    def _plan_settings(self, settings: Settings) -> None:
        """Plan changes of settings: those that allow less come before all other steps, the others after them.

        Administrators are added first and removed last, because the other steps need an administrator.
        """
        for setting, values in self._desired.settings.items():
            add = tuple(sorted(set(values) - set(settings.values[setting])))
            remove = tuple(sorted(set(settings.values[setting]) - set(values)))
            if setting in _UNORDERED:
                if add or remove:
                    self._step(StepAction.CHANGE_SETTING, SettingChange(setting, add, remove))
                continue
            is_administrator = setting in (Setting.ADMINISTRATORS, Setting.READERS)
            if add:
                action = StepAction.CHANGE_SETTING if is_administrator else StepAction.EXTEND_SETTING
                self._step(action, SettingChange(setting, add=add))
            if remove:
                action = StepAction.REMOVE_ADMINISTRATORS if is_administrator else StepAction.CHANGE_SETTING
                self._step(action, SettingChange(setting, remove=remove))

    def _locked(self) -> list[str]:
        """Return the databases that the plan closes to IAM and that no grant opens to a principal."""
        if any(resource.kind in _ANY_DATABASE for resource in self._remaining):
            return []  # such a grant can apply to each of them
        closed = {
            (step.subject.resource.catalog, step.subject.resource.database)
            for step in self._steps
            if step.action is StepAction.REVOKE_IAM and isinstance(step.subject, Grant)
        }
        used = {(resource.catalog, resource.database) for resource in self._remaining}
        return sorted(
            f"{catalog}/{database}" if catalog else database
            for catalog, database in closed - used
            if database and (catalog, "") not in used  # a grant on the catalog itself
        )

    def _step(self, action: StepAction, subject: Subject, *, exists: bool = False) -> None:
        self._steps.append(PlanStep(action, subject, exists))

    def _require_names(
        self, tags: Mapping[str, tuple[str, ...]], expressions: Mapping[str, Expression]
    ) -> None:
        """Reject LF-Tags and expressions that neither the file nor the account defines."""
        defined = {**tags, **self._desired.tags}
        resources = [grant.resource for grant in self._desired.grants.values()]
        pairs = [pair for assigned in self._desired.assignments.values() for pair in assigned.items()]
        unnamed = (resource.expression for resource in resources)
        for expression in (*self._desired.expressions.values(), *unnamed):
            pairs += [(key, value) for key, values in expression for value in values]
        for resource in resources:
            if resource.kind is Kind.TAG:
                pairs += [(resource.name, value) for value in resource.values]
        for key, value in pairs:
            if key not in defined or value not in (*defined[key], "*"):
                raise _undefined(f"LF-Tag {key}={value}", "lf_tags")
        for resource in resources:
            if resource.kind is not Kind.EXPRESSION and not (resource.kind in _BY_TAGS and resource.name):
                continue
            if resource.name not in expressions and resource.name not in self._desired.expressions:
                raise _undefined(f"LF-Tag expression {resource.name}", "expressions")

    def _plan_tags(self, tags: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
        removed: dict[str, set[str]] = {}
        for key, values in self._desired.tags.items():
            if key not in tags:
                self._step(StepAction.CREATE_TAG, TagValues(key, tuple(sorted(values))))
                continue
            if new := set(values) - set(tags[key]):
                self._step(StepAction.ADD_VALUES, TagValues(key, tuple(sorted(new))))
            if old := set(tags[key]) - set(values):
                removed[key] = old
                self._step(StepAction.REMOVE_VALUES, TagValues(key, tuple(sorted(old))))
        return removed

    def _plan_assignments(self, tags: Mapping[str, tuple[str, ...]], removed: Mapping[str, set[str]]) -> None:
        """Plan the LF-Tags of the file's resources. Tags with keys that the file does not declare stay."""
        desired = self._desired
        existing: dict[Resource, dict[str, AssignedTag]] = {}
        for tag in self._digest.added(self._account.assigned(tags)):
            self._used([Deletion(Deleted.TAG, tag.key)])
            if tag.resource in desired.assignments:
                existing.setdefault(tag.resource, {})[tag.key] = tag
            elif tag.value in removed.get(tag.key, ()) and not tag.may_be_inherited:
                raise UsageError(
                    f"LF-Tag {tag.key}={tag.value}",
                    found=f"assigned to {tag.resource}, which the file does not contain",
                    required="a value that is not assigned to any resource, before it is removed",
                    fix="add the resource to [[assign]], or add the value to [lf_tags]",
                )
        for resource, assigned in desired.assignments.items():
            present = existing.get(resource, {})
            new = {key: value for key, value in assigned.items() if not self._is_set(present.get(key), value)}
            old = {
                key: tag.value
                for key, tag in present.items()
                if key in desired.tags and key not in assigned and not tag.may_be_inherited
            }
            if old:
                self._step(StepAction.UNASSIGN, Assignment(resource, tuple(sorted(old.items()))))
            if new:
                self._step(StepAction.ASSIGN, Assignment(resource, tuple(sorted(new.items()))))

    def _is_set(self, tag: AssignedTag | None, value: str) -> bool:
        """Return whether a resource has the value, also after the planned changes of its parents."""
        if tag is None or tag.value != value:
            return False
        resource, assignments = tag.resource, self._desired.assignments
        database = Resource(Kind.DATABASE, resource.database)
        table = Resource(Kind.TABLE, resource.database, resource.name)
        parents = [parent for parent in (database, table) if parent != resource and parent in assignments]
        return not tag.may_be_inherited or all(
            assignments[parent].get(tag.key, value) == value for parent in parents
        )

    def _plan_expressions(self, expressions: Mapping[str, Expression]) -> None:
        for name, expression in self._desired.expressions.items():
            if name not in expressions:
                self._step(StepAction.PUT_EXPRESSION, NamedExpression(name, expression))
            elif expressions[name] != expression:
                self._step(StepAction.CHANGE_EXPRESSION, NamedExpression(name, expression))

    def _plan_filters(self) -> None:
        missing = dict(self._desired.filters)
        undefined = {
            (grant.resource.database, grant.resource.name, grant.resource.part)
            for grant in self._desired.grants.values()
            if grant.resource.kind is Kind.CELLS
        } - set(missing)
        for cells in self._digest.added(self._account.filters()):
            key = (cells.database, cells.table, cells.name)
            self._found(Deletion(Deleted.FILTER, cells.name, cells.database, cells.table))
            undefined.discard(key)
            if key in missing and missing.pop(key) != cells:
                self._step(StepAction.CHANGE_FILTER, self._desired.filters[key])
        if undefined:
            raise _undefined("cell filter {2} of {0}.{1}".format(*min(undefined)), "filters")
        for cells in missing.values():
            self._step(StepAction.CREATE_FILTER, cells)

    def _plan_row_policies(self) -> None:
        """Plan row-level security policies. They are attached before grants, and detached after revocations.

        A detached policy gives access to more rows, so that only policies of the file are detached.
        """
        desired = self._desired
        existing = {policy.name: policy for policy in self._digest.added(self._account.row_policies())}
        self._found(*(Deletion(Deleted.ROW_POLICY, name) for name in existing))
        for name, policy in desired.row_policies.items():
            present = existing.get(name)
            if present is None:
                self._step(StepAction.CREATE_ROW_POLICY, policy)
            elif present.columns != policy.columns:
                raise UsageError(
                    f"row policy {name}",
                    found=f"the account has {present}",
                    required="the same columns, because UpdateRLSPolicy changes the filter expression only",
                    fix="use another name, and add the old one to [delete] row_policies",
                )
            elif present.rows != policy.rows:
                self._step(StepAction.CHANGE_ROW_POLICY, policy)
        missing = set(desired.row_attachments)
        for attachment in self._digest.added(self._account.row_attachments()):
            self._used([Deletion(Deleted.ROW_POLICY, attachment.policy)])
            if attachment in missing:
                missing.remove(attachment)
            elif attachment.policy in desired.row_policies and self._revokes_unmanaged(attachment.principal):
                self._step(StepAction.DETACH_ROW_POLICY, attachment)
            else:
                self._unnamed += 1
        for attachment in sorted(missing):
            if attachment.policy not in existing and attachment.policy not in desired.row_policies:
                raise _undefined(f"row policy {attachment.policy}", "row_policies")
            self._step(StepAction.ATTACH_ROW_POLICY, attachment)

    def _plan_locations(self) -> None:
        missing = dict(self._desired.locations)
        for location in self._digest.added(self._account.locations()):
            self._found(Deletion(Deleted.LOCATION, location.arn.rstrip("/")))
            desired = missing.pop(location.arn.rstrip("/"), None)
            if desired is not None and desired != location:
                if not desired.role:
                    raise _not_updatable(location)
                self._register(desired, exists=True)
        for location in missing.values():
            self._register(location, exists=False)

    def _register(self, location: Location, *, exists: bool) -> None:
        action = StepAction.REGISTER_HYBRID if location.hybrid else StepAction.REGISTER
        self._step(action, location, exists=exists)

    def _plan_opt_ins(self) -> set[OptIn]:
        """Plan the opt-ins, and return those of the file's principals after the plan."""
        missing, effective = set(self._desired.opt_ins), set(self._desired.opt_ins)
        for opt_in in self._digest.added(self._account.opt_ins()):
            if opt_in in self._desired.opt_ins:
                missing.discard(opt_in)
            elif self._revokes_unmanaged(opt_in.principal):
                self._step(StepAction.OPT_OUT, opt_in)
            else:
                self._unnamed += 1
                if opt_in.principal in self._desired.principals:
                    effective.add(opt_in)
        for opt_in in sorted(missing):
            self._step(StepAction.OPT_IN, opt_in)
        return effective

    def _revokes_unmanaged(self, principal: str) -> bool:
        if self._unmanaged is Unmanaged.PRINCIPALS:
            return principal in self._desired.principals
        return self._unmanaged is Unmanaged.EVERYTHING

    def _plan_grants(self, opt_ins: set[OptIn]) -> list[Finding]:
        existing: dict[Pair, tuple[set[str], set[str]]] = {}
        on_tables: dict[TableOfGrant, list[Grant]] = {
            table: [] for grant in self._desired.grants.values() if (table := table_of_grant(grant))
        }
        open_to_iam: list[Grant] = []
        open_count = 0
        resources = {grant.resource for grant in self._desired.grants.values() if grant.resource.catalog}
        for grant in self._digest.added(self._account.grants(resources)):
            table = table_of_grant(grant)
            is_beside = table in on_tables and grant.pair not in self._desired.grants
            if table is not None and is_beside:
                on_tables[table].append(grant)
            self._used(Deletion.of_resource(grant.resource))
            if grant.principal == IAM_ALLOWED:
                if (
                    self._desired.closes(grant.resource.database, grant.resource.catalog)
                    and grant.resource.kind is not Kind.OTHER
                ):
                    self._step(StepAction.REVOKE_IAM, grant)
                elif Permission.ALL in grant.permissions and self._overridden(grant.resource, opt_ins):
                    open_count += 1
                    if len(open_to_iam) < _MAX_LISTED:
                        open_to_iam.append(grant)
            elif grant.pair in self._desired.grants:
                permissions, grantable = existing.setdefault(grant.pair, (set(), set()))
                permissions |= grant.permissions
                grantable |= grant.grantable
            elif (
                self._revokes_unmanaged(grant.principal)
                and grant.resource.kind is not Kind.OTHER
                and (is_beside or not self._is_implicit(grant))
            ):
                self._step(StepAction.REVOKE, grant)
            else:
                self._unnamed += 1
                if grant.resource.database or grant.resource.kind in _ANY_DATABASE:
                    self._remaining.add(_of_database(grant.resource))
        for pair, desired in self._desired.grants.items():
            self._compare(desired, *existing.get(pair, (set(), set())))
        self._revoke_excluded(on_tables)
        if any(step.action in _CHANGES_OF_TAGS for step in self._steps):
            self._steps = [_before_tags_change(step) for step in self._steps]
        if not open_to_iam:
            return []
        more = f" and {open_count - len(open_to_iam)} more" if open_count > len(open_to_iam) else ""
        return [
            failed(
                "GS-LF-001",
                f"IAMAllowedPrincipals in account {self._account.id}",
                found="Super on " + ", ".join(str(grant.resource) for grant in open_to_iam) + more,
                required="no Super for this group on resources that the file grants",
                fix="add the databases or nested catalogs to settings.close_to_iam, or add [[opt_ins]] for "
                "the principals",
            )
        ]

    def _revoke_excluded(self, on_tables: Mapping[TableOfGrant, list[Grant]]) -> None:
        """Revoke first what excludes a planned grant: permissions on a table, or on some of its columns."""
        excluding: set[Pair] = set()
        seen: set[tuple[TableOfGrant, bool]] = set()
        for step in self._steps:
            if step.action is not StepAction.GRANT or not isinstance(step.subject, Grant):
                continue
            table, is_partial = table_of_grant(step.subject), step.subject.resource.kind in SOME_COLUMNS
            if table is None or (table, is_partial) in seen:
                continue  # another grant of the principal on the table has the same result
            seen.add((table, is_partial))
            others = [
                grant for grant in on_tables[table] if (grant.resource.kind in SOME_COLUMNS) != is_partial
            ]
            if others and not self._revokes_unmanaged(step.subject.principal):
                self._blocked.append(_excluded(step.subject, others))
            excluding.update(grant.pair for grant in others)
        self._steps = [
            PlanStep(StepAction.REVOKE_EXCLUDED, step.subject)
            if step.action is StepAction.REVOKE
            and isinstance(step.subject, Grant)
            and step.subject.pair in excluding
            else step
            for step in self._steps
        ]

    def _compare(self, desired: Grant, permissions: set[str], grantable: set[str]) -> None:
        principal, resource, condition = desired.pair
        new, old = _difference(desired.permissions, permissions)
        new_grantable, old_grantable = _difference(desired.grantable, grantable)
        if new or new_grantable:
            grant = Grant(principal, resource, new | new_grantable, new_grantable, condition)
            self._step(StepAction.GRANT, grant)
        if old or old_grantable:
            self._step(StepAction.REVOKE, Grant(principal, resource, old, old_grantable, condition))

    def _overridden(self, resource: Resource, opt_ins: set[OptIn]) -> bool:
        """Return whether Super of IAMAllowedPrincipals on a resource overrides a grant of the file.

        It overrides the grants of principals that have not opted in to Lake Formation for the resource.
        """
        all_tables = Resource(Kind.ALL_TABLES, resource.database, catalog=resource.catalog)
        keys = [
            _effective_resource(resource),
            _effective_resource(all_tables),
            (Kind.TABLES_WITH, "", "", ""),
        ]
        if resource.kind is Kind.DATABASE:
            keys = [_effective_resource(resource), (Kind.DATABASES_WITH, "", "", "")]
        candidates = (resource, all_tables, Resource(Kind.CATALOG))
        return any(
            not {OptIn(principal, candidate) for candidate in candidates} & opt_ins
            for key in keys
            for principal in self._granted.get(key, ())
        )

    def _plan_defaults(self, settings: Settings, open_databases: list[str]) -> list[Finding]:
        findings = []
        is_open = settings.open_databases or settings.open_tables
        if self._desired.close_defaults and is_open:
            self._step(StepAction.CLOSE_DEFAULTS, "")
        elif is_open:
            findings.append(
                failed(
                    "GS-LF-002",
                    f"default permissions of account {self._account.id}",
                    found="new databases and tables get permissions for IAMAllowedPrincipals",
                    required="no default permissions for this group",
                    fix="set close_defaults = true in [settings]",
                )
            )
        for name in open_databases:
            if self._desired.closes(name):
                self._step(StepAction.CLOSE_DATABASE, name)
            elif any(grant.resource.database == name for grant in self._desired.grants.values()):
                findings.append(
                    failed(
                        "GS-LF-002",
                        f"default permissions of database {name}",
                        found="new tables get permissions for IAMAllowedPrincipals",
                        required="no default permissions for this group",
                        fix=f"add {name} to settings.close_to_iam",
                    )
                )
        return findings


def _of_database(resource: Resource) -> Resource:
    """Return the database of a resource, or the resource itself if it has none."""
    if not resource.database:
        return resource
    return Resource(Kind.DATABASE, resource.database, catalog=resource.catalog)


_UNORDERED = (Setting.CROSS_ACCOUNT_VERSION, Setting.SOURCE_IDENTITY)  # neither changes who has access
_DELETED = {kind: position for position, kind in enumerate(Deleted)}
_POSITIONS = {action: position for position, action in enumerate(StepAction)}
_CHANGES_OF_TAGS = (StepAction.UNASSIGN, StepAction.ASSIGN, StepAction.CHANGE_EXPRESSION)


def _effective_resource(resource: Resource) -> tuple[Kind, str, str, str]:
    """Return the resource that a grant applies to: the table for columns and cell filters."""
    if resource.kind in _BY_TAGS:
        return resource.kind, "", "", ""
    if resource.kind in (Kind.DATABASE, Kind.ALL_TABLES):
        return resource.kind, resource.catalog, resource.database, ""
    return Kind.TABLE, resource.catalog, resource.database, resource.name


def _order(step: PlanStep) -> tuple[int, bool]:
    """Return a step's sort key: by action, and grants on tables before those on databases."""
    subject = step.subject
    return _POSITIONS[step.action], isinstance(subject, Grant) and subject.resource.kind is Kind.DATABASE


def _before_tags_change(step: PlanStep) -> PlanStep:
    by_tags = isinstance(step.subject, Grant) and step.subject.resource.kind in _BY_TAGS
    return (
        PlanStep(StepAction.REVOKE_BY_TAGS, step.subject)
        if step.action is StepAction.REVOKE and by_tags
        else step
    )


def _difference(desired: frozenset[str], existing: set[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return missing and superfluous permissions. With ALL, the service also lists all other permissions."""
    all_permissions = frozenset((Permission.ALL.value,))
    if all_permissions <= desired:
        return all_permissions - existing, frozenset()
    # Permissions listed besides ALL may exist only because of ALL, and disappear with it.
    new = desired if all_permissions <= existing else desired - existing
    return new, frozenset(existing) - desired


def _excluded(grant: Grant, existing: list[Grant]) -> Finding:
    more = f" and {len(existing) - 1} more grants" if len(existing) > 1 else ""
    return failed(
        "GS-LF-005",
        f"grant {grant}",
        found=f"Lake Formation refuses it beside {existing[0]}{more}, which the file does not contain",
        required="for a principal, either SELECT on some columns of a table, or permissions on the table",
        fix="plan and apply with --unmanaged principals, which revokes what the file does not contain, "
        "or use a data cell filter ([[filters]]) instead of columns or except",
    )


def _not_updatable(location: Location) -> UsageError:
    """UpdateResource needs a role.

    https://docs.aws.amazon.com/lake-formation/latest/APIReference/API_UpdateResource.html
    """
    mode = "in hybrid access mode" if location.hybrid else "without hybrid access mode"
    return UsageError(
        f"location {location.arn}",
        found=f"registered with {location.role or 'the service-linked role'}, {mode}",
        required="the same role and mode, or a role in [[locations]], which UpdateResource needs",
        fix='add role = "ARN" to the location, or deregister it first: '
        f"aws lakeformation deregister-resource --resource-arn {location.arn}",
    )


def _undefined(name: str, table: str) -> UsageError:
    return UsageError(
        name,
        found="defined neither in the file nor in the account",
        required="a definition in the file or the account",
        fix=f"define it in [{table}], or correct the name",
    )
