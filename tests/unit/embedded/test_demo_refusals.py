"""Which error of a run's output the demo shows."""

from glue_secure.core.errors import RefusedError, VerificationError
from glue_secure.embedded.demo import last_refusal


def test_the_last_error_is_the_one_that_ended_the_run():
    evidence = VerificationError(
        "GS-EVD-001", resource="s3://e/", found="no key", required="a key", fix="name a key"
    )
    refusal = RefusedError("GS-SEC-003", resource="c", found="SSE-S3", required="SSE-KMS", fix="create one")
    found = last_refusal(f"a log\n{evidence}\n{refusal}\n")
    assert found is not None
    assert (found["control"], found["text"]) == ("GS-SEC-003", str(refusal))
    assert last_refusal("a log\n") is None
