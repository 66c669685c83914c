"""The audit as a job: the report beside the evidence, encrypted, and a failed run if a control fails."""

import json

import pytest

from glue_secure.audit.scheduled import main
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.embedded.account_setup import EVIDENCE
from glue_secure.embedded.clients import clients


def reports(account, harness):
    """Return the object of each report of the job."""
    s3 = clients(account)("s3")
    listed = s3.list_objects_v2(Bucket=EVIDENCE, Prefix=f"audits/job={harness.name}/")
    return [s3.get_object(Bucket=EVIDENCE, Key=one["Key"]) for one in listed.get("Contents", ())]


def test_the_report_is_stored_encrypted_before_the_run_fails(glue_job, glue_account, provisioned):
    with pytest.raises(RefusedError, match="FAIL") as raised:
        main(glue_job.argv())
    (report,) = reports(glue_account, glue_job)
    document = json.loads(report["Body"].read())
    assert (report["ServerSideEncryption"], report["SSEKMSKeyId"]) == ("aws:kms", provisioned.data_key)
    assert document["schema"] == "glue-secure/audit/1"
    assert document["headline"] in str(raised.value)
    failing = {one["control"] for one in document["findings"] if one["verdict"] == "FAIL"}
    assert raised.value.control in failing
    (evidence,) = glue_job.evidence()
    assert evidence["outcome"] == "succeeded"


def test_a_run_without_evidence_is_rejected(glue_job):
    argv = glue_job.argv()
    position = argv.index("--glue-secure-evidence-uri")
    with pytest.raises(UsageError, match="glue-secure-evidence-uri"):
        main([*argv[:position], *argv[position + 2 :]])
