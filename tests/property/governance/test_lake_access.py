"""Who may do what: the evaluator against a model that asks, for one word and one column, every grant anew."""

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
ME = f"arn:aws:iam::{ACCOUNT}:role/me"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/me/jr_1"
EVERYBODY = f"{ACCOUNT}:IAMPrincipals"
OTHER = f"arn:aws:iam::{ACCOUNT}:role/other"
COLUMNS = ("a", "b", "c")
WORDS = ("SELECT", "INSERT", "DELETE", "ALTER", "DROP", "DESCRIBE")
TAGS = {"pii": ("true", "false"), "class": ("public", "internal", "confidential")}

databases, tables = st.sampled_from(["d", "e"]), st.sampled_from(["t", "u"])
some_columns = st.sets(st.sampled_from(COLUMNS), min_size=1).map(lambda one: tuple(sorted(one)))
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
    words = draw(st.sets(st.sampled_from(sorted(one.value for one in ALLOWED[resource.kind])), min_size=1))
    who = draw(st.sampled_from([ME, OTHER, EVERYBODY, IAM_ALLOWED]))
    return Grant(who, resource, frozenset(words), condition=draw(st.sampled_from(["", "", "", "when x"])))


opt_ins = st.builds(OptIn, st.sampled_from([ME, OTHER]), resources)
facts = st.builds(
    TableFacts,
    st.just(ACCOUNT),
    databases,
    tables,
    st.just(COLUMNS),
    st.builds(TableTags, tag_sets, tag_sets, st.dictionaries(st.sampled_from(COLUMNS), tag_sets)),
)
lakes = st.builds(
    LakeFacts,
    st.lists(grants(), max_size=6).map(tuple),
    st.fixed_dictionaries({"named": expressions}),
    st.lists(filters, max_size=3, unique_by=lambda one: (one.database, one.table, one.name)).map(tuple),
    st.frozensets(opt_ins, max_size=2),
    st.frozensets(st.sampled_from([ME, OTHER]), max_size=1),
)


class Model:
    """Slow and plain: no sets are built, each question walks all grants."""

    def __init__(self, table, lake):
        self.table, self.lake = table, lake
        self.held = any(
            one.principal == ME
            and one.resource
            in (
                Resource(Kind.CATALOG),
                Resource(Kind.ALL_TABLES, table.database),
                Resource(Kind.TABLE, table.database, table.name),
            )
            for one in lake.opt_ins
        )
        self.by_iam = not self.held and any(
            one.principal == IAM_ALLOWED
            and "ALL" in one.permissions
            and any(self.rows(one, word, column) for word in WORDS for column in COLUMNS)
            for one in lake.grants
        )

    def may(self, word, column):
        """Predicates of the rows."""
        if self.by_iam:
            return {""}
        found = set()
        for one in self.lake.grants:
            mine = one.principal in (ME, EVERYBODY) or (one.principal == IAM_ALLOWED and not self.held)
            if mine:
                found |= self.rows(one, word, column)
        if word == "DESCRIBE" and ME in self.lake.administrators:
            found.add("")
        return found

    def rows(self, grant, word, column):
        on, table = grant.resource, self.table
        if grant.condition:
            return set()
        words = set(grant.permissions)
        if "ALL" in words and on.kind is not Kind.CATALOG:
            words = set(WORDS)
        here = on.database == table.database and on.name == table.name
        seen, rows = set(), ""
        if on.kind is Kind.CATALOG and "SUPER_USER" in words:
            words, seen = set(WORDS), set(COLUMNS)
        elif (on.kind is Kind.ALL_TABLES and on.database == table.database) or (
            on.kind is Kind.TABLE and here
        ):
            seen = set(COLUMNS)
        elif on.kind is Kind.COLUMNS and here:
            seen = set(on.values)
        elif on.kind is Kind.OTHER_COLUMNS and here:
            seen = set(COLUMNS) - set(on.values)
        elif on.kind is Kind.CELLS and here:
            known = [
                f
                for f in self.lake.filters
                if (f.database, f.table, f.name) == (on.database, on.name, on.part)
            ]
            if not known:
                return set()
            words, seen, rows = words - {"DROP"}, set(known[0].columns), known[0].rows
        elif on.kind is Kind.TABLES_WITH:
            expression = dict(on.expression or self.lake.expressions.get(on.name, ()))
            if not expression:
                return set()
            whole = self.meets(expression, None)
            seen = {one for one in COLUMNS if self.meets(expression, one)}
            if not whole and not seen:
                return set()
            if not whole or seen != set(COLUMNS):
                words = (words & {"SELECT"}) | {"DESCRIBE"}
        else:
            return set()
        if not seen:
            words -= {"SELECT"}
        if words & {"SELECT", "INSERT", "DELETE"}:
            words.add("DESCRIBE")
        if word not in words:
            return set()
        if word == "SELECT":
            return {rows} if column in seen else set()
        return {""}

    def meets(self, expression, column):
        for key, values in expression.items():
            held = self.table.tags.columns.get(column, {}).get(key)
            held = held or self.table.tags.table.get(key) or self.table.tags.database.get(key)
            if held is None or not (held in values or "*" in values):
                return False
        return True


@given(facts, lakes, st.sampled_from([ME, SESSION]))
def test_the_evaluator_says_what_the_naive_model_says(table, lake, principal):
    model, found = Model(table, lake), evaluate(principal, table, lake)
    assert found.by_iam == model.by_iam
    assert found.permissions == {word for word in WORDS if any(model.may(word, column) for column in COLUMNS)}
    assert found.columns == {column: model.may("SELECT", column) for column in COLUMNS}


@given(facts, lakes, grants())
def test_a_further_grant_never_takes_anything_away(table, lake, grant):
    before = evaluate(ME, table, lake)
    after = evaluate(ME, table, LakeFacts((*lake.grants, grant), lake.expressions, lake.filters, lake.opt_ins,
                                          lake.administrators))  # fmt: skip
    assert before.permissions <= after.permissions
    assert all(rows <= after.columns[one] or "" in after.columns[one] for one, rows in before.columns.items())


@given(facts, lakes)
def test_every_reason_that_gives_shows_in_the_answer_and_nothing_else_does(table, lake):
    found = evaluate(ME, table, lake)
    if not found.by_iam:
        assert found.permissions == frozenset().union(*(one.permissions for one in found.reasons))
        assert all(one.gives == bool(one.permissions) for one in found.reasons)
