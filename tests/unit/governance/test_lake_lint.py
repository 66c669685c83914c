"""``lakeformation lint``: rules, exceptions, and the forms of the output."""

import json
from datetime import date

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.governance.lakeformation import saved
from glue_secure.governance.lakeformation.file import parse, read_for_lint
from glue_secure.governance.lakeformation.lint import ACCEPTABLE, Rule, lint, to_markdown, to_sarif

from .conftest import ACCOUNT, HEAD
from .test_lake_commands import cli  # noqa: F401 - a fixture
from .test_lake_plan import TABLE, grant

TODAY = date(2026, 11, 29)
CLOSED = "[settings]\nclose_defaults = true\n"
PUBLIC = '[lf_tags]\nk = ["v", "w"]\n'
FOREIGN = "arn:aws:iam::999999999999:role/a"

FINDINGS = {
    "all-iam-principals": grant(TABLE, "SELECT").replace('"analyst"', f'"{ACCOUNT}:IAMPrincipals"'),
    "super-user": grant(f'catalog = "{ACCOUNT}:redshift"', "SUPER_USER"),
    "super": grant('database = "sales"', "ALL"),
    "other-account": grant(TABLE, "SELECT").replace('"analyst"', f'"{FOREIGN}"'),
    "grantable": grant(TABLE, "SELECT", grantable=["SELECT"]),
    "write-reads": grant(TABLE, "INSERT"),
    "any-tag-value": PUBLIC + grant('tables_with = { k = ["*"] }', "SELECT"),
    "tag-assignment": PUBLIC + grant('lf_tag = "k"\nvalues = ["v"]', "ASSOCIATE"),
    "whole-bucket": grant('location = "s3://lake"', "DATA_LOCATION_ACCESS"),
    "hybrid-without-opt-in": '[[locations]]\narn = "s3://lake/a"\nhybrid = true\n',
    "unused": PUBLIC,
}


def findings_of(tmp_path, text, today=TODAY, account=True):
    path = tmp_path / "p.toml"
    head = HEAD.replace("schema = 1", f'schema = 1\naccount = "{ACCOUNT}"') if account else HEAD
    path.write_text(head + text)
    return lint(*read_for_lint(path), today)


def identifiers(findings):
    return [finding.rule.id for finding in findings]


@pytest.mark.parametrize("rule", FINDINGS)
def test_each_rule_reports_its_finding_and_no_other(tmp_path, rule):
    (finding,) = findings_of(tmp_path, CLOSED + FINDINGS[rule])
    assert finding.rule.id == rule
    assert finding.fails == (rule != "unused")
    lines = (tmp_path / "p.toml").read_text().splitlines()
    assert lines[finding.line - 1].startswith(("[[grants]]", "[[locations]]", "k = "))


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", ["open-defaults"]),
        (CLOSED, []),
        (CLOSED + "external_data_filtering = true\nfull_table_external_data_access = true\n",
         ["external-access", "external-access"]),
        (CLOSED + f'administrators = ["analyst", "{FOREIGN}"]\n', ["other-account"]),
        (CLOSED + grant(TABLE, "SELECT", "INSERT", "DESCRIBE"), []),
        (CLOSED + grant(TABLE, "ALL"), []),
        (CLOSED + '[[locations]]\narn = "s3://lake"\n', ["whole-bucket"]),
        (CLOSED + '[[filters]]\nname = "f"\ndatabase = "d"\ntable = "t"\nrows = "a = 1"\n', ["unused"]),
        (CLOSED + PUBLIC + '[expressions]\ne = { k = ["v"] }\n', ["unused"]),
        (CLOSED + PUBLIC + '[[assign]]\ndatabase = "d"\ntags = { k = "v" }\n', []),
        (CLOSED + '[[locations]]\narn = "s3://lake/a"\nhybrid = true\n'
         '[[opt_ins]]\nprincipal = "analyst"\ndatabase = "d"\ntable = "t"\n', []),
        (CLOSED + grant(TABLE, "SELECT").replace('"analyst"', '"111122223333"'), ["other-account"]),
        (CLOSED + grant(TABLE, "SELECT").replace('"analyst"', '"arn:aws:organizations::1:ou/o-a/ou-b"'),
         ["other-account"]),
        (CLOSED + grant(TABLE, "SELECT").replace('"analyst"', '"arn:aws:identitystore:::user/1-2"'), []),
    ],
)  # fmt: skip
def test_rules_report_no_more_than_they_state(tmp_path, text, rules):
    assert identifiers(findings_of(tmp_path, text)) == rules


def exception(rule="super", resource="ALL on database sales for *", expires="2026-12-31"):
    return (
        f'[[exceptions]]\nrule = "{rule}"\nresource = "{resource}"\nreason = "migration"\n'
        f'ticket = "DATA-1"\nowner = "data-platform"\nexpires = {expires}\n'
    )


SUPER = CLOSED + grant('database = "sales"', "ALL")


@pytest.mark.parametrize("expires", ["2026-11-29", '"2026-11-29"'])
def test_an_exception_accepts_its_finding_until_the_end_of_its_last_day(tmp_path, expires):
    text = SUPER + exception(expires=expires)
    (finding,) = findings_of(tmp_path, text)
    assert (finding.fails, finding.exception.ticket) == (False, "DATA-1")
    after = findings_of(tmp_path, text, date(2026, 11, 30))
    assert identifiers(after) == ["super", "exception-expired"]
    assert [finding.fails for finding in after] == [True, True]
    assert "data-platform" in after[1].fix


