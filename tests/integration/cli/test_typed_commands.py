"""Fixes that are commands, typed as they are printed, on the embedded account.

``glue-secure`` runs in this process, ``aws`` is a small interpreter over boto3 with the commands that fixes
name. ``tests/unit/test_typed_fixes.py`` carries out the fixes that are edits.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import uuid
from datetime import datetime, timezone

import pytest

from glue_secure.bookmarks.jdbc_state import JdbcSourceState
from glue_secure.bookmarks.s3_state import S3SourceState
from glue_secure.bookmarks.session import BookmarkSession
from glue_secure.bookmarks.sql.tables import _require_same_database
from glue_secure.cli import bookmark
from glue_secure.cli.main import run as run_command
from glue_secure.core.arguments import BookmarkOption
from glue_secure.core.errors import GlueSecureError, RefusedError, UsageError
from glue_secure.core.identifiers import RunId, S3Uri
from glue_secure.embedded import seed
from glue_secure.embedded.clients import clients
from glue_secure.run import composition

COMMANDS = re.compile(r"`((?:glue-secure|aws) [^`]+)`|((?:glue-secure|aws) [\w-]+(?: [\w./:=,-]+)+)")


class Shell:
    """Types commands, and answers their questions with yes."""

    def __init__(self, account, monkeypatch, capsys):
        self.aws, self._monkeypatch, self._capsys = clients(account), monkeypatch, capsys
        monkeypatch.setattr("glue_secure.cli.printing._at_terminal", lambda: True)
        monkeypatch.setattr("typer.confirm", lambda *_, **__: True)

    def commands(self, fix):
        """Return the commands in a fix, in order."""
        return [quoted or bare for quoted, bare in COMMANDS.findall(fix)]

    def type(self, line, code=0, **words):
        """Type one command; ``KEY="..."`` gives a value for a word in capitals."""
        for name, value in words.items():
            line = re.sub(rf"\b{name.replace('_', '-')}\b", value, line)
        program, *rest = shlex.split(line)
        if program == "aws":
            return self._aws(rest)
        assert program == "glue-secure", line
        self._monkeypatch.setattr(sys, "argv", [program, *rest])
        with pytest.raises(SystemExit) as ended:
            run_command()
        shown = self._capsys.readouterr()
        assert (ended.value.code or 0) == code, (line, shown.out, shown.err)
        return shown.out

    def _aws(self, words):
        service, operation, *rest = words
        if (service, operation) == ("s3", "cp"):
            source, target = map(S3Uri.parse, rest[:2])
            assert rest[2:5] == ["--sse", "aws:kms", "--sse-kms-key-id"]
            return self.aws("s3").copy_object(
                Bucket=target.bucket,
                Key=target.key,
                CopySource={"Bucket": source.bucket, "Key": source.key},
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=rest[5],
            )
        parameters = {
            "".join(part.capitalize() for part in name.removeprefix("--").split("-")): value
            for name, value in zip(rest[::2], rest[1::2], strict=True)
        }
        service = {"s3api": "s3"}.get(service, service)
        return getattr(self.aws(service), operation.replace("-", "_"))(**parameters)


@pytest.fixture
def shell(glue_account, monkeypatch, capsys):
    return Shell(glue_account, monkeypatch, capsys)


class Bookmark:
    """A job of its own with a bookmark of three states."""

    def __init__(self, account, aws):
        self.job, self.aws = f"job-{uuid.uuid4().hex[:12]}", aws
        seed.ensure_job(account, self.job)
        for month in (1, 2, 3):
            self.commit(f"jr_{month}", S3SourceState(_month(month), _month(month)))

    @property
    def store(self):
        return bookmark.find(self.job, None, None, None).store()

    def commit(self, run, state, context="flights"):
        session = BookmarkSession(
            option=BookmarkOption.ENABLE, store=self.store, now=_month(6), run_id=RunId(run)
        )
        session.load()
        session.propose(context, state)
        session.commit()

    def put(self, uri, body):
        self.aws("s3").put_object(Bucket=uri.bucket, Key=uri.key, Body=body)

    def delete(self, uri):
        self.aws("s3").delete_object(Bucket=uri.bucket, Key=uri.key)

    def copy(self, source, target):
        found = {"Bucket": source.bucket, "Key": source.key}
        self.aws("s3").copy_object(Bucket=target.bucket, Key=target.key, CopySource=found)

    def error(self, control):
        """Return the error that stops the next run."""
        with pytest.raises(GlueSecureError, match=control) as stopped:
            list(self.store.history(self.store.load()))
        return stopped.value


def _month(number):
    return datetime(2026, number, 1, tzinfo=timezone.utc)


@pytest.fixture
def state(glue_account, shell):
    return Bookmark(glue_account, shell.aws)


def damage(state, what):
    store = state.store
    if what == "deleted":
        state.delete(store.uri)
    elif what == "old":
        state.copy(store.history_uri(1), store.uri)
    elif what == "random":
        state.put(store.uri, os.urandom(600))
    elif what == "empty":
        state.put(store.uri, b"")
    elif what == "predecessor":
        state.put(store.history_uri(2), os.urandom(600))
    elif what == "newest of the history":
        state.put(store.history_uri(3), os.urandom(600))
    elif what == "first of the history":
        state.delete(store.history_uri(1))
    elif what == "junk ahead":
        state.put(store.history_uri(9), b"junk")


@pytest.mark.parametrize(
    ("what", "control"),
    [
        ("deleted", "GS-BKM-003"),
        ("old", "GS-BKM-004"),
        ("random", "GS-BKM-001"),
        pytest.param("empty", "GS-BKM-001", marks=pytest.mark.long),
        ("predecessor", "GS-BKM-004"),
        pytest.param("newest of the history", "GS-BKM-004", marks=pytest.mark.long),
        pytest.param("first of the history", "GS-BKM-004", marks=pytest.mark.long),
        pytest.param("junk ahead", "GS-BKM-004", marks=pytest.mark.long),
    ],
)
def test_each_command_of_the_fix_for_a_damaged_bookmark_works(state, shell, what, control):
    damage(state, what)
    error = state.error(control)
    commands = shell.commands(error.fix)
    assert commands[-1] == f"glue-secure bookmark repair {state.job}"
    copies = [line for line in commands if line.startswith("aws s3 cp")]
    for line in commands:
        if line.startswith("aws s3api"):
            shell.type(line)
    if copies and what in ("deleted", "old"):
        shell.type(copies[0])
        assert state.store.load().sequence == 3
        damage(state, what)
    shell.type(commands[-1])
    assert state.store.load().sequence >= 3
    state.commit("jr_9", S3SourceState(_month(5), _month(5)))
    shell.type(f"glue-secure bookmark verify {state.job}")
    for line in commands:
        if "rewind" in line or "reset" in line:
            shell.type(line, N=str(min(_sequences(state)[1:])))


def _sequences(state):
    return [entry.sequence for entry in state.store.history(state.store.load())]


def test_gs_bkm_002_of_another_job_is_repaired(glue_account, state, shell):
    other = Bookmark(glue_account, shell.aws)
    state.copy(other.store.uri, state.store.uri)
    commands = shell.commands(state.error("GS-BKM-002").fix)
    assert [line.split()[:3] for line in commands] == [
        ["aws", "s3api", "list-object-versions"],
        ["glue-secure", "bookmark", "repair"],
    ]
    for line in commands:
        shell.type(line)
    assert state.store.load().sequence == 4


def test_gs_bkm_001_after_a_change_of_key(glue_account, state, shell):
    glue = shell.aws("glue")
    key = shell.aws("kms").create_key(KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT")["KeyMetadata"][
        "Arn"
    ]
    job = glue.get_job(JobName=state.job)["Job"]
    name = f"other-{state.job}"
    before = glue.get_security_configuration(Name=job["SecurityConfiguration"])["SecurityConfiguration"]
    encryption = before["EncryptionConfiguration"]
    encryption["JobBookmarksEncryption"]["KmsKeyArn"] = key
    glue.create_security_configuration(Name=name, EncryptionConfiguration=encryption)
    update = {field: job[field] for field in ("Role", "Command", "DefaultArguments")}
    glue.update_job(JobName=state.job, JobUpdate={**update, "SecurityConfiguration": name})
    error = state.error("GS-BKM-001")
    # The argument alone is enough.
    words = shlex.split(re.search(r"`(--glue-secure-bookmark-decrypt-keys [^`]+)`", error.fix)[1])
    found = bookmark.find(state.job, None, words[1], None)
    assert found.store().load().sequence == 3
    rekey, *_, repair = shell.commands(error.fix)
    assert repair.endswith("--other-keys")
    shell.type(rekey)
    assert state.store.load().sequence == 4
    shell.type(f"glue-secure bookmark verify {state.job} --decrypt-keys {words[1]}")


def test_gs_bkm_004_of_a_state_without_a_high_water_mark(state, shell):
    key = bookmark.find(state.job, None, None, None).key
    table = f"marks-{state.job}"
    shell.aws("dynamodb").create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "bookmark", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "bookmark", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": str(key)},
    )
    glue = shell.aws("glue")
    job = glue.get_job(JobName=state.job)["Job"]
    update = {field: job[field] for field in ("Role", "Command", "SecurityConfiguration")}
    arguments = {**job["DefaultArguments"], "--glue-secure-bookmark-high-water": f"dynamodb:{table}"}
    glue.update_job(JobName=state.job, JobUpdate={**update, "DefaultArguments": arguments})
    commands = shell.commands(state.error("GS-BKM-004").fix)
    (adopt,) = [line for line in commands if "--adopt" in line]
    shell.type(adopt)
    assert state.store.load().sequence == 3


def test_a_table_in_another_database_is_adopted_or_rewound(state, shell):
    source = JdbcSourceState("public.t", ("id",), "asc", ("integer",), ("5",), "ops", "jdbc:postgresql://a/x")
    state.commit("jr_4", source, "rows")
    with pytest.raises(UsageError) as refused:
        _require_same_database("rows", source, "ops", "jdbc:postgresql://b/x", state.job)
    adopt, history, rewind = shell.commands(refused.value.fix)
    shell.type(adopt)
    assert not state.store.load().state.contexts["rows"].is_bound
    assert "jr_4" in shell.type(history)
    shell.type(rewind, N="3")
    assert state.store.load().state.contexts.keys() == {"flights"}


def test_a_rewind_to_a_state_that_is_not_there_names_the_history(state, shell, capsys):
    line = f"glue-secure bookmark rewind {state.job} --to-sequence 77"
    shell._monkeypatch.setattr(sys, "argv", shlex.split(line))
    with pytest.raises(SystemExit):
        run_command()
    (history,) = shell.commands(capsys.readouterr().err)
    assert "jr_3" in shell.type(history)


def test_export_aws_region(shell, monkeypatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="no AWS region") as refused:
        composition.aws_session()
    name, value = re.search(r"export (\w+)=([\w-]+)", refused.value.fix).groups()
    monkeypatch.setenv(name, value)
    session = composition.aws_session()
    assert session.region == value
    assert len(session.account) == 12


def test_gs_cat_001_and_002_are_fixed_by_catalog_apply(shell, state):
    key = str(bookmark.find(state.job, None, None, None).key)
    glue = shell.aws("glue")
    before = glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    try:
        glue.put_data_catalog_encryption_settings(
            DataCatalogEncryptionSettings={
                "EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"},
                "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False},
            }
        )
        from glue_secure.core.catalog_encryption import CatalogEncryption, check_metadata, check_passwords

        for check in (check_metadata, check_passwords):
            (line,) = shell.commands(check(CatalogEncryption(), "123456789012").fix)
            shell.type(line, KEY_ARN=key)
            settings = glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
            assert check(CatalogEncryption.from_api(settings), "123456789012").verdict.value == "PASS"
    finally:
        glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=before)


def test_a_missing_project_file_is_created_by_init(shell, tmp_path, monkeypatch):
    from glue_secure.project import project_file

    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as refused:
        project_file.read(tmp_path / project_file.FILE_NAME)
    line = re.search(r"glue-secure init NAME", refused.value.fix)[0]
    shell.type(line, NAME="flights")
    assert project_file.read(tmp_path / "flights" / project_file.FILE_NAME)


def test_the_exit_code_of_a_damaged_bookmark_is_that_of_a_refusal(state, shell):
    damage(state, "random")
    assert isinstance(state.error("GS-BKM-001"), RefusedError)
    shell.type(f"glue-secure bookmark show {state.job}", code=3)
