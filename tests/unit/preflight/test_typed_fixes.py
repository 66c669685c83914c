"""The fixes of security configurations and keys, carried out as they are worded, let the run start."""

from __future__ import annotations

import re

import pytest
from typed_fixes import controls_of

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import RefusedError
from glue_secure.core.security_configuration import EncryptionSetting
from glue_secure.preflight.establish import establish

MEMBERS = {
    "S3Encryption": "s3",
    "CloudWatchEncryption": "cloudwatch",
    "JobBookmarksEncryption": "job_bookmarks",
    "DataQualityEncryption": "data_quality",
}
ABSENT = "arn:aws:kms:eu-west-1:123456789012:key/99999999-9999-4999-8999-999999999999"


def start(run_fixture, claimed=None):
    return establish(run_fixture.identity(claimed=claimed), JobArguments({}), run_fixture.services())


def configure(run_fixture, mode, member, key):
    setting = EncryptionSetting(mode, str(key))
    run_fixture.configure(**{member: (setting,) if member == "s3" else setting})


def use_another_key(run_fixture):
    """Attach a configuration that names a good key everywhere."""
    for member, mode in (("s3", "SSE-KMS"), ("cloudwatch", "SSE-KMS"), ("job_bookmarks", "CSE-KMS")):
        configure(run_fixture, mode, member, run_fixture.other_key)


def carry_out(run_fixture, error):
    """Carry out the sentence of a fix. Return the configuration that the arguments still claim."""
    fix = error.fix
    if commands := re.findall(r"aws kms (enable-key|cancel-key-deletion) --key-id ([\w-]+)", fix):
        states = {"cancel-key-deletion": "Disabled", "enable-key": "Enabled"}
        for command, key in commands:
            assert key == run_fixture.key.key_id
            run_fixture.change_key(run_fixture.key, state=states[command], deletion_date=None)
    elif fix.startswith("security configurations are immutable: create one with this mode"):
        mode = re.match(r"\S+", error.required)[0]
        member = next(name for part, name in MEMBERS.items() if f" {part}" in error.resource)
        configure(run_fixture, mode, member, run_fixture.key)
    elif fix.startswith(
        "attach one to the job (console: Job details, Security configuration; API: UpdateJob"
    ):
        run_fixture.control_plane.job_attachments["curate"] = "strict"
    elif fix == "create a configuration with one S3 entry and attach it to the job":
        configure(run_fixture, "SSE-KMS", "s3", run_fixture.key)
    elif fix == "remove the argument SECURITY_CONFIGURATION; Glue sets it":
        return
    else:
        assert re.match(
            r"create a (?:symmetric customer managed key in the run's account and region, and a configuration"
            r"|security configuration) that names (?:it|an existing key)\Z",
            fix,
        ), f"a fix that names no edit: {fix}"
        use_another_key(run_fixture)
    return


def settings(**changes):
    return lambda fixture: fixture.configure(
        **{name: changed(fixture) if callable(changed) else changed for name, changed in changes.items()}
    )


def key(**changes):
    return lambda fixture: fixture.change_key(fixture.key, **changes)


def detach(fixture):
    fixture.control_plane.run_attachments.clear()
    fixture.control_plane.job_attachments["curate"] = None


CASES = {
    "no configuration": ("GS-SEC-001", detach),
    "S3 with SSE-S3": ("GS-SEC-003", settings(s3=(EncryptionSetting("SSE-S3"),))),
    "S3 disabled": ("GS-SEC-003", settings(s3=(EncryptionSetting("DISABLED"),))),
    "S3 absent": ("GS-SEC-003", settings(s3=())),
    "S3 without a key": ("GS-SEC-003", settings(s3=(EncryptionSetting("SSE-KMS"),))),
    "two keys": (
        "GS-SEC-003",
        settings(s3=lambda f: tuple(EncryptionSetting("SSE-KMS", str(arn)) for arn in (f.key, f.other_key))),
    ),
    "logs disabled": ("GS-SEC-004", settings(cloudwatch=EncryptionSetting("DISABLED"))),
    "logs absent": ("GS-SEC-004", settings(cloudwatch=None)),
    "bookmarks disabled": ("GS-SEC-005", settings(job_bookmarks=EncryptionSetting("DISABLED"))),
    "bookmarks absent": ("GS-SEC-005", settings(job_bookmarks=None)),
    "data quality disabled": ("GS-SEC-006", settings(data_quality=EncryptionSetting("DISABLED"))),
    "key absent": ("GS-KMS-001", settings(s3=(EncryptionSetting("SSE-KMS", ABSENT),))),
    "key disabled": ("GS-KMS-002", key(state="Disabled")),
    "key to be deleted": ("GS-KMS-002", key(state="PendingDeletion", deletion_date="2027-01-01")),
    "key of AWS": ("GS-KMS-003", key(manager="AWS")),
    "key for signatures": ("GS-KMS-004", key(usage="SIGN_VERIFY", spec="RSA_2048")),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fix_carried_out_literally_lets_the_run_start(run_fixture, name):
    control, break_it = CASES[name]
    break_it(run_fixture)
    with pytest.raises(RefusedError) as refused:
        start(run_fixture)
    assert refused.value.control == control, str(refused.value)
    carry_out(run_fixture, refused.value)
    assert start(run_fixture).configuration.name == "strict"


def test_the_fix_of_a_claimed_configuration_is_to_remove_the_claim(run_fixture):
    with pytest.raises(RefusedError) as refused:
        start(run_fixture, claimed="another")
    assert refused.value.control == "GS-SEC-002"
    assert start(run_fixture, claimed=carry_out(run_fixture, refused.value)).findings


def test_the_table_has_the_controls_of_this_file():
    assert {control for control, _ in CASES.values()} == controls_of(__file__)
