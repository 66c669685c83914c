"""Compare the evaluation of Lake Formation permissions with a simple model.

The model evaluates every grant for each permission and column.
"""

from hypothesis import given
from hypothesis import strategies as st

from glue_secure.governance.lakeformation.access import LakeFacts, TableFacts, evaluate
from glue_secure.governance.lakeformation.model import (
    IAM_ALLOWED,
    CellFilter,
    Grant,
    Kind,
    OptIn,
    Resource,
    TableTags,
    expression_of,
)
from glue_secure.governance.lakeformation.reference import ALLOWED

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/me"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/me/jr_1"
ALL_IAM_PRINCIPALS = f"{ACCOUNT}:IAMPrincipals"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/other"
COLUMNS = ("a", "b", "c")
PERMISSIONS = ("SELECT", "INSERT", "DELETE", "ALTER", "DROP", "DESCRIBE")
TAGS = {"pii": ("true", "false"), "class": ("public", "internal", "confidential")}

# Most grants are on the table that is evaluated, d.t.
databases, tables = st.sampled_from(["d", "d", "d", "e"]), st.sampled_from(["t", "t", "t", "u"])
some_columns = st.sets(st.sampled_from(COLUMNS), min_size=1).map(lambda columns: tuple(sorted(columns)))
tag_sets = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in TAGS.items()})
expressions = (
    st.fixed_dictionaries(
        {},
        optional={
            key: st.sets(st.sampled_from([*values, "*"]), min_size=1).map(sorted)
            for key, values in TAGS.items()
        },
    )
    .filter(bool)
    .map(expression_of)
)
filters = st.builds(
    CellFilter, databases, tables, st.sampled_from(["f", "g"]), st.sampled_from(["", "x > 1"]), some_columns
)
resources = st.one_of(
    st.just(Resource(Kind.CATALOG)),
    st.builds(Resource, st.just(Kind.DATABASE), databases),
    st.builds(Resource, st.just(Kind.ALL_TABLES), databases),
    st.builds(Resource, st.just(Kind.TABLE), databases, tables),
    st.builds(Resource, st.just(Kind.COLUMNS), databases, tables, st.just(""), some_columns),
    st.builds(Resource, st.just(Kind.OTHER_COLUMNS), databases, tables, st.just(""), some_columns),
    st.builds(Resource, st.just(Kind.CELLS), databases, tables, st.sampled_from(["f", "g", "h"])),
    st.builds(
        Resource,
        st.sampled_from([Kind.TABLES_WITH, Kind.DATABASES_WITH]),
        expression=expressions,
    ),
    st.builds(Resource, st.just(Kind.TABLES_WITH), name=st.sampled_from(["named", "unknown"])),
)


@st.composite
def grants(draw):
    resource = draw(resources)
    allowed = sorted(permission.value for permission in ALLOWED[resource.kind])
    if resource.kind is Kind.CATALOG:
        allowed.append("SUPER_USER")  # of a nested catalog
    permissions = draw(st.sets(st.sampled_from(allowed), min_size=1))
    principal = draw(st.sampled_from([ROLE, ROLE, ROLE, OTHER, ALL_IAM_PRINCIPALS, IAM_ALLOWED]))
    return Grant(
        principal, resource, frozenset(permissions), condition=draw(st.sampled_from(["", "", "", "when x"]))
    )


opt_ins = st.builds(OptIn, st.sampled_from([ROLE, OTHER]), resources)
facts = st.builds(
    TableFacts,
    st.just(ACCOUNT),
    st.just("d"),
    st.just("t"),
    st.just(COLUMNS),
    st.builds(TableTags, tag_sets, tag_sets, st.dictionaries(st.sampled_from(COLUMNS), tag_sets)),
    st.frozensets(st.sampled_from(COLUMNS), max_size=1),
)
lakes = st.builds(
    LakeFacts,
    st.lists(grants(), max_size=6).map(tuple),
    st.fixed_dictionaries({"named": expressions}),
    st.lists(filters, max_size=3, unique_by=lambda cells: (cells.database, cells.table, cells.name)).map(
        tuple
    ),
    st.frozensets(opt_ins, max_size=2),
    st.frozensets(st.sampled_from([ROLE, OTHER]), max_size=1),
)


