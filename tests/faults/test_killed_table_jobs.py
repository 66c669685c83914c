"""A job that is killed (SIGKILL) around its commit to a table: each row once, the bookmark never ahead of it.

The jobs are processes with real Spark. A start takes as long as a whole test elsewhere, so that the suite
has one point, and the rest is marked long.
"""

from __future__ import annotations

import pytest
from table_bench import TableBench, points

from glue_secure.embedded import table_formats
from glue_secure.embedded.installed_spark import installed_spark

pytestmark = [pytest.mark.spark, pytest.mark.timeout(2400)]


@pytest.mark.parametrize(
    ("format", "publish", "chosen"),
    [
        pytest.param("iceberg", "after_audit", ("after the publication",), marks=pytest.mark.timeout(900)),
        pytest.param("iceberg", "at_once", (), marks=pytest.mark.long),
        pytest.param("iceberg", "after_audit", (), marks=pytest.mark.long),
        pytest.param("delta", "at_once", (), marks=pytest.mark.long),
        pytest.param("hudi", "at_once", (), marks=pytest.mark.long),
    ],
    ids=lambda value: value if isinstance(value, str) else ("few" if value else "all"),
)
def test_a_killed_job_stores_each_row_once_and_its_bookmark_is_never_ahead_of_the_table(
    glue_account, proxy, fault_seed, format, publish, chosen
):
    if format not in table_formats.TABLE_FORMAT_JARS[installed_spark().line]:
        pytest.skip(f"no JAR of {format} for this Spark")
    found = points(format, publish)
    bench = TableBench(glue_account, proxy, format, publish, fault_seed)
    bench.campaign([found[name] for name in chosen or found])
