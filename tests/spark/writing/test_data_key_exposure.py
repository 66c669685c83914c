"""The data key of a run that tokenises and encrypts appears in no report of Spark, and the search works."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import os

from key_search import reports_with_key, spark_reports
from pyspark.sql import functions as F

from glue_secure.aws.columns import ColumnSource
from glue_secure.core.identifiers import KmsKeyArn
from glue_secure.embedded.clients import clients


def test_the_data_key_is_not_exposed_and_a_literal_key_of_aes_encrypt_is(
    glue_job, glue_account, glue_spark, provisioned, tmp_path, caplog
):
    source = ColumnSource(clients=clients(glue_account))
    wrapped = source.new_key(KmsKeyArn.parse(provisioned.data_key), "people")
    rules = [{"column": "email", "action": "tokenise"}, {"column": "iban", "action": "encrypt"}]
    policy = {
        "name": "people", "kms_key": str(wrapped.kms_key), "wrapped_key": wrapped.blob, "columns": rules
    }  # fmt: skip
    location = glue_job.land("policy/columns.json", json.dumps(policy))
    caplog.set_level(logging.DEBUG)
    frame = glue_spark.createDataFrame([("a@x", "7")], "email string, iban string")

    with spark_reports(glue_spark, tmp_path / "run") as reports, glue_job.job(
        "target", glue_secure_columns=location
    ) as job:  # fmt: skip
        reports.explain(job._run.columns.protect(frame, glue_job.target).frame)
        job.write.s3(frame, glue_job.target, format="parquet")
    reports["Python's log"] = caplog.text.encode()
    reports["evidence"] = json.dumps(glue_job.evidence()).encode()
    data_key = source.open_key(wrapped)
    for key in (data_key, hmac.digest(data_key, b"glue-secure columns 1 tokenise", "sha256")):
        assert reports_with_key(reports, key) == set()
    assert {name for name, text in reports.items() if b"tokenise" in text} >= {
        "event log", "explain", "driver log", "REST sql", "SQL pages", "evidence"
    }  # fmt: skip
    assert glue_spark.sparkContext.applicationId.encode() in reports["REST environment"]

    # The same search finds literal keys, one in hexadecimal and one in base64.
    hexadecimal, encoded = os.urandom(32), os.urandom(32)
    literals = (f"unhex('{hexadecimal.hex()}')", f"unbase64('{base64.b64encode(encoded).decode()}')")
    caplog.set_level(logging.WARNING)
    with spark_reports(glue_spark, tmp_path / "literal-keys") as reports:
        sealed = frame.select(*(F.expr(f"base64(aes_encrypt(iban, {literal}))") for literal in literals))
        reports.explain(sealed)
        sealed.write.format("noop").mode("overwrite").save()
    for key in (hexadecimal, encoded):
        assert reports_with_key(reports, key) == {
            "event log",
            "explain",
            "driver log",
            "REST sql",
            "SQL pages",
        }
