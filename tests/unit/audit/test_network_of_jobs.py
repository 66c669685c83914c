"""GS-NET-002 to -004: connections, security groups, and endpoints of a job's subnets."""

from __future__ import annotations

import json
import shlex

import pytest
from audited_estates import ENDPOINTS, audit, corrected, endpoint
from recorded_account import RecordedAccount

from glue_secure.core.findings import Verdict


def only(control, estate):
    ((verdict, found),) = [
        (one.verdict, one.finding.found)
        for one in audit(RecordedAccount(estate))
        if one.control.id == control
    ]
    return verdict, found


@pytest.mark.parametrize(
    ("names", "place", "found"),
    [
        (["ops"], {}, ""),
        (["events", "ops"], {}, ""),
        ([], {}, "no connection"),
        (["events"], {}, "connections without a subnet: events"),
        (["gone"], {}, "connection gone, which does not exist"),
        (["ops"], {"AvailabilityZone": "eu-west-1b"}, "with the Availability Zone eu-west-1b"),
        (["ops"], {"AvailabilityZone": None}, "with the Availability Zone (none)"),
        (["ops"], {"SecurityGroupIdList": []}, "connection ops without a security group"),
        (["ops"], {"SubnetId": "subnet-9"}, "subnet subnet-9, which does not exist"),
    ],
)
def test_a_job_has_a_complete_connection_to_a_vpc(names, place, found):
    estate = corrected()
    estate["GetJobs"][0]["Connections"] = {"Connections": names}
    requirements = estate["GetConnections"][0]["PhysicalConnectionRequirements"] | place
    given = {name: value for name, value in requirements.items() if value is not None}
    estate["GetConnections"][0]["PhysicalConnectionRequirements"] = given
    verdict, text = only("GS-NET-002", estate)
    assert (verdict is Verdict.FAIL) == bool(found)
    assert found in text


OWN = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]}
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


@pytest.mark.parametrize(
    ("permissions", "found"),
    [
        ([OWN], ""),
        ([{**HTTPS, "FromPort": 0, "ToPort": 65535, "UserIdGroupPairs": [{"GroupId": "sg-1"}]}], ""),
        ([OWN, {**HTTPS, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}], ""),
        ([], "no ingress of all TCP ports from the group itself"),
        ([{**HTTPS, "UserIdGroupPairs": [{"GroupId": "sg-1"}]}], "no ingress of all TCP ports"),
        ([{**OWN, "UserIdGroupPairs": [{"GroupId": "sg-2"}]}], "no ingress of all TCP ports"),
        ([OWN, {**HTTPS, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}], "ingress from every address"),
        ([OWN, {**HTTPS, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}], "ingress from every address"),
    ],
)
def test_a_security_group_allows_itself_and_not_every_address(permissions, found):
    estate = corrected()
    estate["DescribeSecurityGroups"][0]["IpPermissions"] = permissions
    verdict, text = only("GS-NET-003", estate)
    assert (verdict is Verdict.FAIL) == bool(found)
    assert found in text


