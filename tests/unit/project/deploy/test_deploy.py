"""Deployment: the plan, its application, repeated deployments, and conflicts."""

import base64
import hashlib
import io
import os
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from glue_secure import __version__
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.service import ServiceError
from glue_secure.engines.spark.guard_jar import guard_jar
from glue_secure.project.deploy import apply, plan
from glue_secure.project.deploy.plan import CREATE, KEEP, UPDATE, UPLOAD, aws_unavailable
from glue_secure.project.gluewheels import Pin, Wheel, Wheels

pytestmark = pytest.mark.usefixtures("stack")


def actions(deployment):
    return [(change.action, change.kind) for change in deployment.changes]


def test_a_plan_lists_every_step_and_changes_nothing(planned, clients):
    assert actions(planned()) == [
        (CREATE, "security configuration"),
        (UPLOAD, "object"),
        (UPLOAD, "object"),
        (CREATE, "job"),
    ]
    assert clients["glue"].list_jobs()["JobNames"] == []
    assert clients["s3"].list_objects_v2(Bucket="acme-artifacts")["KeyCount"] == 0


def test_after_a_deployment_all_resources_exist_and_a_second_plan_is_empty(planned, account, clients, folder):
    apply(planned(), account)
    assert {action for action, _ in actions(planned())} == {KEEP}
    assert planned().pending == ()
    job = clients["glue"].get_job(JobName="daily")["Job"]
    assert job["SecurityConfiguration"] == "orders-strict"
    assert job["Connections"] == {"Connections": ["orders-db"]}
    assert job["Role"] == "arn:aws:iam::123456789012:role/orders-daily"
    assert job["DefaultArguments"]["--job-bookmark-option"] == "job-bookmark-enable"
    fixed = job["NonOverridableArguments"]
    assert fixed["--enable-continuous-cloudwatch-log"] == "true"
    assert fixed["--glue-secure-evidence-uri"] == "s3://acme-evidence/evidence/"
    configuration = clients["glue"].get_security_configuration(Name="orders-strict")
    encryption = configuration["SecurityConfiguration"]["EncryptionConfiguration"]
    assert encryption["DataQualityEncryption"]["DataQualityEncryptionMode"] == "SSE-KMS"
    assert encryption["JobBookmarksEncryption"]["JobBookmarksEncryptionMode"] == "CSE-KMS"
    key = clients["kms"].describe_key(KeyId="alias/orders-data")["KeyMetadata"]["Arn"]
    for name in (
        "scripts/daily.py",
        fixed["--additional-python-modules"].removeprefix("s3://acme-artifacts/"),
    ):
        head = clients["s3"].head_object(Bucket="acme-artifacts", Key=name, ChecksumMode="ENABLED")
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    script = clients["s3"].head_object(
        Bucket="acme-artifacts", Key="scripts/daily.py", ChecksumMode="ENABLED"
    )
    digest = hashlib.sha256((folder / "jobs" / "daily.py").read_bytes()).digest()
    assert script["ChecksumSHA256"] == base64.b64encode(digest).decode()


def test_drift_is_shown_with_both_values_and_corrected(planned, account, clients):
    apply(planned(), account)
    job = clients["glue"].get_job(JobName="daily")["Job"]
    weaker = {name: job[name] for name in ("Role", "Command", "GlueVersion", "DefaultArguments")}
    clients["glue"].update_job(
        JobName="daily", JobUpdate={**weaker, "Description": "preserved", "Timeout": 5}
    )
    (change,) = planned().pending
    assert (change.action, change.kind, change.name) == (UPDATE, "job", "daily")
    assert ("SecurityConfiguration", "", "orders-strict") in change.details
    assert ("Timeout", "5", "60") in change.details
    apply(planned(), account)
    assert planned().pending == ()
    assert clients["glue"].get_job(JobName="daily")["Job"]["Description"] == "preserved"


def test_an_object_with_other_content_or_encryption_is_uploaded_again(planned, account, clients):
    apply(planned(), account)
    clients["s3"].put_object(Bucket="acme-artifacts", Key="scripts/daily.py", Body=b"print('orders')\n")
    (change,) = planned().pending
    assert (change.action, change.name) == (UPLOAD, "s3://acme-artifacts/scripts/daily.py")
    apply(planned(), account)
    clients["s3"].put_object(
        Bucket="acme-artifacts",
        Key="scripts/daily.py",
        Body=b"evil",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=clients["kms"].describe_key(KeyId="alias/orders-data")["KeyMetadata"]["Arn"],
        ChecksumAlgorithm="SHA256",
    )
    assert [change.action for change in planned().pending] == [UPLOAD]


