"""Suppressions with a reason, and the command ``check``: its formats and exit codes."""

import configparser
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from glue_secure.check.checker import check_script
from glue_secure.check.model import RULES
from glue_secure.cli.app import app

ROOT = Path(__file__).resolve().parents[3]
GUARD = "import glue_secure.as_awsglue\nimport boto3\n"
CALL = "c = boto3.client('s3', verify=False)"
ALLOW = "# glue-secure: allow aws-client-tls the test server of the team, TICKET-7"


def summary(text):
    return [(one.rule, one.line, one.counts, one.accepted) for one in check_script(GUARD + text, "job.py")]


@pytest.mark.parametrize(
    "text",
    [
        f"{CALL}  {ALLOW}\n",
        f"{ALLOW}\n{CALL}\n",
        f"{ALLOW}\n# more about it\n\n{CALL}\n",
        f"c = boto3.client(  {ALLOW}\n    's3',\n    verify=False,\n)\n",
        f"c = boto3.client(\n    's3',\n    verify=False,  {ALLOW}\n)\n",
        f"if True:\n    {ALLOW}\n    {CALL}\n",
        f"{CALL}  {ALLOW.replace('aws-client-tls', 'spark-jdbc,aws-client-tls')}\n",
    ],
)
def test_a_comment_with_a_reason_accepts_a_finding_of_its_statement(text):
    found = [one for one in summary(text) if one[0] == "aws-client-tls"]
    assert [(counts, accepted) for _, _, counts, accepted in found] == [
        (False, "the test server of the team, TICKET-7")
    ]


@pytest.mark.parametrize(
    ("comment", "problem"),
    [
        ("# glue-secure: allow aws-client-tls", "no reason"),
        ("# glue-secure: allow all because", "no rule of that name: all"),
        ("# glue-secure: allow", "no rule of that name: no name"),
        ("# glue-secure: ignore aws-client-tls reason", "glue-secure: ignore, which is not allow"),
        ("# glue-secure: allow spark-jdbc reason", "no finding of spark-jdbc here"),
    ],
)
def test_a_comment_that_accepts_nothing_is_reported_and_the_finding_counts(comment, problem):
    findings = check_script(f"{GUARD}{CALL}  {comment}\n", "job.py")
    assert [(one.rule, one.counts) for one in findings] == [("aws-client-tls", True), ("suppression", False)]
    assert findings[1].found == problem


def test_a_comment_at_another_statement_accepts_nothing():
    assert summary(f"x = 1  {ALLOW}\n{CALL}\n") == [
        ("suppression", 3, False, ""),
        ("aws-client-tls", 4, True, ""),
    ]


def test_the_text_of_a_comment_in_a_string_accepts_nothing():
    assert summary(f'x = "{ALLOW}"; {CALL}\n') == [("aws-client-tls", 3, True, "")]


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {
        "good/job.py": f"{GUARD}c = boto3.client('s3')\n",
        "bad/job.py": f"{GUARD}{CALL}\n{CALL}  {ALLOW}\n",
        "unknown/job.py": "import glue_secure.as_awsglue\nexec(text())\n",
        "broken/job.py": "print 'x'\n",
        "latin/job.py": "# -*- coding: latin-1 -*-\nx = 'ü'\n",
        "lib/start.py": "import glue_secure.as_awsglue\ndef start():\n    pass\n",
        "lib/job.py": "from start import start\nfrom awsglue.context import GlueContext as G\nG(start())\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="latin-1" if name.startswith("latin") else "utf-8")

    def run(*words):
        result = CliRunner().invoke(app, ["check", *words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout

    return run


def test_the_text_has_place_rule_control_and_fix(call):
    code, text = call("bad")
    assert code == 3
    assert (
        "bad/job.py:3:5: FAIL aws-client-tls (GS-S3-002 CRITICAL): boto3.client() with verify false" in text
    )
    assert "  fix:      remove verify;" in text
    assert "bad/job.py:4:5: accepted aws-client-tls" in text
    assert text.endswith("1 script: 1 FAIL, 0 UNKNOWN, 0 note, 1 accepted\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("good",), 0), (("bad",), 3), (("unknown",), 4), (("broken",), 4), (("latin",), 0), (("lib",), 0),
        (("bad", "broken"), 3),
    ],
)  # fmt: skip
def test_exit_codes(call, words, code):
    assert call(*words)[0] == code


def test_a_path_that_does_not_exist_is_wrong_usage(tmp_path):
    result = CliRunner().invoke(app, ["check", str(tmp_path / "nope")])
    assert result.exception.exit_code == 2
    assert "no such file or folder" in str(result.exception)


def test_json_and_sarif_have_the_same_findings(call):
    code, text = call("bad", "--json")
    document = json.loads(text)
    assert (code, document["scripts"], document["exit_code"]) == (3, 1, 3)
    assert [(one["rule"], one["control"], one["line"], one["kind"]) for one in document["findings"]] == [
        ("aws-client-tls", "GS-S3-002", 3, "FAIL"),
        ("aws-client-tls", "GS-S3-002", 4, "accepted"),
    ]
    (run,) = json.loads(call("bad", "--format", "sarif")[1])["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(RULES)
    regions = [result["locations"][0]["physicalLocation"]["region"] for result in run["results"]]
    assert regions == [{"startLine": 3, "startColumn": 5}, {"startLine": 4, "startColumn": 5}]
    assert run["columnKind"] == "unicodeCodePoints"
    assert [("suppressions" in result) for result in run["results"]] == [False, True]


def test_sarif_is_valid(call):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "tests/vectors/sarif/sarif-2.1.0.json").read_text("utf-8"))
    document = json.loads(call("bad", "unknown", "--format", "sarif")[1])
    jsonschema.validate(document, schema)


def test_the_pre_commit_hook_runs_the_command():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert (hook["id"], hook["entry"], hook["language"]) == (
        "glue-secure-check",
        "glue-secure check",
        "python",
    )
    assert hook["types"] == ["python"]
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert hook["additional_dependencies"] == setup["options.extras_require"]["cli"].split("\n")[1:]


def test_the_page_lists_every_rule():
    page = (ROOT / "docs/check.md").read_text("utf-8")
    assert [rule for rule in RULES if f"| `{rule}` |" not in page] == []


def test_scripts_with_warnings_of_python_are_checked_in_several_threads():
    text = GUARD + "pattern = '\\d'\nif pattern is 'x':\n    pass\n"
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda name: check_script(text, name), map(str, range(200)))) == {()}


def test_a_finding_with_a_literal_that_utf_8_cannot_encode_is_text_that_utf_8_can_encode():
    (finding,) = check_script(
        GUARD + r"boto3.client('s3', endpoint_url='http://h\ud800')" + "\n", "job\udcff.py"
    )
    assert finding.file == r"job\udcff.py"
    "".join((finding.found, finding.required, finding.fix)).encode()


def test_a_script_that_is_too_deeply_nested_is_unknown_and_the_fix_says_so():
    (finding,) = check_script(GUARD + "x = a" + ".f()" * 3000 + "\n", "job.py")
    assert (finding.rule, finding.verdict.value) == ("unreadable", "UNKNOWN")
    assert "nested" in finding.required
    assert "several statements" in finding.fix


def test_a_script_with_an_integer_that_python_cannot_convert_to_text_is_checked():
    found = check_script(GUARD + f"boto3.client('s3', endpoint_url=0x{'f' * 5000})\n{CALL}\n", "job.py")
    assert "unreadable" not in {one.rule for one in found}
    assert "aws-client-tls" in {one.rule for one in found}
