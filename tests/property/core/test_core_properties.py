"""Parsers of external text: a value or a UsageError."""

from __future__ import annotations

import json
import string

from hypothesis import given
from hypothesis import strategies as st

from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import UsageError
from glue_secure.core.evidence import canonical_json
from glue_secure.core.identifiers import KmsKeyArn, RunId, S3Uri, job_name
from glue_secure.core.redaction import REDACTED, redact_settings, redact_text
from glue_secure.core.spark_conf import check_settings, plan_settings, protected_options

NAMES = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=12).filter(
    lambda name: not name.startswith("-")
)
VALUES = st.text(max_size=20).filter(lambda value: not value.startswith("--"))
KEY = KmsKeyArn("aws", "eu-west-1", "123456789012", "abc")


@given(st.lists(st.one_of(st.text(), st.sampled_from(["--", "--a", "--a=", "--=", "-a", "---", "=", ""]))))
def test_any_list_of_text_is_read_as_arguments(argv):
    arguments = JobArguments.parse(argv)
    for name, value in arguments.values.items():
        assert arguments.get(name) == value


@given(st.lists(st.tuples(NAMES, VALUES, st.booleans()), max_size=6))
def test_every_argument_is_found_and_the_last_value_counts(pairs):
    argv = ["script.py"]
    for name, value, joined in pairs:
        argv += [f"--{name}={value}"] if joined else [f"--{name}", value]
    arguments = JobArguments.parse(argv)
    assert arguments.values == {name: value for name, value, _ in pairs}
    for name in {name for name, _, _ in pairs}:
        assert arguments.get(name) == [value for other, value, _ in pairs if other == name][-1]


@given(
    st.one_of(
        st.text(),
        st.builds(
            "{}://{}/{}".format,
            st.sampled_from(["s3", "s3a", "s3n", "S3", "file"]),
            st.text("ab.-", max_size=6),
            st.text("a./\x01 é*", max_size=8),
        ),
    )
)
def test_a_location_is_refused_or_reads_back_the_same(text):
    try:
        uri = S3Uri.parse(text)
    except UsageError as error:
        assert error.exit_code == 2
        return
    assert S3Uri.parse(str(uri)) == uri
    assert uri.key == text.partition("://")[2].partition("/")[2]
    assert str(uri).startswith(f"s3://{uri.bucket}/")
    assert not {"", ".", ".."} & set(uri.key.removesuffix("/").split("/")) or uri.key == ""


@given(
    st.one_of(
        st.text(),
        st.from_regex(
            r"arn:aws[a-z-]{0,4}:kms:[a-z]{2,4}-[a-z]{1,5}-[0-9]:[0-9]{12}:(key|alias)/[a-z0-9/-]{1,9}"
        ),
    )
)
def test_a_key_arn_is_refused_or_reads_back_the_same(text):
    try:
        arn = KmsKeyArn.parse(text)
    except UsageError:
        return
    assert str(arn) == text
    assert ":alias/" not in text


@given(st.text())
def test_job_names_and_run_ids_cannot_leave_their_folder(text):
    for check in (job_name, RunId):
        try:
            name = str(check(text))
        except UsageError:
            continue
        assert S3Uri.parse(f"s3://bucket/prefix/job={name}/x") == S3Uri("bucket", f"prefix/job={name}/x")
        assert "/" not in name
        assert name not in ("", ".", "..")


# No white space, quotes or URL delimiters: such a password must be percent-encoded to be a URL at all.
PASSWORDS = st.text(
    string.ascii_letters + string.digits + "!$'()*+,;=:@%._~-", min_size=6, max_size=20
).filter(lambda text: "'" not in text)


@given(
    st.sampled_from(["https", "postgresql", "jdbc:postgresql", "s3a", "redis"]),
    st.text(string.ascii_letters, max_size=8),
    PASSWORDS,
    st.text(max_size=20),
)
def test_a_password_in_a_url_is_redacted(scheme, user, password, around):
    secret = f"{scheme}://{user}:{password}@host.example/path"
    assert f":{password}@" not in redact_text(f"{around} {secret} {around}")
    assert f":{password}@" not in redact_settings({"anything": secret})["anything"]


@given(
    st.sampled_from(["password", "PWD", "sslpassword", "passwd"]),
    st.text(string.ascii_letters + string.digits + "!$%*+,._~-'(){}@:/?#", min_size=8, max_size=20),
)
def test_a_password_in_a_pair_is_redacted(name, password):
    text = "jdbc:postgresql://host/db?user=me&{}={}&ssl=true"
    assert redact_text(text.format(name, password)) == text.format(name, REDACTED)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner, max_size=4)
    ),
    max_leaves=12,
)


def reversed_keys(value):
    if isinstance(value, dict):
        return {name: reversed_keys(value[name]) for name in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


@given(JSON)
def test_canonical_text_does_not_depend_on_the_order_of_keys_and_reads_back(value):
    text = canonical_json(value)
    assert canonical_json(reversed_keys(value)) == text
    assert json.loads(text) == value
    assert text.endswith(b"\n")


@given(st.dictionaries(st.text(), st.text(), max_size=6))
def test_planned_settings_cannot_be_overridden_by_others(extra):
    plan = plan_settings(KEY, s3_endpoint="https://s3.eu-west-1.amazonaws.com")
    wrong = {**extra, "fs.s3a.encryption.key": "another"}
    assert any(f.control == "GS-S3-001" and f.verdict == "FAIL" for f in check_settings(plan, wrong))
    assert set(protected_options(extra)) <= set(extra)
