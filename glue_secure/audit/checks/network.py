"""The network of jobs: GS-NET-002 to -004. GS-NET-001, about who creates jobs, is in ``iam``.

A job runs in the VPC of its connections. https://docs.aws.amazon.com/glue/latest/dg/start-connecting.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from glue_secure.audit import calls
from glue_secure.audit.calls import Call, Request
from glue_secure.audit.estate import Estate, Shape, Unread
from glue_secure.audit.fixes import edited_job, quoted
from glue_secure.audit.model import AuditFinding, Resource, ResourceKind
from glue_secure.core.findings import Finding, failed, passed, unknown

IN_VPC, GROUPS, ENDPOINTS = (f"GS-NET-00{number}" for number in range(2, 5))
CONTROLS = (IN_VPC, GROUPS, ENDPOINTS)
_NEEDED_BY: Mapping[str, tuple[Call, ...]] = {
    IN_VPC: (calls.SUBNETS,),
    GROUPS: (calls.SECURITY_GROUPS,),
    ENDPOINTS: (calls.SUBNETS, calls.ROUTE_TABLES, calls.ENDPOINTS_OF_VPC),
}
SERVICES = ("glue", "kms", "logs")
"""Services that each job calls, besides Amazon S3, and Secrets Manager for the login of a connection.

