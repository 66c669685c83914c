"""The options of connectors: which are accepted, and the control of each rejection."""

import pytest

from glue_secure.connections.connectors.options import check_options, require_served, with_forced_options
from glue_secure.connections.connectors.table import CONNECTORS, connector, connector_of
from glue_secure.core.controls import CONTROLS
from glue_secure.core.errors import RefusedError
from glue_secure.core.findings import enforce

ACCEPTED = {
    "dynamodb": {"dynamodb.input.tableName": "t", "dynamodb.splits": "4", "dynamodb.sts.roleArn": "arn"},
    "kafka": {"connectionName": "c", "topicName": "t", "security.protocol": "SSL", "kafka.client.id": "x"},
    "kinesis": {
        "streamARN": "arn",
        "startingPosition": "earliest",
        "endpointUrl": "https://kinesis.eu-west-1",
    },
    "mongodb": {"connectionName": "c", "database": "d", "ssl": "true", "ssl.domain_match": True},
    "snowflake": {"connectionName": "c", "sfDatabase": "d", "dbtable": "t", "sfSSL": "on"},
    "bigquery": {"connectionName": "c", "parentProject": "p", "sourceType": "table", "table": "t"},
    "custom and marketplace connectors": {
        "className": "a.B",
        "secretId": "s",
        "url": "jdbc:x://h/?user=${username}&password=${password}",
        "uri": "anything",
    },
}
REFUSED = [
    ("dynamodb", {"dynamodb.endpoint": "http://localhost"}, "GS-TLS-005"),
    ("dynamodb", {"dynamodb.awsAccessKeyId": "x"}, "GS-TLS-008"),
    ("dynamodb", {"dynamodb.splitz": "1"}, "GS-TLS-005"),
    ("kafka", {"security.protocol": "PLAINTEXT"}, "GS-TLS-001"),
    ("kafka", {"kafka.ssl.endpoint.identification.algorithm": ""}, "GS-TLS-001"),
    ("kinesis", {"endpointUrl": "http://kinesis.eu-west-1.amazonaws.com"}, "GS-TLS-001"),
    ("kinesis", {"awsAccessKeyId": "x"}, "GS-TLS-008"),
    ("mongodb", {"ssl": "false"}, "GS-TLS-001"),
    ("mongodb", {"ssl.domain_match": "false"}, "GS-TLS-001"),
    ("mongodb", {"password": "hunter2"}, "GS-TLS-008"),
    ("mongodb", {"uri": "mongodb://u:hunter2@h:27017"}, "GS-TLS-008"),
    ("mongodb", {"connection.uri": "mongodb://h:27017/?tlsInsecure=true"}, "GS-TLS-001"),
    ("mongodb", {"uri": "http://h:27017"}, "GS-TLS-007"),
    ("snowflake", {"sfSSL": "off"}, "GS-TLS-001"),
    ("snowflake", {"SFPASSWORD": "hunter2"}, "GS-TLS-008"),
    ("snowflake", {"insecureMode": "true"}, "GS-TLS-001"),
    ("snowflake", {"tempDir": "s3://b/"}, "GS-S3-005"),
    ("bigquery", {"bigQueryHttpEndpoint": "https://x"}, "GS-TLS-005"),
    ("bigquery", {"temporaryGcsBucket": "b"}, "GS-S3-006"),
    ("bigquery", {"credentials": "hunter2"}, "GS-TLS-008"),
    ("custom and marketplace connectors", {"dbPassword": "hunter2"}, "GS-TLS-008"),
    ("custom and marketplace connectors", {"url": "jdbc:x://h/?password=hunter2"}, "GS-TLS-008"),
]


@pytest.mark.parametrize("name", ACCEPTED)
def test_options_of_awss_pages_are_accepted(name):
    findings = enforce(check_options(connector(name), ACCEPTED[name], "a call"))
    assert [finding.control for finding in findings] == ["GS-TLS-001", "GS-TLS-005", "GS-TLS-008"]


@pytest.mark.parametrize(
    ("name", "options", "control"), REFUSED, ids=[f"{case[0]}-{next(iter(case[1]))}" for case in REFUSED]
)
def test_an_option_that_weakens_a_connector_is_rejected_without_its_secret(name, options, control):
    with pytest.raises(RefusedError) as caught:
        enforce(check_options(connector(name), {**ACCEPTED[name], **options}, "a call"))
    assert caught.value.control == control
    assert "hunter2" not in str(caught.value)


def test_forced_options_replace_the_callers_in_any_letter_case():
    forced = with_forced_options(connector("mongodb"), {"SSL": "true", "database": "d"})
    assert forced == {"database": "d", "ssl": "true", "ssl.domain_match": "true"}


@pytest.mark.parametrize("kind", ["opensearch", "teradata"])
def test_gs_con_002_a_connector_whose_tls_cannot_be_forced_is_rejected_by_name(kind):
    found = connector_of(kind.upper())
    with pytest.raises(RefusedError, match="GS-CON-002") as caught:
        require_served(found, f"a {kind} source")
    assert found.blocked in str(caught.value)


def test_the_table_names_existing_controls_valid_patterns_and_sources():
    types = [kind for each in CONNECTORS for kind in each.types]
    assert len(types) == len(set(types))
    for each in CONNECTORS:
        assert each.sources
        assert bool(each.options) != bool(each.blocked)
        for refusal in each.refusals:
            assert refusal.control in CONTROLS