def test_a_job_changed_after_the_plan_is_not_overwritten(planned, account, clients):
    apply(planned(), account)
    clients["glue"].update_job(
        JobName="daily", JobUpdate={"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://x/y"}}
    )
    late = planned()
    clients["glue"].update_job(
        JobName="daily", JobUpdate={"Role": "s", "Command": {"Name": "glueetl", "ScriptLocation": "s3://x/y"}}
    )
    with pytest.raises(RefusedError, match="GS-DEP-001"):
        apply(late, account)
    assert clients["glue"].get_job(JobName="daily")["Job"]["Role"] == "s"


def test_a_job_created_after_the_plan_is_not_overwritten(planned, account):
    first, second = planned(), planned()
    apply(first, account)
    with pytest.raises(RefusedError, match="GS-DEP-001"):
        apply(second, account)


def test_a_weaker_security_configuration_is_refused(planned, clients):
    clients["glue"].create_security_configuration(
        Name="orders-strict",
        EncryptionConfiguration={"S3Encryption": [{"S3EncryptionMode": "SSE-S3"}]},
    )
    with pytest.raises(RefusedError, match="GS-SEC-003"):
        planned()


def test_a_disabled_key_is_refused(planned, clients):
    clients["kms"].disable_key(
        KeyId=clients["kms"].describe_key(KeyId="alias/orders-data")["KeyMetadata"]["KeyId"]
    )
    with pytest.raises(RefusedError, match="GS-KMS-002"):
        planned()


def test_an_object_under_another_key_stops_the_deployment_before_the_job(
    planned, account, clients, monkeypatch
):
    deployment = planned()
    put = clients["s3"].put_object

    def put_without_encryption(**arguments):
        return put(
            **{
                name: value
                for name, value in arguments.items()
                if not name.startswith(("Server", "SSE", "Bucket_"))
            }
        )

    monkeypatch.setattr(clients["s3"], "put_object", put_without_encryption)
    with pytest.raises(RefusedError, match="GS-S3-004"):
        apply(deployment, account)
    assert clients["glue"].list_jobs()["JobNames"] == []


def test_a_missing_connection_or_script_is_an_error(planned, clients, folder):
    clients["glue"].delete_connection(ConnectionName="orders-db")
    with pytest.raises(UsageError, match="orders-db"):
        planned()
    (folder / "jobs" / "daily.py").write_text("print(")
    with pytest.raises(UsageError, match=r"jobs\.daily\.script(.|\n)*SyntaxError"):
        planned()
    (folder / "jobs" / "daily.py").unlink()
    with pytest.raises(UsageError, match="no such file"):
        planned()


def test_without_the_stack_the_error_names_the_template(planned, clients):
    clients["kms"].delete_alias(AliasName="alias/orders-data")
    with pytest.raises(UsageError, match="glue-secure template"):
        planned()


def test_without_the_stack_the_fix_has_the_environment(project, folder, account, fetch, clients):
    clients["kms"].delete_alias(AliasName="alias/orders-data")
    selected = replace(project, environment="test")
    with pytest.raises(UsageError, match="cloudformation --environment test --out"):
        plan(selected, folder, account, build=lambda: b"wheel", fetch=fetch)


def test_an_unreachable_endpoint_is_not_a_matter_of_policies():
    def fix(code):
        return aws_unavailable(ServiceError("GetJob: no answer", code=code, operation="GetJob")).fix

    assert ("network" in fix(""), "deployer policies" in fix("")) == (True, False)
    assert "deployer policies" in fix("AccessDeniedException")


