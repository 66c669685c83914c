"""Deny statements for networks: glue:VpcIds and similar keys with several values or without a value."""

import pytest

from glue_secure.governance.policies import (
    Network,
    PolicyDecision,
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
PERMITTED = {"glue:VpcIds": ("vpc-1",), "glue:SubnetIds": ("subnet-1",), "glue:SecurityGroupIds": ("sg-1",)}
A, D = PolicyDecision.ALLOWED, PolicyDecision.DENIED


@pytest.mark.parametrize("action", ["glue:CreateJob", "glue:UpdateJob"])
@pytest.mark.parametrize(
    ("network", "decision"),
    [
        (PERMITTED, A),
        ({**PERMITTED, "glue:VpcIds": ("vpc-1", "vpc-2"), "glue:SecurityGroupIds": ("sg-1", "sg-2")}, A),
        ({**PERMITTED, "glue:VpcIds": ("vpc-9",)}, D),  # another VPC
        ({**PERMITTED, "glue:VpcIds": ("vpc-1", "vpc-9")}, D),  # a permitted and another VPC
        ({**PERMITTED, "glue:SubnetIds": ("subnet-1", "subnet-9")}, D),
        ({**PERMITTED, "glue:SecurityGroupIds": ("sg-9",)}, D),
        ({}, D),  # without a VPC
        ({name: values for name, values in PERMITTED.items() if name != "glue:VpcIds"}, D),
        ({name: values for name, values in PERMITTED.items() if name != "glue:SecurityGroupIds"}, D),
    ],
)
def test_a_job_can_be_created_in_the_permitted_network_only(action, network, decision):
    assert decide(action, network) is decision


def decide(action, network):
    return evaluate([POLICY], Request(action, JOB, "", network))


def test_sessions_in_another_network_are_denied_and_starting_a_job_is_allowed():
    assert decide("glue:CreateSession", {**PERMITTED, "glue:VpcIds": ("vpc-9",)}) is D
    assert decide("glue:CreateSession", {}) is D
    assert decide("glue:StartJobRun", {}) is A


def test_a_network_without_a_vpc_is_an_error():
    with pytest.raises(ValueError, match="vpcs is empty"):
        network_denies(())
