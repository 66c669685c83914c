"""Each combination of writer, place, encryption and API, with the request guard and without it."""

from __future__ import annotations

import pytest
from bypass_matrix import NOT_OBSERVED, combinations
from bypass_steps import assert_expected, run_row

from glue_secure.embedded.clients import clients

# The others take seconds each.
ALWAYS = {
    "short_partition_elsewhere_script_planned",
    "short_hadoop_file_script_aes256",
    "short_files_batch_aes256",
    "short_files_script_endpoint",
    "glue_model_script_planned",
    "glue_rdd_script_reserved",
    "glue_files_thread_aes256",
    "glue_files_script_after_commit",
    "glue_files_script_before_init",
}
ROWS = list(combinations())


def rows():
    for row in ROWS:
        marks = () if row.name in ALWAYS else (pytest.mark.long,)
        yield pytest.param(row, True, id=f"{row.name}-guarded", marks=marks)
    for row in ROWS:
        if row.expected(guarded=False)[0] != NOT_OBSERVED:
            yield pytest.param(row, False, id=f"{row.name}-listed", marks=pytest.mark.long)


@pytest.mark.parametrize(("row", "guarded"), list(rows()))
def test_every_combination_is_encrypted_rejected_or_detected(
    row, guarded, glue_job, glue_account, provisioned, other_key, tmp_path, request
):
    if not guarded:
        request.getfixturevalue("without_request_guard")
    aws = clients(glue_account)
    bypass, error = run_row(row, glue_job, aws, provisioned.data_key, other_key, tmp_path)
    assert_expected(row, bypass, error, guarded=guarded)
