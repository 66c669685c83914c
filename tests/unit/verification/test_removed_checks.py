"""Without a check, its PASS disappears from the evidence or the run fails: no PASS is made up elsewhere."""

from __future__ import annotations

import json
import sys

import pytest

from glue_secure.core.catalog import CatalogTable
from glue_secure.core.columns import Tag, TagKind
from glue_secure.core.identifiers import S3Uri
from glue_secure.core.unmanaged_writes import UnmanagedWrite, UnmanagedWriteReport

POLICY = {
    "name": "customers",
    "kms_key": "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111",
    "wrapped_key": "AAAA",
    "tables": ["crm.customers"],
    "columns": [{"lf_tag": "pii=true", "action": "tokenise"}],
}
CHECKS = {
    "check_settings": (["GS-S3-001"], lambda *_: []),
    "check_client": (["GS-S3-008"], lambda *_: None),
    "check_object": (["GS-S3-004"], lambda *_: None),
    "inspect_all": (["GS-S3-004"], lambda *_: []),
    "check_unmanaged_writes": (["GS-S3-011", "GS-S3-012"], lambda *_: []),
    "decide": (["GS-COL-001"], lambda *_, **__: ((), [])),
    "check_data_key": (["GS-COL-002"], lambda *_: None),
    "read_tags": (["GS-COL-004"], lambda *_: ({}, [])),
    "check_metadata": (["GS-CAT-001"], lambda *_: None),
    "check_passwords": (["GS-CAT-002"], lambda *_: None),
}


@pytest.fixture
def passes(run_fixture, server):
    """Return a function that runs a job and returns the controls that passed in its evidence."""
    run_fixture.columns.tables["crm", "customers"] = {
        "email": frozenset([Tag(TagKind.LF_TAG, "pii", "true")])
    }
    run_fixture.objects.put(S3Uri("config", "columns.json"), json.dumps(POLICY).encode())
    run_fixture.control_plane.tables["db", "t"] = CatalogTable(
        "db", "t", "s3://landing/flights/", "csv", "", {}, {}
    )

    def passed(with_policy: bool) -> set[str]:
        arguments = {"glue_secure_columns": "s3://config/columns.json"} if with_policy else {}
        run = run_fixture.start(**arguments)
        run.catalog_reader.read_table("db", "t")
        run.writer.write_jdbc(["a"], "ops", "people")
        run.writer.write_s3(["a"], "s3://curated/t/", format="parquet")
        if not with_policy:
            uri = S3Uri("curated", "out/part-0")
            run_fixture.objects.put(uri, algorithm="aws:kms", key=str(run_fixture.key))
            write = UnmanagedWrite("s3a://curated/out", "parquet", 1)
            run_fixture.engine.native = UnmanagedWriteReport((write,))
        run.commit()
        controls = run_fixture.evidence()["controls"]
        return {finding["control"] for finding in controls if finding["verdict"] == "PASS"}

    return passed


@pytest.mark.parametrize("check", CHECKS)
def test_without_a_check_its_pass_disappears_or_the_run_fails(passes, monkeypatch, check):
    controls, nothing = CHECKS[check]
    modules = [module for name, module in sys.modules.items() if name.startswith("glue_secure.")]
    users = [module for module in modules if callable(getattr(module, check, None))]
    assert users
    for module in users:
        monkeypatch.setattr(module, check, nothing)
    try:
        remaining = passes(any(control.startswith("GS-COL") for control in controls))
    except Exception:  # the run failed, so it committed nothing
        return
    assert not set(controls) & remaining


@pytest.mark.parametrize("with_policy", [True, False])
def test_with_every_check_the_evidence_has_every_pass(passes, with_policy):
    expected = {
        control
        for controls, _ in CHECKS.values()
        for control in controls
        if with_policy or not control.startswith("GS-COL")
    } - ({"GS-S3-011"} if with_policy else set())
    assert expected <= passes(with_policy)
