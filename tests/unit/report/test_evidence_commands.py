"""``glue-secure evidence`` and ``glue-secure controls``: what is printed, and what is not evidence."""

import json
import shlex
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.controls import CONTROLS
from glue_secure.core.errors import RefusedError, UsageError, VerificationError
from glue_secure.core.evidence import ENDED_WITHOUT_COMMIT
from glue_secure.core.identifiers import S3Uri
from glue_secure.report.schema import json_schema
from glue_secure.report.stored import NOT_ENDED, S3Folder, stored_runs, with_documents
from glue_secure.run.process_hooks import Terminated

PREFIX = S3Uri("evidence", "runs")


@pytest.fixture
def runs(run_fixture):
    """Three runs: one that succeeds, one whose bookmark is damaged, and one whose process is killed."""
    run_fixture.land("a.csv")
    run = run_fixture.start("jr_1")
    run.writer.write_s3(
        run.reader.read_s3("s3://landing/flights/", format="csv", transformation_ctx="flights"),
        "s3://curated/a/",
        format="csv",
    )
    run.commit()
    run_fixture.clock.advance(hours=1)
    (current,) = (key for key in run_fixture.bookmark_keys() if key.endswith("/current"))
    run_fixture.objects.put(S3Uri("state", current), b"damaged")
    with pytest.raises(RefusedError):
        run_fixture.start("jr_2")
    run_fixture.clock.advance(hours=1)
    run_fixture.objects.put(S3Uri("evidence", "runs/job=curate/run=jr_3/_started.json"), b"{}")
    return run_fixture


@pytest.fixture
def folder(runs, tmp_path):
    """A copy of the evidence on the disk."""
    for key in runs.objects.keys("evidence"):
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(runs.objects.read(S3Uri("evidence", key)).body)
    return tmp_path


def invoke(*words):
    return CliRunner().invoke(app, ["evidence", *map(str, words)])


def invoke_and_raise(*words):
    CliRunner().invoke(app, ["evidence", *map(str, words)], catch_exceptions=False)


def test_the_runs_below_a_location_are_listed_newest_first(runs):
    found = stored_runs(S3Folder(PREFIX, runs.objects))
    assert [(each.run_id, bool(each.name)) for each in found] == [
        ("jr_3", False),
        ("jr_2", True),
        ("jr_1", True),
    ]
    documents = list(with_documents(S3Folder(PREFIX, runs.objects), found))
    assert [each.outcome for each in documents] == [NOT_ENDED, "refused", "succeeded"]


def test_a_second_attempt_with_evidence_does_not_hide_the_first_without(runs):
    for name in ("_started.json", "_started-2.json", "evidence.json"):
        runs.objects.put(S3Uri("evidence", f"runs/job=curate/run=jr_4/{name}"), b"{}")
    attempts = [each for each in stored_runs(S3Folder(PREFIX, runs.objects)) if each.run_id == "jr_4"]
    assert sorted(bool(each.name) for each in attempts) == [False, True]


def test_list_filters_by_outcome_control_and_job(folder):
    def ids(*words):
        done = invoke("list", "--in", folder, "--json", *words)
        assert done.exit_code == 0, done.output
        return {each["run_id"] for each in json.loads(done.stdout)}

    assert ids() == {"jr_1", "jr_2", "jr_3"}
    assert ids("--outcome", "refused") == {"jr_2"}
    assert ids("--outcome", "not ended") == {"jr_3"}
    assert ids("--control", "gs-bkm-001") == {"jr_2"}
    assert ids("--job", "another") == set()
    assert ids("--since", "2999-01-01") == set()


def stored_outcome(folder, outcome, *controls, error=None):
    """Change the evidence of the run that succeeded, and return its path."""
    path = folder / "runs" / "job=curate" / "run=jr_1" / "evidence.json"
    document = json.loads(path.read_text())
    document |= {"outcome": outcome, "error": error, "controls": list(controls) or document["controls"]}
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("outcome", [ENDED_WITHOUT_COMMIT, str(Terminated())])
def test_list_finds_runs_that_ended_without_a_commit(folder, outcome):
    stored_outcome(folder, outcome)
    (run,) = json.loads(invoke("list", "--in", folder, "--json", "--outcome", outcome).stdout)
    assert (run["run_id"], run["outcome"]) == ("jr_1", outcome)


