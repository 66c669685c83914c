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
    "pandas_on_spark",
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


def parameters():
    for guarded in (True, False):
        for case in ATTEMPTS:
            marks = () if guarded and case.name in ALWAYS else (pytest.mark.long,)
            mode = "guarded" if guarded else "listed"
            yield pytest.param(case, guarded, id=f"{case.module}-{case.name}-{mode}", marks=marks)


@pytest.fixture
def guard_is_as_required(guarded, request):
    if not guarded:
        request.getfixturevalue("without_request_guard")


@pytest.mark.parametrize(("case", "guarded"), list(parameters()))
def test_every_attempt_is_encrypted_rejected_or_detected(case, guarded, guard_is_as_required, bypass):
    outcome, control = case.expected(guarded=guarded)
    error, rejected = attempt(case, bypass)
    evidence = bypass.bench.evidence()[-1]
    if outcome in ("encrypted", "nothing stored"):
        assert error is None, error
        assert_encrypted_and_recorded(bypass)
        assert control in {entry["control"] for entry in evidence["controls"]}
        return
    assert isinstance(error, ControlError), f"{case.name} was not detected: {error!r}"
    assert control in {error.control, *error.also}, error
    if outcome == "rejected" and not rejected:
        # The guard stops the requests inside of Spark, whose error ends the run.
        keys = {entry["key"] for entry in bypass.bench.objects().values()}
        assert guarded and keys <= {bypass.key}
    assert evidence["bookmark"]["sequence_after"] == evidence["bookmark"]["sequence_before"] == 0
