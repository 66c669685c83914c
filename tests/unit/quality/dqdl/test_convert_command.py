"""``glue-secure quality convert``: the result on standard output, messages on standard error."""

import json

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError

RULES = 'Rules = [ IsUnique "a", RowCount > avg(last(10)) ]'


def run(*arguments):
    result = CliRunner().invoke(app, ["quality", "convert", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_ruleset_is_converted_to_a_suite_and_back(tmp_path):
    (tmp_path / "flights.dqdl").write_text(RULES, encoding="utf-8")
    converted = run(tmp_path / "flights.dqdl", "--partial")
    suite = json.loads(converted.stdout)
    assert suite["name"] == "flights"
    assert "left out" in converted.stderr
    assert "may differ" in converted.stderr
    (tmp_path / "flights.json").write_text(converted.stdout, encoding="utf-8")
    back = run(tmp_path / "flights.json")
    assert back.stdout == 'Rules = [\n    IsUnique "a"\n]\n'


def test_a_rejected_file_prints_nothing_to_standard_output(tmp_path, capsys):
    file = tmp_path / "flights.dqdl"
    file.write_text(RULES, encoding="utf-8")
    with pytest.raises(UsageError, match="rule 2 RowCount, line 1"):
        run(file)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_an_unreadable_file_is_named_in_the_error(tmp_path, content):
    file = tmp_path / "flights.dqdl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=r"flights\.dqdl"):
        run(file)
