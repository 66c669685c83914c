"""The thirty commonest errors: each is made, and what its message prints as the fix is typed.

``COMMANDS`` are errors of command lines. ``CASES`` are errors of a run, as functions that
``support/typed_fixes.py`` describes. The fixes of the controls are in the files that its table names.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest
from run_fixture import run_fixture, server
from typed_fixes import Cases, carry_out

from glue_secure.aws.session import AwsSession
from glue_secure.embedded import launch
from glue_secure.embedded.clients import clients
from glue_secure.engines.glue_options import require_known_options
from glue_secure.utils import getResolvedOptions

from .test_walk import POLICY, command, job

__all__ = ["command", "job", "run_fixture", "server"]

EDIT, BUCKET = "edit wrong.toml", "create bucket"
TABLE = "local table add a.b --location s3://walk/b/ --columns id:int --state STATE"
# The command line, a pattern of its message, and what is typed: command lines with the groups of the pattern,
# or one of the edits above, after which the first command line is typed again.
COMMANDS = {
    "a script that does not exist": (
        "run --state STATE nope.py", r"nope.py: no such file\n  required: a Python file",
        ["run --state STATE job.py"],
    ),
    "no embedded account": (
        "run --state new job.py", r"fix: +glue-secure (?P<up>local up --state new)\n",
        ["{up}", "run --state new job.py", "local down --state new"],
    ),
    "no embedded account for the environment": (
        "local env --state new", r"fix: +glue-secure (?P<up>local up --state new)\n",
        ["{up}", "local env --state new", "local down --state new"],
    ),
    "a setting without a value": (
        "run --state STATE --conf x job.py", r'fix: +--conf "(?P<first>\S+) --conf (?P<second>\S+)"\n',
        ["run --state STATE --conf {first} --conf {second} job.py"],
    ),
    "a JAR that does not exist": (
        "run --state STATE --jars nope.jar job.py", r"required: a file, or s3://BUCKET/KEY",
        ["run --state STATE --jars job.py job.py"],
    ),
    "a library that does not exist": (
        "run --state STATE job.py --extra-py-files nope.zip", r"required: a file, or s3://BUCKET/KEY",
        ["run --state STATE job.py --extra-py-files glue.py"],
    ),
    "a job that is not deployed": (
        "run --state STATE --job absent job.py", r"required: a deployed job",
        ["run --state STATE --job JOB job.py"],
    ),
    "a misspelt command": (
        "preflihgt --connection walk", r"Did you mean '(?P<name>preflight)'\?", ["{name} --help"],
    ),
    "a misspelt option": (
        "run --verbos --state STATE job.py", r"fix: +write (?P<name>--verbose)\n",
        ["run {name} --state STATE job.py"],
    ),
    "two modes of migrate": (
        "migrate glue.py --check --write", r"found: +--check and (?P<one>--write)\n  required: one of them",
        ["migrate glue.py {one}"],
    ),
    "a folder that does not exist": (
        "migrate nope", r"required: a script or a folder", ["migrate ."],
    ),
    "a project that exists": (
        "init taken", r"required: a new path, or an empty folder", ["init fresh --requirement glue-secure"],
    ),
    "a name in upper case": (
        "init Bad_Name", r"lower-case letters and digits, separated by single dashes",
        ["init bad-name --requirement glue-secure"],
    ),
    "no project file": (
        "template cloudformation --project nope.toml",
        r"fix: +create a project with glue-secure (?P<init>init) NAME",
        ["{init} nope --requirement glue-secure",
         "template cloudformation --project nope/glue_secure.toml"],
    ),
    "a job that pull does not find": (
        "pull absent", r"required: a deployed job", ["pull JOB --out found.py"],
    ),
    "an unknown control": (
        "controls show GS-XX-001", r"fix: +glue-secure (?P<list>controls list)\n",
        ["{list}", "controls show GS-S3-004"],
    ),
    "an existing policy file": (
        "policy-file init policy.toml", r"required: a new file", ["policy-file init new.toml"],
    ),
    "a policy file with an unknown key": (
        "policy-file lint wrong.toml", r"found: the key projct; required: schema, name, ", [EDIT],
    ),
    "a policy file that does not exist": (
        "policy-file lint nope.toml", r"nope.toml\n  found:    no such file\n",
        ["policy-file lint policy.toml"],
    ),
    "a table without a database": (
        TABLE.replace("a.b", "orders"), r"required: a database and a table: (?P<table>\S+)\n",
        [TABLE.replace("a.b", "{table}")],
    ),
    "a location that is none": (
        TABLE.replace("s3://walk/b/", "here"), r"required: s3://BUCKET/KEY", [TABLE],
    ),
    "columns without types": (
        TABLE.replace("id:int", "id"), r"required: NAME TYPE, NAME TYPE", [TABLE.replace("a.b", "a.c")],
    ),
    "a login without a server": (
        "local connection add far --user etl --state STATE", r"required: (?P<option>--url)\n",
        ["local connection add far --user etl --ca ca.pem {option} jdbc:postgresql://h:5432/d --state STATE"],
    ),
    "a bucket that does not exist": (
        "remediate s3://walk-absent/ --job JOB", r"fix: +create bucket walk-absent, or correct its name",
        [BUCKET],
    ),
}  # fmt: skip


@pytest.fixture
def type_line(command, glue_account, tmp_path, monkeypatch):
    done = subprocess.CompletedProcess((), 0)
    monkeypatch.setattr(launch, "run", lambda submission, **_: done)
    monkeypatch.setattr(sys, "stdin", io.StringIO("password\n"))
    (tmp_path / "ca.pem").write_bytes(glue_account.ca_pem.read_bytes())

    def edit(what):
        if what == EDIT:
            (tmp_path / "wrong.toml").write_text(POLICY)
        else:
            clients(glue_account)("s3").create_bucket(Bucket="walk-absent")

    def call(line):
        return edit(line) if line in (EDIT, BUCKET) else command(line)

    return call


@pytest.mark.parametrize("name", COMMANDS)
def test_the_fix_of_a_command_line_works_when_it_is_typed(type_line, name):
    mistake, pattern, typed = COMMANDS[name]
    code, output = type_line(mistake)
    text = output.err + output.out
    match = re.search(pattern, text)
    assert code and match, text
    for line in typed:
        done = type_line(line.format(**match.groupdict())) or type_line(mistake)
        assert done[0] == 0, done[1].err + done[1].out


CASES = Cases()


@CASES.of("")
def no_region(get):
    monkeypatch = get("monkeypatch")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(get("tmp_path") / "absent"))
    error = yield AwsSession.from_chain
    edits = [(r"\Aexport (?P<name>\w+)=(?P<value>[\w-]+)", monkeypatch.setenv)]
    carry_out(error.fix, edits)


@CASES.of("")
def no_credentials(get):
    account, monkeypatch, folder = get("glue_account"), get("monkeypatch"), get("tmp_path")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    error = yield lambda: AwsSession.from_chain().account

    def configure(name):
        keys = f"aws_access_key_id = {account.access_key_id}\naws_secret_access_key = example\n"
        (folder / "credentials").write_text(f"[{name}]\n{keys}")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
        monkeypatch.setenv("AWS_PROFILE", name)

    carry_out(error.fix, [(r"\Aexport AWS_PROFILE=(?P<name>\w+), a profile with credentials", configure)])


@CASES.of("")
def an_abbreviated_argument(get):
    arguments = ["job.py", "--sorce", "s3://landing/"]
    error = yield lambda: getResolvedOptions(arguments, ["source"])

    def write(right, wrong):
        arguments[arguments.index(wrong)] = right

    carry_out(error.fix, [(r"write (?P<right>--\w+) in place of (?P<wrong>--\w+)", write)])


@CASES.of("")
def an_argument_that_was_not_passed(get):
    arguments = ["job.py"]
    error = yield lambda: getResolvedOptions(arguments, ["target"])
    edits = [(r"\Apass them to the job", lambda: arguments.extend(error.required.split()))]
    carry_out(error.fix, edits)


@CASES.of("")
def a_misspelt_option_of_a_format(get):
    options = {"seperator": ";"}
    error = yield lambda: require_known_options(options, ("separator", "withHeader"), "format_options")

    def write(right, wrong):
        options[right] = options.pop(wrong)

    carry_out(error.fix, [(r"write (?P<right>\w+) instead of (?P<wrong>\w+)", write)])


@CASES.of("")
def no_location_for_evidence(get):
    run = get("run_fixture")
    del run.arguments["glue-secure-evidence-uri"]
    error = yield run.start

    def add(name):
        run.arguments[name] = "s3://evidence/runs/"

    carry_out(error.fix, [(r"add --(?P<name>[\w-]+) to the job's default arguments", add)])


@CASES.of("")
def no_location_for_bookmarks(get):
    run = get("run_fixture")
    del run.arguments["glue-secure-bookmark-uri"]
    error = yield run.start

    def add(name):
        run.arguments[name] = "s3://state/bookmarks/"

    carry_out(error.fix, [(r"add --(?P<name>[\w-]+) to the job's default arguments", add)])


@pytest.mark.parametrize("name", CASES)
def test_the_fix_of_a_run_works_when_it_is_carried_out(name, request):
    CASES.check(name, request.getfixturevalue)
