"""The reader of glue_secure.toml: defaults, and errors that name the line or the key."""

import fnmatch
import json
import re
from hashlib import sha256

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from glue_secure import __version__
from glue_secure.core.errors import UsageError
from glue_secure.project.project_file import read, read_text

GOOD = """
[project]
name = "orders"
[buckets]
artifacts = "acme-artifacts"
evidence = "acme-evidence"
landing = "acme-landing"
[connections.db]
url = "jdbc:postgresql://db.example.org:5432/orders"
[jobs.daily]
script = "jobs/daily.py"
reads = ["landing"]
connections = ["db"]
arguments = { source = "s3://acme-landing/" }
"""


def test_omitted_keys_have_secure_defaults():
    project = read_text(GOOD)
    job = project.jobs["daily"]
    assert (job.glue, job.workers, job.bookmark, project.catalog_settings) == ("5.1", 2, True, True)
    assert project.connections["db"].secret == "orders/db"
    assert project.vpc is None
    fixed = project.fixed_arguments(job)
    assert fixed["--glue-secure-evidence-uri"] == "s3://acme-evidence/evidence/"
    assert fixed["--enable-continuous-cloudwatch-log"] == "true"
    assert fixed["--scriptLocation"] == "s3://acme-artifacts/scripts/daily.py"
    defaults = project.default_arguments(job, "eu-west-1")
    assert defaults["--source"] == "s3://acme-landing/"
    # Scanners search this argument where a run may override it; the fixed one decides.
    assert set(fixed) & set(defaults) == {"--enable-continuous-cloudwatch-log"}


def test_a_job_loads_the_request_guard_only_if_its_table_says_so():
    project = read_text(GOOD)
    job = project.jobs["daily"]
    assert "--extra-jars" not in project.fixed_arguments(job)
    region = "spark.hadoop.fs.s3a.endpoint.region=eu-west-1"
    expected = f"spark.io.encryption.enabled=true --conf {region}"
    assert project.default_arguments(job, "eu-west-1")["--conf"] == expected

    text = replaced('reads = ["landing"]', "request_guard = true")
    text = text.replace("arguments = {", 'arguments = { conf = "spark.plugins=x.Y --conf spark.a=1",')
    project = read_text(text)
    job = project.jobs["daily"]
    jar = f"s3://acme-artifacts/glue-secure/glue_secure-{__version__}-request-guard.jar"
    assert project.fixed_arguments(job)["--extra-jars"] == jar
    settings = project.default_arguments(job, "eu-west-1")["--conf"].split(" --conf ")
    assert settings == [
        "spark.plugins=x.Y,gluesecure.guard.GuardPlugin", "spark.a=1", "spark.io.encryption.enabled=true",
        region,
    ]  # fmt: skip


def test_the_settings_of_a_job_do_not_replace_those_of_the_project():
    text = GOOD.replace("arguments = {", 'arguments = { conf = "spark.a=1",')
    project = read_text(text)
    conf = project.default_arguments(project.jobs["daily"], "eu-west-1")["--conf"]
    region = "spark.hadoop.fs.s3a.endpoint.region=eu-west-1"
    assert conf == f"spark.a=1 --conf spark.io.encryption.enabled=true --conf {region}"
    own = text.replace("spark.a=1", "spark.hadoop.fs.s3a.endpoint.region=eu-south-2")
    project = read_text(own)
    assert "eu-west-1" not in project.default_arguments(project.jobs["daily"], "eu-west-1")["--conf"]


EXISTING_VPC = """
[vpc]
id = "vpc-01234567"
subnets = ["subnet-01234567"]
availability_zones = ["eu-west-1a"]
route_tables = ["rtb-01234567"]
"""
WORKERS = '[jobs.large]\nscript = "x.py"\nworkers = 100\n'
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders/db-AbCdEf"
LAMBDA = "arn:aws:lambda:eu-west-1:111122223333:function:rotate"
ANALYST = "arn:aws:iam::111122223333:role/analyst"


