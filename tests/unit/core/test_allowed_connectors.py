"""``--glue-secure-allowed-connectors``."""

import pytest

from glue_secure.core.allowed_connectors import AllowedConnector, parse_allowed_connectors
from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError

DIGEST = "0a" * 32


def test_entries_name_a_class_and_may_name_the_digest_of_its_jar():
    arguments = JobArguments.parse(
        ["job.py", "--glue-secure-allowed-connectors", f"com.example.A, com.example.B@{DIGEST.upper()}"]
    )
    assert arguments.allowed_connectors() == (
        AllowedConnector("com.example.A"),
        AllowedConnector("com.example.B", DIGEST),
    )
    assert parse_allowed_connectors(None) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "com.example.*",
        "parquet",
        "org.apache.spark.sql.jdbc",
        f"{DIGEST}",
        "com.example.A@12",
        "a.B,a.B",
    ],
)
def test_another_text_is_no_entry(text):
    with pytest.raises(UsageError, match="glue-secure-allowed-connectors"):
        parse_allowed_connectors(text)
