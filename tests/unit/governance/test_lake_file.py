"""The permissions file: invalid content is rejected, and the error names its line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue_secure.core.document_lines import json_lines, toml_lines
from glue_secure.core.errors import UsageError
from glue_secure.governance.lakeformation.file import parse, read
from glue_secure.governance.lakeformation.model import Kind, Permission
from glue_secure.governance.lakeformation.reference import ALLOWED

from .conftest import ANALYST, HEAD, STEWARD
from .test_lake_plan import EVERYTHING

TARGETS = {
    Kind.CATALOG: "catalog = true",
    Kind.DATABASE: 'database = "d"',
    Kind.TABLE: 'database = "d"\ntable = "t"',
    Kind.ALL_TABLES: 'database = "d"\ntable = "*"',
    Kind.COLUMNS: 'database = "d"\ntable = "t"\ncolumns = ["c"]',
    Kind.OTHER_COLUMNS: 'database = "d"\ntable = "t"\nexcept = ["c"]',
    Kind.CELLS: 'database = "d"\ntable = "t"\nfilter = "f"',
    Kind.LOCATION: 'location = "s3://lake/a"',
    Kind.TAG: 'lf_tag = "k"\nvalues = ["v"]',
    Kind.EXPRESSION: 'expression = "e"',
    Kind.DATABASES_WITH: 'databases_with = { k = ["v"] }',
    Kind.TABLES_WITH: 'tables_with = { k = ["v"] }',
}


def grant(target, *permissions):
    entry = f'[[grants]]\nprincipal = "{ANALYST}"\n{target}\n'
    return f"schema = 1\n{entry}permissions = {json.dumps(permissions)}\n"


@pytest.mark.parametrize("kind", TARGETS)
def test_permissions_are_checked_against_the_kind_of_resource(kind):
    for permission in Permission:
        text = grant(TARGETS[kind], permission.value)
        if permission in ALLOWED[kind]:
            (granted,) = parse(text, "p").grants.values()
            assert (granted.resource.kind, granted.permissions) == (kind, {permission.value})
        else:
            with pytest.raises(UsageError, match=r"p:\d+ grants\[0\]\.permissions"):
                parse(text, "p")


def test_json_and_toml_give_the_same_result():
    desired = parse(HEAD + EVERYTHING, "p")
    assert parse(json.dumps(desired.document), "p", as_json=True) == desired


INVALID = [
    ("schema = 2", 1, "schema"),
    ("schema = 1\nnope = 1", 2, "nope"),
    ("schema = 1\n[settings]\nclose = true", 3, "settings.close"),
    ('schema = 1\naccount = "12"', 2, "account"),
    ('schema = 1\n[principals]\na = "b"', 3, "principals.a"),
    ('schema = 1\n[principals]\na = "IAM_ALLOWED_PRINCIPALS"', 3, "principals.a"),
    ('schema = 1\n\n[lf_tags]\nPII = ["true"]', 4, "lf_tags.PII"),
    ('schema = 1\n[lf_tags]\npii = ["True"]', 3, "lf_tags.pii"),
    ('schema = 1\n[lf_tags]\npii = ["a", "a"]', 3, "lf_tags.pii"),
    ('schema = 1\n[lf_tags]\npii = ["*"]', 3, "lf_tags.pii"),
    ('schema = 1\n[lf_tags]\npii = []', 3, "lf_tags.pii"),
    ('schema = 1\n[lf_tags]\npii = ["a"]\n[expressions]\ne = { pii = ["b"] }', 5, "expressions.e.pii"),
    ('schema = 1\n[[locations]]\narn = "gs://x"', 3, "locations[0].arn"),
    ('schema = 1\n[[assign]]\ndatabase = "D"', 3, "assign[0].database"),
    ('schema = 1\n[lf_tags]\nk = ["v"]\n[[assign]]\ndatabase = "d"\ntags = { k = "w" }', 6,
     "assign[0].tags.k"),
    ('schema = 1\n[[assign]]\ndatabase = "d"\ncolumns = ["c"]', 2, "assign[0]"),
    ('schema = 1\n[[filters]]\nname = "f"\ndatabase = "d"\ntable = "t"', 2, "filters[0]"),
    ('schema = 1\n[[filters]]\nname = "f"\ndatabase = "d"\ntable = "t"\n'
     'rows = "a"\ncolumns = ["a"]\nexcept = ["b"]', 2, "filters[0]"),
    ('schema = 1\n[[opt_ins]]\nprincipal = "arn:aws:iam::1:role/a"\ndatabase = "d"\n\n'
     'tabel = "t"', 6, "opt_ins[0].tabel"),
    ('schema = 1\n[[grants]]\nprincipal = "x"\ncatalog = true\npermissions = ["ALL"]', 3,
     "grants[0].principal"),
    ('schema = 1\n[[grants]]\ncatalog = true\npermissions = ["ALL"]', 2, "grants[0]"),
    (grant("catalog = true\ndatabase = 'd'", "ALL"), 2, "grants[0]"),
    (grant(TARGETS[Kind.TABLE], "ALL", "SELECT"), 6, "grants[0].permissions"),
    (grant(TARGETS[Kind.TABLE]), 2, "grants[0]"),
    (grant(TARGETS[Kind.TABLE], "SELECT") + 'grantable = ["INSERT"]', 7, "grants[0].grantable"),
    (grant(TARGETS[Kind.TABLE], "SELECT") + grant(TARGETS[Kind.TABLE], "INSERT")[11:], 7, "grants[1]"),
    ("schema = 1\ngrants = 3", 2, "grants"),
    # What Lake Formation refuses, so that an apply would stop half way.
    (grant(TARGETS[Kind.CATALOG], "SUPER_USER"), 5, "grants[0].permissions"),
    (grant(TARGETS[Kind.OTHER_COLUMNS], "SELECT") + 'grantable = ["SELECT"]', 8, "grants[0].grantable"),
    (grant(TARGETS[Kind.DATABASE], "DROP").replace(ANALYST, "111122223333"), 5, "grants[0].permissions"),
    (grant(TARGETS[Kind.DATABASE], "ALL").replace(ANALYST, "arn:aws:organizations::1:ou/o-a/ou-b"), 5,
     "grants[0].permissions"),
    (grant(f"tables_with = {{ k = {json.dumps([f'{n:010}' for n in range(100)])} }}", "SELECT"), 4,
     "grants[0].tables_with"),
    (f"schema = 1\n[lf_tags]\nk = {json.dumps([str(n) for n in range(1001)])}", 3, "lf_tags.k"),
    ('schema = 1\n[lf_tags]\n"k*" = ["v"]', 3, "lf_tags.k*"),
    ('schema = 1\n[[assign]]\ndatabase = "d"\n[assign.tags]\n'
     + "".join(f'k{n} = "v"\n' for n in range(51)), 4, "assign[0].tags"),
    *((grant(TARGETS[Kind.COLUMNS], "SELECT") + grant(TARGETS[Kind.TABLE], permission)[11:], 8, "grants[1]")
      for permission in ("ALL", "ALTER", "DELETE", "DESCRIBE", "DROP", "INSERT", "SELECT")),
    (grant(TARGETS[Kind.TABLE], "DESCRIBE") + grant(TARGETS[Kind.OTHER_COLUMNS], "SELECT")[11:], 7,
     "grants[1]"),
    ("schema = 1\n" + "".join(
        grant(TARGETS[Kind.CELLS].replace('"f"', f'"f{n}"'), "SELECT")[11:] for n in range(101)
     ), 602, "grants[100]"),
    (grant(TARGETS[Kind.TABLE], "SELECT") + f'condition = "{"x" * 3001}"', 7, "grants[0].condition"),
    *((f'schema = 1\n[principals]\na = "{arn}"', 3, "principals.a")
      for arn in ("arn:aws:iam::123456789012:group/g", "arn:aws:iam::123456789012:root", "arn:aws:s3:::lake",
                  "arn:aws-cn:iam::aws:policy/p", "arn:aws:sts::123456789012:assumed-role/me/jr_1")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "path"), INVALID)
def test_an_error_names_the_line_and_the_member(text, line, path):
    with pytest.raises(UsageError) as caught:
        parse(text, "p.toml")
    assert caught.value.resource == f"p.toml:{line} {path}"


def test_select_on_columns_is_accepted_beside_permissions_on_other_resources_and_of_other_principals():
    columns = grant(TARGETS[Kind.COLUMNS], "SELECT")
    others = [
        grant(TARGETS[kind], permission)
        for kind, permission in (
            (Kind.ALL_TABLES, "INSERT"),
            (Kind.CELLS, "DESCRIBE"),
            (Kind.DATABASE, "DESCRIBE"),
            (Kind.OTHER_COLUMNS, "SELECT"),
        )
    ]
    others.append(grant(TARGETS[Kind.TABLE], "INSERT").replace(ANALYST, STEWARD))
    others.append(grant(TARGETS[Kind.TABLE], "INSERT").replace('table = "t"', 'table = "u"'))
    text = columns + "".join(other.removeprefix("schema = 1\n") for other in others)
    assert len(parse(text, "p").grants) == 7


@pytest.mark.parametrize(
    ("text", "line"), [("schema = ", 1), ("[", 1), ("schema = 1\nschema = 1", 2), ("a = 1\n\x00\n", 2)]
)
def test_an_error_in_toml_names_its_line(text, line):
    with pytest.raises(UsageError) as caught:
        parse(text, "p.toml")
    assert caught.value.resource == f"p.toml:{line}"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1, "schema": 1}', "[" * 100_000])
def test_a_text_that_is_not_a_json_object_is_rejected(text):
    with pytest.raises(UsageError, match=r"p\.json"):
        parse(text, "p.json", as_json=True)


def test_an_error_in_json_names_its_line():
    text = '{\n  "schema": 1,\n  "grants": [\n    {},\n    {"principal": 3}\n  ]\n}'
    with pytest.raises(UsageError) as caught:
        parse(text, "p.json", as_json=True)
    assert caught.value.resource.startswith("p.json:4 grants[0]")


def test_the_error_for_a_missing_file_names_it(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml"):
        read(tmp_path / "none.toml")


def test_lines_of_toml_after_multi_line_values():
    text = 'a = """\n[no]\nb = 1\n"""\nc = [\n  "[[x]]", # ]\n  1,\n]\n'
    text += "[[t]]\nd = 1\n[[t]]\nd.e = 2\n[t.f]\ng = 3\n"
    assert toml_lines(text) == {
        ("a",): 1, ("c",): 5, ("t", 0): 9, ("t", 0, "d"): 10, ("t", 1): 11, ("t", 1, "d", "e"): 12,
        ("t", 1, "f"): 13, ("t", 1, "f", "g"): 14,
    }  # fmt: skip


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(json_values)
def test_every_value_of_json_has_a_line(value):
    lines = json_lines(json.dumps(value, indent=1))

    def paths(node, path=()):
        yield path
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for name, child in items:
            yield from paths(child, (*path, name))

    assert set(paths(value)) <= set(lines)


@given(st.text(max_size=200))
def test_every_text_is_accepted_or_raises_a_usage_error(text):
    for as_json in (False, True):
        try:
            parse(text, "p", as_json=as_json)
        except UsageError as error:
            assert "p" in error.resource


def test_an_s3_location_gets_the_partition_of_the_account():
    text = 'schema = 1\n[[locations]]\narn = "s3://lake/a"\n'
    assert list(parse(text, "p", partition="aws-us-gov").locations) == ["arn:aws-us-gov:s3:::lake/a"]
