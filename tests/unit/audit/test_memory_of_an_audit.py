"""The memory of an audit: findings and results of listings are compressed, and read as they were added."""

from __future__ import annotations

import gc
import pickle
import tracemalloc
from dataclasses import fields, replace

import pytest
from audited_estates import BEFORE, MACHINE, NOW, audit, corrected, estate_of, machine, violating
from recorded_account import RecordedAccount

from glue_secure.audit import calls
from glue_secure.audit.baseline import apply_baseline
from glue_secure.audit.evaluation import CHECKS, evaluate
from glue_secure.audit.outputs import json_text
from glue_secure.audit.packed import Packed
from glue_secure.core.findings import Finding


def test_items_are_read_and_replaced_at_every_position():
    items = list(range(1000))
    packed = Packed(items)
    for position in (0, 255, 256, 511, 700, 999, -1):
        packed[position] = items[position] = -position
    assert list(packed) == items
    assert [packed[position] for position in (0, 255, 256, 999, -1)] == [
        items[n] for n in (0, 255, 256, 999, -1)
    ]
    packed.complete()
    assert (list(packed), len(packed), packed[999]) == (items, 1000, items[999])
    with pytest.raises(ValueError, match="complete"):
        packed.append(1000)
    assert (len(packed), packed[-1]) == (1000, items[-1])
    for position in (1000, -1001):
        with pytest.raises(IndexError):
            packed[position]


def test_a_finding_is_created_again_with_every_field():
    finding = Finding("c", "v", "r", "f", "q", "x", "code", "e")
    assert len({getattr(finding, one.name) for one in fields(Finding)}) == len(fields(Finding))
    for one in audit(RecordedAccount(violating())):
        marked = replace(one, finding=replace(finding, control=one.control.id), accepted="by an entry")
        assert pickle.loads(pickle.dumps(marked)) == marked


def test_no_control_is_decided_by_two_checks():
    controls = [control for check in CHECKS for control in check.controls]
    assert len(controls) == len(set(controls))


def estate(jobs):
    """Return a recorded account with jobs that differ in their names and run ids."""
    responses = corrected()
    job, run = responses["GetJobs"][0], responses["GetJobRuns"]["etl"][0]
    responses["GetJobs"] = [job | {"Name": f"etl{number}"} for number in range(jobs)]
    responses["GetJobRuns"] = {
        f"etl{number}": [run | {"Id": f"jr_{hash((number, at)) % 2**64:064x}"} for at in range(20)]
        for number in range(jobs)
    }
    return RecordedAccount(responses)


def test_findings_and_facts_of_a_further_job_need_less_than_4_KiB():
    def peak(jobs):
        account = estate(jobs)
        tracemalloc.start()
        try:
            found, _ = apply_baseline(evaluate(CHECKS, estate_of(account)), (), NOW.date())
            for _ in json_text(found, NOW):
                pass
            assert len(found) > 15 * jobs
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)  # imports and clients
    assert peak(300) - peak(100) < 200 * 4096


class Machines(RecordedAccount):
    """State machines, each with 10 versions and a definition of 100 kB that starts a job."""

    def __init__(self, machines):
        names = [f"{MACHINE}{number}" for number in range(machines)]
        listed = {"type": "STANDARD", "creationDate": BEFORE}
        responses = {
            "ListStateMachines": [{"stateMachineArn": arn, "name": arn[-9:], **listed} for arn in names],
            "ListStateMachineVersions": {
                arn: [{"stateMachineVersionArn": f"{arn}:{n}", "creationDate": BEFORE} for n in range(10)]
                for arn in names
            },
        }
        super().__init__(corrected() | responses)

    def _response(self, call, params):
        if call is not calls.STATE_MACHINE:
            return super()._response(call, params)
        start = {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun", "End": True}
        start["Parameters"] = {"JobName": "etl", "Arguments": {"--day": "1" * 500}}
        return machine(start, {"Type": "Pass", "Result": "x" * 100_000, "End": True})


def test_what_is_stored_of_a_state_machine_does_not_depend_on_the_size_of_its_definition():
    def stored(machines):
        account = Machines(machines)
        tracemalloc.start()
        try:
            collected = estate_of(account)
            found = evaluate(CHECKS, collected)
            assert sum(str(one.resource).startswith("state machine") for one in found) >= machines
            gc.collect()  # The peak depends on how many definitions are parsed at the same time.
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    stored(1)  # imports and clients
    assert stored(25) - stored(5) < 20 * 32 * 1024
