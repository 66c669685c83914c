"""``explain`` and ``preflight`` agree with the naive model of AWS's pages on random states."""

from hypothesis import given
from hypothesis import strategies as st
from lake_states import ACCOUNT, TABLES, NaiveModel, State, principal_of

from glue_secure.core.findings import Verdict
from glue_secure.governance.lakeformation.account import Account
from glue_secure.governance.lakeformation.explain import explain
from glue_secure.governance.lakeformation.preflight import check_job

ON_TABLES = ("SELECT", "INSERT", "DELETE", "ALTER", "DROP", "DESCRIBE", "ALL")
TAG_VALUES = {"pii": ("true", "false"), "class": ("public", "internal")}
principals = st.sampled_from(
    ["role/a", "role/a", "role/path/a", "saml-group/g", "everyone", "IAMAllowedPrincipals", "role/b"]
)
tables = st.sampled_from([f"{database}.{name}" for database, name in TABLES])
columns = st.lists(st.sampled_from(["id", "region", "email", "day"]), min_size=1, unique=True).map(", ".join)
expressions = (
    st.fixed_dictionaries(
        {},
        optional={
            key: st.lists(st.sampled_from([*values, "*"]), min_size=1, unique=True)
            for key, values in TAG_VALUES.items()
        },
    )
    .filter(bool)
    .map(lambda tags: ", ".join(f"{key}={'|'.join(values)}" for key, values in tags.items()))
)
whole = st.lists(st.sampled_from(ON_TABLES), min_size=1, max_size=3, unique=True).map(", ".join)
grants = st.one_of(
    st.builds("{} on table {} to {}".format, whole, tables, principals),
    st.builds("{} on tables {}.* to {}".format, whole, st.sampled_from(["sales", "hr"]), principals),
    st.builds("{} on tables with {} to {}".format, whole, expressions, principals),
    st.builds("{} on tables matching {} to {}".format, whole, st.sampled_from(["named", "gone"]), principals),
    st.builds("SELECT on columns {} ({}) to {}".format, tables, columns, principals),
    st.builds("SELECT on columns {} except ({}) to {}".format, tables, columns, principals),
    st.builds("SELECT on cells {}/{} to {}".format, tables, st.sampled_from("fg"), principals),
    st.builds("ALL on database {} to {}".format, st.sampled_from(["sales", "hr"]), principals),
    st.builds("ALL on databases with {} to {}".format, expressions, principals),
    st.builds("SELECT on table {} to {} when x".format, tables, principals),
)
places = st.sampled_from(
    ["database sales", "database hr"]
    + [f"table {database}.{name}" for database, name in TABLES]
    + [
        f"column {database}.{name}.{column}"
        for (database, name), (listed, keys) in TABLES.items()
        for column in (*listed, *keys)
    ]
)
assigned = st.builds(
    "{} on {}".format,
    st.sampled_from([f"{key}={value}" for key, values in TAG_VALUES.items() for value in values]),
    places,
)
filters = st.builds(
    "{} of {}: {} {}; rows {}".format,
    st.sampled_from("fg"),
    tables,
    st.sampled_from(["columns", "except"]),
    columns,
    st.sampled_from(["*", "id > 5"]),
)
opt_ins = st.builds(
    "{}: {}".format,
    st.sampled_from(["role/a", "role/b", "saml-group/g"]),
    st.sampled_from(["table sales.customers", "tables sales.*", "database sales", "catalog"]),
)
states = st.fixed_dictionaries(
    {
        "grants": st.lists(grants, max_size=8),
        "tags": st.lists(assigned, max_size=8),
        "filters": st.lists(filters, max_size=3, unique_by=lambda text: text.split(":")[0]),
        "opt_ins": st.lists(opt_ins, max_size=2, unique=True),
        "expressions": st.fixed_dictionaries({"named": expressions}),
        "administrators": st.lists(st.just("role/path/a"), max_size=1),
    }
)


@given(states, st.sampled_from(["role/a", "session a", "saml-user/u", "999999999999:role/a"]), st.booleans())
def test_explain_agrees_with_the_naive_model(table, who, in_group):
    state, principal = State.parse(table), principal_of(who)
    groups = frozenset([principal_of("saml-group/g")] if in_group else ())
    lake = state.load()
    account = Account(**{name: lake.client(name) for name in ("lakeformation", "glue")}, account=ACCOUNT)
    for database, name in TABLES:
        access = explain(account, principal, f"{database}.{name}", groups).access
        found = (access.by_iam, access.permissions, dict(access.columns))
        assert found == NaiveModel(state).access(principal, groups, database, name)


uris = st.sampled_from(["s3://lake/", "s3://lake/b/", "s3://lake/b/c/", "s3://lake/bc/", "s3://zone/"])
parents = uris.map(lambda uri: uri.rstrip("/"))
creating = st.one_of(
    st.builds("CREATE_TABLE on database {} to {}".format, st.sampled_from(["sales", "hr"]), principals),
    st.builds("CREATE_TABLE on databases with {} to {}".format, expressions, principals),
    st.builds("DATA_LOCATION_ACCESS on location {} to {}".format, parents, principals),
    st.builds("CREATE_TABLE on database sales to {} when x".format, principals),
    grants,
)
places_for_tables = st.fixed_dictionaries(
    {
        "grants": st.lists(creating, max_size=6),
        "tags": st.lists(assigned, max_size=4),
        "locations": st.lists(parents, max_size=3, unique=True),
        "database_locations": st.dictionaries(st.sampled_from(["sales", "hr"]), uris),
        "administrators": st.lists(st.just("role/path/a"), max_size=1),
    }
)


@given(places_for_tables, st.sampled_from(["role/a", "session a", "role/b"]), uris)
def test_new_tables_and_locations_agree_with_the_naive_model(table, who, location):
    state, principal = State.parse(table), principal_of(who)
    lake = state.load()
    account = Account(**{name: lake.client(name) for name in ("lakeformation", "glue")}, account=ACCOUNT)
    model = NaiveModel(state)
    for database in ("sales", "hr"):
        findings = check_job(account, principal, creates=[database], locations=[location])
        assert [finding.verdict is Verdict.PASS for finding in findings] == [
            model.may_create_tables(principal, database),
            model.may_use_location(principal, database, location),
        ]