def test_the_fix_of_an_open_group_revokes_the_open_ranges_alone():
    estate = corrected()
    ranges = [{"CidrIp": "0.0.0.0/0"}, {"CidrIp": "10.0.0.0/8"}]
    estate["DescribeSecurityGroups"][0]["IpPermissions"] = [OWN, {**HTTPS, "IpRanges": ranges}]
    (about,) = (one for one in audit(RecordedAccount(estate)) if one.control.id == "GS-NET-003")
    words = shlex.split(about.finding.fix)
    assert words[2:5] == ["aws", "ec2", "revoke-security-group-ingress"]
    assert json.loads(words[-1]) == [{**HTTPS, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]


def test_a_security_group_that_does_not_exist_fails():
    estate = corrected()
    estate["DescribeSecurityGroups"] = []
    assert only("GS-NET-003", estate) == (Verdict.FAIL, "no such group")


INTERFACES = [endpoint(name, "Interface", PrivateDnsEnabled=True) for name in ENDPOINTS]
GATEWAY = endpoint("s3", "Gateway", RouteTableIds=["rtb-1"])


@pytest.mark.parametrize(
    ("endpoints", "found"),
    [
        ([*INTERFACES, GATEWAY], ""),
        ([*INTERFACES, endpoint("s3", "Interface", PrivateDnsEnabled=True)], ""),
        (INTERFACES, "s3 (in route table rtb-1)"),
        ([*INTERFACES, {**GATEWAY, "RouteTableIds": ["rtb-0"]}], "s3 (in route table rtb-1)"),
        ([*INTERFACES, {**GATEWAY, "State": "deleted"}], "s3 (in route table rtb-1)"),
        ([*INTERFACES, {**GATEWAY, "VpcId": "vpc-2"}], "s3 (in route table rtb-1)"),
        ([*INTERFACES[1:], GATEWAY], "for glue"),
        ([*INTERFACES[:3], GATEWAY], "for secretsmanager"),
        ([{**INTERFACES[0], "PrivateDnsEnabled": False}, *INTERFACES[1:], GATEWAY], "for glue"),
    ],
)
def test_a_subnet_reaches_the_services_by_endpoints(endpoints, found):
    estate = corrected()
    estate["DescribeVpcEndpoints"] = endpoints
    verdict, text = only("GS-NET-004", estate)
    assert (verdict is Verdict.FAIL) == bool(found)
    assert found in text


def test_secrets_manager_is_needed_for_a_connection_with_a_secret_only():
    estate = corrected()
    del estate["GetConnections"][0]["ConnectionProperties"]["SECRET_ID"]
    estate["DescribeVpcEndpoints"] = [*INTERFACES[:3], GATEWAY]
    assert only("GS-NET-004", estate)[0] is Verdict.PASS


def test_a_subnet_without_a_route_table_of_its_own_uses_the_main_one():
    estate = corrected()
    del estate["DescribeRouteTables"][1]
    estate["DescribeVpcEndpoints"] = [*INTERFACES, {**GATEWAY, "RouteTableIds": ["rtb-0"]}]
    assert only("GS-NET-004", estate)[0] is Verdict.PASS


def fixes_of_two_subnets(endpoints, tables=("rtb-1", "rtb-1")):
    """Return the fixes of GS-NET-004 for a job in subnet-1 and another in subnet-2 of the VPC."""
    estate = corrected()
    first = estate["GetConnections"][0]
    place = {**first["PhysicalConnectionRequirements"], "SubnetId": "subnet-2"}
    estate["GetConnections"].append({**first, "Name": "other", "PhysicalConnectionRequirements": place})
    job = estate["GetJobs"][0]
    estate["GetJobs"].append({**job, "Name": "second", "Connections": {"Connections": ["other"]}})
    estate["DescribeSubnets"].append({**estate["DescribeSubnets"][0], "SubnetId": "subnet-2"})
    estate["DescribeRouteTables"] = [
        {"RouteTableId": table, "VpcId": "vpc-1", "Associations": [{"SubnetId": subnet}]}
        for subnet, table in zip(("subnet-1", "subnet-2"), tables, strict=True)
    ]
    estate["DescribeVpcEndpoints"] = endpoints
    return {
        one.resource.name: one.finding.fix
        for one in audit(RecordedAccount(estate))
        if one.control.id == "GS-NET-004" and one.verdict is Verdict.FAIL
    }


def test_an_endpoint_of_a_vpc_is_created_once():
    fixes = fixes_of_two_subnets([])
    commands = fixes["subnet-1"].split("; ")
    assert [one.partition("--service-name ")[2].split()[0] for one in commands] == [
        f"com.amazonaws.eu-west-1.{name}" for name in ("s3", *ENDPOINTS)
    ]
    assert fixes["subnet-2"] == "apply the fix of subnet subnet-1, whose endpoints serve vpc-1"


def test_a_gateway_is_created_for_each_route_table():
    fixes = fixes_of_two_subnets(INTERFACES, ("rtb-1", "rtb-2"))
    assert [fix.rpartition(" ")[2] for fix in fixes.values()] == ["rtb-1", "rtb-2"]
    assert set(fixes_of_two_subnets([*INTERFACES, GATEWAY], ("rtb-1", "rtb-2"))) == {"subnet-2"}
    missing = fixes_of_two_subnets([], ("rtb-1", "rtb-2"))["subnet-2"]
    gateway, _, rest = missing.partition("; ")
    assert gateway.endswith("--route-table-ids rtb-2")
    assert rest == "apply the fix of subnet subnet-1, whose endpoints serve vpc-1"
