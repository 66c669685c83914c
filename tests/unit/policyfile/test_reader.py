"""Policy files are read with the line of each error; the JSON Schema agrees with the reader."""

import json
from datetime import date
from pathlib import Path

import jsonschema
import pytest

from glue_secure.core.controls import CONTROLS
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.target_encryption import Algorithm, EncryptionRules
from glue_secure.policyfile import exceptable, schema
from glue_secure.policyfile.levels import combine
from glue_secure.policyfile.model import Level, PolicyFile, rules_of
from glue_secure.policyfile.reader import SHAPE, parse_policy

KEY = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
KEY_2 = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222"
FULL = f"""\
schema = 1
name = "data platform"
level = "organisation"
exception_days = 60
table_rollback = false

[[targets]]
name = "zone-b"
prefix = "s3://zone-b"
encryption = "SSE-KMS"
keys = ["{KEY_2}"]
bucket_key = true

[[targets]]
name = "zone-c"
prefix = "s3://zone-c/public/"
encryption = "SSE-S3"
reason = "public data"

[[targets]]
name = "payments"
table = "finance.payments"
encryption = "DSSE-KMS"

[[sources]]
name = "landing"
prefix = "s3://landing/"
encryption = ["SSE-KMS", "DSSE-KMS"]
checked = "sample"

[[connectors]]
class = "com.example.Source"
sha256 = "{"AB" * 32}"
owner = "team-ingest"
reason = "the vendor has no other driver"

[[exceptions]]
control = "GS-CAT-001"
resource = "Data Catalog*"
reason = "migration of the catalog"
ticket = "SEC-7"
owner = "team-platform"
expires = 2026-12-31

[[delegations]]
level = "account"
prefix = "s3://team-a/"
encryption = ["SSE-KMS"]
accounts = ["210987654321"]
reason = "team A has its own keys"
"""


def test_all_entries_of_a_file_are_values():
    policy = parse_policy(FULL, "policy.toml")
    zone_b, zone_c, payments = policy.targets
    assert (policy.name, policy.level, policy.exception_days) == ("data platform", Level.ORGANISATION, 60)
    assert not policy.table_rollback
    assert zone_b.prefix == S3Uri("zone-b", "")
    assert [str(one) for one in zone_b.accepted] == [f"aws:kms {KEY_2}"]
    assert [str(one) for one in zone_c.accepted] == ["AES256", "aws:kms run", "aws:kms:dsse run"]
    assert policy.tables == ("finance.payments",)
    assert payments.accepted[0].algorithm is Algorithm.DSSE_KMS
    assert policy.connectors[0].sha256 == "ab" * 32
    assert policy.exceptions[0].expires == date(2026, 12, 31)
    assert policy.delegations[0].prefix == S3Uri("team-a", "")


def test_an_empty_file_is_the_default():
    policy = parse_policy("schema = 1", "policy.toml")
    assert policy == PolicyFile()
    assert rules_of(combine([policy]), KEY) == EncryptionRules.of_key(KEY) == rules_of(combine([]), KEY)


