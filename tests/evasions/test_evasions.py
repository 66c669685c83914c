"""Each way out of the table, tried: encrypted under the key, refused, or caught with the bookmark unmoved."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from glue_secure import GlueSecureError
from glue_secure.core.errors import CannotVerify, Refusal

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent


def load(path):
    spec = importlib.util.spec_from_file_location(f"evasions_{path.stem}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLE = list(load(ROOT / "local" / "evasions.py").cases(ROOT))
RUN_HERE = [case for case in TABLE if not case.test]
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
MODULES = {name: load(HERE / f"{name}.py") for name in sorted({case.module for case in RUN_HERE})}


def test_each_way_stands_in_the_table_once():
    assert len({(case.module, case.name) for case in TABLE}) == len(TABLE)


def parameter(case):
    marks = () if case.name in ALWAYS else (pytest.mark.long,)
    return pytest.param(case, id=f"{case.module}-{case.name}", marks=marks)


@pytest.mark.parametrize("case", [parameter(case) for case in RUN_HERE])
def test_no_way_out_ends_in_silence(case, way):
    act, error, refused = getattr(MODULES[case.module], case.name), None, None
    try:
        with way.job:
            try:
                act(way)
            except (Refusal, CannotVerify) as refusal:
                refused = refusal
                raise
    except GlueSecureError as raised:
        error = raised
    finally:
        for end in getattr(way.bench, "ends", ()):
            end()
    evidence = way.bench.evidence()[-1]
    if case.outcome == "encrypted":
        assert error is None, error
        assert evidence["outcome"] == "succeeded"
        assert {(seen["algorithm"], seen["key"]) for seen in way.bench.objects().values()} <= {
            ("aws:kms", way.key)
        }
        shown = {found["uri"] for write in evidence["writes"] for found in write["objects"]}
        assert {f"s3://{way.bucket}/{name}" for name in way.bench.objects() if "-in/" not in name} <= shown
        assert case.control in {control["control"] for control in evidence["controls"]}
        return
    assert isinstance(error, (Refusal, CannotVerify)), f"{case.name} went unnoticed: {error!r}"
    assert case.control in {error.control, *error.also}, error
    assert refused is not None or case.outcome == "caught"
    assert evidence["bookmark"]["sequence_after"] == evidence["bookmark"]["sequence_before"] == 0