def replaced(before, after):
    assert before in GOOD
    return GOOD.replace(before, after)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (replaced('name = "orders"', 'name = "orders'), "line 3"),
        (replaced("[project]", "[projects]"), "project"),
        (replaced('reads = ["landing"]', 'read = ["landing"]'), r"jobs\.daily\.read\n.*\n.*reads\?"),
        (replaced('reads = ["landing"]', 'reads = ["lending"]'), r"jobs\.daily\.reads(.|\n)*lending"),
        (replaced('reads = ["landing"]', 'reads = "landing"'), r"jobs\.daily\.reads\n.*a text"),
        (replaced('reads = ["landing"]', 'writes = ["evidence"]'), r"jobs\.daily\.writes"),
        (replaced('reads = ["landing"]', "workers = true"), r"jobs\.daily\.workers"),
        (replaced('reads = ["landing"]', "workers = 1"), "2 to 299"),
        (replaced('reads = ["landing"]', 'glue = "4.0"'), r"jobs\.daily\.glue(.|\n)*5\.1"),
        (replaced('reads = ["landing"]', 'reads_tables = ["a.*"]'), r"jobs\.daily\.reads_tables"),
        (replaced('"jobs/daily.py"', '"../daily.py"'), r"jobs\.daily\.script"),
        (replaced("[jobs.daily]", '[jobs."a b"]'), r"jobs\.a b"),
        (replaced('evidence = "acme-evidence"', ""), r"buckets\.evidence"),
        (replaced('"acme-evidence"', '"acme-artifacts"'), r"buckets\.evidence(.|\n)*artifacts"),
        (replaced('"acme-evidence"', '"Acme"'), r"buckets\.evidence(.|\n)*Acme"),
        (replaced('"acme-evidence"', '{ name = "acme-x", key = "alias/x" }'), r"buckets\.evidence\.key"),
        (replaced("source = ", "glue-secure-evidence-uri = "), r"jobs\.daily\.arguments"),
        (replaced("source = ", "job_bookmark_option = "), r"jobs\.daily\.arguments"),
        (replaced("source = ", "password = "), r"jobs\.daily\.arguments\.password"),
        (GOOD + "[vpc]\ncidr = '10.0.0.0/8'\n", "vpc.cidr"),
        (GOOD + "[vpc]\ncidr = '10.0.0.1/16'\n", "vpc.cidr"),
        (GOOD + "[vpc]\ncidr = '10.0.0.0/16'\nid = 'vpc-01234567'\n", "vpc.subnets"),
        (GOOD + "[vpc]\ncidr = '10.0.0.0/16'\nsubnets = []\n", "vpc.subnets"),
        (GOOD + EXISTING_VPC.replace('availability_zones = ["eu-west-1a"]', ""), r"vpc\.availability_zones"),
        (GOOD + EXISTING_VPC, r"vpc\.databases"),
        (GOOD + EXISTING_VPC + "existing_endpoints = ['sqs']\n", r"vpc\.existing_endpoints(.|\n)*kms"),
        (GOOD + "[vpc]\ncidr = '10.0.0.0/16'\nexisting_endpoints = ['kms']\n", r"vpc\.existing_endpoints"),
        (GOOD + EXISTING_VPC + "databases = '10.0.0.0/8'\nexisting_endpoints = ['kms', 's3', 'sts']\n"
         + "endpoints_required = true\nendpoint_ids = ['vpce-01234567']\n", "for kms, s3"),
        (GOOD + EXISTING_VPC + "databases = '10.0.0.0/8'\nendpoint_ids = ['vpce-01234567']\n",
         r"vpc\.endpoint_ids(.|\n)*endpoints_required = true"),
        (GOOD + EXISTING_VPC + "endpoints_required = true\nendpoint_ids = ['vpc-01234567']\n",
         r"vpc\.endpoint_ids"),
        (GOOD + "[vpc]\ncidr = ''\n", r"vpc\.cidr"),
        (GOOD + "[vpc]\ncidr = '10.0.0.0/16'\nports = [70000]\n", r"vpc\.ports(.|\n)*1 to 65535"),
        (GOOD + "[vpc]\ncidr = '10.0.0.0/16'\nports = [true]\n", r"vpc\.ports"),
        (replaced('reads = ["landing"]', 'policies = ["kinesis"]'), r"jobs\.daily\.policies"),
        (replaced('reads = ["landing"]', 'policies = ["arn:aws:iam::aws:policy/AdministratorAccess"]'),
         r"jobs\.daily\.policies(.|\n)*AdministratorAccess(.|\n)*permissions_boundary"),
        (replaced('reads = ["landing"]',
                  'policies = ["arn:aws-cn:iam::aws:policy/job-function/SystemAdministrator"]'),
         r"jobs\.daily\.policies(.|\n)*SystemAdministrator"),
        (replaced('reads = ["landing"]', 'policies = ["arn:aws:iam::aws:policy/X"]\nrole = "'
                  + ANALYST + '"'), r"policies(.|\n)*existing role"),
        (replaced("arguments = {", r'arguments = { custom-logGroup-prefix = "/acme*",'),
         r"arguments\.custom-logGroup-prefix"),
        (replaced("arguments = {", r'arguments = { x = "\u0000",'), r"arguments\.x(.|\n)*U\+0000"),
        (replaced("[project]", "[project]\nrole_path = '/é/'"), r"project\.role_path"),
        (GOOD + "[vpc]\ncidr = '10.0.0.0/24'\nzones = 3\n" + WORKERS, r"cidr(.|\n)*52 workers(.|\n)*100"),
        (GOOD + "[vpc]\ncidr = '10.0.0.0/16'\navailability_zones = ['a']\n", r"vpc\.availability_zones"),
        *[
            (replaced('"acme-landing"', f'"{name}"'), r"buckets\.landing")
            for name in ("a..b", "192.168.1.1", "xn--x", "acme-s3alias", "ab", "acme-", "a_b", "x--ol-s3")
        ],
        (replaced('landing = "acme-landing"', 'access_logs = "acme-landing"'), "access_logs"),
        (GOOD + '[jobs.Daily]\nscript = "x.py"\n', r"jobs\.Daily(.|\n)*daily"),
        (GOOD + '[jobs.da-ily]\nscript = "x.py"\n', r"jobs\.da-ily"),
        (GOOD + '[connections.d_b]\nurl = "jdbc:postgresql://h:5432/x"\n', r"connections\.d_b"),
        (GOOD + '[connections.other]\nurl = "jdbc:postgresql://h:5432/x"\nsecret = "orders/db"\n',
         r"connections\.other\.secret(.|\n)*db"),
        (GOOD + '[connections.orders-network]\nurl = "jdbc:postgresql://h:5432/x"\n', "network"),
        (replaced("source = ", "glue-secure-columns = "), "the key columns of the job's table"),
        (replaced("source = ", "glue_secure_suites = "), "the key suites of the job's table"),
        (replaced("source = ", "conf = 'x', source = "), r"arguments\.conf"),
        (replaced('reads = ["landing"]', 'columns = "s3://b/${x}"'), r"jobs\.daily\.columns"),
        (replaced('reads = ["landing"]', 'bookmarks = "own"'), "portable, native"),
        (replaced('reads = ["landing"]', 'high_water = "a b"'), "high_water"),
        (replaced('name = "orders"', 'name = "orders"\noperators = ["me"]'), r"project\.operators"),
        (replaced('"acme-landing"', '{ name = "acme-x", existing = true, readers = ["' + ANALYST + '"] }'),
         r"buckets\.landing\.readers"),
        (replaced('"acme-landing"', '{ name = "acme-x", registration_role = "x" }'), "registration_role"),
        (GOOD + "[evidence]\nlock = 'none'\n", r"evidence\.lock"),
        (replaced('name = "orders"', 'name = "orders"\ntags = { "aws:x" = "1" }'), r"project\.tags\.aws:x"),
        (replaced('name = "orders"', 'name = "orders"\ntags = { a = "$" }'), r"project\.tags\.a"),
        (replaced('name = "orders"', 'name = "orders"\nrole_path = "x"'), r"project\.role_path"),
        (replaced('name = "orders"', 'name = "orders"\npermissions_boundary = "x"'), "permissions_boundary"),
        (replaced('name = "orders"', 'name = "orders"\nsecurity_configuration = "x"'),
         "the key for data of the existing configuration x"),
        (GOOD + "[keys]\ndata = 'alias/x'\n", r"keys\.data"),
        (GOOD + "[keys]\nother = 'x'\n", r"keys\.other"),
        (replaced('"acme-landing"', f'{{ name = "acme-x", key = "{KEY}" }}'), "project.policy with a target"),
        (replaced('"acme-landing"', '{ name = "acme-x", encryption = "SSE-S3" }'), "encryption"),
        (replaced('"acme-landing"', '{ name = "acme-x", existing = true, encryption = "SSE-S3" }'),
         r"landing\.encryption"),
        (replaced('"acme-evidence"', '{ name = "acme-x", encryption = "SSE-S3" }'), r"evidence\.encryption"),
        (replaced("[connections.db]", f"[connections.db]\nsecret_key = '{KEY}'"), "secret_key"),
        (replaced("[connections.db]", f"[connections.db]\nsecret = '{SECRET}'\nrotation = '{LAMBDA}'"),
         r"connections\.db\.rotation"),
        (replaced('reads = ["landing"]', 'schedule = "daily"'), r"jobs\.daily\.schedule"),
        (replaced('reads = ["landing"]', 'modules = ["../lib"]'), r"jobs\.daily\.modules"),
        (replaced('reads = ["landing"]', 'requirements = "/tmp/a.txt"'), r"jobs\.daily\.requirements"),
        (replaced('reads = ["landing"]', "retries = 11"), "0 to 10"),
        (replaced('reads = ["landing"]', 'role = "orders"'), r"jobs\.daily\.role"),
        (GOOD + EXISTING_VPC + "databases = '10.0.0.0/8'\nflow_logs = true\n", r"vpc\.flow_logs"),
        (GOOD + "[crawlers.raw]\nreads = []\ndatabase = 'raw'\n", r"crawlers\.raw\.reads"),
        (GOOD + "[crawlers.raw]\nreads = ['evidence']\ndatabase = 'raw'\n", r"crawlers\.raw\.reads"),
        (GOOD + "[crawlers.raw]\nreads = ['landing']\ndatabase = 'A B'\n", r"crawlers\.raw\.database"),
        (GOOD + "[crawlers.x]\nreads = ['landing']\ndatabase = 'x'\n[jobs.x_crawler]\nscript = 'x.py'\n",
         r"jobs\.x-crawler(.|\n)*x_crawler"),
        (GOOD + "[environments]\nprod = 1\n", r"environments\.prod"),
        (GOOD.partition("[jobs")[0], "jobs"),
        ("", "project"),
    ],
)  # fmt: skip
def test_an_error_names_the_line_or_the_key(text, message):
    with pytest.raises(UsageError, match=message):
        read_text(text)


