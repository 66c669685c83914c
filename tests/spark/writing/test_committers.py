"""The committer that docs/scale.md recommends: its objects are verified, with the fewest requests."""

import importlib
import sys
from pathlib import Path

import pytest

from glue_secure.embedded.account_setup import CURATED, provision
from glue_secure.embedded.clients import clients

BENCH = Path(__file__).resolve().parents[3] / "bench"
FILES = 8


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        yield importlib.import_module("committers")
        sys.modules.pop("committers", None)


@pytest.mark.long
def test_objects_of_the_recommended_committer_are_verified_by_receipts(glue_account, bench):
    key = provision(glue_account).data_key
    found = bench.written(glue_account, "directory", bench.recommended(), FILES)
    assert found["verified_by"] == "receipts"
    # A file of each task, and _SUCCESS.
    assert found["objects"] == FILES + 1
    assert found["requests"] <= 6 * found["objects"]
    assert 0 < found["own"] <= 1.1 * found["objects"]
    s3 = clients(glue_account)("s3")
    prefix = "committer-directory/measured/"
    stored = [one["Key"] for one in s3.list_objects_v2(Bucket=CURATED, Prefix=prefix)["Contents"]]
    # The client of Spark 4.1 also leaves an empty object for a folder.
    assert len([name for name in stored if not name.endswith("/")]) == found["objects"]
    heads = [s3.head_object(Bucket=CURATED, Key=name) for name in stored]
    assert {(head["ServerSideEncryption"], head["SSEKMSKeyId"]) for head in heads} == {("aws:kms", key)}
    assert not s3.list_multipart_uploads(Bucket=CURATED).get("Uploads")
