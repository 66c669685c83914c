"""A job under injected faults: writes input, runs through the proxy, checks the invariants after each run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from fault_proxy import FAULTS, KILL_AFTER, KILL_BEFORE, PASS, PHASES, FaultProxy, Plan, Seen, nothing

from glue_secure.bookmarks import selection
from glue_secure.bookmarks.envelope import Envelope, EnvelopeContext
from glue_secure.bookmarks.store import BookmarkStore, Loaded
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.embedded import environment, seed
from glue_secure.embedded.account_setup import BOOKMARKS_URI, CURATED, EVIDENCE_URI, LANDING, provision
from glue_secure.embedded.clients import clients
from glue_secure.run import composition

HERE = Path(__file__).parent


class Worker:
    """A process that runs jobs in forked children; see fault_worker.py."""

    def __init__(self, account: Any, proxy: FaultProxy | None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "fault_worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=job_environment(account, proxy),
            text=True,
        )
        self.pid = 0

    def start(self, order: dict[str, Any]) -> None:
        """Start a job in a child process."""
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        self.pid = json.loads(self._process.stdout.readline())["pid"]

    def kill(self) -> None:
        """Send SIGKILL to the child."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> dict[str, Any]:
        """Return the outcome of the child."""
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the worker."""
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


def job_environment(account: Any, proxy: FaultProxy | None) -> dict[str, str]:
    """Return the environment of a job. If there is a proxy, it is the account's endpoint."""
    values = {**environment.overlay(os.environ, account), "PYTHONPATH": os.pathsep.join(sys.path)}
    return {**values, "AWS_ENDPOINT_URL": proxy.url} if proxy is not None else values


@dataclass
class Tally:
    """The outcomes of a series of runs."""

    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    repeated: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.runs} runs, {sum(self.kills.values())} killed {dict(self.kills)}, "
            f"{sum(self.faults.values())} faults {dict(self.faults)}, ended in error {dict(self.failed)}, "
            f"rows written more than once {dict(self.repeated)}"
        )


class FaultBench:
    """A job with one day per input file, and the invariants of its state.

    Args:
        account: the embedded account; this process's environment points at it, past the proxy.
        proxy: what the job's requests go through.
        mode: ``overwrite`` or ``append``.
        chance: draws how much lands.
    """

    def __init__(self, account: Any, proxy: FaultProxy, *, mode: str, chance: random.Random) -> None:
        self.account, self.proxy, self.mode, self.chance = account, proxy, mode, chance
        self.name = f"fault-{uuid.uuid4().hex[:12]}"
        self.source, self.target = f"s3://{LANDING}/{self.name}/", f"s3://{CURATED}/{self.name}/"
        self.landed: dict[str, list[str]] = {}
        self._s3 = clients(account)("s3")
        seed.ensure_job(account, self.name)
        provisioned = provision(account)
        self._data_key = provisioned.data_key
        services = composition.services()
        self.objects = services.objects
        key = KmsKeyArn.parse(provisioned.bookmark_key)
        context = EnvelopeContext(self.name, account.account_id, account.region)
        self.store = BookmarkStore(
            objects=services.objects,
            envelope=Envelope(services.master_key_provider(key), key, context),
            prefix=S3Uri.parse(BOOKMARKS_URI),
        )

    def land(self) -> None:
        """Write one to three input files, one day each."""
        for _ in range(self.chance.randint(1, 3)):
            day = f"d{len(self.landed):04d}"
            ids = [f"{day}-{n}" for n in range(self.chance.randint(2, 5))]
            lines = [json.dumps({"id": row_id, "day": day, "n": n}) for n, row_id in enumerate(ids)]
            key = f"{self.name}/{day}.json"
            self._s3.put_object(
                Bucket=LANDING,
                Key=key,
                Body="\n".join(lines).encode(),
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=self._data_key,
            )
            self.landed[f"s3://{LANDING}/{key}"] = ids

    def argv(self) -> list[str]:
        """Return the arguments of a run."""
        values = {
            "JOB_NAME": self.name,
            "source": self.source,
            "target": self.target,
            "mode": self.mode,
            "job-bookmark-option": "job-bookmark-enable",
            "glue-secure-bookmark-uri": BOOKMARKS_URI,
            "glue-secure-evidence-uri": EVIDENCE_URI,
        }
        return ["job.py", *(word for name, text in values.items() for word in (f"--{name}", text))]

    def run(self, worker: Worker, plan: Plan = nothing, *, read_timeout: float = 1) -> dict[str, Any]:
        """Run the job under a fault plan, with a time limit of each request in s; return the outcome."""
        self.proxy.begin(plan, worker.kill)
        return self.run_beside(worker, read_timeout=read_timeout)

    def run_beside(self, worker: Worker, *, read_timeout: float = 1) -> dict[str, Any]:
        """Run the job in the worker that bypasses the proxy, and return the outcome."""
        worker.start({"argv": self.argv(), "mode": self.mode, "read_timeout": read_timeout})
        return worker.wait()

    def rows(self) -> Counter[str]:
        """Return how often each row is stored below the target, as the lines engine wrote it."""
        found: Counter[str] = Counter()
        for summary in self.objects.list(S3Uri.parse(self.target)):
            body = self.objects.read(summary.uri).body
            found.update(json.loads(line)["id"] for line in body.splitlines())
        return found

    def evidence(self) -> list[dict[str, Any]]:
        """Return the evidence of every run."""
        prefix = S3Uri.parse(EVIDENCE_URI).child(f"job={self.name}")
        return [
            json.loads(self.objects.read(summary.uri).body)
            for summary in self.objects.list(prefix)
            if "/_" not in summary.uri.key
        ]

    def done(self, loaded: Loaded) -> set[str]:
        """Return the input objects that a run with this state does not read again."""
        root = S3Uri.parse(self.source)
        before = loaded.state.contexts["rows"] if loaded.state is not None else None
        listing = list(self.objects.list(root))
        result = selection.select(listing, before, now=datetime.now(timezone.utc), locations=[root])
        return set(self.landed) - {str(summary.uri) for summary in result.new}

    def check(self, rows: Counter[str] | None = None) -> set[str]:
        """Check that the state decrypts, has its history, and is not ahead of the data."""
        loaded = self.store.load()
        history = list(self.store.history(loaded))
        assert [entry.sequence for entry in history] == list(range(loaded.sequence, 0, -1))
        rows = self.rows() if rows is None else rows
        done = self.done(loaded)
        ahead = {row_id for uri in done for row_id in self.landed[uri] if not rows[row_id]}
        assert not ahead, f"the bookmark says these are done, and they are not there: {sorted(ahead)}"
        # Only a run that was killed may have committed without evidence.
        states = {entry.state.run_id for entry in history if entry.state is not None}
        with_evidence = {run["run_id"] for run in self.evidence() if run["outcome"] == "succeeded"}
        self.without_evidence = states - with_evidence
        return done

    def check_whole(self, rows: Counter[str] | None = None) -> Counter[str]:
        """Check after a run without faults that no row is missing. Overwriting stores each row once."""
        rows = self.rows() if rows is None else rows
        done = self.check(rows)
        wanted = {row_id for ids in self.landed.values() for row_id in ids}
        assert set(rows) == wanted, f"skipped: {sorted(wanted - set(rows))}"
        assert done == set(self.landed)
        if self.mode == "overwrite":
            assert set(rows.values()) <= {1}, f"not as undisturbed: {rows.most_common(3)}"
        return rows


