"""The Glue API's shape, mirrored."""

from __future__ import annotations

import pytest

from glue_secure.core.security_configuration import EncryptionSetting, SecurityConfiguration

ARN = "arn:aws:kms:eu-west-1:123456789012:key/abc"


@pytest.mark.parametrize("mode", ["DISABLED", "SSE-KMS", "SSE-S3", "SSE-SOMETHING-NEW"])
@pytest.mark.parametrize("key", [{}, {"KmsKeyArn": ARN}])
def test_every_mode_is_stored_as_the_service_returned_it(mode, key):
    shape = {
        "Name": "c",
        "EncryptionConfiguration": {
            "S3Encryption": [{"S3EncryptionMode": mode, **key}],
            "CloudWatchEncryption": {"CloudWatchEncryptionMode": mode, **key},
            "JobBookmarksEncryption": {"JobBookmarksEncryptionMode": mode, **key},
            "DataQualityEncryption": {"DataQualityEncryptionMode": mode, **key},
        },
    }
    setting = EncryptionSetting(mode, key.get("KmsKeyArn", ""))
    assert SecurityConfiguration.from_api(shape) == SecurityConfiguration(
        "c", (setting,), setting, setting, setting
    )


@pytest.mark.parametrize("encryption", [{}, None, {"S3Encryption": []}, {"S3Encryption": None}])
def test_missing_members_are_absent_not_disabled(encryption):
    read = SecurityConfiguration.from_api({"Name": "c", "EncryptionConfiguration": encryption})
    assert read == SecurityConfiguration("c", (), None, None, None)


def test_an_empty_security_configuration_is_parsed():
    assert SecurityConfiguration.from_api({}) == SecurityConfiguration("", (), None, None, None)


def test_every_s3_entry_is_stored_in_order():
    entries = [{"S3EncryptionMode": "SSE-KMS", "KmsKeyArn": ARN}, {"S3EncryptionMode": "DISABLED"}]
    read = SecurityConfiguration.from_api({"EncryptionConfiguration": {"S3Encryption": entries}})
    assert read.s3 == (EncryptionSetting("SSE-KMS", ARN), EncryptionSetting("DISABLED", ""))


def test_an_entry_without_a_mode_has_no_mode():
    read = SecurityConfiguration.from_api({"EncryptionConfiguration": {"S3Encryption": [{}]}})
    assert read.s3 == (EncryptionSetting("", ""),)
