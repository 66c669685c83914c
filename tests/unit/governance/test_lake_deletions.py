"""``[delete]`` of the permissions file: LF-Tags, expressions, data cell filters and registrations."""

import pytest

from glue_secure.core.errors import RefusedError, UsageError

from .conftest import ANALYST, OTHER
from .test_lake_plan import EVERYTHING, grant

DELETE = """[delete]
lf_tags = ["pii", "gone"]
expressions = ["harmless"]
locations = ["s3://lake/sales", "arn:aws:s3:::lake/gone"]
filters = [{ database = "sales", table = "customers", name = "eu" }]
"""


def test_what_the_file_names_is_deleted_and_what_is_gone_is_no_step(harness):
    harness.apply(EVERYTHING)
    harness.lake.filters["sales", "customers", "other"] = {
        **harness.lake.filters["sales", "customers", "eu"],
        "Name": "other",
    }
    assert harness.steps(DELETE)[-4:] == [
        "delete registration of location arn:aws:s3:::lake/sales, "
        "which 1 grants, resources or expressions use",
        "delete cell filter eu of sales.customers, which 1 grants, resources or expressions use",
        "delete LF-Tag expression harmless, which 1 grants, resources or expressions use",
        "delete LF-Tag pii, which 8 grants, resources or expressions use",
    ]
    assert harness.apply(DELETE).steps == ()
    assert list(harness.lake.filters) == [("sales", "customers", "other")]
    assert (list(harness.lake.expressions), list(harness.lake.tags)) == ([], ["classification"])
    assert list(harness.lake.resources) == ["arn:aws:s3:::lake/hr"]
    assert harness.steps(DELETE) == []


def test_objects_are_deleted_after_the_grants_that_use_them_are_revoked(harness):
    harness.lake.expressions["old"] = [{"TagKey": "k", "TagValues": ["v"]}]
    harness.lake.tags["k"] = ["v"]
    policy = {"LFTagPolicy": {"ResourceType": "TABLE", "ExpressionName": "old"}}
    harness.lake.put(OTHER, policy, "SELECT")
    text = '[delete]\nlf_tags = ["k"]\nexpressions = ["old"]\n'
    steps = harness.steps(text, "everything")
    assert [step.partition(" ")[0] for step in steps] == ["revoke", "delete", "delete"]
    assert harness.apply(text, "everything").steps == ()
    assert harness.granted(OTHER) == {}


@pytest.mark.parametrize("operation", ["DeleteLFTag", "DeregisterResource", "DeleteDataCellsFilter"])
def test_a_deletion_without_effect_is_refused(harness, operation):
    harness.apply(EVERYTHING)
    harness.lake.ignored_operations.add(operation)
    with pytest.raises(RefusedError, match="GS-LF-005"):
        harness.apply(DELETE)


IN_USE = [
    ('lf_tags = ["k"]', '[lf_tags]\nk = ["v"]\n'),
    ('lf_tags = ["k"]', '[[assign]]\ndatabase = "d"\ntags = { k = "v" }\n'),
    ('lf_tags = ["k"]', '[expressions]\ne = { k = ["v"] }\n'),
    ('lf_tags = ["k"]', grant('tables_with = { k = ["v"] }', "SELECT")),
    ('lf_tags = ["k"]', grant('lf_tag = "k"\nvalues = ["v"]', "ASSOCIATE")),
    ('expressions = ["e"]', '[expressions]\ne = { k = ["v"] }\n'),
    ('expressions = ["e"]', grant('tables_matching = "e"', "SELECT")),
    ('expressions = ["e"]', grant('expression = "e"', "DESCRIBE")),
    ('locations = ["s3://lake/a/"]', '[[locations]]\narn = "arn:aws:s3:::lake/a"\n'),
    ('locations = ["s3://lake/a"]', grant('location = "s3://lake/a"', "DATA_LOCATION_ACCESS")),
    ('filters = [{ database = "d", table = "t", name = "f" }]',
     '[[filters]]\nname = "f"\ndatabase = "d"\ntable = "t"\nrows = "true"\n'),
    ('filters = [{ database = "d", table = "t", name = "f" }]',
     grant('database = "d"\ntable = "t"\nfilter = "f"', "SELECT")),
]  # fmt: skip


@pytest.mark.parametrize(("deleted", "used"), IN_USE)
def test_an_object_that_the_file_uses_cannot_be_deleted(harness, deleted, used):
    with pytest.raises(UsageError, match="which the file uses"):
        harness.plan(f"[delete]\n{deleted}\n{used}")
    assert harness.lake.requests == {}


@pytest.mark.parametrize(
    ("line", "member"),
    [
        ('lf_tags = "k"', "lf_tags"),
        ('lf_tags = ["K"]', "lf_tags"),
        ('lf_tags = ["k", "k"]', "lf_tags"),
        ('locations = ["gs://lake"]', "locations"),
        ("filters = 1", "filters"),
        ("filters = [1]", "filters[0]"),
        ('filters = [{ database = "d" }]', "filters[0]"),
        ('filters = [{ database = "D", table = "t", name = "f" }]', "filters[0].database"),
        ('grants = ["all"]', "grants"),
    ],
)
def test_an_invalid_deletion_is_rejected(harness, line, member):
    with pytest.raises(UsageError) as caught:
        harness.plan(f"[delete]\n{line}\n")
    assert caught.value.resource == f"p.toml:6 delete.{member}"


def test_grants_stay_unless_their_object_is_deleted(harness):
    harness.apply(EVERYTHING)
    before = harness.granted(ANALYST)
    harness.apply('[delete]\nlocations = ["s3://lake/hr"]\n')
    assert harness.granted(ANALYST) == before