def kill_at(phase: str, nth: int, when: str) -> Plan:
    """Return a plan that kills the job at the nth request of a phase."""
    met = 0

    def plan(seen: Seen) -> str:
        nonlocal met
        if seen.phase != phase:
            return PASS
        met += 1
        return when if met == nth + 1 else PASS

    return plan


def campaign(
    account: Any, proxy: FaultProxy, worker: Worker, *, seed: int, kills: int, mode: str = "overwrite"
) -> Tally:
    """Kill a job ``kills`` times at seeded points. After each, check, run without faults, and check again."""
    chance, tally = random.Random(seed), Tally()
    bench: FaultBench | None = None
    for number in range(kills):
        if number % len(PHASES) == 0:  # a new job, so that the state does not grow
            bench = FaultBench(account, proxy, mode=mode, chance=chance)
            bench.land()
            outcome = bench.run(worker)
            assert outcome["status"] == "done", outcome.get("trace")
            counts = Counter(seen.phase for seen in proxy.seen)
            unexplained: set[str] = set()
            seen_twice: Counter[str] = Counter()
        phase = PHASES[number % len(PHASES)]
        when = chance.choice((KILL_BEFORE, KILL_AFTER))
        bench.land()
        nth = chance.randrange(min(counts[phase], 3))
        where = f"seed {seed}, kill {number}: {when} of {phase} request {nth}, job {bench.name}"
        try:
            outcome = bench.run(worker, kill_at(phase, nth, when))
            if outcome["status"] != "killed":  # this run sent fewer requests of the phase
                assert outcome["status"] == "done", outcome
                bench.land()
                outcome = bench.run(worker, kill_at(phase, 0, when))
                tally.runs += 1
            assert outcome == {"status": "killed", "signal": signal.SIGKILL}, outcome
            tally.kills[f"{phase} {when}"] += 1
            bench.check()
            committed = proxy.took("commit")
            lost = bench.without_evidence - unexplained
            # The job was killed after the commit and before the PUT of the evidence.
            assert len(lost) == int(committed and not proxy.took("evidence")), lost
            unexplained |= lost
            outcome = bench.run(worker)
            assert outcome["status"] == "done", outcome
            assert (outcome["rows"] == 0) == committed, "reads again what was not committed, and nothing else"
            rows = bench.check_whole()
            more = Counter({row_id: count - 1 for row_id, count in rows.items() if count > 1}) - seen_twice
            seen_twice += more
            tally.repeated[f"{phase} {when}"] += len(more)
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}") from error
        tally.runs += 2
    return tally


