"""The fix of an error, carried out literally, makes the error go away.

Each case breaks one setting, lets a run fail, and carries out the sentence of its fix: the edit of the
connection, URL, call, arguments or settings that it names. The run must then succeed. A fix that names no
edit that works fails its case. The fixes of security configurations and keys are in
``tests/unit/preflight/test_typed_fixes.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from typed_fixes import controls_of

from glue_secure.core.connection import GlueConnection
from glue_secure.core.errors import GlueSecureError
from glue_secure.core.identifiers import S3Uri

URL = "jdbc:postgresql://db.example.com:5432/ops"
KAFKA = {
    "KAFKA_BOOTSTRAP_SERVERS": "b-1.example.com:9096",
    "KAFKA_CUSTOM_CERT": "s3://config/ca.pem",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_SCRAM_SECRETS_ARN": "ops/postgres",
}


@dataclass
class Job:
    """A job with its connection, and what a fix can edit."""

    fixture: Any
    kind: str = "jdbc"
    url: str = URL
    properties: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    java: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def run(self) -> None:
        """Start a run, open its connection, and read a location; raises what stops it."""
        self.runs += 1
        self.connect()
        self.fixture.engine.settings = dict(self.settings)
        self.fixture.engine.java = dict(self.java)
        run = self.fixture.start(f"jr_{self.runs}", **self.arguments)
        try:
            if self.kind == "kafka":
                run.reader.kafka_options("events", {"subscribe": "flights", **self.options})
            elif self.kind == "jdbc":
                run.reader.read_jdbc("ops", "orders", options=self.options)
            run.reader.read_s3("s3://landing/flights/", format="csv", options=dict(self.options_of_files()))
            run.commit()
        except BaseException as error:
            run.close(error)
            raise

    def options_of_files(self) -> dict[str, str]:
        return self.options if self.kind == "files" else {}

    def connect(self) -> None:
        ops = self.fixture.control_plane.connections["ops"]
        given = dict(self.properties)
        if self.kind == "kafka":
            properties = {**KAFKA, **given}
            connection = GlueConnection("events", "KAFKA", {n: v for n, v in properties.items() if v})
            self.fixture.control_plane.connections["events"] = connection
            return
        base = {
            "JDBC_CONNECTION_URL": self.url,
            "JDBC_ENFORCE_SSL": "true",
            "CUSTOM_JDBC_CERT": "s3://config/ca.pem",
            "SECRET_ID": "ops/postgres",
        }
        properties = {name: value for name, value in {**base, **given}.items() if value}
        self.fixture.control_plane.connections["ops"] = replace(ops, properties=properties)


def carry_out(job: Job, error: GlueSecureError) -> None:
    """Carry out the sentence of a fix: the first edit that it names."""
    fix, found = error.fix, error.found
    name = r"(?:--)?(?P<name>[\w.-]*\w)"
    edits = (
        (rf"set {name}(?: to |=)(?P<value>[\w-]+) in the connection", set_property),
        (rf"(?:correct or )?remove {name} (?:from|in) the connection", remove_property),
        (rf"store .* remove {name}, change the password", remove_property),
        (rf"move the password into Secrets Manager, set SECRET_ID, remove {name},", remove_property),
        (r"remove (?P<name>it) from the connection", remove_property),
        (r"remove (?P<name>it|them) from the URL", remove_from_url),
        (rf"(?:remove|correct) {name} (?:from|in) the URL", remove_from_url),
        (rf"remove {name} and write the server before the options", remove_from_url),
        (r"write the option's (?P<name>name) as the driver spells it", respell),
        (r"remove everything up to the (?P<name>@)", remove_credentials),
        (rf"remove {name} from the call", remove_option),
        (rf"remove {name} from the job's arguments", remove_argument),
        (rf"add --{name} (?P<value>[\w,-]+)", add_argument),
        (r"remove it from (?P<name>[\w.]+); add a private CA", remove_java_option),
        (rf"remove the code that sets {name} after job.init", remove_setting),
        (rf"remove {name}[;,]", remove_setting),
        (rf"remove {name}\Z", remove_option),
    )
    for pattern, edit in edits:
        match = re.search(pattern, fix)
        if match:
            named = match["name"]
            if named in ("it", "them"):
                named = re.search(r"(?:property|option) ([\w.-]+)", found)[1]
            edit(job, error, named, match.groupdict().get("value") or "")
            return
    raise AssertionError(f"a fix that names no edit: {fix}")


def set_property(job, _error, name, value):
    job.properties[name] = value


def remove_property(job, _error, name, _value):
    assert job.properties.get(name), f"the fix names {name}, which is not the cause"
    job.properties[name] = ""


def remove_from_url(job, _error, name, _value):
    without = re.sub(rf"([?&;]){re.escape(name)}=[^&;]*", r"\1", job.url)
    assert without != job.url, f"the fix names {name}, which is not in the URL"
    job.url = without.replace("?&", "?").replace("&&", "&").rstrip("?&;")


def respell(job, error, _name, _value):
    job.url = re.sub(rf"(?i){error.required}=", f"{error.required}=", job.url)


def remove_credentials(job, _error, _name, _value):
    job.url = "jdbc:postgresql://" + job.url.rpartition("@")[2]


def remove_option(job, _error, name, _value):
    assert name in job.options, f"the fix names {name}, which is not an option"
    del job.options[name]


def remove_argument(job, _error, name, _value):
    del job.arguments[name.replace("-", "_")]


def add_argument(job, _error, name, value):
    job.arguments[name.replace("-", "_")] = value


def remove_java_option(job, _error, name, _value):
    del job.java[name]


def remove_setting(job, _error, name, _value):
    assert name in job.settings, f"the fix names {name}, which is not set"
    del job.settings[name]


def url(suffix):
    return {"url": URL + suffix}


def properties(**more):
    return {"properties": more}


def kafka(*, options=None, **more):
    return {"kind": "kafka", "properties": more, "options": options or {}}


def options(**more):
    return {"options": more}


def files(**more):
    return {"kind": "files", "options": more}


def settings(more):
    return {"kind": "none", "settings": more}


def arguments(**more):
    return {"kind": "none", "arguments": more}


CASES = {
    # GS-TLS-001: options of the URL that weaken TLS.
    "sslmode": ("GS-TLS-001", url("?sslmode=require")),
    "ssl": ("GS-TLS-001", url("?ssl=false")),
    "sslfactory": ("GS-TLS-001", url("?sslfactory=org.postgresql.ssl.NonValidatingFactory")),
    "sslmode among others": ("GS-TLS-001", url("?ApplicationName=etl&sslmode=disable&connectTimeout=5")),
    # GS-TLS-005
    "unknown option of the URL": ("GS-TLS-005", url("?optoin=1")),
    "socketFactory": ("GS-TLS-001", url("?socketFactory=x.Y")),
    "unknown property": ("GS-TLS-005", properties(JDBC_ENFORCE_SSLL="true")),
    "property in lower case": ("GS-TLS-005", properties(jdbc_enforce_ssl="true")),
    "property of Kafka": ("GS-TLS-005", properties(KAFKA_SSL_ENABLED="true")),
    "option sslmode": ("GS-TLS-005", options(sslmode="disable")),
    "option sslfactory": ("GS-TLS-005", options(sslfactory="x.Y")),
    "option url": ("GS-TLS-005", options(url="jdbc:postgresql://elsewhere/x")),
    "option enforceSSL": ("GS-TLS-005", options(enforceSSL="false")),
    # GS-TLS-006
    "TLS not enforced": ("GS-TLS-006", properties(JDBC_ENFORCE_SSL="false")),
    "no JDBC_ENFORCE_SSL": ("GS-TLS-006", properties(JDBC_ENFORCE_SSL="")),
    "validation skipped": ("GS-TLS-006", properties(SKIP_CUSTOM_JDBC_CERT_VALIDATION="true")),
    # GS-TLS-007
    "loginTimeout without a number": ("GS-TLS-007", url("?loginTimeout=soon")),
    "option in another case": ("GS-TLS-007", url("?applicationname=etl")),
    "PGHOST": ("GS-TLS-007", url("?PGHOST=elsewhere")),
    # GS-TLS-008
    "password in the URL": ("GS-TLS-008", url("?password=hunter2")),
    "user in the URL": ("GS-TLS-008", url("?user=me")),
    "user before the host": ("GS-TLS-008", {"url": URL.replace("//", "//me:hunter2@")}),
    "PASSWORD": ("GS-TLS-008", properties(PASSWORD="hunter2")),
    "option password": ("GS-TLS-008", options(password="hunter2")),
    "option user": ("GS-TLS-008", options(user="me")),
    # GS-TLS-011
    "JDBC_DRIVER_CLASS_NAME": ("GS-TLS-011", properties(JDBC_DRIVER_CLASS_NAME="x.Driver")),
    "JDBC_DRIVER_JAR_URI": ("GS-TLS-011", properties(JDBC_DRIVER_JAR_URI="s3://config/x.jar")),
    "option customJdbcDriverS3Path": ("GS-TLS-011", options(customJdbcDriverS3Path="s3://config/x.jar")),
    # Kafka
    "Kafka without TLS": ("GS-TLS-006", kafka(KAFKA_SSL_ENABLED="false")),
    "Kafka validation skipped": ("GS-TLS-006", kafka(KAFKA_SKIP_CUSTOM_CERT_VALIDATION="true")),
    "Kafka password": ("GS-TLS-008", kafka(KAFKA_SASL_PLAIN_PASSWORD="hunter2")),
    "Kafka user": ("GS-TLS-011", kafka(KAFKA_SASL_SCRAM_USERNAME="me")),
    "Kafka unknown property": ("GS-TLS-005", kafka(KAFKA_THING="1")),
    "Kafka JAAS": ("GS-TLS-008", kafka(options={"kafka.sasl.jaas.config": "x"})),
    "Kafka protocol": ("GS-TLS-001", kafka(options={"kafka.security.protocol": "PLAINTEXT"})),
    "Kafka host names": ("GS-TLS-001", kafka(options={"kafka.ssl.endpoint.identification.algorithm": ""})),
    "Kafka interceptor": ("GS-TLS-005", kafka(options={"kafka.interceptor.classes": "x.Y"})),
    # GS-S3: settings and options.
    "endpoint of S3A": ("GS-S3-002", settings({"fs.s3a.endpoint": "http://localhost:1"})),
    "endpoint of a bucket": ("GS-S3-002", settings({"fs.s3a.bucket.landing.endpoint": "https://elsewhere"})),
    "encryption of a bucket": (
        "GS-S3-003",
        settings({"fs.s3a.bucket.landing.encryption.algorithm": "AES256"}),
    ),
    "key of a bucket": ("GS-S3-003", settings({"fs.s3a.bucket.landing.encryption.key": "x"})),
    "client-side encryption": ("GS-S3-001", settings({"fs.s3a.encryption.cse.kms.region": "eu-west-1"})),
    "option with a key": ("GS-S3-005", files(**{"fs.s3a.encryption.key": "x"})),
    "option with an endpoint": ("GS-S3-005", files(**{"fs.s3a.endpoint": "https://elsewhere"})),
    "JVM without certificate checks": (
        "GS-S3-002",
        {
            "kind": "none",
            "java": {"spark.driver.extraJavaOptions": "-Dcom.amazonaws.sdk.disableCertChecking"},
        },
    ),
    # GS-SEC: arguments.
    "--encryption-type": ("GS-SEC-009", arguments(encryption_type="sse-s3")),
    "name of a secret": ("GS-SEC-011", arguments(redshift_secret="prod")),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fix_carried_out_literally_lets_the_run_succeed(run_fixture, server, name):
    control, broken = CASES[name]
    run_fixture.objects.put(S3Uri("landing", "flights/a.csv"))
    job = Job(run_fixture, **broken)
    with pytest.raises(GlueSecureError) as failed:
        job.run()
    assert failed.value.control == control, str(failed.value)
    carry_out(job, failed.value)
    job.run()
    assert run_fixture.evidence(f"jr_{job.runs}")["outcome"] == "succeeded"


def test_the_table_has_the_controls_of_this_file():
    assert {control for control, _ in CASES.values()} == controls_of(__file__)
