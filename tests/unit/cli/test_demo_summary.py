"""What the demo prints at its end."""

import io
from pathlib import Path

from rich.console import Console

from glue_secure.cli.demo import StepPrinter


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
