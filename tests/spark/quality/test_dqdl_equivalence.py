"""A converted rule has the outcome that AWS's documentation describes.

The frame has nulls, duplicates and an empty string. Each outcome was derived by hand from
https://docs.aws.amazon.com/glue/latest/dg/dqdl-rule-types.html.
"""

import pytest

from glue_secure.quality.checker import ONE_PASS, Checker
from glue_secure.quality.dqdl.conversion import convert
from glue_secure.quality.suite import Suite

#        n     s      d             u
ROWS = [
    (1, "ab", "2024-01-01", 1),
    (2, "abc", "2024-01-02", 2),
    (3, "", "2024-01-03", 3),
    (None, "ab", None, 4),
    (5, None, "2024-01-05", 5),
]
OUTCOMES = (
    ("RowCount = 5", True),
    ("RowCount > 5", False),
    ("RowCount between 4 and 6", True),
    ("RowCount between 5 and 9", False),
    ('RowCount = 3 where "n < 4"', True),
    ("ColumnCount = 4", True),
    ("ColumnCount between 4 and 9", False),
    ('ColumnExists "s"', True),
    ('ColumnExists "S2"', False),
    ('IsComplete "n"', False),
    ('IsComplete "n" where "u < 4"', True),
    ('Completeness "n" >= 0.8', True),
    ('Completeness "n" > 0.8', False),
    ('IsUnique "s"', False),
    ('IsUnique "n"', True),
    ('IsUnique "s" "u"', True),
    ('IsPrimaryKey "n"', False),
    ('IsPrimaryKey "u"', True),
    ('Uniqueness "s" >= 0.5', True),
    ('Uniqueness "s" > 0.5', False),
    ('DistinctValuesCount "s" = 3', True),
    ('DistinctValuesCount "s" > 3', False),
    ('Mean "n" = 2.75', True),
    ('Sum "n" > 11', False),
    ('Sum "n" >= 11', True),
    ('ColumnValues "n" > 0', False),
    ('ColumnValues "n" > 0 where "n is not null"', True),
    ('ColumnValues "n" between 0 and 6 where "`n` IS NOT NULL"', True),
    ('ColumnValues "n" between 1 and 6 where "`n` IS NOT NULL"', False),
    ('ColumnValues "n" <= 3 where "`n` IS NOT NULL" with threshold >= 0.75', True),
    ('ColumnValues "n" <= 3 where "`n` IS NOT NULL" with threshold > 0.75', False),
    ('ColumnValues "n" in [1, 2, 3, 5]', False),
    ('ColumnValues "n" in [1, 2, 3, 5, NULL]', True),
    ('ColumnValues "n" not in [4, 6]', True),
    ('ColumnValues "n" not in [4, NULL]', False),
    ('ColumnValues "n" != 5', False),
    ('ColumnValues "s" in ["ab", "abc", EMPTY, NULL]', True),
    ('ColumnValues "s" in ["ab", "abc", NULL]', False),
    ('ColumnValues "n" = NULL where "u = 4"', True),
    ('ColumnValues "n" != NULL with threshold >= 0.8', True),
    ('ColumnValues "s" matches "^(ab|abc|)$" where "`s` IS NOT NULL"', True),
    ('ColumnValues "s" matches "^(ab|abc|)$"', False),
    ('ColumnValues "s" matches "^ab$" where "`s` IS NOT NULL"', False),
    ('ColumnValues "d" > "2023-12-31" where "`d` IS NOT NULL"', True),
    ('ColumnValues "d" > "2024-01-01" where "`d` IS NOT NULL"', False),
    ('ColumnLength "s" <= 3', True),
    ('ColumnLength "s" >= 0', True),
    ('ColumnLength "s" >= 1', False),
    ('ColumnLength "s" = 2 where "n = 1"', True),
    ('ColumnLength "s" > 1 where "n < 3 or n is null"', True),
    ('(ColumnValues "u" >= 1) and (ColumnValues "u" <= 5)', True),
    ('(ColumnValues "u" >= 1) and (ColumnValues "u" <= 4)', False),
)


@pytest.fixture(scope="module")
def frame(glue_spark):
    made = glue_spark.createDataFrame(ROWS, "n long, s string, d string, u long").coalesce(1)
    return made.withColumn("d", made.d.cast("date"))


@pytest.mark.parametrize("back", [False, True], ids=["dqdl", "dqdl and back"])
def test_outcomes_are_those_of_awss_documentation(frame, back):
    wrong, suites = [], []
    for rule, expected in OUTCOMES:
        suite = convert(f"Rules = [ {rule} ]", location=rule, name="n").text
        if back:
            again = convert(suite, location=rule, name="n").text
            suite = convert(again, location=rule, name="n").text
        suites.append((rule, expected, Suite.parse(suite.encode(), location=rule)))
    # One suite for all rules, so that the frame is measured once.
    rules, owners = [], []
    for rule, _, suite in suites:
        for item in suite.rules:
            owners.append(rule)
            rules.append(type(item)(len(rules) + 1, item.kind, item.arguments, item.severity))
    result = Checker(Suite("all", "all", "", tuple(rules))).check(frame)
    assert {outcome.by for outcome in result.outcomes} == {ONE_PASS}
    assert result.jobs == 3
    for rule, expected, _ in suites:
        outcomes = [
            outcome.passed for outcome, owner in zip(result.outcomes, owners, strict=True) if owner == rule
        ]
        if None in outcomes or all(outcomes) is not expected:
            wrong.append((rule, outcomes))
    assert wrong == []
