"""The network's denies deny, by table: glue:VpcIds and its like have several values, or are absent."""

import pytest

from glue_secure.governance.policies import (
    Decision,
    Network,
    PolicyScope,
    Request,
    ResourceLocation,
    deployer,
    evaluate,
    network_denies,
)

JOB = "arn:aws:glue:eu-west-1:111122223333:job/orders"
POLICY = deployer(
    PolicyScope("eu-west-1", "111122223333"),
    jobs=("orders",),
    roles=("arn:aws:iam::111122223333:role/orders",),
    code=ResourceLocation("acme-artifacts"),
    network=Network(("vpc-1", "vpc-2"), ("subnet-1",), ("sg-1", "sg-2")),
)
HOME = {"glue:VpcIds": ("vpc-1",), "glue:SubnetIds": ("subnet-1",), "glue:SecurityGroupIds": ("sg-1",)}
A, D = Decision.ALLOWED, Decision.DENIED


@pytest.mark.parametrize("action", ["glue:CreateJob", "glue:UpdateJob"])
@pytest.mark.parametrize(
    ("network", "decision"),
    [
        (HOME, A),
        ({**HOME, "glue:VpcIds": ("vpc-1", "vpc-2"), "glue:SecurityGroupIds": ("sg-1", "sg-2")}, A),
        ({**HOME, "glue:VpcIds": ("vpc-9",)}, D),  # a foreign VPC
        ({**HOME, "glue:VpcIds": ("vpc-1", "vpc-9")}, D),  # mixed: one of them foreign
        ({**HOME, "glue:SubnetIds": ("subnet-1", "subnet-9")}, D),
        ({**HOME, "glue:SecurityGroupIds": ("sg-9",)}, D),
        ({}, D),  # no VPC at all
        ({name: values for name, values in HOME.items() if name != "glue:VpcIds"}, D),
        ({name: values for name, values in HOME.items() if name != "glue:SecurityGroupIds"}, D),
    ],
)
def test_a_job_is_made_in_the_right_network_only(action, network, decision):
    assert evaluate_one(action, network) is decision


def evaluate_one(action, network):
    return evaluate([POLICY], Request(action, JOB, "", network))


def test_sessions_are_denied_elsewhere_and_starting_a_job_knows_no_network():
    assert evaluate_one("glue:CreateSession", {**HOME, "glue:VpcIds": ("vpc-9",)}) is D
    assert evaluate_one("glue:CreateSession", {}) is D
    assert evaluate_one("glue:StartJobRun", {}) is A


def test_a_network_without_a_vpc_is_an_error():
    with pytest.raises(ValueError, match="vpcs is empty"):
        network_denies(())
