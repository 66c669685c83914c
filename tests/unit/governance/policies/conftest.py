"""Account and job of the policies in these tests."""

import pytest

from glue_secure.governance.policies import JobAccess, PolicyScope, ResourceLocation

SCOPE = PolicyScope("eu-west-1", "111122223333")


@pytest.fixture(scope="session")
def scope():
    return SCOPE


@pytest.fixture(scope="session")
def access():
    """The access of a job that uses every kind of resource."""
    return JobAccess(
        job="orders",
        connections=("orders-db",),
        secrets=("arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-db-AbCdEf",),
        code=(ResourceLocation("acme-artifacts", "glue-secure/"),),
        reads=(ResourceLocation("acme-landing"),),
        writes=(ResourceLocation("acme-evidence"),),
        replaces=(ResourceLocation("acme-curated", "orders/"),),
        log_groups=("/aws-glue/jobs/logs-v2-strict*",),
        tables=(("sales", ("orders", "lines")),),
        written_tables=(("curated", ("orders",)),),
        subnets=("subnet-1",),
        security_groups=("sg-1",),
        high_water="arn:aws:dynamodb:eu-west-1:111122223333:table/marks",
    )
