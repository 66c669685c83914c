"""Exports of evidence, validated by the schemas and parsers of the tools that read them."""

import json
import re
from datetime import timedelta
from pathlib import Path

import jsonschema
import pytest
from evidence_documents import HOSTILE, NOW, finding, first_form, hostile, large, period, stored, tolerated
from export_validators import validate_asff, validate_junit, validate_ocsf, validate_sarif
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import S3Uri
from glue_secure.report.exports import asff, junit, ocsf, openlineage, sarif
from glue_secure.report.stored import StoredRun

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
RUNS = {
    "first form": lambda: [stored(first_form())],
    "refused": lambda: [stored(first_form("refused"))],
    "tolerated": lambda: [stored(tolerated())],
    "hostile": lambda: [stored({**hostile(), "account_id": "123456789012", "region": "eu-west-1"})],
    "period": lambda: period()[:9],
    "failed": lambda: [
        stored(first_form() | {"outcome": "failed", "error": {"type": "ValueError", "control": ""}})
    ],
}
EACH = pytest.mark.parametrize("runs", list(RUNS.values()), ids=list(RUNS))


@pytest.fixture
def real_runs(run_fixture):
    """The evidence of two runs in memory: one that succeeds, and one that is refused."""
    run_fixture.land("a.csv")
    run = run_fixture.start("jr_1")
    frame = run.reader.read_s3("s3://landing/flights/", format="csv", transformation_ctx="flights")
    run.writer.write_s3(frame, "s3://curated/a/", format="csv")
    run.commit()
    (current,) = (key for key in run_fixture.bookmark_keys() if key.endswith("/current"))
    run_fixture.objects.put(S3Uri("state", current), b"damaged")
    with pytest.raises(Exception, match="GS-BKM-001"):
        run_fixture.start("jr_2")
    return [stored(run_fixture.evidence(name)) for name in ("jr_2", "jr_1")]


def validate_openlineage(events):
    """Rebuild each event with the classes of the official client, which check it, and compare the result."""
    client = pytest.importorskip("openlineage.client.generated.base")
    from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
    from openlineage.client.generated.input_statistics_input_dataset import InputStatisticsInputDatasetFacet
    from openlineage.client.generated.job_type_job import JobTypeJobFacet
    from openlineage.client.generated.output_statistics_output_dataset import (
        OutputStatisticsOutputDatasetFacet,
    )
    from openlineage.client.generated.processing_engine_run import ProcessingEngineRunFacet
    from openlineage.client.serde import Serde

    known = {
        "errorMessage": ErrorMessageRunFacet,
        "inputStatistics": InputStatisticsInputDatasetFacet,
        "jobType": JobTypeJobFacet,
        "outputStatistics": OutputStatisticsOutputDatasetFacet,
        "processing_engine": ProcessingEngineRunFacet,
    }
    schema = openlineage.facets_schema()
    jsonschema.Draft202012Validator.check_schema(schema)

    def facets(found):
        made = {}
        for name, facet in found.items():
            if name in known:
                fields = {key: value for key, value in facet.items() if not key.startswith("_")}
                built = known[name](producer=facet["_producer"], **fields)
                assert Serde.to_dict(built) == facet
            else:
                definition = facet["_schemaURL"].removeprefix(f"{schema['$id']}#")
                jsonschema.Draft202012Validator(
                    {"$ref": f"#{definition}", "$defs": schema["$defs"]}
                ).validate(facet)
            made[name] = facet
        return made

    def dataset(kind, found):
        statistics = "inputFacets" if kind is client.InputDataset else "outputFacets"
        return kind(
            found["namespace"], found["name"], facets={}, **{statistics: facets(found.get(statistics, {}))}
        )

    for event in events:
        job = client.Job(event["job"]["namespace"], event["job"]["name"], facets(event["job"]["facets"]))
        built = client.RunEvent(
            eventTime=event["eventTime"],
            eventType=client.EventType(event["eventType"]),
            producer=event["producer"],
            run=client.Run(event["run"]["runId"], facets(event["run"]["facets"])),
            job=job,
            inputs=[dataset(client.InputDataset, one) for one in event["inputs"]],
            outputs=[dataset(client.OutputDataset, one) for one in event["outputs"]],
        )
        for name in ("eventTime", "eventType", "producer", "schemaURL", "run"):
            assert Serde.to_dict(built)[name] == Serde.to_dict(event)[name]


