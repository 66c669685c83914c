"""The command `glue-secure audit`: its table, its exports, its exit codes and its choice of controls."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from audited_estates import MACHINE, corrected, default_encryption, machine, violating
from audited_estates import audit as audited
from export_validators import validate_asff, validate_junit, validate_ocsf, validate_sarif
from policy_linter import lint
from recorded_account import ACCOUNT, REGION, RecordedAccount
from typed_fixes import command
from typer.testing import CliRunner

from glue_secure.audit.calls import CALLS
from glue_secure.cli import audit
from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError


@pytest.fixture
def account(monkeypatch):
    """Return a function that makes the command audit a recorded account."""

    def use(responses, **options):
        recorded = RecordedAccount(responses, **options)
        audited = SimpleNamespace(
            account=ACCOUNT, region=REGION, partition="aws", client_of=recorded.client_of
        )
        monkeypatch.setattr(audit, "_session", lambda profile, regions: None)
        monkeypatch.setattr(audit.accounts, "audited_accounts", lambda session, **chosen: iter([audited]))
        return recorded

    return use


def call(*words):
    result = CliRunner().invoke(app, ["audit", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_secure_account_has_exit_code_0_and_a_denied_call_4(account):
    account(corrected())
    assert call().exit_code == 0
    account(corrected(), denied={"glue:GetCrawlers"})
    done = call()
    assert done.exit_code == 4
    assert "missing permissions: glue:GetCrawlers" in done.stdout


def test_the_table_is_grouped_by_job_with_the_worst_first(account):
    account(violating())
    done = call()
    assert done.exit_code == 3
    titles = re.findall(r"^(job \w+|2 jobs: etl, load|account \d+) ", done.stdout, re.M)
    assert sorted(titles) == ["2 jobs: etl, load", "account 123456789012", "job etl", "job load"]
    part = done.stdout[done.stdout.index("job etl ") :]
    severities = re.findall(r"^FAIL +GS-\S+ +(CRITICAL|HIGH|MEDIUM|LOW) ", part.split("\n\n")[0], re.M)
    order = ["CRITICAL", "HIGH", "MEDIUM", "LOW"]
    assert severities == sorted(severities, key=order.index)
    assert set(severities) == set(order)
    assert "PASS " not in done.stdout.replace(" PASS", "")
    assert "correct horse" not in done.stdout


def test_only_the_calls_of_the_chosen_controls_are_made(account):
    recorded = account(violating())
    done = call("--control", "CKV_AWS_94")
    assert done.exit_code == 3
    assert set(re.findall(r"GS-[A-Z0-9]+-\d+", done.stdout)) == {"GS-CAT-001", "GS-CAT-002"}
    assert set(recorded.calls) == {
        "glue.GetDataCatalogEncryptionSettings",
        "glue.GetResourcePolicies.GetResourcePoliciesResponseList",
        "glue.GetResourcePolicy",
    }


def test_controls_of_a_requirement_that_runs_check_are_counted(account):
    account(corrected())
    done = call("--control", "pci-dss 3.5.1")
    assert re.search(
        r"--control pci-dss 3\.5\.1: \d+ of its \d+ controls are checked in runs or deploy", done.stderr
    )
    assert "checked in runs" not in call("--control", "CKV_AWS_94").stderr


@pytest.mark.parametrize("name", ["CKV_AWS_9999", "GS-S3-001"])
def test_a_control_that_an_audit_does_not_decide_is_rejected(account, name):
    account(corrected())
    with pytest.raises(UsageError, match="that an audit decides"):
        call("--control", name)


def test_explain_names_reason_source_and_ids_of_other_tools(account):
    account(violating())
    done = call("--control", "glue_etl_jobs_amazon_s3_encryption_enabled", "--explain")
    assert "SSE-S3 has no key policy" in done.stdout
    assert re.search(r"maps to .*checkov CKV_AWS_99", done.stdout)


@pytest.mark.parametrize("explain", [False, True])
def test_a_fix_is_one_line_below_the_table_and_explain_adds_what_is_required(account, monkeypatch, explain):
    monkeypatch.setenv("COLUMNS", "80")
    account(violating())
    done = call("--control", "GS-BKT-001", *(["--explain"] if explain else []))
    lines = done.stdout.splitlines()
    fixes = [line for line in lines if line.startswith("fix: set SSEAlgorithm aws:kms")]
    assert len(fixes) == len(set(fixes)) > 0
    for fix in fixes:
        (words, options) = command(fix, "aws")
        assert words == ["aws", "s3api", "put-bucket-encryption"]
        assert json.loads(options["--server-side-encryption-configuration"])["Rules"]
    assert any(line.startswith("required: aws:kms under ") for line in lines) is explain


def test_fail_on_chooses_the_severities_that_change_the_exit_code(account):
    account(violating())
    for words, code in (
        (("--control", "GS-JOB-002"), 3),
        (("--control", "GS-JOB-002", "--fail-on", "medium"), 0),
        (("--control", "GS-SEC-001", "--fail-on", "critical"), 3),
        (("--control", "GS-SEC-001", "--fail-on", "never"), 0),
    ):
        assert call(*words).exit_code == code


def test_an_unknown_setting_of_spark_is_reported_and_does_not_change_the_exit_code(account):
    estate = corrected()
    estate["GetJobs"][0]["DefaultArguments"].pop("--conf")
    account(estate)
    done = call()
    assert done.exit_code == 0
    assert "UNKNOWN" in done.stdout


@pytest.mark.parametrize("responses", [corrected, violating])
def test_exports_are_valid_in_the_formats_of_other_tools(account, responses, tmp_path):
    account(responses())
    validate_ocsf([json.loads(line) for line in call("--output", "ocsf").stdout.splitlines()])
    validate_asff(json.loads(call("--output", "asff").stdout))
    sarif = json.loads(call("--output", "sarif").stdout)
    validate_sarif(sarif)
    assert bool(sarif["runs"][0]["results"]) is (responses is violating)
    suites = validate_junit(call("--output", "junit").stdout, tmp_path)
    failures = sum(suite.failures for suite in suites)
    assert bool(failures) is (responses is violating)


def test_json_names_everything_about_a_finding(account):
    account(violating(), denied={"kms:GetKeyPolicy"})
    document = json.loads(call("--output", "json").stdout)
    assert document["exit_code"] == 3
    findings = document["findings"]
    assert len({one["id"] for one in findings}) == len(findings)
    job = next(one for one in findings if one["control"] == "GS-SEC-001" and one["kind"] == "job")
    assert (job["verdict"], job["jobs"], job["name"]) == ("FAIL", ["etl"], "etl")
    assert "checkov CKV_AWS_195" in job["maps_to"]
    denied = [one for one in findings if one.get("missing_permission") == "kms:GetKeyPolicy"]
    assert denied and {one["aws_code"] for one in denied} == {"AccessDeniedException"}


def test_csv_has_a_row_for_each_finding_and_no_formula(account):
    estate = violating()
    estate["GetCrawlers"][0]["Name"] = "=HYPERLINK(1)"
    account(estate)
    rows = list(csv.DictReader(io.StringIO(call("--output", "csv").stdout)))
    assert {row["account"] for row in rows} == {ACCOUNT}
    assert "'=HYPERLINK(1)" in {row["name"] for row in rows}
    assert not [value for row in rows for value in row.values() if value.startswith("=")]


def test_the_page_loads_nothing_and_shows_findings_and_passes(account, tmp_path):
    estate = violating()
    estate["GetCrawlers"][0]["Name"] = "<script>alert(1)</script>"
    account(estate)
    path = tmp_path / "audit.html"
    done = call("--output", "html", "--out", path)
    assert done.exit_code == 3
    page = path.read_text(encoding="utf-8")
    assert "<script" not in page and "default-src &#39;none&#39;" in page
    assert "Controls that passed" in page and "GS-SEC-001" in page


def test_a_table_is_not_written_to_a_file(account, tmp_path):
    account(corrected())
    with pytest.raises(UsageError, match="another format"):
        call("--out", tmp_path / "audit.txt")


BASELINE = """\
schema = 1