def harm_at(phase: str, nth: int, fault: str, times: int) -> Plan:
    """Return a plan that fails ``times`` requests of a phase, from the nth on."""
    met = 0

    def plan(seen: Seen) -> str:
        nonlocal met
        if seen.phase != phase:
            return PASS
        met += 1
        return fault if nth < met <= nth + times else PASS

    return plan


def harm(account: Any, proxy: FaultProxy, worker: Worker, *, seed: int, runs: int) -> Tally:
    """Return errors for a job's requests, with and without a successful retry, and check as above."""
    chance, tally = random.Random(seed), Tally()
    phases = ("control", "list", *PHASES)
    for number in range(runs):
        fault = FAULTS[number % len(FAULTS)]
        if number % len(FAULTS) == 0:
            bench = FaultBench(account, proxy, mode="overwrite", chance=chance)
            bench.land()
            outcome = bench.run(worker)
            assert outcome["status"] == "done", outcome.get("trace")
            counts = Counter(seen.phase for seen in proxy.seen)
        # Only the body of a read can be truncated.
        phase = chance.choice(("control", "read") if fault == "truncate" else phases)
        bench.land()
        nth, times = chance.randrange(max(1, min(counts[phase], 12))), chance.choice((1, 2, 50))
        where = f"seed {seed}, run {number}: {times} {fault} from {phase} request {nth}, job {bench.name}"
        try:
            outcome = bench.run(worker, harm_at(phase, nth, fault, times))
            tally.faults[fault] += bool(proxy.hit)
            tally.failed[fault] += outcome["status"] == "error"
            assert outcome["status"] in ("done", "error"), outcome
            bench.check()
            outcome = bench.run(worker)
            assert outcome["status"] == "done", outcome
            bench.check_whole()
        except AssertionError as error:
            raise AssertionError(f"{where}: {error}") from error
        tally.runs += 2
    return tally


def race(
    account: Any, proxy: FaultProxy, worker: Worker, other: Worker, *, seed: int, races: int
) -> Counter[str]:
    """Start another run of the job at a seeded request of a run. Either run may finish first.

    Returns:
        How those ended that did not win: ``lost`` the commit; ``nothing new``; ``overwritten``, when it no
        longer found what it had written.
    """
    chance, ends = random.Random(seed), Counter[str]()
    bench = FaultBench(account, proxy, mode="overwrite", chance=chance)
    bench.land()
    assert bench.run(worker)["status"] == "done"
    number = 0
    while sum(ends.values()) < races:
        number += 1
        bench.land()
        # At most requests, a run has not read its bookmark yet or has committed it: nothing conflicts. The
        # first of four races is at the first write, whatever the number of the other requests is, and this
        # run waits there for the other one. Elsewhere it repeats its request after a second.
        at = None if number % 4 == 1 else chance.randrange(len(proxy.seen))
        before, meeting = bench.store.load().sequence, Meeting(bench, other, at)
        paused = bench.run(worker, meeting, read_timeout=100 if at is None else 1)
        met = meeting.outcome()
        where = f"seed {seed}, race {number}: paused at request {meeting.at}: {paused}, {met}"
        if met is None:  # this run read less than the previous one, so it sent fewer requests
            assert paused["status"] == "done", where
            continue
        # Exactly one of the two runs committed the new input.
        assert bench.store.load().sequence == before + 1, where
        (winner,) = (each for each in (paused, met) if each["status"] == "done" and each["rows"])
        ends[_end_of(met if winner is paused else paused, winner, where)] += 1
        # Both may have overwritten a partition at the same time, so rows may be stored twice.
        assert bench.check() == set(bench.landed), where
        assert set(bench.rows()) == {row_id for ids in bench.landed.values() for row_id in ids}, where
    return ends


class Meeting:
    """A plan that runs the job a second time during one request of a run: ``at``, or its first write."""

    def __init__(self, bench: FaultBench, other: Worker, at: int | None) -> None:
        self.at, self._bench, self._other = at, bench, other
        self._begun, self._over = False, threading.Event()
        self._outcome: dict[str, Any] | None = None

    def __call__(self, seen: Seen) -> str:
        if not self._begun and (seen.phase == "write" if self.at is None else seen.number == self.at):
            self._begun = True
            self._outcome = self._bench.run_beside(self._other)
            self._over.set()
        return PASS

    def outcome(self) -> dict[str, Any] | None:
        """Return the outcome of the second run; None if the request was not sent."""
        if self._begun:
            assert self._over.wait(timeout=120), "the other run hangs"
        return self._outcome


def _end_of(loser: dict[str, Any], winner: dict[str, Any], where: str) -> str:
    if loser["status"] == "done":
        return "nothing new"
    if "BookmarkConflictError" in loser["error"]:
        assert "GS-BKM-005" in loser["text"], where
        assert winner["run"] in loser["text"], where
        return "lost"
    assert "VerificationError" in loser["error"], where
    assert "GS-S3-007" in loser["text"], where
    return "overwritten"