@EACH
def test_exports_are_valid(runs, tmp_path):
    validate_ocsf(list(ocsf.events(runs())))
    validate_asff(asff.documents(runs()))
    validate_sarif(sarif.document(runs()))
    validate_junit(junit.document(runs()), tmp_path)
    validate_openlineage(list(openlineage.events(runs())))


def test_exports_of_real_runs_are_valid(real_runs, tmp_path):
    validate_ocsf(list(ocsf.events(real_runs)))
    validate_asff(asff.documents(real_runs))
    validate_sarif(sarif.document(real_runs))
    assert len(validate_junit(junit.document(real_runs), tmp_path)) == 2
    validate_openlineage(list(openlineage.events(real_runs)))


def test_the_validators_find_faults(tmp_path):
    event = next(iter(ocsf.events([stored(first_form())])))
    with pytest.raises(jsonschema.ValidationError):
        validate_ocsf([{**event, "severity_id": 42}])
    found = asff.documents([stored(first_form())])
    with pytest.raises(AssertionError):
        validate_asff([{key: value for key, value in found[0].items() if key != "AwsAccountId"}])
    with pytest.raises(jsonschema.ValidationError):
        validate_sarif({"version": "2.1.0"})
    with pytest.raises(Exception, match="testcase"):
        validate_junit("<testsuites><testsuite name='a'><testcase/></testsuite></testsuites>", tmp_path)
    line = list(openlineage.events([stored(first_form())]))[1]
    del line["run"]["facets"]["glueSecure_security"]["keys"]
    with pytest.raises(jsonschema.ValidationError, match="'keys' is a required property"):
        validate_openlineage([line])


def test_a_pass_in_a_later_run_updates_the_finding_of_an_earlier_one():
    failing, passing = tolerated(), first_form()
    failing["controls"][-2]["exception"] = ""
    passing["run_id"] = "jr_9"
    passing["controls"].append({"control": "GS-S3-014", "verdict": "PASS", "resource": "s3://landing/old/"})
    passing["finished"] = (NOW + timedelta(hours=1)).isoformat()
    first = {one["Id"]: one["Compliance"]["Status"] for one in asff.documents([stored(failing)])}
    both = {
        one["Id"]: one["Compliance"]["Status"] for one in asff.documents([stored(failing), stored(passing)])
    }
    (identifier,) = [name for name in first if "/GS-S3-014/" in name]
    assert (first[identifier], both[identifier]) == ("FAILED", "PASSED")
    names = [
        one["ruleId"] for one in sarif.document([stored(passing), stored(failing)])["runs"][0]["results"]
    ]
    assert names == ["GS-S3-002"]


