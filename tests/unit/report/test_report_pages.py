"""HTML reports: what they state, how they escape it, and how large they are."""

import json
from datetime import date
from pathlib import Path

import pytest
from evidence_documents import (
    HOSTILE,
    KEY,
    NOW,
    finding,
    first_form,
    hostile,
    large,
    period,
    stored,
    tolerated,
)
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError
from glue_secure.report.html import period_page, run_page
from glue_secure.report.period import view as period_view
from glue_secure.report.results import results
from glue_secure.report.stored import StoredRun
from glue_secure.report.view import view


def shown(document):
    return view(stored(document), NOW.date())


def test_the_first_form_of_the_evidence_is_shown_whole():
    page = run_page(stored(first_form()), NOW)
    for text in (
        "Succeeded: all 4 checks passed",
        "308,641 rows",
        "s3://curated/flights/",
        KEY,
        "TLSv1.3 TLS_AES_256_GCM_SHA384 (pg_stat_ssl)",
        "87 days",
        "fs.s3a.encryption.algorithm",
        "GS-S3-004",
        "ab" * 32,
    ):
        assert text in page, text


def test_a_refusal_shows_the_control_that_stopped_the_run_first_with_its_fix():
    found = shown(first_form("refused"))
    assert (found.state, found.headline) == ("fail", "Refused: GS-TLS-001 failed")
    assert found.failing.items[0].resource == "connection ops-postgres"
    assert found.failing.items[0].fix == "remove sslmode from the URL"
    assert "remove sslmode from the URL" in run_page(stored(first_form("refused")), NOW)


def test_a_check_that_was_not_decided_is_no_pass():
    document = tolerated()
    assert (shown(document).state, shown(document).headline) == (
        "unknown",
        "Succeeded: 1 could not be verified, 1 tolerated",
    )
    document["controls"].pop()
    assert shown(document).state == "warn"
    document["controls"][-1]["exception"] = ""
    assert shown(document).state == "fail"
    document["controls"] = [{"control": "GS-S3-004", "verdict": "GREEN", "resource": "r"}]
    assert shown(document).state == "unknown"


def test_undecided_encryption_of_workers_is_reported_if_it_did_not_stop_the_run():
    document = first_form()
    document["controls"].append(finding("GS-SPK-001", "UNKNOWN", "between driver and executors"))
    found = shown(document)
    assert (found.state, found.headline) == ("warn", "Succeeded: 1 reported only")
    assert found.failing.items[0].reported
    document["outcome"] = "refused"
    document["error"] = {
        "type": "VerificationError",
        "control": "GS-SPK-001",
        "message": "GS-SPK-001 cannot verify: between driver and executors",
    }
    found = shown(document)
    assert (found.state, found.headline) == ("unknown", "Refused: GS-SPK-001 could not be verified")
    (one,) = found.failing.items
    assert (one.stopped, one.reported) == (True, False)


@pytest.mark.parametrize(
    ("outcome", "error", "state", "headline"),
    [
        ("failed", {"type": "ValueError", "control": ""}, "fail", "Failed: ValueError"),
        ("abandoned", None, "fail", "Abandoned"),
        (
            "refused",
            {
                "type": "VerificationError",
                "control": "GS-S3-007",
                "message": "GS-S3-007 cannot verify: s3://b/k",
            },
            "unknown",
            "Refused: GS-S3-007 could not be verified",
        ),
    ],
)
def test_other_outcomes(outcome, error, state, headline):
    found = shown(first_form() | {"outcome": outcome, "error": error})
    assert (found.state, found.headline) == (state, headline)


def test_evidence_without_checks_is_not_shown_as_passed():
    document = first_form() | {"controls": []}
    assert shown(document).headline == "Succeeded, without a record of checks"
    assert shown(document).state == "unknown"


def test_days_left_are_counted_from_the_day_of_the_report():
    page = run_page(stored(tolerated()), NOW)
    assert "10 days" in page
    assert "ended 10 days ago" in page
    assert [one.days for one in view(stored(tolerated()), date(2026, 12, 8)).exemptions.items] == [1, -19]


@pytest.mark.parametrize("page", ["run", "period"])
def test_hostile_names_are_text(page):
    run = stored(hostile())
    text = run_page(run, NOW) if page == "run" else period_page([run], NOW)[0]
    for tag in ("<script", "<img", "</style><style>", "javascript:"):
        assert tag not in text
    assert "&lt;script&gt;document.title=&#39;run&#39;&lt;/script&gt;" in text
    assert "{{ 7 * 7 }}" in text
    assert "\\u202egnp.exe" in text
    assert not set("\u202e\u2066\x1b") & set(text)
    assert "\u05e9\u05dc\u05d5\u05dd" in text


def test_a_page_names_what_this_version_does_not_know():
    page = run_page(stored(first_form() | {"network": {"vpc": "vpc-0a1b2c"}}), NOW)
    assert "Further facts" in page
    assert "vpc-0a1b2c" in page


def test_a_page_has_no_secret_of_a_text():
    document = first_form("refused")
    document["error"]["message"] = "GS-TLS-001 refused: jdbc:x\n  found:    password=hunter2"
    assert "hunter2" not in run_page(stored(document), NOW)


def test_a_page_of_100_000_objects_is_small_and_counts_the_rest():
    page = run_page(stored(large()), NOW)
    assert len(page) < 500_000
    assert "99,900 more objects" in page
    assert "1,900 more results" in page
    assert "100,000" in page