def test_access_denied_is_not_a_missing_job(planned, account, clients, monkeypatch):
    from botocore.exceptions import ClientError

    def denied(**_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetJob")

    monkeypatch.setattr(clients["glue"], "get_job", denied)
    with pytest.raises(VerificationError, match="AccessDenied"):
        planned()


def test_one_job_is_deployed_by_name_and_an_unknown_name_is_rejected(project, folder, account, fetch):
    def plan_of(*jobs):
        return plan(project, folder, account, jobs=jobs, build=lambda: b"wheel", fetch=fetch)

    assert [change.name for change in plan_of("daily").changes if change.kind == "job"] == ["daily"]
    with pytest.raises(UsageError, match=r"'dialy'(.|\n)*one of daily"):
        plan_of("dialy")


def test_a_script_replaced_after_the_plan_is_not_overwritten(planned, account, clients, folder):
    apply(planned(), account)
    (folder / "jobs" / "daily.py").write_text("print('mine')\n")
    late = planned()
    clients["s3"].put_object(Bucket="acme-artifacts", Key="scripts/daily.py", Body=b"print('theirs')\n")
    with pytest.raises(RefusedError, match="GS-DEP-001"):
        apply(late, account)
    content = clients["s3"].get_object(Bucket="acme-artifacts", Key="scripts/daily.py")["Body"].read()
    assert content == b"print('theirs')\n"


def test_of_two_concurrent_deployments_at_most_one_succeeds(planned, account):
    plans = [planned(), planned()]
    barrier = threading.Barrier(2)

    def deploy(deployment):
        barrier.wait()
        try:
            apply(deployment, account)
        except RefusedError as error:
            return error.control
        return "done"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(deploy, plans))
    assert outcomes in (["GS-DEP-001", "done"], ["GS-DEP-001", "GS-DEP-001"])
    assert all(change.action in (KEEP, CREATE, UPLOAD) for change in planned().changes)
    apply(planned(), account)
    assert planned().pending == ()


def test_a_job_that_differs_from_the_plan_afterwards_is_refused(planned, account, clients, monkeypatch):
    create = clients["glue"].create_job
    monkeypatch.setattr(
        clients["glue"],
        "create_job",
        lambda **members: create(**{n: v for n, v in members.items() if n != "NonOverridableArguments"}),
    )
    with pytest.raises(RefusedError, match=r"GS-DEP-002(.|\n)*NonOverridableArguments"):
        apply(planned(), account)


def test_the_jar_of_the_request_guard_is_uploaded_and_named_for_the_jobs_that_load_it(
    project, folder, account, clients, fetch
):
    job = replace(project.jobs["daily"], request_guard=True)
    guarded = replace(project, jobs={**project.jobs, "daily": job})
    planned = plan(guarded, folder, account, build=lambda: b"wheel", fetch=fetch)
    apply(planned, account)
    uri = f"s3://acme-artifacts/glue-secure/glue_secure-{__version__}-request-guard.jar"
    deployed = clients["glue"].get_job(JobName="daily")["Job"]
    assert deployed["NonOverridableArguments"]["--extra-jars"] == uri
    assert deployed["DefaultArguments"]["--conf"].endswith("spark.plugins=gluesecure.guard.GuardPlugin")
    stored = clients["s3"].get_object(Bucket="acme-artifacts", Key=uri.partition("artifacts/")[2])
    assert stored["Body"].read() == guard_jar().path.read_bytes()
    assert stored["ServerSideEncryption"] == "aws:kms"
    assert plan(guarded, folder, account, build=lambda: b"wheel", fetch=fetch).pending == ()


def test_a_policy_file_of_the_project_is_uploaded_and_pinned(project, folder, account, clients, fetch):
    content = b"schema = 1\n"
    digest = hashlib.sha256(content).hexdigest()
    uri = f"s3://acme-artifacts/glue-secure/policy/{digest}.toml"
    pinned = replace(project, policy=uri, policy_sha256=digest, policy_files={uri: content})
    planned = plan(pinned, folder, account, build=lambda: b"wheel", fetch=fetch)
    assert uri in {change.name for change in planned.pending if change.action == "upload"}
    apply(planned, account)
    fixed = clients["glue"].get_job(JobName="daily")["Job"]["NonOverridableArguments"]
    assert (fixed["--glue-secure-policy"], fixed["--glue-secure-policy-sha256"]) == (uri, digest)
    stored = clients["s3"].get_object(Bucket="acme-artifacts", Key=uri.partition("artifacts/")[2])
    assert (stored["Body"].read(), stored["ServerSideEncryption"]) == (content, "aws:kms")
    assert plan(pinned, folder, account, build=lambda: b"wheel", fetch=fetch).pending == ()


def replanned(project, folder, account, fetch):
    return plan(project, folder, account, build=lambda: b"wheel", fetch=fetch)


def with_job(project, **values):
    return replace(project, jobs={"daily": replace(project.jobs["daily"], **values)})


