"""The mapping of controls to AWS's pages, scanners and standards."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.compliance import FRAMEWORKS, NOT_MAPPED, REQUIREMENTS, mapped_to, of_control
from glue_secure.core.controls import CONTROLS
from glue_secure.core.errors import UsageError

IDS = json.loads((Path(__file__).parents[2] / "vectors" / "compliance" / "ids.json").read_text())
PUBLISHED = {
    "prowler": IDS["prowler"],
    "checkov": IDS["checkov"],
    "security-hub": IDS["security_hub"],
    "cis-aws": IDS["cis_aws"],
    "iso-27001": IDS["iso_27001"],
}


def call(*words):
    result = CliRunner().invoke(app, ["controls", *words])
    if isinstance(result.exception, UsageError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("control", CONTROLS)
def test_each_control_supports_a_requirement(control):
    assert of_control(control)


@pytest.mark.parametrize("one", REQUIREMENTS, ids=lambda one: f"{one.framework} {one.id}")
def test_each_requirement_has_a_published_id_a_reason_a_source_and_existing_controls(one):
    assert re.fullmatch(FRAMEWORKS[one.framework].pattern, one.id)
    assert one.id in PUBLISHED.get(one.framework, [one.id])
    assert one.title and one.reason and one.id in one.source and one.source.startswith("https://")
    assert one.controls and set(one.controls) <= set(CONTROLS)


def test_nothing_maps_to_a_retired_check():
    assert IDS["prowler_deprecated"]
    assert not {one.id for one in REQUIREMENTS} & set(IDS["prowler_deprecated"])


def test_what_readers_expect_and_no_control_supports_has_a_reason():
    assert not {one.id for one in REQUIREMENTS} & set(NOT_MAPPED)
    for id, reason in NOT_MAPPED.items():
        with pytest.raises(UsageError, match=re.escape(reason)):
            call("list", "--maps-to", id)


def test_the_same_requirement_is_stated_once():
    stated = [(one.framework, one.id, one.title) for one in REQUIREMENTS]
    assert len(set(stated)) == len(stated)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CKV_AWS_195", {"GS-SEC-001"}),
        ("ckv_aws_94", {"GS-CAT-001", "GS-CAT-002"}),
        ("S3.5", {"GS-S3-014", "GS-BKT-002"}),
        ("cis-aws", {"GS-S3-014", "GS-BKT-002"}),
        ("checkov CKV_AWS_195", {"GS-SEC-001"}),
        ("CIS AWS", {"GS-S3-014", "GS-BKT-002"}),
        ("pci-dss 8.6.2", {"GS-SEC-011", "GS-TLS-008", "GS-JOB-003"}),
        ("PCI DSS 8.6", {"GS-SEC-011", "GS-TLS-008", "GS-JOB-003"}),
        ("IA-5(7)", {"GS-SEC-011", "GS-TLS-008", "GS-JOB-003"}),
    ],
)
def test_controls_are_found_by_a_requirement_or_framework(text, expected):
    assert set(mapped_to(text)) == expected
    listed = {one["id"] for one in json.loads(call("list", "--maps-to", text, "--json"))}
    assert listed == expected
    printed = call("list", "--maps-to", text)
    assert all(id in printed for id in expected)


@pytest.mark.parametrize("text", ["CKV_AWS_9999", "s3_bucket_default_encryption", "S3.4"])
def test_an_unknown_requirement_is_rejected(text):
    with pytest.raises(UsageError, match="which no control supports"):
        call("list", "--maps-to", text)


def test_a_printed_requirement_and_what_is_above_it_have_the_same_controls():
    assert mapped_to("pci-dss 3.5.1") == mapped_to("PCI DSS 3.5") == mapped_to("pci-dss 3.5") != ()
    assert not mapped_to("pci-dss CKV_AWS_195")
    assert not mapped_to("")


def test_an_unknown_requirement_has_similar_ones():
    with pytest.raises(UsageError, match=re.escape("such as pci-dss 3.5.1")) as rejected:
        call("list", "--maps-to", "PCI DSS 3.5.4")
    assert rejected.value.fix == 'glue-secure controls list --maps-to "pci-dss 3.5.1"'


def test_a_control_shows_what_it_maps_to():
    (document,) = [json.loads(call("show", "GS-SEC-001", "--json"))]
    assert {(one["framework"], one["id"]) for one in document["maps_to"]} >= {
        ("checkov", "CKV_AWS_195"),
        ("nist-800-53", "CM-6"),
    }
    assert "CKV_AWS_195" in call("show", "gs-sec-001")
