"""GS-SPK: a setting of the session passes, anything else is unknown."""

from __future__ import annotations

import pytest

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.findings import Verdict
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.core.worker_encryption import (
    DISK_CONF,
    WORKER_SETTINGS,
    check_workers,
    enforce_worker_encryption,
    network_conf,
)

ON = {"spark.authenticate": "true", "spark.network.crypto.enabled": "true"}


KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555")
PLUGIN = "com.amazonaws.spark.shuffle.io.cloud.ChopperPlugin"


def verdicts(settings):
    found = {finding.control: finding.verdict.value for finding in check_workers(settings, key=KEY)}
    assert list(found) == ["GS-SPK-001", "GS-SPK-002", "GS-SPK-003", "GS-SPK-004"]
    return found["GS-SPK-001"], found["GS-SPK-002"]


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*]", "local[4, 2]"])
def test_one_jvm_has_no_network(master):
    assert verdicts({"spark.master": master}) == ("PASS", "UNKNOWN")


@pytest.mark.parametrize("master", ["", "yarn", "local-cluster[2,1,1024]", "spark://local", "jes"])
def test_gs_spk_001_is_unknown_for_a_cluster_without_settings(master):
    assert verdicts({"spark.master": master} if master else {})[0] == "UNKNOWN"


@pytest.mark.parametrize("way", ["spark.network.crypto.enabled", "spark.ssl.rpc.enabled"])
def test_gs_spk_001_encryption_counts_with_authentication_only(way):
    settings = {"spark.master": "yarn", way: "TRUE "}
    assert verdicts(settings)[0] == "UNKNOWN"
    assert verdicts({**settings, "spark.authenticate": "true"})[0] == "PASS"
    assert verdicts({**settings, "spark.authenticate": "false"})[0] == "UNKNOWN"
    assert verdicts({"spark.master": "yarn", "spark.authenticate": "true"})[0] == "UNKNOWN"


@pytest.mark.parametrize(("value", "verdict"), [("true", "PASS"), ("True", "PASS"), ("false", "UNKNOWN"),
                                                ("", "UNKNOWN"), ("yes", "UNKNOWN")])  # fmt: skip
def test_gs_spk_002_depends_on_the_setting(value, verdict):
    assert verdicts({"spark.io.encryption.enabled": value})[1] == verdict


def test_planned_settings_pass_when_they_are_read_back():
    settings = {"spark.master": "local-cluster[2,1,1024]", **DISK_CONF, **network_conf("secret")}
    assert {finding.verdict for finding in check_workers(settings, key=KEY)} == {Verdict.PASS}
    assert "secret" not in repr(check_workers(settings, key=KEY))
    assert set(ON) < set(WORKER_SETTINGS)
    assert not any("secret" in name for name in WORKER_SETTINGS)


@pytest.mark.parametrize(
    "settings",
    [
        {"spark.shuffle.storage.path": "s3://bucket/shuffle"},
        {"spark.shuffle.glue.s3ShuffleBucket": "s3://bucket"},
        {"spark.shuffle.sort.io.plugin.class": PLUGIN},
        {"write-shuffle-files-to-s3": "true"},
        {"write-shuffle-spills-to-s3": "True"},
    ],
)
def test_gs_spk_003_a_shuffle_in_s3_is_refused(settings):
    with pytest.raises(RefusedError, match="GS-SPK-003"):
        enforce_worker_encryption(settings, key=KEY, required=False)


@pytest.mark.parametrize("name", ["", "sort", "org.apache.spark.shuffle.sort.SortShuffleManager"])
def test_sparks_own_shuffle_passes(name):
    found = check_workers({"spark.shuffle.manager": name, "write-shuffle-files-to-s3": "false"}, key=KEY)
    assert [finding.verdict for finding in found if finding.control == "GS-SPK-003"] == [Verdict.PASS]


def test_gs_spk_003_is_unknown_for_another_shuffle_manager():
    settings = {"spark.shuffle.manager": "com.example.Manager"}
    assert {finding.verdict for finding in enforce_worker_encryption(settings, key=KEY, required=False)} >= {
        Verdict.UNKNOWN
    }
    with pytest.raises(VerificationError):
        enforce_worker_encryption({**settings, "spark.master": "local", **DISK_CONF}, key=KEY, required=True)


@pytest.mark.parametrize(
    ("place", "algorithm", "key", "verdict"),
    [
        ("s3a://logs/x", "SSE-KMS", str(KEY), "PASS"),
        ("s3://logs/x", "SSE-KMS", str(KEY), "PASS"),
        ("s3a://logs/x", "AES256", str(KEY), "UNKNOWN"),
        ("s3a://logs/x", "SSE-KMS", str(KEY)[:-1] + "6", "UNKNOWN"),
        ("s3a://logs/x", "", "", "UNKNOWN"),
        ("file:///tmp/x", "SSE-KMS", str(KEY), "UNKNOWN"),
        ("", "SSE-KMS", str(KEY), "UNKNOWN"),
    ],
)
def test_gs_spk_004_an_event_log_passes_in_s3_under_the_key_alone(place, algorithm, key, verdict):
    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": place,
        "spark.hadoop.fs.s3a.encryption.algorithm": algorithm,
        "spark.hadoop.fs.s3a.encryption.key": key,
    }
    (found,) = (finding for finding in check_workers(settings, key=KEY) if finding.control == "GS-SPK-004")
    assert found.verdict.value == verdict
    if verdict == "UNKNOWN":
        required = {**settings, "spark.master": "local", **DISK_CONF}
        with pytest.raises(VerificationError, match="GS-SPK-004"):
            enforce_worker_encryption(required, key=KEY, required=True)


def test_key_material_of_another_encryption_is_not_shown():
    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": "s3a://logs/x",
        "spark.hadoop.fs.s3a.encryption.key": "bWF0ZXJpYWw=",
    }
    assert "bWF0ZXJpYWw=" not in repr(check_workers(settings, key=KEY))


@pytest.mark.parametrize(("text", "required"), [(None, False), ("reported", False), ("required", True)])
def test_unknown_stops_a_run_that_requires_encryption(text, required):
    values = {} if text is None else {"glue-secure-worker-encryption": text}
    assert JobArguments(values).requires_worker_encryption() is required


@pytest.mark.parametrize("text", ["", "false", "Required", "off"])
def test_worker_encryption_other_than_required_or_optional_is_rejected(text):
    with pytest.raises(UsageError, match="glue-secure-worker-encryption"):
        JobArguments({"glue-secure-worker-encryption": text}).requires_worker_encryption()


def test_gs_spk_001_sasl_encryption_is_not_accepted():
    old = {"spark.authenticate": "true", "spark.authenticate.enableSaslEncryption": "true"}
    assert verdicts({"spark.master": "yarn", **old})[0] == "UNKNOWN"
