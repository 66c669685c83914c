"""The data key of a run that tokenises and encrypts is in nothing that Spark tells, and would be found."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import os

from key_search import found, observed
from pyspark.sql import functions as F

from glue_secure.aws.columns import ColumnSource
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.embedded.clients import clients


def test_the_data_key_is_nowhere_and_a_literal_key_of_aes_encrypt_is_everywhere(
    glue_job, glue_account, glue_spark, provisioned, tmp_path, caplog
):
    source = ColumnSource(clients=clients(glue_account))
    wrapped = source.new_key(KmsKeyArn.parse(provisioned.data_key), "people")
    rules = [{"column": "email", "action": "tokenise"}, {"column": "iban", "action": "encrypt"}]
    policy = {
        "name": "people", "kms_key": str(wrapped.kms_key), "wrapped_key": wrapped.blob, "columns": rules
    }  # fmt: skip
    place = glue_job.land("policy/columns.json", json.dumps(policy))
    caplog.set_level(logging.DEBUG)
    frame = glue_spark.createDataFrame([("a@x", "7")], "email string, iban string")

    with observed(glue_spark, tmp_path / "run") as told, glue_job.job(
        "target", glue_secure_columns=place
    ) as job:  # fmt: skip
        told.explain(job._run.protect(frame, glue_job.target).frame)
        job.write.s3(frame, glue_job.target, format="parquet")
    told["Python's log"] = caplog.text.encode()
    told["evidence"] = json.dumps(glue_job.evidence()).encode()
    plain = source.open_key(wrapped)
    for key in (plain, hmac.digest(plain, b"glue-secure columns 1 tokenise", "sha256")):
        assert found(told, key) == set()
    assert {place for place, text in told.items() if b"tokenise" in text} >= {
        "event log", "explain", "driver log", "REST sql", "SQL pages", "evidence"
    }  # fmt: skip
    assert glue_spark.sparkContext.applicationId.encode() in told["REST environment"]

    # The same search, so that it is known to find: a key as hexadecimal, another one as base64.
    hexadecimal, encoded = os.urandom(32), os.urandom(32)
    literals = (f"unhex('{hexadecimal.hex()}')", f"unbase64('{base64.b64encode(encoded).decode()}')")
    caplog.set_level(logging.WARNING)
    with observed(glue_spark, tmp_path / "planted") as told:
        sealed = frame.select(*(F.expr(f"base64(aes_encrypt(iban, {literal}))") for literal in literals))
        told.explain(sealed)
        sealed.write.format("noop").mode("overwrite").save()
    for key in (hexadecimal, encoded):
        assert found(told, key) == {"event log", "explain", "driver log", "REST sql", "SQL pages"}