def test_tags_are_set_and_preserved_and_a_changed_one_is_drift(project, folder, account, clients, fetch):
    tagged = replace(with_job(project, tags={"team": "orders"}), tags={"team": "data", "stage": "dev"})
    apply(replanned(tagged, folder, account, fetch), account)
    job = "arn:aws:glue:eu-west-1:123456789012:job/daily"
    assert clients["glue"].get_tags(ResourceArn=job)["Tags"] == {"team": "orders", "stage": "dev"}
    assert replanned(tagged, folder, account, fetch).pending == ()
    clients["glue"].tag_resource(ResourceArn=job, TagsToAdd={"team": "other", "added": "by hand"})
    (change,) = replanned(tagged, folder, account, fetch).pending
    assert (change.kind, change.details) == ("tags of job", (("team", "other", "orders"),))
    apply(replanned(tagged, folder, account, fetch), account)
    expected = {"team": "orders", "stage": "dev", "added": "by hand"}
    assert clients["glue"].get_tags(ResourceArn=job)["Tags"] == expected


def test_retries_and_class_are_set_if_the_file_has_them_and_preserved_if_not(
    project, folder, account, clients, fetch
):
    given = with_job(project, retries=2, execution_class="FLEX")
    apply(replanned(given, folder, account, fetch), account)
    job = clients["glue"].get_job(JobName="daily")["Job"]
    assert (job["MaxRetries"], job["ExecutionClass"]) == (2, "FLEX")
    assert replanned(project, folder, account, fetch).pending == ()
    (change,) = replanned(with_job(project, retries=0), folder, account, fetch).pending
    assert change.details == (("MaxRetries", "2", "0"),)


def test_an_existing_role_and_existing_keys_are_used(project, folder, account, clients, fetch):
    role = "arn:aws:iam::123456789012:role/platform/daily"
    made = clients["kms"].create_key(
        KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT", MultiRegion=False
    )
    key = made["KeyMetadata"]["Arn"]
    adopted = replace(with_job(project, role=role), keys={"data": key})
    apply(replanned(adopted, folder, account, fetch), account)
    assert clients["glue"].get_job(JobName="daily")["Job"]["Role"] == role
    configuration = clients["glue"].get_security_configuration(Name="orders-strict")
    (s3,) = configuration["SecurityConfiguration"]["EncryptionConfiguration"]["S3Encryption"]
    assert s3["KmsKeyArn"] == key
    with pytest.raises(UsageError, match="no configuration platform in the account"):
        replanned(replace(adopted, existing_configuration="platform"), folder, account, fetch)


@pytest.mark.parametrize("purpose", ["data", "logs", "bookmarks"])
def test_another_key_than_that_of_the_configuration_is_an_error(
    planned, project, folder, account, clients, fetch, purpose
):
    apply(planned(), account)
    made = clients["kms"].create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT")
    key = made["KeyMetadata"]["Arn"]
    with pytest.raises(UsageError, match=rf"(?s)keys.{purpose}.*configuration orders-strict with.*{key}"):
        replanned(replace(project, keys={purpose: key}), folder, account, fetch)
    assert replanned(replace(project, keys={purpose: f"alias/orders-{purpose}"}), folder, account, fetch)


