"""Each bypass attempt of the table: encrypted, rejected, or detected without moving the bookmark."""

from __future__ import annotations

import pytest
from bypass_cases import ATTEMPTS, TABLE, assert_encrypted_and_recorded, attempt

from glue_secure.core.errors import ControlError

# One of each kind runs with the suite; each takes seconds, so the others are marked long.
ALWAYS = {
    "parquet",
    "create_table_as_select",
    "local_disk",
    "aes256_then_settings_put_back",
    "new_session",
    "listener_taken_off",
    "save_as_text_file",
    "rdd_by_the_jvm",
    "stream_to_local_files",
    "put_object",
    "presigned_put",
    "default_session",
    "put_aes256",
    "object_replaced_behind_it",
    "setup_default_session",
    "client_made_before",
    "subprocess",
    "executor",
}


def test_the_table_has_each_attempt_once():
    assert len({(case.module, case.name) for case in TABLE}) == len(TABLE)


def parameter(case):
    marks = () if case.name in ALWAYS else (pytest.mark.long,)
    return pytest.param(case, id=f"{case.module}-{case.name}", marks=marks)


@pytest.mark.parametrize("case", [parameter(case) for case in ATTEMPTS])
def test_every_attempt_is_encrypted_rejected_or_detected(case, bypass):
    error, rejected = attempt(case, bypass)
    evidence = bypass.bench.evidence()[-1]
    if case.outcome == "encrypted":
        assert error is None, error
        assert_encrypted_and_recorded(bypass)
        assert case.control in {control["control"] for control in evidence["controls"]}
        return
    assert isinstance(error, ControlError), f"{case.name} was not detected: {error!r}"
    assert case.control in {error.control, *error.also}, error
    assert rejected or case.outcome == "detected"
    assert evidence["bookmark"]["sequence_after"] == evidence["bookmark"]["sequence_before"] == 0
