"""Sessions and clients: TLS only, and the kind of the account."""

from __future__ import annotations

import boto3
import pytest
from botocore.stub import Stubber

from glue_secure.aws.session import AwsSession, endpoint_kind
from glue_secure.aws.tls import require_tls
from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.service import ServiceError


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://s3.eu-west-1.amazonaws.com", "aws"),
        ("https://S3.EU-WEST-1.AMAZONAWS.COM", "aws"),
        ("https://glue.cn-north-1.amazonaws.com.cn", "aws"),
        ("https://kms.us-iso-east-1.c2s.ic.gov", "aws"),
        ("https://s3.eusc-de-east-1.amazonaws.eu", "aws"),
        ("https://vpce-1.glue.eu-west-1.vpce.amazonaws.com", "aws"),
        ("https://127.0.0.1:5000", "embedded"),
        ("https://localhost:5000", "embedded"),
        ("https://[::1]:5000", "embedded"),
        ("https://minio.example.com", "custom-endpoint"),
        ("https://amazonaws.com.example.com", "custom-endpoint"),
        ("https://evilamazonaws.com", "custom-endpoint"),
        ("https://s3.amazonaws.com@example.com", "custom-endpoint"),
        ("https://127.0.0.1.example.com", "custom-endpoint"),
        ("https://10.0.0.1", "custom-endpoint"),
        ("", "custom-endpoint"),
    ],
)
def test_an_endpoint_is_classified_by_its_host(url, kind):
    assert endpoint_kind(url) == kind


@pytest.mark.parametrize("url", ["http://127.0.0.1:5000", "HTTP://host", "ftp://host", "host:5000", ""])
def test_gs_s3_002_refuses_an_endpoint_without_tls(url):
    with pytest.raises(RefusedError) as caught:
        require_tls("kms", url)
    assert caught.value.control == "GS-S3-002"
    assert "AWS_ENDPOINT_URL_KMS" in caught.value.fix


def test_credentials_in_an_endpoint_are_not_shown():
    with pytest.raises(RefusedError) as caught:
        require_tls("s3", "http://me:hunter2@127.0.0.1:5000")
    assert "hunter2" not in str(caught.value)


def test_an_https_endpoint_passes():
    require_tls("s3", "https://127.0.0.1:5000")


def test_a_session_without_a_region_is_refused(clean_environment):
    with pytest.raises(UsageError, match="no AWS region"):
        AwsSession.from_chain()


def test_the_region_is_boto3s_then_aws_region_then_the_profiles(clean_environment, tmp_path):
    config = tmp_path / "config"
    config.write_text("[default]\nregion = us-west-1\n")
    clean_environment.setenv("AWS_CONFIG_FILE", str(config))
    assert AwsSession.from_chain().region == "us-west-1"
    clean_environment.setenv("AWS_REGION", "eu-west-1")
    session = AwsSession.from_chain()
    assert session.region == "eu-west-1"
    assert session.client("sts").meta.region_name == "eu-west-1"
    clean_environment.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    assert AwsSession.from_chain().region == "eu-west-3"
    assert AwsSession.from_chain(region="eu-north-1").region == "eu-north-1"


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("AWS_PROFILE", "nope", "nope"),
        ("AWS_ENDPOINT_URL", "not a url", "Invalid endpoint"),
        ("AWS_ENDPOINT_URL", "https://localhost:99999", "Port out of range"),
        ("AWS_REGION", "no region!", "no region!"),
    ],
)
def test_settings_that_botocore_rejects_are_usage_errors(clean_environment, name, value, found):
    clean_environment.setenv("AWS_REGION", "eu-west-1")
    clean_environment.setenv(name, value)
    with pytest.raises(UsageError, match=found):
        AwsSession.from_chain().client("kms")


def test_gs_s3_002_rejects_an_endpoint_from_any_source(clean_environment):
    clean_environment.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    clean_environment.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:5000")
    session = AwsSession.from_chain()
    with pytest.raises(RefusedError, match="GS-S3-002"):
        session.client("s3")
    with pytest.raises(RefusedError, match="GS-S3-002"):
        session.client("s3")
    assert session.client("kms").meta.endpoint_url.startswith("https://")


@pytest.mark.parametrize(
    ("endpoints", "kind"),
    [
        ({}, "aws"),
        ({"AWS_ENDPOINT_URL": "https://127.0.0.1:5000"}, "embedded"),
        ({"AWS_ENDPOINT_URL": "https://minio.example.com"}, "custom-endpoint"),
        ({"AWS_ENDPOINT_URL_S3": "https://127.0.0.1:5000"}, "custom-endpoint"),
    ],
)
def test_the_account_is_aws_or_embedded_only_when_every_endpoint_is(clean_environment, endpoints, kind):
    clean_environment.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    for name, url in endpoints.items():
        clean_environment.setenv(name, url)
    assert AwsSession.from_chain().kind == kind