@pytest.mark.parametrize(
    "url",
    [
        "jdbc:oracle:thin:@tcps://db.example.org:2484/orders",
        "jdbc:postgresql://[2001:db8::1]:5432/orders",
        "jdbc:sqlserver://db.example.org:1433;databaseName=orders;encrypt=true",
        "jdbc:mysql://db.example.org:3306/orders?sslMode=VERIFY_IDENTITY",
    ],
)
def test_each_url_that_a_run_accepts_is_accepted(url):
    connection = read_text(replaced("jdbc:postgresql://db.example.org:5432/orders", url)).connections["db"]
    assert (connection.url, connection.port) == (url, int(re.search(r":(\d+)[/;]", url)[1]))


@pytest.mark.parametrize(
    ("url", "control"),
    [
        ("jdbc:postgresql://db:5432/x?sslmode=disable", "GS-TLS-001"),
        ("jdbc:mysql://db:3306/x?sslMode=DISABLED", "GS-TLS-001"),
        ("jdbc:sqlserver://db:1433;databaseName=x;encrypt=false", "GS-TLS-001"),
        ("jdbc:oracle:thin:@//db:1521/x", "GS-TLS-001"),
        ("jdbc:postgresql://a,b:5432/x", "GS-TLS-007"),
        ("jdbc:derby://db:1527/x", "GS-TLS-011"),
    ],
)
def test_a_url_that_a_run_would_reject_is_rejected_at_once(url, control):
    with pytest.raises(UsageError, match=rf"connections\.db\.url(.|\n)*{control}"):
        read_text(replaced("jdbc:postgresql://db.example.org:5432/orders", url))


