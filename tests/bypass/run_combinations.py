"""Combinations of :mod:`bypass_matrix` in a session of their own: a local cluster, or with Hive.

As a program, ``run_combinations.py SESSION NAME...`` runs each combination and prints the result, one JSON
object per line.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import uuid
from pathlib import Path

HIVE = {
    "spark.sql.catalogImplementation": "hive",
    "spark.hadoop.javax.jdo.option.ConnectionURL": "jdbc:derby:memory:metastore;create=true",
    "spark.hadoop.datanucleus.schema.autoCreateTables": "true",
    "spark.hadoop.hive.metastore.schema.verification": "false",
}
"""What ``enableHiveSupport`` sets, with a metastore in memory."""


def main(session: str, names: list[str]) -> None:
    from bypass_matrix import combinations_of
    from bypass_steps import assert_expected, run_row
    from separate_session import account_of_the_environment, session_with

    from glue_secure.embedded.account_setup import provision
    from glue_secure.embedded.clients import clients
    from glue_secure.embedded.environment import requested_guard
    from glue_secure.testing.harness import JobTestHarness
    from glue_secure.testing.plugin import pytest_runtest_setup

    account = account_of_the_environment()
    spark = session_with(HIVE if session == "hive" else {})
    key, other = provision(account).data_key, clients(account)("kms").create_key()["KeyMetadata"]["Arn"]
    guarded = requested_guard(os.environ)
    for row in combinations_of(session):
        if row.name not in names:
            continue
        pytest_runtest_setup()
        bench = JobTestHarness(account=account, spark=spark, name=f"job-{uuid.uuid4().hex[:12]}")
        problem = ""
        with tempfile.TemporaryDirectory() as folder:
            bypass, error = run_row(row, bench, clients(account), key, other, Path(folder))
        try:
            assert_expected(row, bypass, error, guarded=guarded)
        except AssertionError as difference:
            problem = f"{difference}; the run ended with {error!r}"
        bench.close()
        print(json.dumps({"name": row.name, "problem": problem}), flush=True)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
