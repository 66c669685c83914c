"""GS-SPK: what Spark was told is a pass, anything else is not known; it never passes by silence."""

from __future__ import annotations

import pytest

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.policy import Verdict
from glue_secure.core.workers import DISK_CONF, WORKER_SETTINGS, check_workers, network_conf

ON = {"spark.authenticate": "true", "spark.network.crypto.enabled": "true"}


def verdicts(settings):
    found = {one.control: one.verdict.value for one in check_workers(settings)}
    assert list(found) == ["GS-SPK-001", "GS-SPK-002"]
    return found["GS-SPK-001"], found["GS-SPK-002"]


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*]", "local[4, 2]"])
def test_one_jvm_has_no_network(master):
    assert verdicts({"spark.master": master}) == ("PASS", "UNKNOWN")


@pytest.mark.parametrize("master", ["", "yarn", "local-cluster[2,1,1024]", "spark://local", "jes"])
def test_gs_spk_001_of_a_cluster_that_says_nothing_nothing_is_known(master):
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
def test_gs_spk_002_of_disks_the_setting_decides(value, verdict):
    assert verdicts({"spark.io.encryption.enabled": value})[1] == verdict


def test_what_is_set_where_it_can_be_set_passes_when_it_is_read_back():
    settings = {"spark.master": "local-cluster[2,1,1024]", **DISK_CONF, **network_conf("secret")}
    assert {one.verdict for one in check_workers(settings)} == {Verdict.PASS}
    assert "secret" not in repr(check_workers(settings))
    assert set(ON) < set(WORKER_SETTINGS)
    assert not any("secret" in name for name in WORKER_SETTINGS)


@pytest.mark.parametrize(("text", "required"), [(None, False), ("reported", False), ("required", True)])
def test_unknown_stops_a_run_that_requires_encryption(text, required):
    values = {} if text is None else {"glue-secure-worker-encryption": text}
    assert JobArguments(values).requires_worker_encryption() is required


@pytest.mark.parametrize("text", ["", "false", "Required", "off"])
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError, match="glue-secure-worker-encryption"):
        JobArguments({"glue-secure-worker-encryption": text}).requires_worker_encryption()


def test_gs_spk_001_encryption_by_sasl_counts_as_nothing():
    old = {"spark.authenticate": "true", "spark.authenticate.enableSaslEncryption": "true"}
    assert verdicts({"spark.master": "yarn", **old})[0] == "UNKNOWN"