def test_buckets_are_addressed_by_path_when_asked():
    session = boto3.session.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-west-1"
    )
    client = AwsSession(session=session, path_style=True).client("s3")
    assert client.meta.config.s3 == {"addressing_style": "path"}


@pytest.fixture
def session_and_sts():
    inner = boto3.session.Session(
        aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-west-1"
    )
    session = AwsSession(session=inner)
    stubber = Stubber(session.client("sts"))
    with stubber:
        yield session, stubber
        stubber.assert_no_pending_responses()


def test_the_caller_identity_is_requested_once(session_and_sts):
    session, stubber = session_and_sts
    caller = "arn:aws:sts::123456789012:assumed-role/operator/example"
    stubber.add_response("get_caller_identity", {"Account": "123456789012", "Arn": caller})
    assert session.caller == caller
    assert (session.account, session.account, session.region) == ("123456789012", "123456789012", "eu-west-1")


def test_an_unknown_account_is_a_service_error(session_and_sts):
    session, stubber = session_and_sts
    stubber.add_client_error("get_caller_identity", "ExpiredToken")
    with pytest.raises(ServiceError) as caught:
        _ = session.account
    assert (caught.value.code, caught.value.operation) == ("ExpiredToken", "GetCallerIdentity")


def trusts(client):
    return client._endpoint.http_session._verify


@pytest.fixture
def region(clean_environment):
    clean_environment.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    clean_environment.delenv("REQUESTS_CA_BUNDLE", raising=False)
    return clean_environment


def profile(environment, tmp_path, line):
    (tmp_path / "config").write_text(f"[default]\n{line}\n")
    environment.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))


@pytest.mark.parametrize("value", ["", "  ", "False"])
def test_gs_s3_002_rejects_a_bundle_that_disables_verification(region, value):
    region.setenv("AWS_CA_BUNDLE", value)
    with pytest.raises(RefusedError) as caught:
        AwsSession.from_chain(requests_ca_bundle="/bundle.pem")
    assert (caught.value.control, "AWS_CA_BUNDLE" in str(caught.value)) == ("GS-S3-002", True)


@pytest.mark.parametrize("line", ["ca_bundle =", "ca_bundle = False"])
def test_gs_s3_002_rejects_a_profile_that_disables_verification(region, tmp_path, line):
    profile(region, tmp_path, line)
    with pytest.raises(RefusedError, match="ca_bundle in the profile") as caught:
        AwsSession.from_chain()
    assert caught.value.control == "GS-S3-002"


@pytest.mark.parametrize("value", ["", " "])
def test_gs_s3_002_refuses_an_empty_bundle_of_requests(region, value):
    with pytest.raises(RefusedError, match="REQUESTS_CA_BUNDLE") as caught:
        AwsSession.from_chain(requests_ca_bundle=value)
    assert caught.value.control == "GS-S3-002"


def test_gs_s3_002_rejects_false_from_any_source(region):
    inner = boto3.session.Session()
    inner._session.set_config_variable("ca_bundle", False)
    with pytest.raises(RefusedError, match="GS-S3-002"):
        AwsSession(session=inner)


def test_without_a_setting_botocores_own_roots_are_trusted(region):
    assert trusts(AwsSession.from_chain().client("kms")) is True


def test_botocores_setting_takes_precedence_over_the_variable_of_requests(region, tmp_path):
    assert trusts(AwsSession.from_chain(requests_ca_bundle="/r.pem").client("kms")) == "/r.pem"
    profile(region, tmp_path, "ca_bundle = /p.pem")
    assert trusts(AwsSession.from_chain(requests_ca_bundle="/r.pem").client("kms")) == "/p.pem"
    region.setenv("AWS_CA_BUNDLE", "/e.pem")
    assert trusts(AwsSession.from_chain(requests_ca_bundle="/r.pem").client("kms")) == "/e.pem"


def test_clients_of_libraries_trust_the_same_authorities(region):
    for bundle in (None, "/r.pem"):
        session = AwsSession.from_chain(requests_ca_bundle=bundle)
        region.setenv("AWS_CA_BUNDLE", "")
        region.setenv("REQUESTS_CA_BUNDLE", "")
        made = boto3.session.Session(botocore_session=session.botocore).client("kms")
        assert trusts(made) == trusts(session.client("kms")) == (bundle or True)
        region.delenv("AWS_CA_BUNDLE")


def test_sessions_of_a_process_parse_the_model_of_a_service_once(clean_environment):
    first, second = (AwsSession.from_chain(region="eu-west-1") for _ in range(2))
    loaders = [session.botocore.get_component("data_loader") for session in (first, second)]
    assert loaders[0] is loaders[1]
    for _ in range(3):
        AwsSession.from_chain(region="eu-west-1")
    assert len(loaders[0].search_paths) <= len(set(loaders[0].search_paths)) + 1
    assert first.client("sts").meta.service_model is not second.client("sts").meta.service_model