def test_modules_are_uploaded_as_a_zip_that_the_job_imports(project, folder, account, clients, fetch):
    package = folder / "lib" / "orders"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("RATE = 2\n")
    (package / "rates.json").write_text("{}")
    (package / ".env").write_text("not code")
    (folder / "lib" / "dates.py").write_text("DAY = 1\n")
    given = with_job(project, modules=("lib/orders", "lib/dates.py"))
    apply(replanned(given, folder, account, fetch), account)
    uri = clients["glue"].get_job(JobName="daily")["Job"]["NonOverridableArguments"]["--extra-py-files"]
    assert uri == "s3://acme-artifacts/scripts/daily.modules.zip"
    stored = clients["s3"].get_object(Bucket="acme-artifacts", Key="scripts/daily.modules.zip")
    assert stored["ServerSideEncryption"] == "aws:kms"
    archive = folder / "modules.zip"
    archive.write_bytes(stored["Body"].read())
    with zipfile.ZipFile(archive) as members:
        assert members.namelist() == ["dates.py", "orders/__init__.py", "orders/rates.json"]
    code = "import dates, orders; print(dates.DAY + orders.RATE)"
    environment = {**os.environ, "PYTHONPATH": str(archive)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("3\n", 0), done.stderr
    assert replanned(given, folder, account, fetch).pending == ()
    (folder / "lib" / "dates.py").write_text("DAY = 2\n")
    (change,) = replanned(given, folder, account, fetch).pending
    assert change.name == uri


@pytest.mark.parametrize(
    ("modules", "message"), [(("missing",), "missing: no Python file"), (("bad.py",), "bad.py: SyntaxError")]
)
def test_a_module_that_is_missing_or_does_not_compile_is_an_error(
    project, folder, account, fetch, modules, message
):
    (folder / "bad.py").write_text("def:\n")
    with pytest.raises(UsageError, match=rf"jobs\.daily\.modules(.|\n)*{message}"):
        replanned(with_job(project, modules=modules), folder, account, fetch)


def test_a_job_with_requirements_has_an_archive_of_its_own_from_the_lock(
    project, folder, account, clients, fetch
):
    digest = hashlib.sha256(b"top").hexdigest()
    asked = []

    def locked(path, version):
        asked.append((path, version.name))
        return Wheels((Pin("top", "1.0", digest),), (Wheel("top-1.0-py3-none-any.whl", b"top"),))

    def replanned():
        jobs = {
            "daily": replace(project.jobs["daily"], requirements="jobs/requirements.txt"),
            "hourly": replace(project.jobs["daily"], name="hourly"),
        }
        given = replace(project, jobs=jobs)
        return plan(given, folder, account, build=lambda: b"wheel", fetch=fetch, fetch_locked=locked)

    apply(replanned(), account)
    assert asked == [(folder / "jobs" / "requirements.txt", "5.1")]
    own, shared = (
        clients["glue"].get_job(JobName=name)["Job"]["NonOverridableArguments"]["--additional-python-modules"]
        for name in ("daily", "hourly")
    )
    assert own == "s3://acme-artifacts/scripts/daily.gluewheels.zip"
    assert shared.startswith("s3://acme-artifacts/glue-secure/")
    members = {}
    for uri in (own, shared):
        stored = clients["s3"].get_object(
            Bucket="acme-artifacts", Key=uri.removeprefix("s3://acme-artifacts/")
        )
        assert stored["ServerSideEncryption"] == "aws:kms"
        with zipfile.ZipFile(io.BytesIO(stored["Body"].read())) as archive:
            members[uri] = set(archive.namelist())
    assert members[own] - members[shared] == {"wheels/top-1.0-py3-none-any.whl"}
    assert members[shared] < members[own]
    assert replanned().pending == ()


def test_a_job_whose_requirements_have_no_lock_stops_before_any_change(
    project, folder, account, clients, fetch
):
    (folder / "requirements.txt").write_text("top\n")
    given = with_job(project, requirements="requirements.txt")
    with pytest.raises(
        UsageError, match=r"requirements\.glue-5\.1\.lock\.txt(.|\n)*glue-secure package --req"
    ):
        replanned(given, folder, account, fetch)
    assert clients["s3"].list_objects_v2(Bucket="acme-artifacts")["KeyCount"] == 0


def test_a_missing_bucket_is_reported_before_any_change(planned, clients):
    clients["s3"].delete_bucket(Bucket="acme-artifacts")
    with pytest.raises(UsageError, match="acme-artifacts"):
        planned()


def test_every_request_to_s3_has_the_expected_bucket_owner(planned, account, clients):
    owners = []

    def record(params, **_):
        owners.append(params.get("ExpectedBucketOwner"))

    clients["s3"].meta.events.register("provide-client-params.s3", record)
    try:
        apply(planned(), account)
    finally:
        clients["s3"].meta.events.unregister("provide-client-params.s3", record)
    assert len(owners) > 6
    assert set(owners) == {"123456789012"}


def test_secrets_of_the_existing_job_are_not_shown(planned, account, clients):
    apply(planned(), account)
    clients["glue"].update_job(
        JobName="daily",
        JobUpdate={
            "Role": "r",
            "Command": {"Name": "glueetl", "ScriptLocation": "s3://x/y"},
            "DefaultArguments": {"--db-password": "hunter2"},
        },
    )
    (change,) = planned().pending
    assert "DefaultArguments.--db-password" in {name for name, _, _ in change.details}
    assert "hunter2" not in repr(change.details)


def test_only_a_job_with_suites_gets_the_archive_with_great_expectations(project, folder, account, fetch):
    name, job = next(iter(project.jobs.items()))
    with_suites = replace(job, arguments={**job.arguments, "glue-secure-suites": "suites/a.json"})

    def archive_of(job):
        planned = plan(
            replace(project, jobs={name: job}), folder, account, build=lambda: b"wheel", fetch=fetch
        )
        (archive,) = [change.name for change in planned.changes if change.name.endswith(".gluewheels.zip")]
        (definition,) = [change.definition for change in planned.changes if change.kind == "job"]
        fixed = {**definition["DefaultArguments"], **definition["NonOverridableArguments"]}
        assert fixed["--additional-python-modules"] == archive
        return archive

    assert archive_of(with_suites).endswith("-great-expectations.gluewheels.zip")
    assert "great-expectations" not in archive_of(job)
