"""Commands on a bookmark: stored states, errors, conflicts, prompts and output."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from glue_secure.bookmarks import operations
from glue_secure.bookmarks.jdbc_state import JdbcSourceState
from glue_secure.bookmarks.state import BookmarkState, BookmarkStateError
from glue_secure.bookmarks.store import BookmarkStore
from glue_secure.cli.app import app
from glue_secure.core.arguments import JobArguments
from glue_secure.core.errors import BookmarkConflictError, RefusedError, UsageError, VerificationError
from glue_secure.core.kms_key import KmsKey
from glue_secure.core.ports import Services
from glue_secure.core.security_configuration import EncryptionSetting, SecurityConfiguration
from glue_secure.core.service import ServiceError
from glue_secure.run import composition
from glue_secure.run.bookmark_setup import bookmark_store
from glue_secure.testing.fakes import (
    FakeColumnSource,
    FakeControlPlane,
    FakeEnvironment,
    FakeKeyService,
    FakeSecretStore,
)

BY = "arn:aws:sts::123456789012:assumed-role/operator/example"
BASE = "bookmarks/123456789012/eu-west-1/curate"


def apply(store, change, run_id="command_1", **more):
    return operations.apply(store, change, run_id=run_id, by=BY, **more)


@pytest.fixture
def ran(bookmark_fixture):
    """A job that has run three times, each reading one file; an hour apart."""
    for run, name in (("jr_1", "a"), ("jr_2", "b"), ("jr_3", "c")):
        bookmark_fixture.land(f"{name}.csv")
        assert bookmark_fixture.run(run) == [f"{name}.csv"]
        bookmark_fixture.clock.advance(hours=1)
    return bookmark_fixture


def keyed(bookmark_fixture, make_envelope, key, *also):
    """A store that seals under one key and opens others, each with a provider of its own."""
    envelope = replace(
        make_envelope(key=key), also_opens=also, provider_of=lambda entry: make_envelope(key=entry).provider
    )
    return BookmarkStore(
        objects=bookmark_fixture.objects,
        envelope=envelope,
        prefix=bookmark_fixture.prefix,
        pause=lambda _: None,
    )


def test_a_rewind_is_a_new_state_with_the_sources_and_run_of_the_old_one(ran):
    store = ran.store()
    before = store.load()
    old = store.states_of_runs(store.load(), ("jr_1",))["jr_1"]
    change = operations.plan_rewind(store, sequence=1)
    assert store.load() == before, "a plan stores nothing"
    stored = apply(store, change, reason="wrong rates in May").state
    assert (stored.sequence, stored.version, stored.run, stored.attempt) == (4, 4, 1, 0)
    assert (stored.cause, stored.by, stored.reason) == ("rewind", BY, "wrong rates in May")
    assert (stored.run_id, stored.previous_run_id) == ("command_1", "jr_3")
    assert stored.contexts == old.contexts
    assert [entry.state.sequence for entry in operations.history(store, ran.objects)] == [4, 3, 2, 1]
    assert ran.run("jr_4") == ["b.csv", "c.csv"]
    assert store.load().state.run == 2


def test_a_rewind_describes_what_is_read_again(ran):
    meaning = operations.plan_rewind(ran.store(), run_id="jr_2").meaning
    assert meaning == (
        "Sequence 4 will be a copy of sequence 2, which run jr_2 committed.",
        "'flights' goes back to 2026-01-01T01:00:00+00:00 (now 2026-01-01T02:00:00+00:00): objects after it "
        "are read again.",
        "Delete what the job wrote of this input first, or the output contains it twice.",
    )


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ({"sequence": 3}, "the present state"),
        ({"sequence": 4}, "sequence 4, for which no state is recorded"),
        ({"sequence": 0}, "sequence 0, for which no state is recorded"),
        ({"run_id": "jr_9"}, "run jr_9, for which no state is recorded"),
        ({}, "neither option"),
        ({"sequence": 1, "run_id": "jr_1"}, "both options"),
    ],
)
def test_a_rewind_to_a_missing_state_is_rejected(ran, target, found):
    with pytest.raises(UsageError) as caught:
        operations.plan_rewind(ran.store(), **target)
    assert caught.value.found == found


def test_a_reset_removes_every_source_and_keeps_the_history(ran):
    store = ran.store()
    change = operations.plan_reset(store)
    assert "'flights' is removed: everything is read again." in change.meaning
    stored = apply(store, change).state
    assert (stored.sequence, stored.version, stored.run, stored.contexts) == (4, 4, 0, {})
    assert ran.run("jr_4") == ["a.csv", "b.csv", "c.csv"]
    assert store.load().state.run == 1
    apply(store, operations.plan_rewind(store, sequence=3), run_id="command_2")
    assert ran.run("jr_5") == []


def test_a_range_of_runs_ignores_a_rewind_between_them(ran):
    store = ran.store()
    apply(store, operations.plan_rewind(store, sequence=1))
    found = store.states_of_runs(store.load(), ("jr_1", "jr_2", "jr_3"))
    assert {run: state.sequence for run, state in found.items()} == {"jr_1": 1, "jr_2": 2, "jr_3": 3}


def test_nothing_to_change_without_a_bookmark(bookmark_fixture):
    for plan in (operations.plan_reset, lambda store: operations.plan_rewind(store, sequence=1)):
        with pytest.raises(UsageError, match="a bookmark that a run has committed"):
            plan(bookmark_fixture.store())


@pytest.mark.parametrize("first", ["run", "command"])
def test_gs_bkm_005_a_command_and_a_run_race(ran, first):
    store = ran.store()
    ran.land("d.csv")
    session = ran.session("jr_4")
    session.load()
    session.select("flights", ran.listing(), roots=(ran.landing,))
    change = operations.plan_reset(store)
    steps = [session.commit, lambda: apply(store, change)]
    winner, loser = steps if first == "run" else steps[::-1]
    winner()
    with pytest.raises(BookmarkConflictError) as caught:
        loser()
    name = "run jr_4" if first == "run" else "run command_1"
    assert caught.value.control == "GS-BKM-005"
    assert caught.value.found == f"{name} committed sequence 4 first"
    assert ("this command stored nothing" in caught.value.fix) is (first == "run")


def test_a_change_of_key_seals_and_stores_under_the_new_one(ran, make_envelope, other_key):
    old = make_envelope().key
    store = keyed(ran, make_envelope, other_key, old)
    apply(store, operations.plan_rekey(store, ran.objects, other_key))
    assert ran.objects.encryption(store.uri).key == str(other_key)
    only_new = keyed(ran, make_envelope, other_key)
    assert only_new.load().state.cause == "rekey"
    with pytest.raises(RefusedError, match="GS-BKM-001"):
        ran.store().load()
    assert ran.run("jr_4", store=only_new) == []
    ran.land("d.csv")
    assert ran.run("jr_5", store=only_new) == ["d.csv"]
    with pytest.raises(UsageError, match="encrypts the bookmark already"):
        operations.plan_rekey(store, ran.objects, other_key)


def test_after_a_change_of_key_only_the_listed_keys_decrypt_the_old_state(ran, make_envelope, other_key):
    ran.land("d.csv")
    with pytest.raises(RefusedError) as caught:
        ran.run("jr_4", store=keyed(ran, make_envelope, other_key))
    assert caught.value.control == "GS-BKM-001"
    assert "glue-secure bookmark rekey" in caught.value.fix
    assert "--glue-secure-bookmark-decrypt-keys" in caught.value.fix
    store = keyed(ran, make_envelope, other_key, make_envelope().key)
    assert ran.run("jr_4", store=store) == ["d.csv"]
    assert ran.objects.encryption(store.uri).key == str(other_key)
    assert [entry.state.run_id for entry in operations.history(store, ran.objects)][::-1] == [
        "jr_1", "jr_2", "jr_3", "jr_4",
    ]  # fmt: skip
    verified = operations.verify(store, ran.objects, (other_key, make_envelope().key))
    assert verified.keys == {str(other_key): 2, str(make_envelope().key): 3}
    with pytest.raises(RefusedError, match="GS-BKM-001"):
        operations.verify(keyed(ran, make_envelope, other_key), ran.objects, (other_key,))


def test_verify_counts_states_and_objects(ran, make_envelope):
    key = make_envelope().key
    verified = operations.verify(ran.store(), ran.objects, (key,))
    assert (verified.states, verified.sequence, verified.recorded, verified.objects) == (3, 3, True, 4)
    assert verified.keys == {str(key): 4}


def test_verify_without_a_bookmark(bookmark_fixture, make_envelope):
    assert (
        operations.verify(bookmark_fixture.store(), bookmark_fixture.objects, (make_envelope().key,)).states
        == 0
    )


def test_gs_s3_004_verify_refuses_an_object_under_another_key_at_rest(ran, make_envelope, other_key):
    store = ran.store()
    uri = store.history_uri(1)
    body = ran.objects.read(uri).body
    ran.objects.put(uri, body, algorithm="aws:kms", key=str(other_key))
    with pytest.raises(RefusedError) as caught:
        operations.verify(store, ran.objects, (make_envelope().key,))
    assert (caught.value.control, caught.value.resource) == ("GS-S3-004", str(uri))


def test_gs_bkm_004_verify_refuses_a_gap(ran, make_envelope):
    ran.objects.delete(ran.store().history_uri(1))
    with pytest.raises(RefusedError, match="GS-BKM-004"):
        operations.verify(ran.store(), ran.objects, (make_envelope().key,))


def test_gs_bkm_006_a_history_that_cannot_be_listed(ran):
    ran.objects.fail_next("ListObjectsV2", ServiceError("no", code="AccessDenied", operation="ListObjectsV2"))
    with pytest.raises(VerificationError) as caught:
        operations.history(ran.store(), ran.objects)
    assert (caught.value.control, caught.value.exit_code) == ("GS-BKM-006", 4)


@pytest.mark.parametrize("reason", ["x" * 1001, "two\nlines", "\x1b[2J", "\ud800"])
def test_a_reason_is_one_short_line(ran, reason):
    with pytest.raises(UsageError, match="--reason"):
        apply(ran.store(), operations.plan_reset(ran.store()), reason=reason)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cause": "whim", "by": BY}, "cause: not one of"),
        ({"cause": "reset"}, "by: a command has a caller"),
        ({"by": BY}, "by: a command has a caller"),
        ({"reason": "because"}, "reason: "),
        ({"cause": "reset", "by": BY, "reason": "x" * 1001}, "reason: more than 1000"),
    ],
)
def test_a_state_names_its_cause_and_caller(fields, message):
    with pytest.raises(BookmarkStateError, match=message):
        BookmarkState("curate", 1, 1, 0, 1, "jr_1", "", "", {}, **fields)


def test_caller_and_reason_survive_serialisation():
    state = BookmarkState("curate", 1, 0, 0, 1, "c", "", "", {}, cause="reset", by=BY, reason="zurück")
    assert BookmarkState.from_bytes(state.to_bytes()) == state


# The command line, on fakes.


@pytest.fixture
def plane():
    return FakeControlPlane(
        job_attachments={"curate": "strict", "bare": None},
        arguments={"curate": {"glue-secure-bookmark-uri": "s3://state/bookmarks/"}},
    )


@pytest.fixture
def services(bookmark_fixture, plane, make_envelope, other_key):
    key = make_envelope().key
    kms = EncryptionSetting("SSE-KMS", str(key))
    plane.configurations["strict"] = SecurityConfiguration(
        "strict", (kms,), kms, EncryptionSetting("CSE-KMS", str(key)), None
    )
    good = KmsKey(key, "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    return Services(
        environment=FakeEnvironment(),
        control_plane=plane,
        keys=FakeKeyService(good, replace(good, arn=other_key)),
        objects=bookmark_fixture.objects,
        secrets=FakeSecretStore({}),
        clock=bookmark_fixture.clock,
        master_key_provider=lambda entry: make_envelope(key=entry).provider,
        versions={},
        columns=FakeColumnSource(),
        high_water=lambda _table, _bookmark: None,
    )


@pytest.fixture
def command(services, monkeypatch):
    monkeypatch.setattr(composition, "services", lambda: services)
    monkeypatch.delenv("GLUE_SECURE_BOOKMARK_URI", raising=False)

    def invoke(*words, **more):
        return CliRunner().invoke(app, ["bookmark", *words], **more)

    return invoke


def document(result):
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_show_as_json(ran, command, make_envelope):
    shown = document(command("show", "curate", "--json"))
    assert shown.pop("digest") == ran.store().load().digest
    assert shown == {
        "job": "curate",
        "uri": f"s3://state/{BASE}/current",
        "exists": True,
        "sequence": 3,
        "cause": "run",
        "run_id": "jr_3",
        "previous_run_id": "jr_2",
        "version": 3,
        "run": 3,
        "attempt": 0,
        "by": "",
        "reason": "",
        "recorded": True,
        "key": str(make_envelope().key),
        "contexts": {"flights": {"kind": "s3", "watermark": "2026-01-01T02:00:00+00:00"}},
    }


def test_skip_takes_what_exists_as_read_and_later_objects_are_read(ran, command):
    ran.land("skipped.csv")
    ran.clock.advance(seconds=1)
    store = ran.store()
    change = operations.plan_skip(store, (), now=ran.clock.now())
    assert "'flights' (now 2026-01-01T02:00:00+00:00): objects last modified before" in change.meaning[1]
    stored = apply(store, change).state
    assert (stored.cause, stored.run, stored.sequence) == ("skip", 3, 4)
    ran.land("same-second.csv")
    ran.clock.advance(seconds=1)
    ran.land("later.csv")
    assert ran.run("jr_4") == ["later.csv", "same-second.csv"]
    ran.clock.advance(hours=1)
    assert ran.run("jr_5") == []
    apply(store, operations.plan_rewind(store, sequence=3), "command_2")
    assert ran.run("jr_6") == ["later.csv", "same-second.csv", "skipped.csv"]


def test_a_job_without_a_bookmark_can_begin_after_what_exists(bookmark_fixture):
    bookmark_fixture.land("old.csv")
    bookmark_fixture.clock.advance(seconds=1)
    store = bookmark_fixture.store()
    with pytest.raises(UsageError, match="glue-secure bookmark skip curate --context NAME"):
        operations.plan_skip(store, (), now=bookmark_fixture.clock.now())
    apply(store, operations.plan_skip(store, ("flights",), now=bookmark_fixture.clock.now()))
    assert bookmark_fixture.run("jr_1") == []
    bookmark_fixture.land("new.csv")
    assert bookmark_fixture.run("jr_2") == ["new.csv"]
    assert [entry.state.cause for entry in operations.history(store, bookmark_fixture.objects)] == [
        "run",
        "skip",
    ]


def test_skip_never_moves_a_source_back(ran):
    store = ran.store()
    apply(store, operations.plan_skip(store, (), now=ran.clock.now()))
    ran.clock.advance(hours=-5)
    apply(store, operations.plan_skip(store, (), now=ran.clock.now()), "command_2")
    ran.clock.advance(hours=6)
    assert ran.run("jr_4") == []


def test_forget_removes_only_the_named_sources(ran, command):
    session = ran.session("jr_4")
    session.load()
    for name in ("read_2026_01", "read_2026_02"):
        session.select(name, ran.listing(), roots=(ran.landing,))
    session.commit()
    answer = command("forget", "curate", "read_2026_01", "read_2026_02", "--yes")
    assert answer.exit_code == 0, answer.output
    assert set(ran.store().load().state.contexts) == {"flights"}
    unknown = command("forget", "curate", "nothing", "--yes")
    assert "no such source" in str(unknown.exception)


def test_adopt_lets_another_database_continue_a_table(bookmark_fixture, command):
    session = bookmark_fixture.session("jr_1")
    session.load()
    source = JdbcSourceState(
        "public.orders", ("id",), "asc", ("integer",), ("7",), "ops", "jdbc:postgresql://db:5432/shop"
    )
    session.propose("orders", source)
    session.commit()
    answer = command("adopt", "curate", "orders", "--yes", "--reason", "moved to a new host")
    assert answer.exit_code == 0, answer.output
    adopted = bookmark_fixture.store().load().state
    assert adopted.contexts == {"orders": replace(source, connection="", location="")}
    assert (adopted.cause, adopted.reason) == ("adopt", "moved to a new host")


def test_key_values_of_a_table_are_shown_only_with_reveal(bookmark_fixture, command):
    session = bookmark_fixture.session("jr_1")
    session.load()
    source = JdbcSourceState("public.people", ("name",), "asc", ("string",), ("Zimmermann",))
    session.propose("people", source)
    session.commit()
    for words in (["show"], ["show", "--json"], ["history", "--json"]):
        assert "Zimmermann" not in command(*words, "curate").output
    assert "name=(string, not shown)" in command("show", "curate").stdout
    assert "name=Zimmermann" in command("show", "curate", "--reveal").stdout
    people = document(command("show", "curate", "--json", "--reveal"))["contexts"]["people"]
    assert (people["table"], people["values"]) == ("public.people", {"name": "Zimmermann"})


def test_history_as_text_and_as_json(ran, command):
    lines = command("history", "curate").stdout.splitlines()
    assert lines[0].split() == [
        "sequence",
        "cause",
        "run_id",
        "version",
        "run",
        "stored",
        "digest",
        "by",
        "reason",
    ]
    assert lines[1].split()[:6] == ["3", "run", "jr_3", "3", "3", "2026-01-01T02:00:00+00:00"]
    found = document(command("history", "curate", "--json"))["history"]
    assert [(entry["sequence"], entry["run_id"]) for entry in found] == [
        (3, "jr_3"),
        (2, "jr_2"),
        (1, "jr_1"),
    ]
    assert found[0]["digest"].startswith(lines[1].split()[6])
    assert len(lines[1].split()[6]) == 12


def test_verify_prints_ok_and_the_number(ran, command):
    assert command("verify", "curate").stdout.startswith("OK: 3 states, from sequence 3 back to 1")
    found = document(command("verify", "curate", "--json"))
    assert (found["ok"], found["states"], found["objects"], found["recorded"]) == (True, 3, 4, True)
    ran.objects.delete(ran.store().history_uri(1))
    refused = command("verify", "curate").exception
    assert (refused.control, refused.exit_code) == ("GS-BKM-004", 3)


def test_showing_a_missing_bookmark_is_not_an_error(bookmark_fixture, command):
    for word in ("show", "history", "verify"):
        assert command(word, "curate").stdout == f"no bookmark yet at s3://state/{BASE}/current\n"
    assert document(command("show", "curate", "--json"))["exists"] is False


@pytest.mark.parametrize(
    "words", [("reset",), ("rewind", "--to-sequence", "1"), ("rewind", "--to-run", "jr_1")]
)
def test_without_a_terminal_and_without_yes_nothing_changes(ran, command, words):
    before = ran.store().load()
    result = command(*words, "curate")
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2
    assert "are read again" in result.stderr or "is read again" in result.stderr
    assert result.stdout == ""
    assert ran.store().load() == before


@pytest.mark.parametrize(("answer", "code", "sequence"), [(b"y\n", 0, 4), (b"n\n", 1, 3), (b"", 1, 3)])
def test_at_a_terminal_the_answer_decides(ran, command, monkeypatch, answer, code, sequence):
    monkeypatch.setattr("glue_secure.cli.printing._at_terminal", lambda: True)
    result = command("reset", "curate", input=answer)
    assert (result.exit_code, ran.store().load().sequence) == (code, sequence), result.output


def test_a_change_as_json_has_the_stored_state(ran, command):
    stored = document(command("rewind", "curate", "--to-run", "jr_1", "--yes", "--json", "--reason", "May"))
    assert (stored["sequence"], stored["cause"], stored["run"], stored["version"]) == (4, "rewind", 1, 4)
    assert (stored["by"], stored["reason"], stored["recorded"]) == (BY, "May", True)
    assert stored["run_id"].startswith("command_")
    assert stored["digest"] == ran.store().load().digest


def test_rekey_before_the_configuration_names_the_new_key(ran, command, plane, other_key, make_envelope):
    assert (
        document(command("rekey", "curate", "--key", str(other_key), "--yes", "--json"))["cause"] == "rekey"
    )
    assert command("show", "curate").exception.control == "GS-BKM-001"
    strict = plane.configurations["strict"]
    plane.configurations["strict"] = replace(
        strict, job_bookmarks=EncryptionSetting("CSE-KMS", str(other_key))
    )
    assert document(command("show", "curate", "--json"))["key"] == str(other_key)
    assert command("verify", "curate").exception.control == "GS-BKM-001"
    verified = document(command("verify", "curate", "--json", "--decrypt-keys", str(make_envelope().key)))
    assert verified["keys"] == {str(other_key): 2, str(make_envelope().key): 3}


def test_rekey_after_the_configuration_names_the_new_key(ran, command, plane, other_key, make_envelope):
    strict = plane.configurations["strict"]
    plane.configurations["strict"] = replace(
        strict, job_bookmarks=EncryptionSetting("CSE-KMS", str(other_key))
    )
    words = ("rekey", "curate", "--key", str(other_key), "--yes")
    assert command(*words).exception.control == "GS-BKM-001"
    plane.arguments["curate"]["glue-secure-bookmark-decrypt-keys"] = str(make_envelope().key)
    assert command(*words).exit_code == 0
    del plane.arguments["curate"]["glue-secure-bookmark-decrypt-keys"]
    assert document(command("show", "curate", "--json"))["sequence"] == 4


def test_gs_kms_002_rekey_to_a_disabled_key(ran, command, services, monkeypatch, other_key, make_envelope):
    good = KmsKey(make_envelope().key, "Enabled", "CUSTOMER", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    keys = FakeKeyService(good, replace(good, arn=other_key, state="Disabled"))
    monkeypatch.setattr(composition, "services", lambda: replace(services, keys=keys))
    assert command("rekey", "curate", "--key", str(other_key), "--yes").exception.control == "GS-KMS-002"
    assert ran.store().load().sequence == 3


def test_a_bookmark_whose_location_or_key_is_unknown(command, plane):
    assert "does not exist" in str(command("show", "missing").exception)
    assert command("show", "bare").exception.control == "GS-SEC-001"
    plane.arguments["curate"].clear()
    assert "--glue-secure-bookmark-uri" in str(command("show", "curate").exception)
    assert command("show", "curate", "--uri", "s3://state/elsewhere").exit_code == 0
    plane.failure = ServiceError("no", code="AccessDeniedException", operation="GetJob")
    refused = command("show", "curate").exception
    assert (refused.control, refused.exit_code) == ("GS-SEC-008", 4)


def test_decrypt_keys_are_keys_of_the_runs_account_and_region(services, make_envelope):
    key = make_envelope().key
    elsewhere = replace(key, region="us-east-1")

    def store(text):
        arguments = JobArguments(
            {"glue-secure-bookmark-uri": "s3://state/b", "glue-secure-bookmark-decrypt-keys": text}
        )
        return bookmark_store(
            "curate", arguments, services, key=key, account="123456789012", region="eu-west-1"
        )

    store(str(key))
    for text in ("", f"{key},", "alias/bookmarks", str(elsewhere)):
        with pytest.raises(UsageError):
            store(text)