[[accepted]]
control = "GS-JOB-002"
resource = "job *"
reason = "the jobs write to another system"
owner = "data@example.com"
expires = {day}
{more}
"""


@pytest.mark.parametrize(
    ("day", "more", "code", "note"),
    [
        ("2027-03-31", "", 0, ""),
        ("2026-01-31", "", 3, "expired"),
        ("2037-03-31", "", 3, "more than 366 days away"),
        ("2027-03-31", 'account = "999999999999"', 3, "not needed"),
        ("2027-03-31", 'verdict = "UNKNOWN"', 3, "not needed"),
    ],
)
def test_a_baseline_accepts_findings_until_its_entries_expire(account, tmp_path, day, more, code, note):
    account(violating())
    path = tmp_path / "baseline.toml"
    path.write_text(BASELINE.format(day=day, more=more), encoding="utf-8")
    done = call("--control", "GS-JOB-002", "--baseline", path)
    assert done.exit_code == code
    assert ("accepted" in done.stdout) is (code == 0)
    assert note in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[accepted]]", "schema = 1"),
        ('schema = 1\n[[accepted]]\ncontrol = "GS-X-001"', "resource"),
        (BASELINE.format(day="soon", more="").replace("GS-JOB-002", "GS-X-001"), "line|TOML|control"),
        (BASELINE.format(day='"soon"', more=""), "a day, like"),
        (BASELINE.format(day="2027-03-31", more="ticket = 1"), "ticket"),
    ],
)
def test_a_wrong_baseline_file_is_rejected(account, tmp_path, text, message):
    account(corrected())
    path = tmp_path / "baseline.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        call("--baseline", path)


def test_a_written_baseline_accepts_what_was_found_and_nothing_else(account, tmp_path):
    account(violating(), denied={"glue:GetCrawlers"})
    path = tmp_path / "baseline.toml"
    written = call(
        "--write-baseline", path, "--reason", 'the "old" estate', "--owner", "o", "--expires", "2027-03-31"
    )
    assert written.exit_code == 3
    assert call("--baseline", path).exit_code == 0
    # What was not readable is not accepted as a violation.
    account(violating())
    assert call("--baseline", path, "--control", "GS-SEC-001").exit_code == 3


@pytest.mark.parametrize("days", [-1, 367])
def test_a_last_day_that_the_next_audit_refuses_is_rejected_before_the_first_call(account, tmp_path, days):
    recorded = account(violating())
    day = datetime.now(timezone.utc).date() + timedelta(days=days)
    path = tmp_path / "baseline.toml"
    with pytest.raises(UsageError, match="at most 366 days away"):
        call("--write-baseline", path, "--reason", "r", "--owner", "o", "--expires", day)
    assert not recorded.calls and not path.exists()


@pytest.mark.parametrize("name", ["baseline.toml", "baseline.json"])
def test_a_baseline_is_extended_without_its_accepted_entries_being_lost(account, tmp_path, name):
    account(violating())
    path = tmp_path / name
    words = ("--write-baseline", path, "--reason", "r", "--owner", "o", "--expires", "2027-03-31")
    call("--control", "GS-JOB-002", *words)
    call("--control", "GS-JOB-001", "--baseline", path, *words)
    for control in ("GS-JOB-001", "GS-JOB-002"):
        assert call("--control", control, "--baseline", path).exit_code == 0
    assert call("--control", "GS-SEC-001", "--baseline", path).exit_code == 3
    assert name.endswith(".json") is path.read_text(encoding="utf-8").startswith("{")


def test_sarif_says_what_is_unknown_who_accepted_a_finding_and_until_when(account, tmp_path):
    account(violating(), denied={"glue:GetCrawlers"})
    path = tmp_path / "baseline.toml"
    path.write_text(BASELINE.format(day="2027-03-31", more=""), encoding="utf-8")
    document = json.loads(call("--output", "sarif", "--baseline", path).stdout)
    validate_sarif(document)
    results = document["runs"][0]["results"]
    assert any(one["message"]["text"].startswith("UNKNOWN: ") for one in results)
    (accepted,) = [one["suppressions"] for one in results if "suppressions" in one]
    assert accepted[0]["kind"] == "external"
    assert "until 2027-03-31" in accepted[0]["justification"]


@pytest.mark.parametrize(
    "words",
    [
        ("--out", "x.txt"),
        ("--compare", "before.json", "--out", "x.json"),
        ("--compare", "before.json", "--explain"),
        ("--compare", "before.json", "--all"),
        ("--compare", "before.json", "--fail-on", "high"),
        ("--compare", "before.json", "--output", "csv"),
    ],
)
def test_options_without_an_effect_are_rejected_before_the_first_call(account, words):
    recorded = account(corrected())
    with pytest.raises(UsageError, match=r"another format|without them|table or json"):
        call(*words)
    assert not recorded.calls


def test_two_audits_differ_by_their_verdicts(account, tmp_path):
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    account(corrected())
    call("--output", "json", "--out", before)
    assert call("--compare", before).exit_code == 0
    account(violating())
    call("--output", "json", "--out", after)
    worse = call("--compare", before)
    assert worse.exit_code == 3
    assert re.search(r"^PASS +FAIL +GS-SEC-001 .*job etl", worse.stdout, re.M)
    assert call("--compare", before, "--with", after).stdout == worse.stdout
    better = call("--compare", after, "--with", before, "--output", "json")
    assert better.exit_code == 0
    changed = {one["before"] for one in json.loads(better.stdout)["differences"]}
    assert "FAIL" in changed


def test_an_accepted_violation_is_worse_when_its_entry_has_expired(account, tmp_path):
    account(violating())
    path, before = tmp_path / "baseline.toml", tmp_path / "before.json"
    path.write_text(BASELINE.format(day="2027-03-31", more=""), encoding="utf-8")
    only = ("--control", "GS-JOB-002", "--baseline", path)
    call(*only, "--output", "json", "--out", before)
    assert call(*only, "--compare", before).exit_code == 0
    path.write_text(BASELINE.format(day="2026-01-31", more=""), encoding="utf-8")
    done = call(*only, "--compare", before)
    assert done.exit_code == 3
    assert re.search(r"^accepted +FAIL +GS-JOB-002 .*job 'etl'", done.stdout, re.M)


def test_the_id_of_a_finding_does_not_change_with_other_uses_of_its_resource():
    def ids(responses):
        return {
            (one.control.id, str(one.resource), one.part): one.uid
            for one in audited(RecordedAccount(responses))
        }

    before, changed = ids(corrected()), corrected()
    changed["GetJobs"][0]["DefaultArguments"]["--extra-py-files"] = "s3://temp/ours.zip"
    changed["GetBucketEncryption"]["lake"] = default_encryption("AES256")
    after = ids(changed)
    assert after == before


def test_another_document_is_not_compared(account, tmp_path):
    account(corrected())
    path = tmp_path / "other.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="another document"):
        call("--compare", path)


def test_the_policy_of_an_audit_allows_its_calls_and_reads_only():
    result = CliRunner().invoke(app, ["policy", "iam", "audit"])
    assert result.exit_code == 0
    policy = json.loads(result.stdout)
    actions = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert actions == {call.permission for call in CALLS} | {"kms:Decrypt"}
    assert all(re.match(r"[a-z0-9-]+:(Get|List|Describe)", action) for action in actions - {"kms:Decrypt"})
    (scripts,) = (one for one in policy["Statement"] if "s3:GetObject" in one["Action"])
    assert scripts["Resource"] == ["arn:aws:s3:::*.py", "arn:aws:s3:::aws-glue-scripts-*/*"]
    assert scripts["Action"] == ["s3:GetObject"]
    (decrypt,) = (one for one in policy["Statement"] if "kms:Decrypt" in one["Action"])
    assert decrypt["Action"] == ["kms:Decrypt"]
    assert decrypt["Condition"] == {
        "StringLike": {
            "kms:ViaService": [
                f"{service}.*.amazonaws.*" for service in ("s3", "glue", "states", "scheduler")
            ]
        }
    }
    assert {issue.split()[0] for issue in lint(policy)} <= {"RESOURCE_STAR"}


def test_a_control_is_shown_by_the_id_of_a_scanner():
    result = CliRunner().invoke(app, ["controls", "show", "ckv_aws_195"])
    assert result.exit_code == 0
    assert result.stdout.startswith("GS-SEC-001: ")
    several = CliRunner().invoke(app, ["controls", "show", "CKV_AWS_94", "--json"])
    assert [one["id"] for one in json.loads(several.stdout)] == ["GS-CAT-001", "GS-CAT-002"]


@pytest.mark.parametrize("output", ["table", "json", "csv", "html", "sarif", "junit", "asff", "ocsf"])
def test_names_that_utf_8_cannot_encode_are_escaped_in_every_output(account, tmp_path, output):
    estate = violating()
    name = "L\ud800"
    start = {"Resource": "arn:aws:states:::glue:startJobRun", "Parameters": {"JobName": name}}
    definition = json.dumps({"States": {name: start}})
    estate["DescribeStateMachine"][MACHINE] = machine() | {"definition": definition}
    estate["GetJobs"][0]["Name"] = name
    account(estate)
    last_day = str(datetime.now(timezone.utc).date() + timedelta(days=90))
    path = tmp_path / "baseline.json"
    entry = {"control": "GS-JOB-002", "resource": f"job {name}", "reason": name, "owner": name}
    path.write_text(json.dumps({"schema": 1, "accepted": [{**entry, "expires": last_day}]}))
    done = call("--output", output, "--baseline", path)
    assert done.exit_code == 3
    assert r"\ud800" in done.stdout or output in ("table", "junit")
    done.stdout.encode()