def test_undecided_encryption_of_workers_is_reported_if_it_did_not_stop_the_run(folder):
    undecided = {"control": "GS-SPK-001", "verdict": "UNKNOWN", "resource": "between driver and executors"}
    failed = undecided | {"control": "GS-SPK-003", "verdict": "FAIL"}
    stopped = {"type": "VerificationError", "control": "GS-SPK-001", "message": "GS-SPK-001 cannot verify: x"}

    def listed(*arguments, **more):
        path = stored_outcome(folder, *arguments, **more)
        runs = json.loads(invoke("list", "--in", folder, "--json").stdout)
        (run,) = (run for run in runs if run["run_id"] == "jr_1")
        return run["not_passed"], run["reported"], invoke("show", path).exit_code

    assert listed("succeeded", undecided) == ([], ["GS-SPK-001"], 0)
    assert listed("refused", undecided, error=stopped) == (["GS-SPK-001"], [], 3)
    assert listed("refused", failed) == (["GS-SPK-003"], [], 3)


def test_the_fix_for_an_unknown_run_lists_the_same_location(folder, monkeypatch):
    monkeypatch.delenv("GLUE_SECURE_EVIDENCE_URI", raising=False)
    with pytest.raises(UsageError) as raised:
        invoke_and_raise("show", "jr_9", "--in", folder)
    words = shlex.split(raised.value.fix)
    assert words[:2] == ["glue-secure", "evidence"]
    assert "jr_1" in invoke(*words[2:]).stdout


def test_show_prints_the_verdict_first_and_what_was_written(folder):
    done = invoke("show", "jr_1", "--in", folder)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("verdict          succeeded, ")
    (written,) = (line for line in lines if "s3://curated/a/" in line)
    assert "aws:kms arn:aws:kms" in written


def test_show_ends_with_3_if_a_control_did_not_pass(folder):
    done = invoke("show", "jr_2", "--in", folder)
    assert done.exit_code == 3
    assert "refused (GS-BKM-001)" in done.stdout
    assert "glue-secure bookmark repair curate" in done.stdout, "the message, with its fix"


def test_diff_names_what_differs_and_nothing_else(folder):
    done = invoke("diff", "jr_1", "jr_2", "--in", folder, "--json")
    found = {each["what"]: (each["first"], each["second"]) for each in json.loads(done.stdout)}
    assert found["outcome"] == ("succeeded", "refused")
    assert found["error"] == ("", "GS-BKM-001")
    assert "job" not in found
    assert "no differences" in invoke("diff", "jr_1", "jr_1", "--in", folder).stdout


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (("list",), UsageError, "--in LOCATION"),
        (("list", "--in", "nowhere"), UsageError, "no such folder"),
        (("list", "--in", ".", "--control", "GS-XX-001"), UsageError, "glue-secure controls list"),
        (("show", "jr_9", "--in", "."), UsageError, "evidence of run jr_9"),
        (("show", "other.json"), VerificationError, "a document of schema None"),
        (("show", "text.json"), VerificationError, "no JSON document"),
    ],
)
def test_wrong_locations_and_documents_are_named(tmp_path, monkeypatch, words, error, text):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GLUE_SECURE_EVIDENCE_URI", raising=False)
    Path("other.json").write_text("{}")
    Path("text.json").write_text("text")
    done = invoke(*words)
    assert isinstance(done.exception, error), done.output
    assert text in str(done.exception)


def test_documents_of_runs_match_the_published_schema(runs):
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for run in ("jr_1", "jr_2"):
        validator.validate(runs.evidence(run))
    with pytest.raises(jsonschema.ValidationError, match="'writes' is a required property"):
        validator.validate({name: value for name, value in runs.evidence("jr_1").items() if name != "writes"})


def test_every_control_can_be_shown():
    for control in CONTROLS.values():
        done = CliRunner().invoke(app, ["controls", "show", control.id.lower()])
        assert done.exit_code == 0, done.output
        assert control.title in done.stdout
        assert control.source in done.stdout
    listed = CliRunner().invoke(app, ["controls", "list", "--json"])
    assert [each["id"] for each in json.loads(listed.stdout)] == list(CONTROLS)
    assert isinstance(CliRunner().invoke(app, ["controls", "show", "GS-S3-999"]).exception, UsageError)


def test_evidence_is_listed_as_signed_and_its_first_entry_is_shown_if_it_has_one(folder):
    path = next(folder.rglob("run=jr_1/evidence.json"))
    document = json.loads(path.read_text())
    chain = {"signing_key": "arn:aws:kms:eu-west-1:123456789012:key/s", "algorithm": "ECDSA_SHA_256"}
    for start, text in ((3, ", entry 3 at the start"), (0, "")):
        path.write_text(json.dumps(document | {"chain": chain | {"start": start}}))
        out = invoke("show", "jr_1", "--in", folder).stdout
        assert f"ECDSA_SHA_256 {chain['signing_key']}{text}\n" in out
    lines = invoke("list", "--in", folder).stdout.splitlines()
    signed = {line.split()[3]: line.split()[-1] == "signed" for line in lines if " jr_" in line}
    assert signed == {"jr_1": True, "jr_2": False, "jr_3": False}