@pytest.mark.parametrize(
    "url",
    ["jdbc:postgresql://u:hunter2@db:5432/x", "jdbc:postgresql://db:5432/x?password=hunter2", "jdbc:hunter2"],
)
def test_a_url_with_a_password_is_rejected_and_not_shown(url):
    with pytest.raises(UsageError, match=r"connections\.db\.url") as caught:
        read_text(replaced("jdbc:postgresql://db.example.org:5432/orders", url))
    assert "hunter2" not in str(caught.value)


def test_a_missing_or_unreadable_file_is_an_error_with_a_fix(tmp_path):
    with pytest.raises(UsageError, match=r"docs/templates\.md"):
        read(tmp_path / "glue_secure.toml")
    (tmp_path / "glue_secure.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="text that is not UTF-8"):
        read(tmp_path / "glue_secure.toml")


GOVERNED = """
[buckets.lake]
name = "acme-lake"
existing = true
lake_formation = true
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + GOVERNED.replace("existing = true", ""), "true for a bucket that the template creates"),
        (
            GOOD.replace('reads = ["landing"]', 'writes = ["lake"]') + GOVERNED,
            "glue-secure verifies written objects with the role's own S3 permissions",
        ),
        (
            GOOD.replace('evidence = "acme-evidence"', "")
            + GOVERNED.replace("buckets.lake", "buckets.evidence"),
            "with their own S3 permissions",
        ),
    ],
)
def test_lake_formation_governs_existing_buckets_that_jobs_only_read(text, message):
    with pytest.raises(UsageError, match=message):
        read_text(text)
    assert read_text(GOOD + GOVERNED).buckets["lake"].lake_formation is True


POLICY = 'policy = "s3://acme-policies/policy.toml"\npolicy_sha256 = "' + "a" * 64 + '"\n'


def with_policy(text):
    return f"""
[project]
name = "orders"
{text}
[buckets]
artifacts = "acme-artifacts"
evidence = "acme-evidence"
[jobs.daily]
script = "jobs/daily.py"
"""


def test_a_policy_is_a_fixed_argument_of_every_job_and_its_roles_may_read_it():
    project = read_text(with_policy(POLICY))
    fixed = project.fixed_arguments(project.jobs["daily"])
    assert fixed["--glue-secure-policy"] == "s3://acme-policies/policy.toml"
    assert fixed["--glue-secure-policy-sha256"] == "a" * 64
    without = read_text(with_policy(""))
    assert not [name for name in without.fixed_arguments(without.jobs["daily"]) if "policy" in name]


def test_a_policy_file_of_the_project_is_pinned_by_its_digest(tmp_path):
    content = b"schema = 1\nlevel = 'job'\n"
    (tmp_path / "job.toml").write_bytes(content)
    digest = sha256(content).hexdigest()
    location = f"s3://acme-artifacts/glue-secure/policy/{digest}.toml"
    project = read_text(with_policy('policy = "job.toml"'), folder=tmp_path)
    assert project.policy_files == {location: content}
    fixed = project.fixed_arguments(project.jobs["daily"])
    assert fixed["--glue-secure-policy"] == location
    assert fixed["--glue-secure-policy-sha256"] == digest
    both = read_text(with_policy(POLICY.replace("policy.toml", "policy.toml, job.toml")), folder=tmp_path)
    fixed = both.fixed_arguments(both.jobs["daily"])
    assert fixed["--glue-secure-policy"] == f"s3://acme-policies/policy.toml,{location}"
    assert fixed["--glue-secure-policy-sha256"] == f"{'a' * 64},{digest}"
    (tmp_path / "job.toml").write_text("schema = 1\nlevle = 1\n")
    with pytest.raises(UsageError, match=r"job\.toml:2"):
        read_text(with_policy('policy = "job.toml"'), folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('policy = "missing.toml"', "project.policy"),
        ('policy = "policy.yaml"', "project.policy"),
        ('policy = "s3://acme-policies/policy.toml,missing.toml"', "project.policy"),
        (POLICY.replace("a" * 64, f"{'a' * 64},{'b' * 64}"), "project.policy_sha256"),
        ('policy = "s3://acme-policies/policy.toml"', "project.policy_sha256"),
        (POLICY.replace("a" * 64, "abc"), "project.policy_sha256"),
        (POLICY.partition("\n")[2], "project.policy_sha256"),
    ],
)
def test_a_policy_of_the_project_is_an_object_with_a_digest(text, expected):
    with pytest.raises(UsageError, match=expected):
        read_text(with_policy(text))


ENVIRONMENTS = """
[environments.prod.project]
name = "orders-prod"
tags = { stage = "prod" }
[environments.prod.buckets]
artifacts = "acme-prod-artifacts"
[environments.prod.jobs.daily]
workers = 20
"""


def test_an_environment_replaces_keys_of_the_file_and_keeps_the_others():
    base, prod = read_text(GOOD + ENVIRONMENTS), read_text(GOOD + ENVIRONMENTS, environment="prod")
    assert base == read_text(GOOD)
    assert (prod.name, prod.configuration, prod.tags) == (
        "orders-prod",
        "orders-prod-strict",
        {"stage": "prod"},
    )
    assert {alias: bucket.name for alias, bucket in prod.buckets.items()} == {
        "artifacts": "acme-prod-artifacts", "evidence": "acme-evidence", "landing": "acme-landing"
    }  # fmt: skip
    job = prod.jobs["daily"]
    assert (job.workers, job.script, base.jobs["daily"].workers) == (20, "jobs/daily.py", 2)
    assert job.arguments == base.jobs["daily"].arguments


def test_an_unknown_environment_is_an_error():
    with pytest.raises(UsageError, match=r"'test'(.|\n)*prod"):
        read_text(GOOD + ENVIRONMENTS, environment="test")
    with pytest.raises(UsageError, match="none"):
        read_text(GOOD, environment="prod")


@pytest.mark.parametrize("selected", ["", "prod"])
@pytest.mark.parametrize(
    ("table", "key", "likely"),
    [
        ("buckets.landng]\nname = 'acme-x'", "buckets.landng", "landing?"),
        ("buckets]\nlandng = 'acme-x'", "buckets.landng", "landing?"),
        ("connections.dbs]\nurl = 'jdbc:postgresql://h:5432/x'", "connections.dbs", "db?"),
        ("jobs.dayly]\nworkers = 20", "jobs.dayly", "daily?; a new one needs script"),
        ("jobs.other]\nworkers = 20", "jobs.other", "one of the file's jobs: daily; a new one needs script"),
        ("evidense]\ndays = 1", "evidense", "evidence?"),
        ("evidence]\ndais = 1", "evidence.dais", "days?"),
        ("jobs.daily]\nworker = 20", "jobs.daily.worker", "workers?"),
        ("jobs.daily]\nreads = ['landng']", "jobs.daily.reads", "a bucket of this file"),
        ("jobs.new]\nscript = 'x.py'\nworker = 2", "jobs.new.worker", "workers?"),
    ],
)
def test_every_environment_is_validated_and_errors_name_its_key(table, key, likely, selected):
    with pytest.raises(UsageError) as error:
        read_text(f"{GOOD}{ENVIRONMENTS}[environments.test.{table}\n", environment=selected)
    assert f"glue_secure.toml: environments.test.{key}\n" in str(error.value)
    assert likely in str(error.value)


def test_an_environment_can_have_a_job_and_tables_of_its_own():
    own = "[environments.prod.jobs.imp_prod]\nscript = 'x.py'\n[environments.prod.evidence]\ndays = 9\n"
    project = read_text(GOOD + ENVIRONMENTS + own, environment="prod")
    assert (list(project.jobs), project.evidence.days) == (["daily", "imp_prod"], 9)
    assert list(read_text(GOOD + ENVIRONMENTS + own).jobs) == ["daily"]


def test_a_bucket_of_an_environment_that_its_job_names_may_be_new():
    bucket = "[environments.prod.buckets]\nlanding2 = 'acme-2'\n"
    job = "[environments.prod.jobs.daily]\nreads = ['landing2']\n"
    project = read_text(GOOD + bucket + job, environment="prod")
    assert project.jobs["daily"].reads == ("landing2",)


def test_jobs_can_be_in_environments_only():
    base, _, table = GOOD.partition("[jobs.daily]")
    text = base + "[environments.prod.jobs.daily]" + table
    assert list(read_text(text, environment="prod").jobs) == ["daily"]
    with pytest.raises(UsageError, match=r"glue_secure\.toml: jobs\b(.|\n)*missing"):
        read_text(text)


@pytest.mark.parametrize(
    "schedule",
    [
        "cron(0 3 * * ? *)", "cron(0/15 8-17 ? * MON-FRI *)", "cron(0 8 1 * ? *)", "cron(30 0 L * ? 2027)",
        "cron(0 0 3W 1,JUL ? *)", "cron(0 9 ? * 6#3 *)", "cron(0 9 ? * 5L *)",
        "cron(0,30 */2 * 1-6 ? 2026-2030)", "cron(0 3 ? * FRI-MON *)", "cron(0 3 ? * mon-fri *)",
    ],
)  # fmt: skip
def test_a_schedule_of_aws_is_accepted(schedule):
    assert (
        read_text(replaced('reads = ["landing"]', f'schedule = "{schedule}"')).jobs["daily"].schedule
        == schedule
    )


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("0 3 * * ? *", "six fields"), ("cron(0 3 * * *)", "with 5 fields"), ("rate(1 day)", "six fields"),
        ("cron(0 3 * * * *)", "? for either"), ("cron(0 3 ? * ? *)", "? for either"),
        ("cron(60 3 * * ? *)", "minutes of 0 to 59"), ("cron(0 24 * * ? *)", "hours of 0 to 23"),
        ("cron(0 3 32 * ? *)", "day of the month of 1 to 31"),
        ("cron(0 3 * 13 ? *)", "1 to 12 or JAN to DEC"),
        ("cron(0 3 ? * 0 *)", "1 to 7 or SUN to SAT"), ("cron(0 3 * * ? 1969)", "year of 1970 to 2199"),
        ("cron(? 3 * * ? *)", "minutes"), ("cron(9-63 3 * * ? *)", "minutes"),
        ("cron(0/0 3 * * ? *)", "minutes"),
        ("cron(0 3 ? * MON#6 *)", "day of the week"), ("cron(0 3 * * ? ,)", "year"),
    ],
)  # fmt: skip
def test_another_schedule_is_an_error_with_an_example(schedule, problem):
    with pytest.raises(UsageError) as error:
        read_text(replaced('reads = ["landing"]', f'schedule = "{schedule}"'))
    assert "cron(0 3 * * ? *)" in str(error.value)
    assert problem in str(error.value)
    assert "jobs.daily.schedule" in str(error.value)


def test_an_invalid_principal_or_choice_is_an_error_with_examples():
    with pytest.raises(UsageError, match="texts like arn:aws:iam::111122223333:role/NAME"):
        read_text(replaced('"acme-landing"', '{ name = "acme-x", producers = ["me"] }'))
    with pytest.raises(UsageError, match="required: governance, compliance"):
        read_text(GOOD + "[evidence]\nlock = 'none'\n")


def test_a_broad_policy_needs_a_permissions_boundary_that_limits_it():
    text = replaced('reads = ["landing"]', 'policies = ["arn:aws:iam::aws:policy/PowerUserAccess"]')

    def with_boundary(arn):
        assert "[project]\n" in text
        return text.replace("[project]\n", f'[project]\npermissions_boundary = "{arn}"\n')

    read_text(with_boundary("arn:aws:iam::111122223333:policy/jobs"))
    with pytest.raises(UsageError, match="PowerUserAccess"):
        read_text(with_boundary("arn:aws:iam::aws:policy/AdministratorAccess"))
    # A policy of the account may have the same name.
    read_text(text.replace("iam::aws:", "iam::111122223333:"))


def test_each_aws_managed_policy_that_opens_all_keys_roles_or_buckets_is_an_error():
    actions = (
        "kms:decrypt",
        "kms:creategrant",
        "kms:putkeypolicy",
        "iam:putrolepolicy",
        "s3:putbucketpolicy",
    )

    def many(value):
        return value if isinstance(value, list) else [value]

    def opens(statement):
        listed = many(statement.get("Action", statement.get("NotAction")))
        named = {
            action
            for action in actions
            if any(fnmatch.fnmatchcase(action, pattern.lower()) for pattern in listed)
        }
        allowed = named if "Action" in statement else {*actions} - named
        everywhere = "*" in many(statement.get("Resource", []))
        return statement["Effect"] == "Allow" and everywhere and "Condition" not in statement and allowed

    managed = json.loads(aws_managed_policies_data)
    broad = {
        f"arn:aws:iam::aws:policy{policy['Path']}{name}"
        for name, policy in managed.items()
        if any(map(opens, many(policy["Document"]["Statement"])))
    }
    assert len(broad) > 10
    for arn in sorted(broad):
        with pytest.raises(UsageError, match=r"jobs\.daily\.policies"):
            read_text(replaced('reads = ["landing"]', f'policies = ["{arn}"]'))
