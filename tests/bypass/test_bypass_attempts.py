"""Each way out of the table, tried: encrypted under the key, refused, or caught with the bookmark unmoved."""

from __future__ import annotations

import pytest
from bypass_cases import RUN_HERE, TABLE, all_is_encrypted_and_shown, attempt

from glue_secure.core.errors import ControlError

# One of each kind in every run of the suite; a way costs seconds, so the others are long.
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
}


def test_each_way_stands_in_the_table_once():
    assert len({(case.module, case.name) for case in TABLE}) == len(TABLE)


def parameter(case):
    marks = () if case.name in ALWAYS else (pytest.mark.long,)
    return pytest.param(case, id=f"{case.module}-{case.name}", marks=marks)


@pytest.mark.parametrize("case", [parameter(case) for case in RUN_HERE])
def test_no_way_out_ends_in_silence(case, way):
    error, refused = attempt(case, way)
    evidence = way.bench.evidence()[-1]
    if case.outcome == "encrypted":
        assert error is None, error
        all_is_encrypted_and_shown(way)
        assert case.control in {control["control"] for control in evidence["controls"]}
        return
    assert isinstance(error, ControlError), f"{case.name} went unnoticed: {error!r}"
    assert case.control in {error.control, *error.also}, error
    assert refused or case.outcome == "caught"
    assert evidence["bookmark"]["sequence_after"] == evidence["bookmark"]["sequence_before"] == 0