Without an endpoint, the calls leave the VPC.
"""
_ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})


def requests(_: Estate) -> Iterator[Request]:
    """Yield the calls of these checks."""
    yield Request(calls.JOBS)
    yield Request(calls.CONNECTIONS)
    for needed in _NEEDED_BY.values():
        yield from map(Request, needed)


def evaluate(estate: Estate) -> Iterator[AuditFinding]:
    """Yield the findings of these checks."""
    blocked = {control: _unread(estate, control) for control in CONTROLS}
    for control, unread in blocked.items():
        if unread is not None:
            yield estate.unknown(control, Resource(ResourceKind.NETWORK, "(all)"), unread)
    connections = {str(one["Name"]): one for one in estate.known(calls.CONNECTIONS)}
    subnets: dict[str, set[str]] = {}
    groups: dict[str, set[str]] = {}
    needed: dict[str, dict[str, None]] = {}
    for job in estate.known(calls.JOBS):
        name = str(job["Name"])
        named = [str(one) for one in (job.get("Connections") or {}).get("Connections") or ()]
        if blocked[IN_VPC] is None:
            finding = _in_vpc(estate, job, named, connections)
            yield estate.finding(finding, Resource(ResourceKind.JOB, name), (name,))
        has_secret = any(_has_secret(connections.get(one)) for one in named)
        for place in filter(None, (_place(connections.get(one)) for one in named)):
            subnet = str(place.get("SubnetId") or "")
            subnets.setdefault(subnet, set()).add(name)
            needed.setdefault(subnet, dict.fromkeys(SERVICES))
            needed[subnet] |= {"secretsmanager": None} if has_secret else {}
            for group in place.get("SecurityGroupIdList") or ():
                groups.setdefault(str(group), set()).add(name)
    for group, jobs in sorted(groups.items()) if blocked[GROUPS] is None else ():
        yield estate.finding(_group(estate, group), Resource(ResourceKind.NETWORK, group), tuple(jobs))
    if blocked[GROUPS] is None and not groups:
        yield estate.finding(passed(GROUPS, "security groups", "no job has one"), estate.resource)
    if blocked[ENDPOINTS] is None:
        yield from _endpoints(estate, subnets, needed)


def _unread(estate: Estate, control: str) -> Unread | None:
    needed = (calls.JOBS, calls.CONNECTIONS, *_NEEDED_BY[control])
    return next(filter(None, (estate.listing(call).unread for call in needed)), None)


def _place(connection: Shape | None) -> Mapping[str, Any]:
    return (connection or {}).get("PhysicalConnectionRequirements") or {}


def _has_secret(connection: Shape | None) -> bool:
    return "SECRET_ID" in ((connection or {}).get("ConnectionProperties") or {})


def _in_vpc(estate: Estate, job: Shape, named: list[str], connections: Mapping[str, Shape]) -> Finding:
    """GS-NET-002: a connection of the job has a subnet, its Availability Zone and security groups."""
    resource = f"job {job['Name']!r}"
    zones = {str(one["SubnetId"]): str(one.get("AvailabilityZone")) for one in estate.known(calls.SUBNETS)}
    required = "connections with a subnet, its Availability Zone and a security group"
    found = "no connection" if not named else ""
    fix = edited_job(job["Name"], "name a connection of the type NETWORK")
    places = {name: _place(connections.get(name)) for name in named}
    for name, place in places.items():
        if name not in connections:
            found = f"connection {name}, which does not exist"
        elif place.get("SubnetId") and not place.get("SecurityGroupIdList"):
            found, fix = f"connection {name} without a security group", "add one to the connection"
        elif place.get("SubnetId") and place["SubnetId"] not in zones:
            found, fix = (
                f"connection {name} with subnet {place['SubnetId']}, which does not exist",
                "correct it",
            )
        elif place.get("SubnetId") and place.get("AvailabilityZone") != zones[place["SubnetId"]]:
            found = (
                f"connection {name} with the Availability Zone {place.get('AvailabilityZone') or '(none)'}"
            )
            fix = f"set AvailabilityZone of the connection to {zones[place['SubnetId']]}"
    if not found and not any(place.get("SubnetId") for place in places.values()):
        found = f"connections without a subnet: {', '.join(named)}"
    if found:
        return failed(IN_VPC, resource, found=found, required=required, fix=fix)
    where = next(str(place["SubnetId"]) for place in places.values() if place.get("SubnetId"))
    return passed(IN_VPC, resource, f"subnet {where} in {zones[where]}")


def _group(estate: Estate, group: str) -> Finding:
    """GS-NET-003: a security group allows TCP from itself, and nothing from everywhere."""
    resource = f"security group {group}"
    shape = next((one for one in estate.known(calls.SECURITY_GROUPS) if one.get("GroupId") == group), None)
    required = "ingress of all TCP ports from the group itself, and none from 0.0.0.0/0 and ::/0"
    permissions = (shape or {}).get("IpPermissions") or ()
    fix = (
        f"aws ec2 authorize-security-group-ingress --group-id {quoted(group)} --protocol tcp --port 0-65535 "
        f"--source-group {quoted(group)}"
    )
    if shape is None:
        found, fix = "no such group", "name an existing security group in the connection"
    elif any(_is_open(permission) for permission in permissions):
        found = "ingress from every address"
        rules = [_open_part(permission) for permission in permissions if _is_open(permission)]
        fix = (
            f"revoke it: aws ec2 revoke-security-group-ingress --group-id {quoted(group)} --ip-permissions "
            f"{quoted(json.dumps(rules))}"
        )
    elif not any(_is_of_itself(permission, group) for permission in permissions):
        found = "no ingress of all TCP ports from the group itself, which Glue's workers need"
    else:
        return passed(GROUPS, resource, "ingress from the group itself, none from every address")
    return failed(
        GROUPS,
        resource,
        found=found,
        required=required,
        fix=fix,
    )


def _is_open(permission: Mapping[str, Any]) -> bool:
    ranges = [one.get("CidrIp") for one in permission.get("IpRanges") or ()]
    ranges += [one.get("CidrIpv6") for one in permission.get("Ipv6Ranges") or ()]
    return bool(_ANYWHERE & set(ranges))


def _open_part(permission: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule with its ranges of every address alone."""
    rule = {name: permission[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in permission}
    for ranges, name in (("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")):
        found = [{name: one[name]} for one in permission.get(ranges) or () if one.get(name) in _ANYWHERE]
        rule |= {ranges: found} if found else {}
    return rule


def _is_of_itself(permission: Mapping[str, Any], group: str) -> bool:
    own = any(pair.get("GroupId") == group for pair in permission.get("UserIdGroupPairs") or ())
    ports = (permission.get("FromPort"), permission.get("ToPort"))
    return own and (permission.get("IpProtocol") == "-1" or (
        permission.get("IpProtocol") in ("tcp", "6") and ports == (0, 65535)
    ))  # fmt: skip


def _endpoints(
    estate: Estate, subnets: Mapping[str, set[str]], needed: Mapping[str, Mapping[str, None]]
) -> Iterator[AuditFinding]:
    """GS-NET-004: a subnet reaches S3 and the services of its jobs by endpoints.

    An endpoint with private DNS serves its VPC, and a gateway its route tables. The command that creates it
    is the fix of one subnet, and the fixes of the others refer to that one.
    """
    vpcs = {str(one["SubnetId"]): str(one["VpcId"]) for one in estate.known(calls.SUBNETS)}
    owners = {str(one["SubnetId"]): str(one.get("OwnerId") or "") for one in estate.known(calls.SUBNETS)}
    used = {subnet: jobs for subnet, jobs in subnets.items() if subnet in vpcs}
    if not used:
        yield estate.finding(passed(ENDPOINTS, "VPCs", "no job has one"), estate.resource)
    created: dict[tuple[str, str], str] = {}
    for subnet, jobs in sorted(used.items()):
        vpc = vpcs[subnet]
        own = [one for one in estate.known(calls.ENDPOINTS_OF_VPC)
               if one.get("VpcId") == vpc and str(one.get("State")).lower() == "available"]  # fmt: skip
        private = {_service(one) for one in own
                   if one.get("VpcEndpointType") == "Interface" and one.get("PrivateDnsEnabled")}  # fmt: skip
        missing = [service for service in needed[subnet] if service not in private]
        places = dict.fromkeys(missing, (vpc, subnet))
        table = _route_table(estate, subnet, vpc)
        gateways = [one for one in own if one.get("VpcEndpointType") == "Gateway" and _service(one) == "s3"]
        if "s3" not in private and not any(table in (one.get("RouteTableIds") or ()) for one in gateways):
            missing.insert(0, f"s3 (in route table {table or 'of the subnet'})")
            places = {"s3": (f"{vpc} {table}", table or "ROUTE-TABLE"), **places}
        resource = f"subnet {subnet} of {vpc}"
        owner = owners.get(subnet) or estate.account
        if missing and owner != estate.account:
            finding = unknown(
                ENDPOINTS,
                resource,
                found=f"no endpoint of this account for {', '.join(missing)}; account {owner} shares the "
                "subnet, and its endpoints and routes are not visible here",
                required="endpoints, so that requests of jobs stay in the network of AWS",
                fix=f"review the endpoints of {vpc} in account {owner}, and accept the finding in the "
                "baseline file",
            )
        elif missing:
            first = {
                service: created.setdefault((service, scope), subnet)
                for service, (scope, _) in places.items()
            }
            fixes = [
                _create_endpoint(estate, vpc, place, service)
                for service, (_, place) in places.items()
                if first[service] == subnet
            ]
            fixes += [
                f"apply the fix of subnet {other}, whose endpoints serve {vpc}"
                for other in sorted(set(first.values()) - {subnet})
            ]
            finding = failed(
                ENDPOINTS,
                resource,
                found=f"no endpoint with private DNS, or route, for {', '.join(missing)}",
                required="endpoints, so that requests of jobs stay in the network of AWS",
                fix="; ".join(fixes),
            )
        else:
            finding = passed(ENDPOINTS, resource, f"endpoints for s3, {', '.join(needed[subnet])}")
        yield estate.finding(finding, Resource(ResourceKind.NETWORK, subnet), tuple(jobs))


def _create_endpoint(estate: Estate, vpc: str, place: str, service: str) -> str:
    """Return the command that creates an endpoint: a gateway of a route table for S3, else in a subnet."""
    command = f"aws ec2 create-vpc-endpoint --vpc-id {quoted(vpc)} --service-name "
    command += quoted(f"com.amazonaws.{estate.region}.{service}")
    if service == "s3":
        return f"{command} --vpc-endpoint-type Gateway --route-table-ids {quoted(place)}"
    return f"{command} --vpc-endpoint-type Interface --subnet-ids {quoted(place)} --private-dns-enabled"


def _service(endpoint: Shape) -> str:
    """Return the service of ``com.amazonaws.REGION.SERVICE``."""
    return str(endpoint.get("ServiceName") or "").rpartition(".")[2]


def _route_table(estate: Estate, subnet: str, vpc: str) -> str:
    """Return the route table of a subnet: its own, else the main one of the VPC."""
    main = ""
    for table in estate.known(calls.ROUTE_TABLES):
        for association in table.get("Associations") or ():
            if association.get("SubnetId") == subnet:
                return str(table["RouteTableId"])
            if association.get("Main") and table.get("VpcId") == vpc:
                main = str(table["RouteTableId"])
    return main
