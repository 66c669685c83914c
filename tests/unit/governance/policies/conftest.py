"""What the policies of this folder's tests are about."""

import json
import warnings

import pytest

from glue_secure.governance.policies import JobAccess, Place, Scope

SCOPE = Scope("eu-west-1", "111122223333")


@pytest.fixture(scope="session")
def scope():
    return SCOPE


@pytest.fixture(scope="session")
def access():
    """A job that uses everything that a job can be given."""
    return JobAccess(
        job="orders",
        connections=("orders-db",),
        secrets=("arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-db-AbCdEf",),
        code=(Place("acme-artifacts", "glue-secure/"),),
        reads=(Place("acme-landing"),),
        writes=(Place("acme-evidence"),),
        replaces=(Place("acme-curated", "orders/"),),
        log_groups=("/aws-glue/jobs/logs-v2-strict*",),
        tables=(("sales", ("orders", "lines")),),
        written_tables=(("curated", ("orders",)),),
        subnets=("subnet-1",),
        security_groups=("sg-1",),
        high_water="arn:aws:dynamodb:eu-west-1:111122223333:table/marks",
    )


@pytest.fixture(scope="session")
def linted():
    """parliament's findings of a policy, as texts."""
    with warnings.catch_warnings():
        # It leaves files open while it is imported.
        warnings.simplefilter("ignore", ResourceWarning)
        from parliament import analyze_policy_string

    def findings(document):
        return [f"{one.issue} {one.detail}" for one in analyze_policy_string(json.dumps(document)).findings]

    return findings