def test_a_tolerated_violation_stays_failed_and_names_its_exception():
    run = stored(tolerated())
    (one,) = [each for each in asff.documents([run]) if each["GeneratorId"] == "glue-secure/GS-S3-014"]
    assert one["Compliance"]["Status"] == "FAILED"
    assert "SEC-7" in one["Note"]["Text"]
    results = {each["ruleId"]: each for each in sarif.document([run])["runs"][0]["results"]}
    (suppression,) = results["GS-S3-014"]["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert "SEC-7" in suppression["justification"]
    assert "suppressions" not in results["GS-S3-002"]
    statuses = {
        event["compliance"]["control"]: event["status"]
        for event in ocsf.events([run])
        if "compliance" in event
    }
    assert statuses["GS-S3-014"] == "Suppressed"


def test_undecided_encryption_of_workers_is_a_note_and_no_error(tmp_path):
    document = first_form()
    document["controls"].append(finding("GS-SPK-001", "UNKNOWN", "between driver and executors"))
    run = stored(document)
    (one,) = sarif.document([run])["runs"][0]["results"]
    assert one["level"] == "note" and one["message"]["text"].startswith("UNKNOWN: reported only: ")
    assert "suppressions" not in one
    (suite,) = validate_junit(junit.document([run]), tmp_path)
    assert (suite.failures, suite.errors, suite.skipped) == (0, 0, 1)


def test_requirements_of_other_frameworks_are_tags_and_standards():
    run = stored(tolerated())
    rules = sarif.document([run])["runs"][0]["tool"]["driver"]["rules"]
    (rule,) = [one for one in rules if one["id"] == "GS-S3-014"]
    assert "cis-aws 3.1.1" in rule["properties"]["tags"]
    (event,) = [
        one["compliance"]
        for one in ocsf.events([run])
        if one["class_uid"] == 2003 and one["compliance"]["control"] == "GS-S3-014"
    ]
    assert "cis-aws 3.1.1" in event["requirements"]
    assert any(name.startswith("CIS Amazon Web Services") for name in event["standards"])


def test_a_refused_run_is_a_detection_with_the_severity_and_fix_of_its_control():
    (event,) = [one for one in ocsf.events([stored(first_form("refused"))]) if one["class_uid"] == 2004]
    assert (event["severity"], event["is_alert"]) == ("Critical", True)
    assert event["remediation"]["desc"] == "remove sslmode from the URL"
    assert event["time"] == 1_795_510_820_000


def test_a_test_report_has_a_failure_an_error_and_a_skipped_test(tmp_path):
    refused, undecided = validate_junit(
        junit.document([stored(first_form("refused")), stored(tolerated())]), tmp_path
    )
    assert (refused.failures, refused.errors, refused.skipped) == (1, 0, 0)
    assert (undecided.failures, undecided.errors, undecided.skipped) == (0, 1, 1)
    assert undecided.tests == len(list(undecided))
    (failed,) = validate_junit(junit.document(RUNS["failed"]()), tmp_path)
    assert (failed.failures, failed.errors) == (0, 1)


def test_lineage_has_start_and_end_with_counts_and_encryption():
    start, end = openlineage.events([stored(first_form())])
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"]
    assert [(one["namespace"], one["name"]) for one in end["inputs"]] == [
        ("s3://landing", "flights"),
        ("arn:aws:glue:eu-west-1:123456789012", "connection/ops-postgres/airlines"),
    ]
    (output,) = end["outputs"]
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 3510
    assert output["outputFacets"]["glueSecure_encryption"]["encryption"][0]["objects"] == 1
    assert [one["eventType"] for one in openlineage.events([stored(first_form("refused"))])] == [
        "START",
        "FAIL",
    ]
    assert list(openlineage.events([StoredRun("curate", "jr_1", NOW)])) == []


def test_the_published_schema_of_the_facets_is_current():
    path = Path(__file__).resolve().parents[3] / "docs" / "openlineage-facets-1.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == openlineage.facets_schema()


@pytest.mark.parametrize("form", ["ocsf", "asff", "sarif", "junit", "openlineage"])
def test_exports_have_no_secret(tmp_path, form):
    document = first_form("refused")
    document["error"]["message"] = (
        "GS-TLS-001 refused: x\n  found:    password=hunter2\n  fix:      token=s3cr3t"
    )
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(document))
    done = CliRunner().invoke(app, ["evidence", "export", str(path), "--format", form])
    assert done.exit_code == 0, done.output
    assert "GS-TLS-001" in done.stdout
    assert not {"hunter2", "s3cr3t"} & set(re.findall(r"\w+", done.stdout))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with three runs, which is the working directory."""
    for at, name in enumerate(("succeeded", "refused", "succeeded")):
        document = first_form(name) | {"run_id": f"jr_{at}"}
        path = tmp_path / "evidence" / "job=curate" / f"run=jr_{at}" / "evidence.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(document))
    monkeypatch.chdir(tmp_path)


def export(*words):
    return CliRunner().invoke(app, ["evidence", "export", "--in", "evidence", *words])


def test_filters_choose_the_runs_of_an_export(folder):
    def runs(*words):
        done = export("--format", "openlineage", *words)
        assert done.exit_code == 0, done.output
        return len(done.stdout.splitlines()) // 2

    assert [runs(), runs("--outcome", "refused"), runs("--control", "GS-TLS-001")] == [3, 1, 1]
    assert [runs("--job", "other"), runs("--until", "2020-01-01"), runs("jr_1")] == [0, 0, 1]


def test_an_export_is_written_to_a_file_only_when_the_evidence_was_read(folder):
    done = export("--format", "sarif", "--out", "x.sarif")
    assert done.stdout == "x.sarif written\n"
    validate_sarif(json.loads(Path("x.sarif").read_text()))
    Path("evidence/job=curate/run=jr_2/evidence.json").write_text("{}")
    assert export("jr_2", "--format", "ocsf", "--out", "y.json").exit_code != 0
    assert not Path("y.json").exists()


@pytest.mark.parametrize("output", ["ocsf", "asff", "sarif", "junit", "openlineage"])
def test_evidence_whose_texts_utf_8_cannot_encode_is_exported(folder, output):
    path = Path("evidence/job=curate/run=jr_1/evidence.json")
    document = json.loads(path.read_text())
    for control in document["controls"]:
        control["resource"] += "L\ud800"
    path.write_text(json.dumps({**document, "security_configuration": "s\ud800", "another": ["\ud800"]}))
    done = export("jr_1", "--format", output)
    assert (done.exit_code, done.exception) == (0, None)
    # SARIF has the results that do not pass only.
    assert r"\ud800" in done.stdout or output == "sarif"
    shown = CliRunner().invoke(app, ["evidence", "show", "jr_1", "--in", "evidence", "--json"])
    assert (shown.exit_code, type(shown.exception)) == (3, SystemExit)
    page = CliRunner().invoke(app, ["report", "--in", "evidence", "--out", "-"])
    assert (page.exit_code, page.exception) == (0, None)


@pytest.mark.parametrize("body", ["{}", "[", "", '{"schema": "glue-secure/evidence/1", "reads": 3}'])
def test_a_document_that_cannot_be_read_does_not_hide_the_other_runs(folder, body):
    Path("evidence/job=curate/run=jr_2/evidence.json").write_text(body)
    runs = json.loads(CliRunner().invoke(app, ["evidence", "list", "--in", "evidence", "--json"]).stdout)
    by_run = {run["run_id"]: run for run in runs}
    assert by_run["jr_2"]["outcome"] == "unreadable"
    assert by_run["jr_2"]["not_passed"] == ["GS-EVD-001"]
    assert by_run["jr_1"]["outcome"] != "unreadable"
    document = json.loads(export("--format", "sarif").stdout)
    assert "GS-EVD-001" in {result["ruleId"] for result in document["runs"][0]["results"]}
    page = CliRunner().invoke(app, ["report", "--in", "evidence", "--out", "-"]).stdout
    assert "jr_2" in page
    assert "GS-EVD-001" in page


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("jr_1", "--job", "curate", "--format", "ocsf"), "a run and options that choose runs"),
        (("--format", "ocsf", "--out", "evidence"), "Is a directory"),
        (("jr_9", "--format", "ocsf"), "evidence of run jr_9"),
        (("--format", "ocsf", "--control", "GS-XX-1"), "glue-secure controls list"),
    ],
)
def test_wrong_usage_is_named(folder, words, text):
    done = export(*words)
    assert isinstance(done.exception, UsageError), done.output
    assert text in str(done.exception)


def test_evidence_without_an_account_cannot_be_a_finding_of_security_hub():
    with pytest.raises(UsageError, match="account ''"):
        asff.documents([stored(first_form() | {"account_id": ""})])


def test_a_name_of_1000_characters_is_cut_where_the_format_has_a_limit():
    document = first_form()
    document["controls"][0]["resource"] = HOSTILE[4]
    found = asff.documents([stored(document)])
    assert max(len(one["Resources"][0]["Id"]) for one in found) == 512
    validate_asff(asff.documents([stored(large(objects=1))])[:200])


def test_exports_name_the_kind_of_the_account():
    document = first_form() | {"account": "embedded"}
    runs = [stored(document)]
    assert {event["unmapped"]["account"] for event in ocsf.events(runs)} == {"embedded"}
    assert {one["ProductFields"]["glue-secure/account"] for one in asff.documents(runs)} == {"embedded"}
    accounts = [{"id": document["account_id"], "region": document["region"], "account": "embedded"}]
    assert sarif.document(runs)["runs"][0]["properties"] == {"accounts": accounts}


@pytest.mark.parametrize("form", ["sarif", "asff"])
def test_an_export_without_open_findings_says_that_later_runs_passed(folder, form):
    path = Path("evidence/job=curate/run=jr_2/evidence.json")
    document = json.loads(path.read_text())
    document["controls"].append(finding("GS-TLS-001", "PASS", "connection ops-postgres"))
    later = (NOW + timedelta(hours=1)).isoformat()
    path.write_text(json.dumps(document | {"finished": later}))
    done = export("--format", form)
    assert "0 open findings: later runs passed" in done.stderr
    assert "--outcome refused" in done.stderr
    json.loads(done.stdout)
    assert "0 open" not in export("--format", form, "--outcome", "refused").stderr
    assert "0 open" not in export("--format", form, "--outcome", "succeeded").stderr
