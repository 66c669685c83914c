"""Every error has the same form."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import (
    BookmarkConflictError,
    GlueSecureError,
    RefusedError,
    UsageError,
    VerificationError,
    exit_code,
)

FACTS = {
    "resource": "s3://curated/a",
    "found": "AES256",
    "required": "aws:kms",
    "fix": "attach the key",
}


def test_a_refusal_says_control_resource_found_required_fix_and_where_to_read_more():
    assert str(RefusedError("GS-S3-004", **FACTS)).splitlines() == [
        "GS-S3-004 refused: s3://curated/a",
        "  found:    AES256",
        "  required: aws:kms",
        "  fix:      attach the key",
        "  more:     glue-secure controls show GS-S3-004",
    ]


def test_further_controls_are_listed_before_the_last_line():
    lines = str(RefusedError("GS-S3-004", **FACTS, also=("GS-S3-001", "GS-S3-003"))).splitlines()
    assert lines[-2] == "  also:     GS-S3-001, GS-S3-003"
    assert lines[-1].startswith("  more:")


def test_a_verification_error_names_its_verdict():
    assert str(VerificationError("GS-KMS-001", **FACTS)).startswith("GS-KMS-001 cannot verify: ")


def test_a_usage_error_says_what_found_required_and_fix():
    assert str(UsageError("write mode", found="'x'", required="append", fix="use append")).splitlines() == [
        "write mode",
        "  found:    'x'",
        "  required: append",
        "  fix:      use append",
    ]
    assert "fix" not in str(UsageError("write mode", found="'x'", required="append"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GlueSecureError("no"), 1),
        (UsageError("a", found="b", required="c"), 2),
        (RefusedError("GS-S3-004", **FACTS), 3),
        (BookmarkConflictError("GS-BKM-005", **FACTS), 3),
        (VerificationError("GS-KMS-001", **FACTS), 4),
    ],
)
def test_every_error_has_the_command_lines_exit_code_and_one_root(error, code):
    assert error.exit_code == code
    assert isinstance(error, GlueSecureError)


def test_an_error_has_the_services_code():
    error = VerificationError("GS-KMS-001", **FACTS, aws_code="AccessDeniedException")
    assert error.aws_code == "AccessDeniedException"
    assert (error.control, error.resource, error.found, error.required, error.fix, error.also) == (
        "GS-KMS-001",
        *FACTS.values(),
        (),
    )
    assert RefusedError("GS-S3-004", **FACTS).aws_code is None


def test_a_usage_error_is_a_value_error_too():
    with pytest.raises(ValueError, match="write mode"):
        raise UsageError("write mode", found="x", required="y")


@pytest.mark.parametrize(
    ("error", "code"),
    [(VerificationError("GS-KMS-001", **FACTS), 4), (ValueError("no"), 1), (KeyboardInterrupt(), 130)],
)
def test_every_exception_has_an_exit_code(error, code):
    assert exit_code(error) == code