class Model:
    """A slow model that evaluates all grants for each permission and column."""

    def __init__(self, table, lake):
        self.table, self.lake = table, lake
        resources = (
            Resource(Kind.CATALOG),
            Resource(Kind.ALL_TABLES, table.database),
            Resource(Kind.TABLE, table.database, table.name),
        )
        self.opted_in = any(
            opt_in.principal == ROLE and opt_in.resource in resources for opt_in in lake.opt_ins
        )
        self.by_iam = not self.opted_in and any(
            grant.principal == IAM_ALLOWED
            and "ALL" in grant.permissions
            and any(self.rows(grant, permission, column) for permission in PERMISSIONS for column in COLUMNS)
            for grant in lake.grants
        )

    def all_rows(self, permission, column):
        """Return the row filter expressions of all grants; empty without the permission."""
        if self.by_iam:
            return {""}
        rows = set()
        for grant in self.lake.grants:
            applies = grant.principal in (ROLE, ALL_IAM_PRINCIPALS) or (
                grant.principal == IAM_ALLOWED and not self.opted_in
            )
            if applies:
                rows |= self.rows(grant, permission, column)
        if permission == "DESCRIBE" and ROLE in self.lake.administrators:
            rows.add("")
        return rows

    def rows(self, grant, permission, column):
        """Return the row filter expressions of one grant."""
        resource, table = grant.resource, self.table
        if grant.condition:
            return set()
        permissions = set(grant.permissions)
        if "ALL" in permissions and resource.kind is not Kind.CATALOG:
            permissions = set(PERMISSIONS)
        same_table = resource.database == table.database and resource.name == table.name
        columns, rows = set(), ""
        if resource.kind is Kind.CATALOG and "SUPER_USER" in permissions:
            permissions, columns = set(PERMISSIONS), set(COLUMNS)
        elif (resource.kind is Kind.ALL_TABLES and resource.database == table.database) or (
            resource.kind is Kind.TABLE and same_table
        ):
            columns = set(COLUMNS)
        elif resource.kind is Kind.COLUMNS and same_table:
            columns = self.and_keys(set(resource.values))
        elif resource.kind is Kind.OTHER_COLUMNS and same_table:
            columns = self.and_keys(set(COLUMNS) - set(resource.values))
        elif resource.kind is Kind.CELLS and same_table:
            key = (resource.database, resource.name, resource.part)
            existing = [
                cells for cells in self.lake.filters if (cells.database, cells.table, cells.name) == key
            ]
            if not existing:
                return set()
            permissions, columns = permissions - {"DROP"}, self.and_keys(set(existing[0].columns))
            rows = existing[0].rows
        elif resource.kind is Kind.TABLES_WITH:
            expression = dict(resource.expression or self.lake.expressions.get(resource.name, ()))
            if not expression:
                return set()
            table_matches = self.matches(expression, None)
            columns = {column for column in COLUMNS if self.matches(expression, column)}
            if not table_matches and not columns:
                return set()
            if not table_matches or columns != set(COLUMNS):
                permissions = (permissions & {"SELECT"}) | {"DESCRIBE"}
        else:
            return set()
        if not columns:
            permissions -= {"SELECT"}
        if permissions & set(PERMISSIONS):
            permissions.add("DESCRIBE")
        if permission == "read":
            reads = permissions & {"SELECT", "INSERT", "DELETE"} and column in columns
            return {rows} if reads else set()
        if permission not in permissions or (permission == "SELECT" and column not in columns):
            return set()
        return {""}

    def and_keys(self, columns):
        """Return columns that a grant shows, and the partition keys, which it cannot withhold."""
        return columns | self.table.partition_keys if columns else columns

    def matches(self, expression, column):
        for key, values in expression.items():
            value = self.table.tags.columns.get(column, {}).get(key)
            value = value or self.table.tags.table.get(key) or self.table.tags.database.get(key)
            if value is None or not (value in values or "*" in values):
                return False
        return True


@given(facts, lakes, st.sampled_from([ROLE, SESSION]))
def test_the_evaluation_equals_that_of_the_model(table, lake, principal):
    model, access = Model(table, lake), evaluate(principal, table, lake)
    assert access.by_iam == model.by_iam
    assert access.permissions == {
        permission
        for permission in PERMISSIONS
        if any(model.all_rows(permission, column) for column in COLUMNS)
    }
    assert access.columns == {column: model.all_rows("read", column) for column in COLUMNS}


@given(facts, lakes, grants())
def test_another_grant_never_removes_permissions(table, lake, grant):
    before = evaluate(ROLE, table, lake)
    more = LakeFacts((*lake.grants, grant), lake.expressions, lake.filters, lake.opt_ins, lake.administrators)
    after = evaluate(ROLE, table, more)
    assert before.permissions <= after.permissions
    for column, rows in before.columns.items():
        assert rows <= after.columns[column] or "" in after.columns[column]


@given(facts, lakes)
def test_the_permissions_are_the_union_of_those_of_the_reasons(table, lake):
    access = evaluate(ROLE, table, lake)
    if not access.by_iam:
        assert access.permissions == frozenset().union(*(reason.permissions for reason in access.reasons))
        assert all(reason.gives == bool(reason.permissions) for reason in access.reasons)
