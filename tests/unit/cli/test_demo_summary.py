"""What the demo prints at its end."""

import io
from pathlib import Path

from rich.console import Console

from glue_secure.cli.demo import StepPrinter
from glue_secure.embedded.demo import DemoStep


def summary(running):
    output = io.StringIO()
    StepPrinter(Console(file=output, width=120)).summary(
        [], Path("/a folder/build/demo-report.html"), running
    )
    return output.getvalue().splitlines()


def test_the_path_of_the_report_is_the_last_line_of_a_demo_that_leaves_nothing_running():
    assert summary(None)[-1] == "Report: /a folder/build/demo-report.html"


def test_commands_for_an_account_that_goes_on_can_be_typed():
    assert summary(Path("/a folder/state"))[-3:] == [
        "  glue-secure evidence list --state '/a folder/state' --in s3://glue-secure-evidence/evidence/",
        "  eval \"$(glue-secure local env --state '/a folder/state')\"",
        "  glue-secure local down --state '/a folder/state'",
    ]


def test_a_step_states_how_its_objects_were_verified():
    output = io.StringIO()
    stored_object = {"uri": "s3://b/o", "algorithm": "aws:kms", "key": "k"}
    step = DemoStep(
        name="a step",
        expected=(0, None),
        exit_code=0,
        control=None,
        rows_read=1,
        rows_written=1,
        reads=(),
        objects=(stored_object, stored_object),
        written=2,
        tls={},
        bookmark={},
        evidence=None,
        refusal=None,
        seconds=1.0,
        phases={},
        verified_by=("receipts",),
    )
    StepPrinter(Console(file=output, width=120)).show(step)
    assert "2 written, 2 verified (receipts)" in output.getvalue()
