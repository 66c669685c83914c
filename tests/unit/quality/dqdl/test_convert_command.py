"""``glue-secure quality convert``: the result alone on standard output, what may differ beside it."""

import json

import pytest
from typer.testing import CliRunner

from glue_secure.cli.app import app
from glue_secure.core.errors import UsageError

RULES = 'Rules = [ IsUnique "a", RowCount > avg(last(10)) ]'


def run(*arguments):
    found = CliRunner().invoke(app, ["quality", "convert", *map(str, arguments)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found


def test_both_ways(tmp_path):
    (tmp_path / "flights.dqdl").write_text(RULES, encoding="utf-8")
    made = run(tmp_path / "flights.dqdl", "--partial")
    suite = json.loads(made.stdout)
    assert suite["name"] == "flights"
    assert "left out" in made.stderr
    assert "may differ" in made.stderr
    (tmp_path / "flights.json").write_text(made.stdout, encoding="utf-8")
    back = run(tmp_path / "flights.json")
    assert back.stdout == 'Rules = [\n    IsUnique "a"\n]\n'


def test_nothing_is_printed_of_a_file_that_is_refused(tmp_path, capsys):
    file = tmp_path / "flights.dqdl"
    file.write_text(RULES, encoding="utf-8")
    with pytest.raises(UsageError, match="rule 2 RowCount, line 1"):
        run(file)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    file = tmp_path / "flights.dqdl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=r"flights\.dqdl"):
        run(file)
