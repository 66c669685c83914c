"""The commands ``policy-file init|lint|show|explain|diff``."""

import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from glue_secure.cli.policy_file import app
from glue_secure.core.errors import UsageError
from glue_secure.policyfile.lint import RULES

KEY_2 = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222"
POLICY = f"""\
schema = 1
name = "zones"
exception_days = 60

[[targets]]
name = "zone-b"
prefix = "s3://zone-b/"
encryption = "SSE-KMS"
keys = ["{KEY_2}"]

[[targets]]
name = "zone-c"
prefix = "s3://zone-c/"
encryption = "SSE-S3"
reason = "open data"

[[targets]]
name = "payments"
table = "finance.payments"
encryption = "DSSE-KMS"

[[exceptions]]
control = "GS-CAT-001"
resource = "Data Catalog*"
reason = "migration"
ticket = "SEC-7"
owner = "platform"
expires = 2026-12-31
"""


@pytest.fixture
def call(tmp_path, monkeypatch):
    """``call(words)``: exit code and output of the command in a folder with policy.toml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.toml").write_text(POLICY)

    def run(*words):
        result = CliRunner().invoke(app, list(words))
        if isinstance(result.exception, UsageError):
            raise result.exception
        return result.exit_code, result.stdout

    return run


def test_init_creates_a_file_that_lint_accepts_and_that_states_the_default(call, tmp_path):
    assert call("init", "new.toml", "--name", "acme")[0] == 0
    assert call("lint", "new.toml") == (0, "")
    assert "every other" in call("show", "new.toml")[1]
    with pytest.raises(UsageError, match="existing file"):
        call("init", "new.toml")


@pytest.mark.parametrize(
    ("today", "code", "rule"),
    [
        ("2026-11-20", 0, ""),
        ("2026-12-17", 3, "exception-expires-soon"),
        ("2026-12-31", 3, "exception-expires-soon"),
        ("2027-01-01", 3, "exception-expired"),
        ("2026-10-01", 3, "exception-too-long"),
    ],
)
def test_lint_judges_exceptions_by_the_day(call, today, code, rule):
    found, text = call("lint", "policy.toml", "--today", today)
    assert found == code
    assert f"policy.toml:{28 if rule else 11}: " in text
    assert f"[{rule}]" in text or not rule


def test_lint_names_the_line_of_an_error(call, tmp_path):
    (tmp_path / "wrong.toml").write_text(POLICY.replace("DSSE-KMS", "DES"))
    code, text = call("lint", "wrong.toml")
    assert code == 3
    assert text.startswith("wrong.toml:20: error:")
    assert "[invalid]" in text


def test_lint_finds_a_lower_level_that_loosens(call, tmp_path):
    job = (
        'schema = 1\nlevel = "job"\n[[targets]]\nname = "j"\nprefix = "s3://other/"\nencryption = "SSE-S3"\n'
    )
    (tmp_path / "job.toml").write_text(job + 'reason = "r"\n')
    code, text = call("lint", "policy.toml", "job.toml", "--today", "2026-11-20")
    assert code == 3
    assert "[levels]" in text


def test_sarif_has_rule_level_and_line_of_each_result(call):
    code, text = call("lint", "policy.toml", "--format", "sarif", "--today", "2027-01-01")
    document = json.loads(text)
    jsonschema.validate(
        document,
        {
            "required": ["$schema", "version", "runs"],
            "properties": {"version": {"const": "2.1.0"}, "runs": {"minItems": 1, "maxItems": 1}},
        },
    )
    (run,) = document["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    found = {
        (one["ruleId"], one["level"], one["locations"][0]["physicalLocation"]["region"]["startLine"])
        for one in run["results"]
    }
    assert found == {("target-below-kms", "note", 11), ("exception-expired", "warning", 28)}
    assert all(
        run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"]
    )
    assert code == 3


def test_markdown_is_a_table(call):
    _, text = call("lint", "policy.toml", "--format", "markdown", "--today", "2026-11-20")
    assert text.splitlines()[:2] == ["| level | file | rule | message |", "|---|---|---|---|"]
    assert "| note | policy.toml:11 | target-below-kms |" in text


@pytest.mark.parametrize(
    ("target", "entry", "written"),
    [
        ("s3://zone-b/x/part-0", "zone-b", f"aws:kms {KEY_2}"),
        ("s3://zone-c/", "zone-c", "AES256"),
        ("s3://zone-bb/x", "the default", "aws:kms run"),
        ("finance.payments", "payments", "aws:kms:dsse run"),
        ("finance.other", "the default", "aws:kms run"),
    ],
)
def test_explain_names_the_entry_and_the_encryption(call, target, entry, written):
    code, text = call("explain", target, "policy.toml", "--json")
    explained = json.loads(text)
    assert (code, explained["entry"], explained["written"]) == (0, entry, written)
    assert f"written          {written}" in call("explain", target, "policy.toml")[1]


def test_explain_rejects_what_is_no_target(call):
    with pytest.raises(UsageError, match=r"DATABASE\.TABLE"):
        call("explain", "zone-b", "policy.toml")


def test_show_has_the_days_that_exceptions_have_left(call):
    _, text = call("show", "policy.toml", "--json", "--today", "2026-12-01")
    assert json.loads(text)["exceptions"][0]["days_left"] == 30
    assert "SEC-7" in call("show", "policy.toml", "--today", "2026-12-01")[1]


@pytest.mark.parametrize(
    ("before", "after", "code", "kind"),
    [
        ("", "", 0, "no difference"),
        (KEY_2, KEY_2.replace("2222-2", "2222-3"), 3, "weaker"),
        (f'keys = ["{KEY_2}"]', f'keys = ["run", "{KEY_2}"]', 3, "weaker"),
        ('encryption = "SSE-S3"\nreason', 'encryption = "SSE-KMS"\nreason', 0, "stricter"),
        ('prefix = "s3://zone-c/"', 'prefix = "s3://zone-c/open/"', 0, "stricter"),
        ('SSE-KMS"\nkeys', 'DSSE-KMS"\nkeys', 0, "stricter"),
        ('"DSSE-KMS"', '"SSE-KMS"', 3, "weaker"),
        (f'keys = ["{KEY_2}"]', f'keys = ["{KEY_2}"]\nbucket_key = true', 0, "stricter"),
        ("exception_days = 60", "exception_days = 90", 3, "weaker"),
        ("exception_days = 60", "exception_days = 60\ntable_rollback = false", 0, "changed"),
        ("exception_days = 60", "exception_days = 30", 0, "stricter"),
        ("2026-12-31", "2027-01-31", 3, "weaker"),
        (POLICY[POLICY.index("[[exceptions]]") :], "", 0, "stricter"),
    ],
)
def test_diff_says_whether_a_change_allows_more(call, tmp_path, before, after, code, kind):
    (tmp_path / "after.toml").write_text(POLICY.replace(before, after) if before else POLICY)
    found, text = call("diff", "policy.toml", "after.toml")
    assert found == code
    assert kind in text


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("", 'encryption = ["SSE-KMS"]', "stricter"),
        ('encryption = ["SSE-KMS", "SSE-S3"]', 'encryption = ["SSE-KMS"]', "stricter"),
        ('encryption = ["SSE-KMS"]', 'encryption = ["DSSE-KMS"]', "stricter"),
        ('keys = ["run"]', "", "weaker"),
        ("", 'checked = "sample"', "weaker"),
        ("tls_only = true", "lake_formation_only = true", "weaker"),
        ("tls_only = true", "tls_only = true\nlake_formation_only = true", "stricter"),
        ('keys = ["run"]', 'name = "renamed"\nkeys = ["run"]', "changed"),
    ],
)
def test_diff_compares_a_source_with_the_same_prefix(call, tmp_path, before, after, kind):
    for name, text in (("before", before), ("after", after)):
        entry = 'schema = 1\n[[sources]]\nprefix = "s3://landing/"\n' + text
        (tmp_path / f"{name}.toml").write_text(entry + ("" if "name =" in text else '\nname = "in"') + "\n")
    code, text = call("diff", "before.toml", "after.toml", "--json")
    assert [one["kind"] for one in json.loads(text)] == [kind]
    assert code == (3 if kind == "weaker" else 0)


def test_the_commands_of_the_page_print_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")
    example = re.search(
        r"## Three zones\n.*?```toml\n(.*?)```\n\n<!-- .*? -->\n```text\n\$ (.*?)\n(.*?)```", page, re.DOTALL
    )

    def typed(command):
        words = shlex.split(command)
        assert words[:2] == ["glue-secure", "policy-file"]
        result = CliRunner().invoke(app, words[2:])
        assert result.exit_code == 0, result.output
        return [line.rstrip() for line in result.stdout.splitlines()]

    for command in re.search(r"```sh\n(.*?)```", page, re.DOTALL)[1].splitlines():
        typed(command)
    Path("policy.toml").write_text(example[1])
    assert typed(example[2]) == [line.rstrip() for line in example[3].splitlines()]


def test_diff_calls_a_change_of_the_order_of_keys_neither_stricter_nor_weaker(call, tmp_path):
    for name, keys in (("before", f'"{KEY_2}", "run"'), ("after", f'"run", "{KEY_2}"')):
        text = 'schema = 1\n[[targets]]\nname = "b"\nprefix = "s3://zone-b/"\nencryption = "SSE-KMS"\n'
        (tmp_path / f"{name}.toml").write_text(f"{text}keys = [{keys}]\n")
    code, text = call("diff", "before.toml", "after.toml")
    assert code == 0
    assert "changed" in text and "stricter" not in text