def test_a_period_counts_runs_by_state_and_shows_each_job_on_the_time_line():
    found = period_view(iter(period()), NOW.date())
    assert found.headline.startswith("43 runs: 6 refused or failed, 19 not verified, 18 succeeded")
    assert {line.job for line in found.lines.items} == set(found.jobs)
    assert sum(count for line in found.lines.items for _, count in line.counts) == 43
    assert [one.control.id for one in found.problems.items] == ["GS-TLS-001", "GS-S3-002", "GS-S3-014"]
    assert found.sources.items[0].rows == 36 * 308_641
    assert [one.uses for one in found.exemptions.items] == [0, 54]


def test_a_period_names_accounts_and_callers_and_that_signatures_were_not_verified():
    caller = "arn:aws:sts::123456789012:assumed-role/curate/session"
    runs = [stored(first_form() | {"account": kind, "caller": caller}) for kind in ("aws", "embedded")]
    page, found = period_page(iter(runs), NOW)
    assert {kind for _, kind, _, _ in found.accounts.items} == {"aws", "embedded"}
    assert found.callers.items == ((caller, 2),)
    for text in ("embedded", found.accounts.items[0][0], found.accounts.items[0][2], caller):
        assert text in page
    assert "Its signatures were not verified" in page


@pytest.mark.parametrize(("kind", "shown"), [("embedded", True), ("aws", False)])
def test_the_head_of_a_period_says_that_its_account_is_not_in_aws(kind, shown):
    page, _ = period_page([stored(first_form() | {"account": kind})], NOW)
    assert ("account: embedded, not AWS" in page) is shown


def test_bars_of_the_time_line_are_inside_of_it():
    for line in period_view(iter(period()), NOW.date()).lines.items:
        for bar in line.bars:
            assert 0 <= bar.left <= 98.7
            assert sum(height for _, _, height in bar.parts) == pytest.approx(100, abs=0.1)


def test_runs_of_one_moment_and_of_unknown_times_make_a_time_line():
    document = first_form() | {"started": "", "finished": "no time"}
    run = StoredRun("curate", "jr_1", NOW, "evidence.json", document)
    assert len(period_view([run, run], NOW.date()).lines.items[0].bars) == 1


def test_a_page_of_3_000_runs_is_small():
    runs = [StoredRun("job", f"jr_{at}", NOW, "evidence.json", first_form()) for at in range(3000)]
    text, found = period_page(iter(runs), NOW)
    assert len(text) < 700_000
    assert found.runs.more == 2500


def test_results_of_one_control_and_resource_are_the_worst_of_them():
    document = first_form()
    document["controls"] = [
        {"control": "GS-S3-004", "verdict": verdict, "resource": "r", "found": verdict}
        for verdict in ("PASS", "FAIL", "PASS")
    ]
    (one,) = results(document)
    assert (one.verdict, one.found, one.checks) == ("FAIL", "FAIL", 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two runs, which is the working directory."""
    for name in ("succeeded", "refused"):
        document = first_form(name)
        path = tmp_path / "evidence" / "job=curate" / f"run={document['run_id']}" / "evidence.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*words):
    return CliRunner().invoke(app, ["report", *words])


def test_the_command_writes_a_page_beside_the_user_and_prints_verdict_and_path(folder):
    done = invoke("jr_2", "--in", "evidence")
    assert done.exit_code == 0, done.output
    path = folder / "report-curate-jr_2.html"
    assert done.stdout.splitlines() == [
        "verdict          Refused: GS-TLS-001 failed",
        f"report           {path}",
    ]
    assert "GS-TLS-001" in path.read_text()
    document = json.loads(invoke("--in", "evidence", "--out", "a/period.html", "--json").stdout)
    assert document["report"] == str(folder / "a" / "period.html")
    assert document["verdict"].startswith("2 runs: 1 refused or failed")
    assert invoke("jr_1", "--in", "evidence", "--out", "-").stdout.startswith("<!doctype html>")


def test_an_older_report_is_replaced_and_any_other_file_is_not(folder):
    assert invoke("jr_1", "--in", "evidence", "--out", "page.html").exit_code == 0
    assert invoke("jr_2", "--in", "evidence", "--out", "page.html").exit_code == 0
    assert "Refused" in Path("page.html").read_text()
    document = "evidence/job=curate/run=jr_1/evidence.json"
    before = Path(document).read_text()
    done = invoke("jr_1", "--in", "evidence", "--out", document)
    assert isinstance(done.exception, UsageError)
    assert "a file that is no report" in str(done.exception)
    assert Path(document).read_text() == before


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("jr_1", "--in", "evidence", "--job", "curate"), "a run and a period"),
        (("--in", "evidence", "--since", "2999-01-01"), "no runs"),
        (("--in", "evidence", "--job", "other"), "no runs"),
        (("jr_9", "--in", "evidence"), "evidence of run jr_9"),
        ((), "--in LOCATION"),
        (("jr_1", "--in", "evidence", "--out", "evidence/"), "Is a directory"),
    ],
)
def test_wrong_usage_is_named(folder, monkeypatch, words, text):
    monkeypatch.delenv("GLUE_SECURE_EVIDENCE_URI", raising=False)
    done = invoke(*words)
    assert isinstance(done.exception, UsageError), done.output
    assert text in str(done.exception)


def test_hostile_names_do_not_choose_the_file(folder):
    document = first_form() | {"job": "../../x", "run_id": HOSTILE[0]}
    Path("d.json").write_text(json.dumps(document))
    done = invoke("d.json")
    assert done.exit_code == 0, done.output
    (written,) = [path.name for path in folder.iterdir() if path.suffix == ".html"]
    assert written == "report-.._.._x-_script_document.title_run_script_.html"