TARGET = '[[targets]]\nname = "a"\nprefix = "s3://zone-a/"\nencryption = "SSE-KMS"\n'
EXCEPTION = (
    '[[exceptions]]\ncontrol = "GS-CAT-001"\nresource = "x"\nreason = "r"\nticket = "t"\nowner = "o"\n'
    "expires = 2026-12-31\n"
)
WRONG = {
    "not TOML": ("schema = ", 1, "Invalid value"),
    "no schema": ("", 1, "no schema"),
    "another schema": ("schema = 2", 1, "schema = 1"),
    "unknown key": ("schema = 1\nlevl = 'job'", 2, "required: level"),
    "unknown table": ("schema = 1\n[[target]]\nname='x'", 2, "required: targets"),
    "a table that is no array": ("schema = 1\n[targets]\nname = 'a'", 2, r"\[\[targets\]\]"),
    "unknown level": ("schema = 1\nlevel = 'team'", 2, "organisation, account, job"),
    "too many days": ("schema = 1\nexception_days = 400", 2, "1 to 366"),
    "a boolean for a number": ("schema = 1\nexception_days = true", 2, "a whole number"),
    "neither prefix nor table": (
        'schema = 1\n[[targets]]\nname = "a"\nencryption = "SSE-KMS"',
        2,
        "one of prefix",
    ),
    "both": (f'schema = 1\n{TARGET}table = "a.b"\n', 2, "one of prefix and table"),
    "no bucket": (f"schema = 1\n{TARGET}".replace("s3://zone-a/", "zone-a"), 4, "s3://BUCKET"),
    "a wildcard": (f"schema = 1\n{TARGET}".replace("zone-a", "zone-*"), 4, "s3://BUCKET"),
    "dots": (f"schema = 1\n{TARGET}".replace("zone-a/", "zone-a/../x"), 4, "path segments"),
    "unknown encryption": (
        f"schema = 1\n{TARGET}".replace('"SSE-KMS"', '"none"'),
        5,
        "SSE-KMS, DSSE-KMS, SSE-S3",
    ),
    "SSE-C": (f"schema = 1\n{TARGET}".replace('"SSE-KMS"', '"SSE-C"'), 5, "SSE-S3"),
    "an alias": (f'schema = 1\n{TARGET}keys = ["alias/data"]', 6, "key ARNs"),
    "no keys": (f"schema = 1\n{TARGET}keys = []", 6, "no key"),
    "SSE-S3 without reason": (f"schema = 1\n{TARGET}".replace('"SSE-KMS"', '"SSE-S3"'), 2, "reason"),
    "shared without reason": (f"schema = 1\n{TARGET}shared_key = true", 2, "reason"),
    "a reason of spaces": (f'schema = 1\n{TARGET}reason = "  "', 6, "printable"),
    "DSSE with bucket key": (
        f"schema = 1\n{TARGET}bucket_key = true".replace('"SSE-', '"DSSE-'),
        6,
        "DSSE-KMS has none",
    ),
    "one name twice": (f"schema = 1\n{TARGET}{TARGET.replace('zone-a', 'zone-b')}", 7, "a second time"),
    "one prefix twice": (
        "schema = 1\n" + TARGET + TARGET.replace('"a"', '"b"').replace('/"', '"'),
        6,
        "a second time",
    ),
    "a connector without digest": (
        'schema = 1\n[[connectors]]\nclass = "a.B"\nowner = "o"\nreason = "r"',
        2,
        "neither sha256 nor image",
    ),
    "a connector of Spark": (
        'schema = 1\n[[connectors]]\nclass = "org.apache.spark.X"\n'
        f'sha256 = "{"a" * 64}"\nowner = "o"\nreason = "r"',
        3,
        "no class of Spark",
    ),
    "an exception from evidence": (
        f"schema = 1\n{EXCEPTION}".replace("GS-CAT-001", "GS-EVD-001"),
        3,
        "audited",
    ),
    "an exception from a bookmark": (
        f"schema = 1\n{EXCEPTION}".replace("GS-CAT-001", "GS-BKM-001"),
        3,
        "bookmark",
    ),
    "an exception from TLS to AWS": (
        f"schema = 1\n{EXCEPTION}".replace("GS-CAT-001", "GS-S3-002"),
        3,
        "verified",
    ),
    "an exception from nothing": (
        f"schema = 1\n{EXCEPTION}".replace("GS-CAT-001", "GS-XYZ-001"),
        3,
        "no such control",
    ),
    "an exception for everything": (f"schema = 1\n{EXCEPTION}".replace('"x"', '"**"'), 4, "names a resource"),
    "an exception without end": (
        f"schema = 1\n{EXCEPTION}".replace("expires = 2026-12-31\n", ""),
        2,
        "no expires",
    ),
    "an exception with a time": (f"schema = 1\n{EXCEPTION}".replace("12-31", "12-31T10:00:00"), 8, "a date"),
    "a number that cannot be printed": (f"schema = 1\nexception_days = 0x{'f' * 9000}", 2, "36000 bits"),
    "a delegation of nothing": ('schema = 1\n[[delegations]]\nlevel = "job"\nreason = "r"', 2, "of nothing"),
    "a delegation to the top": (
        'schema = 1\n[[delegations]]\nlevel = "organisation"\nreason = "r"\nconnectors = true',
        3,
        "account, job",
    ),
    "a prefix without encryption": (
        'schema = 1\n[[delegations]]\nlevel = "job"\nreason = "r"\nprefix = "s3://aaa/"',
        2,
        "both",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_invalid_file_is_rejected_with_its_line(case):
    text, line, expected = WRONG[case]
    with pytest.raises(UsageError, match=expected) as caught:
        parse_policy(text, "policy.toml")
    assert str(caught.value).startswith(f"policy.toml:{line}"), str(caught.value)


def test_json_has_the_same_structure():
    document = {"schema": 1, "targets": [{"name": "a", "prefix": "s3://zone-a/", "encryption": "SSE-KMS"}]}
    assert parse_policy(json.dumps(document), "p.json", as_json=True) == parse_policy(
        f"schema = 1\n{TARGET}", "p"
    )
    with pytest.raises(UsageError, match="twice"):
        parse_policy('{"schema": 1, "schema": 1}', "p.json", as_json=True)


def test_the_published_schema_is_the_readers():
    published = Path(__file__).parents[3] / "docs" / "policy.schema.json"
    assert json.loads(published.read_text()) == schema.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema.json_schema())


@pytest.mark.parametrize("case", WRONG)
def test_the_schema_rejects_what_has_the_wrong_structure(case):
    """What only the reader finds are relations between entries, and texts with a meaning."""
    tomllib = pytest.importorskip("tomllib")
    by_reader_alone = {
        "dots", "no keys", "SSE-S3 without reason", "shared without reason", "a reason of spaces",
        "DSSE with bucket key", "one name twice", "one prefix twice",
        "a connector of Spark", "an exception from evidence", "an exception from a bookmark",
        "an exception from TLS to AWS", "an exception from nothing", "an exception for everything",
        "a delegation of nothing", "a prefix without encryption",
    }  # fmt: skip
    try:
        document = json.loads(json.dumps(tomllib.loads(WRONG[case][0]), default=str))
    except ValueError:
        return
    is_valid = jsonschema.Draft202012Validator(schema.json_schema()).is_valid(document)
    assert is_valid == (case in by_reader_alone)


def test_the_schema_accepts_the_full_file():
    tomllib = pytest.importorskip("tomllib")
    document = json.loads(json.dumps(tomllib.loads(FULL), default=str))
    jsonschema.validate(document, schema.json_schema())


def test_every_key_has_a_meaning():
    assert all(field.text for fields in SHAPE.values() for field in fields.values())


def test_every_control_can_be_excepted_or_has_a_reason():
    excluded = {control for control, _, reason in exceptable.rows() if reason}
    assert excluded | set(exceptable.EXCEPTABLE) == set(CONTROLS)
    assert not excluded & set(exceptable.EXCEPTABLE)
    for control in ("GS-BKM-001", "GS-EVD-001", "GS-S3-002", "GS-SEC-001"):
        assert control in excluded