@pytest.mark.parametrize(
    "other", [{"rule": "grantable"}, {"resource": "ALL on database hr for *"}, {"resource": "all*"}]
)
def test_an_exception_accepts_no_other_finding(tmp_path, other):
    findings = findings_of(tmp_path, SUPER + exception(**other))
    assert identifiers(findings) == ["super", "exception-without-finding"]
    assert findings[0].fails and not findings[1].fails


@pytest.mark.parametrize(
    ("change", "member"),
    [
        (('rule = "super"', 'rule = "GS-S3-001"'), "exceptions[0].rule"),
        (('rule = "super"', 'rule = "exception-expired"'), "exceptions[0].rule"),
        (('resource = "ALL on database sales for *"', 'resource = "*"'), "exceptions[0].resource"),
        (('ticket = "DATA-1"\n', ""), "exceptions[0]"),
        (('owner = "data-platform"\n', 'owner = ""\n'), "exceptions[0].owner"),
        (("expires = 2026-12-31\n", ""), "exceptions[0]"),
        (("expires = 2026-12-31", 'expires = "never"'), "exceptions[0].expires"),
        (("expires = 2026-12-31", "expires = 2026-12-31T00:00:00Z"), "exceptions[0].expires"),
        (("expires = 2026-12-31", "expires = 20261231"), "exceptions[0].expires"),
        (("expires = 2026-12-31", "expires = 2026-12-31\nlevel = 1"), "exceptions[0].level"),
    ],
)
def test_an_invalid_exception_is_rejected(change, member):
    with pytest.raises(UsageError) as caught:
        parse(HEAD + SUPER + exception().replace(*change), "p.toml")
    assert caught.value.resource.endswith(f" {member}")


def test_a_saved_plan_contains_exceptions_with_their_dates(harness, tmp_path):
    path = tmp_path / "plan.json"
    saved.write(harness.plan(SUPER + exception()), path)
    assert saved.SavedPlan(path).desired.exceptions == parse(HEAD + SUPER + exception(), "p").exceptions


def test_sarif_has_each_rule_each_result_with_its_line_and_a_suppression_if_it_is_accepted(tmp_path):
    text = SUPER + exception() + grant(TABLE, "INSERT")
    document = to_sarif(findings_of(tmp_path, text), "lake/p.toml", "1.2.3")
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert (document["version"], driver["version"]) == ("2.1.0", "1.2.3")
    assert [rule["id"] for rule in driver["rules"]] == [rule.id for rule in Rule]
    accepted, failing = run["results"]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        location = result["locations"][0]["physicalLocation"]
        assert location["artifactLocation"] == {"uri": "lake/p.toml"}
        assert location["region"]["startLine"] > 1
        assert result["message"]["text"]
    (suppression,) = accepted["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("inSource", "accepted")
    assert "DATA-1, data-platform, until 2026-12-31" in suppression["justification"]
    assert failing["ruleId"] == "write-reads" and "suppressions" not in failing


def test_markdown_has_a_row_for_each_finding_and_escapes_names(tmp_path):
    text = SUPER + exception() + grant('database = "sales"\ntable = "a|b`[x](y)"', "INSERT") + PUBLIC
    markdown = to_markdown(findings_of(tmp_path, text), "p.toml")
    assert markdown.startswith("### p.toml: 1 findings, 1 notes, 1 accepted\n")
    rows = [line for line in markdown.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) == 5  # two headers and three findings
    assert "a&#124;b&#96;&#91;x&#93;(y)" in markdown
    assert "(DATA-1, data-platform, until 2026-12-31)" in markdown


def test_lint_exits_with_3_unless_exceptions_accept_its_findings(cli, tmp_path):  # noqa: F811
    result = cli("lint", "lake.toml", text=SUPER)
    assert result.exit_code == 3
    assert "lake.toml:7: warning: super: ALL on database sales for" in result.stdout
    assert "0 errors, 1 warnings, 0 notes; 0 accepted by exceptions" in result.stdout
    result = cli("lint", "lake.toml", text=SUPER + exception(expires="2999-12-31"))
    assert (result.exit_code, "accepted: migration (DATA-1" in result.stdout) == (0, True)
    assert cli("lint", "lake.toml", text=CLOSED + PUBLIC).exit_code == 0


@pytest.mark.parametrize("form", ["json", "sarif", "markdown", "text"])
def test_lint_writes_each_form_to_a_file_without_access_to_the_account(cli, harness, tmp_path, form):  # noqa: F811
    out = tmp_path / "out"
    result = cli("lint", "lake.toml", "--format", form, "--out", str(out), text=SUPER)
    assert (result.exit_code, result.stdout, harness.lake.requests) == (3, "", {})
    text = out.read_text()
    assert "super" in text
    if form in ("json", "sarif"):
        json.loads(text)
    document = json.loads(cli("lint", "lake.toml", "--json").stdout)
    assert [finding["rule"] for finding in document["findings"]] == ["super"]


def test_the_page_names_each_rule():
    from .test_lake_document import TEXT

    assert [name for name in (*ACCEPTABLE, "exception-expired") if f"`{name}`" not in TEXT] == []
