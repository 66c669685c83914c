"""The demo, whole: what `make demo` shows, as JSON.

CI runs `make demo`, which fails unless each step has its exit code and its control, and each rejected step
has written nothing. The tests here are marked long, because they would repeat it.
"""

import io
import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from page_blocks import blocks, first_line_without
from rich.console import Console

from glue_secure.cli.demo import StepPrinter
from glue_secure.embedded.demo import DemoStep

# Ten runs of a job, each with a JVM of its own: minutes on a busy machine.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]
ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).with_name("glue-secure")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return tmp_path_factory.mktemp("a demo") / "report.html"


@pytest.fixture(scope="module")
def document(report):
    words = [COMMAND, "demo", "--json", "--report", report]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout)


def test_the_first_run_reads_january_to_november_and_verifies_what_it_wrote(document):
    first = document["steps"][0]
    assert (first["exit_code"], first["control"]) == (0, None)
    assert first["rows_read"] == 308_641
    assert first["rows_written"] > 3_000
    assert len(first["objects"]) >= 11
    assert {(seen["algorithm"], seen["key"].split(":")[2]) for seen in first["objects"]} == {
        ("aws:kms", "kms")
    }
    assert len({seen["key"] for seen in first["objects"]}) == 1
    assert (first["tls"]["protocol"], first["tls"]["source"]) == ("TLSv1.3", "pg_stat_ssl")
    assert (first["bookmark"]["sequence_before"], first["bookmark"]["sequence_after"]) == (0, 1)
    assert first["evidence"].startswith("s3://")


def test_the_second_run_reads_december_only(document):
    second = document["steps"][1]
    assert second["rows_read"] == 28_135
    assert all("month=12/" in seen["uri"] or seen["uri"].endswith("_SUCCESS") for seen in second["objects"])
    assert second["bookmark"]["sequence_after"] == 2


def test_the_third_run_reads_nothing_and_writes_nothing(document):
    third = document["steps"][2]
    assert third["exit_code"] == 0
    assert (third["rows_read"], third["rows_written"], third["objects"], third["written"]) == (0, 0, [], 0)


@pytest.mark.parametrize(
    ("position", "control"),
    [
        (3, "GS-SEC-003"),
        (4, "GS-SEC-001"),
        (5, "GS-SEC-005"),
        (6, "GS-KMS-002"),
        (7, "GS-TLS-001"),
        (8, "GS-TLS-002"),
        (9, "GS-BKM-001"),
    ],
)
def test_each_refusal_ends_with_3_writes_nothing_and_shows_a_fix(document, position, control):
    step = document["steps"][position]
    assert (step["exit_code"], step["control"], step["written"]) == (3, control, 0)
    for word in ("found:", "required:", "fix:", "more:"):
        assert word in step["refusal"]


def test_the_last_step_shows_who_reads_which_columns_by_lf_tags(document):
    assert document["steps"][10]["exit_code"] == 0
    assert document["steps"][10]["facts"] == [
        ["tags", "columns with personal data are confidential, for the role privacy only"],
        ["steps", "16 of the plan applied and read back; the roles then read:"],
        ["analyst", "sales.customers: nothing"],
        ["analyst", "sales.orders: id, amount"],
        ["privacy", "sales.customers: email, name"],
    ]


def test_the_evidence_shows_that_the_account_is_embedded(document):
    assert document["account"] == "embedded"
    assert document["as_expected"] is True
    assert len(document["steps"]) == 11


def test_the_demo_ends_with_a_report_of_its_runs(document, report):
    assert (document["report"], document["state"]) == (str(report), None)
    page = report.read_text(encoding="utf-8")
    for control in ("GS-TLS-001", "GS-TLS-002", "GS-BKM-001"):
        assert f"{control} · " in page
    assert "s3://glue-secure-curated/flights_delays/" in page
    assert "336,776 rows" in page


def test_the_pages_show_what_the_demo_prints(document, report):
    """``--json`` prints the same steps as a document, so they are printed from it."""
    output = io.StringIO()
    printer = StepPrinter(Console(file=output, width=120, highlight=False))
    members = {field.name for field in fields(DemoStep)}
    steps = [
        DemoStep(**{name: value for name, value in step.items() if name in members} | {
            "expected": tuple(step["expected"].values())})
        for step in document["steps"]
    ]  # fmt: skip
    for step in steps:
        printer.show(step)
    printer.summary(steps, report.parent / "build" / "demo-report.html", None)
    shown = [
        block.text
        for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
        for block in blocks(page.read_text(encoding="utf-8"))
        if block.mark == "output: demo"
    ]
    assert len(shown) == 3
    for text in shown:
        text = "".join(f"{line.lstrip()}\n" for line in text.splitlines())
        lines = "".join(f"{line.lstrip()}\n" for line in output.getvalue().splitlines())
        assert first_line_without(lines, text) == "", output.getvalue()


def test_the_steps_with_a_table_of_iceberg(glue_account, provisioned):
    from glue_secure.embedded.demo import Demo

    script = ROOT / "jobs" / "flights_curated.py"
    steps = list(Demo(glue_account, script, print, iceberg=True).table_steps())
    assert [step.as_expected for step in steps] == [True, True], [step.log for step in steps]
    assert [step.rows_written for step in steps] == [1, 1]
    for step in steps:
        assert {seen["key"] for seen in step.objects} == {provisioned.data_key}
