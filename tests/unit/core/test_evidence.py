"""Evidence: one value, one text."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from glue_secure.core.evidence import (
    SCHEMA,
    Evidence,
    ReadRecord,
    TlsRecord,
    WriteRecord,
    canonical_json,
    digest,
    line_of_json,
)
from glue_secure.core.findings import failed, passed
from glue_secure.core.identifiers import RunId, S3Uri
from glue_secure.core.objects import ObjectEncryption

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=timezone.utc)


@pytest.fixture
def evidence(key_arn) -> Evidence:
    written = ObjectEncryption(S3Uri("curated", "a/é.parquet"), "aws:kms", str(key_arn), True, 12)
    return Evidence(
        job="curate",
        run_id=RunId("jr_1"),
        outcome="refused",
        error={"type": "RefusedError", "control": "GS-S3-004"},
        account="embedded",
        account_id="123456789012",
        region="eu-west-1",
        runtime="plain-spark",
        versions={"spark": "3.5.6", "glue-secure": "0"},
        started=NOW,
        finished=NOW,
        security_configuration="strict",
        keys={"s3": str(key_arn)},
        settings={"b": "2", "a": "1"},
        reads=(ReadRecord("s3://landing/a", "s3", "csv", "flights", 3, 99, None),),
        writes=(WriteRecord("s3://curated/a", "parquet", 5, (written,), 0.1),),
        tls=(
            TlsRecord("db", "h:5432", "TLSv1.3", "c", "CN=h", ("h",), "CN=CA", "2027", "ab", "pg_stat_ssl"),
        ),
        bookmark={"sequence_before": 1, "contexts": {"flights": {"watermark": NOW}}},
        controls=(
            passed("GS-SEC-001", "r", "f"),
            failed("GS-S3-004", "r", found="f", required="q", fix="x"),
        ),
        seconds={"write": 1 / 3},
    )


def test_evidence_reads_back_as_plain_json(evidence, key_arn):
    read = json.loads(evidence.to_json())
    assert read["schema"] == SCHEMA
    assert (read["job"], read["run_id"], read["outcome"]) == ("curate", "jr_1", "refused")
    assert read["started"] == "2026-01-01T12:30:00+00:00"
    assert read["writes"][0]["objects"] == [
        {
            "uri": "s3://curated/a/é.parquet",
            "algorithm": "aws:kms",
            "key": str(key_arn),
            "bucket_key": True,
            "size": 12,
            "etag": "",
            "version": "",
            "checksum": "",
        }
    ]
    assert [(c["control"], c["verdict"]) for c in read["controls"]] == [
        ("GS-SEC-001", "PASS"),
        ("GS-S3-004", "FAIL"),
    ]
    assert read["reads"][0]["rows"] is None
    assert read["tls"][0]["names"] == ["h"]
    assert read["bookmark"]["contexts"]["flights"]["watermark"] == "2026-01-01T12:30:00+00:00"
    assert read["seconds"] == {"write": 0.333333}


def test_the_canonical_text_does_not_depend_on_the_order_of_insertion(evidence):
    other = replace(evidence, settings={"a": "1", "b": "2"}, versions={"glue-secure": "0", "spark": "3.5.6"})
    assert other.to_json() == evidence.to_json()


def test_canonical_text_has_sorted_keys_no_white_space_and_one_newline_at_the_end(evidence):
    text = evidence.to_json().decode()
    plain = json.loads(text)
    again = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    assert text == again
    assert canonical_json(plain) == evidence.to_json()


def test_text_is_written_as_utf_8_not_escaped():
    assert canonical_json({"é": "ü"}) == '{"é":"ü"}\n'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_json_does_not_know_are_refused(value):
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": [value]})


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}])
def test_a_value_without_a_canonical_form_is_rejected(value):
    with pytest.raises(TypeError, match="no canonical form"):
        canonical_json({"a": value})


def test_the_digest_is_sha_256():
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("key", ["a/é.parquet", 'a/"quoted"\\ \u2028 \U0001f600', ""])
def test_a_line_of_a_part_is_canonical(key, key_arn):
    value = ObjectEncryption(
        S3Uri("curated", key), "aws:kms", str(key_arn), True, 12, "v", "e", "CRC64NVME:x"
    )
    for item in (value, value.uri):
        line = {"record": "writes", "number": 3, "property": "objects", "value": item}
        assert line_of_json("writes", 3, "objects", item) == canonical_json(line)
