"""Everything outside of a job that starts it: triggers, EventBridge schedules and Step Functions.

A start can name another security configuration and other arguments than the job has. A value that is computed
when the job starts, such as ``$.configuration`` of a state machine, is not known. Without ``Parameters`` and
``Arguments``, the whole input of a state is the request.

Of a state machine, the current definition is read, the newest published versions, and those that aliases
name: an execution of a version or alias can start a job with other parameters.

A schedule or state machine whose input or definition cannot be read is unknown; the others are not affected.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from glue_secure.audit import calls
from glue_secure.audit.calls import Call, Request
from glue_secure.audit.estate import MALFORMED, Estate, Shape, Unread, derived
from glue_secure.audit.model import Resource, ResourceKind
from glue_secure.audit.state_machines import START, MalformedDefinitionError, started_tasks
from glue_secure.core.json_documents import load_json

LISTINGS: tuple[tuple[Call, ResourceKind], ...] = (
    (calls.TRIGGERS, ResourceKind.TRIGGER),
    (calls.SCHEDULES, ResourceKind.SCHEDULE),
    (calls.STATE_MACHINES, ResourceKind.STATE_MACHINE),
)
"""Calls that list what starts jobs."""
VERSIONS = 20
"""Newest versions of a state machine that are read."""


@dataclass(frozen=True, slots=True)
class JobStart:
    """One start of a job.

    Attributes:
        resource: trigger, schedule or state machine, with the job's name.
        job: name of the job, "" if it is computed.
        configuration: security configuration that the start names, "" for the job's own; None if computed.
        arguments: arguments that the start names, without those that are computed.
        note: what starts it, in words.
        fix: where its security configuration is set.
    """

    resource: Resource
    job: str
    configuration: str | None
    arguments: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    fix: str = ""


def requests(estate: Estate) -> Iterator[Request]:
    """Yield the calls that find the starts."""
    for call, _ in LISTINGS:
        yield Request(call)
    for name in _schedules(estate):
        yield Request(calls.SCHEDULE, name)
    for machine in estate.known(calls.STATE_MACHINES):
        arn = str(machine["stateMachineArn"])
        yield Request(calls.STATE_MACHINE, arn)
        yield Request(calls.MACHINE_VERSIONS, arn, most=VERSIONS)
        yield Request(calls.MACHINE_ALIASES, arn)
        for alias in estate.known(calls.MACHINE_ALIASES, arn):
            yield Request(calls.MACHINE_ALIAS, str(alias["stateMachineAliasArn"]))
        for version in _versions(estate, arn):
            yield Request(calls.STATE_MACHINE, version)


def unread(estate: Estate) -> Iterator[tuple[Resource, Unread]]:
    """Yield what is unknown about starts: listings, schedules, state machines, their versions and aliases."""
    for call, kind in LISTINGS:
        why = estate.listing(call).unread
        if why:
            yield Resource(kind, "(all)"), why
    for resource, read in _read(estate):
        if isinstance(read, Unread):
            yield resource, read
    for machine in estate.known(calls.STATE_MACHINES):
        name, arn = str(machine["name"]), str(machine["stateMachineArn"])
        for call, what in ((calls.MACHINE_VERSIONS, "versions"), (calls.MACHINE_ALIASES, "aliases")):
            why = estate.listing(call, arn).unread
            if why:
                yield Resource(ResourceKind.STATE_MACHINE, f"{name} {what}"), why
        for alias in estate.known(calls.MACHINE_ALIASES, arn):
            answer = estate.answer(calls.MACHINE_ALIAS, str(alias["stateMachineAliasArn"]))
            if isinstance(answer, Unread):
                text = f"{name} alias {str(alias['stateMachineAliasArn']).rpartition(':')[2]}"
                yield Resource(ResourceKind.STATE_MACHINE, text), answer


@derived
def job_starts(estate: Estate) -> list[JobStart]:
    """Return the starts of jobs that are known so far."""
    read = [starts for _, starts in _read(estate) if not isinstance(starts, Unread)]
    return [*_of_triggers(estate), *(start for starts in read for start in starts)]


@derived
def _read(estate: Estate) -> list[tuple[Resource, tuple[JobStart, ...] | Unread]]:
    """Return the starts of each schedule and state machine that was asked for, or why they are not known."""
    asked: list[tuple[Resource, Call, str, Callable[[str, Shape], Iterator[JobStart]]]] = [
        (Resource(ResourceKind.SCHEDULE, name), calls.SCHEDULE, name, _of_schedule)
        for name in _schedules(estate)
    ]
    for machine in estate.known(calls.STATE_MACHINES):
        name, arn = str(machine["name"]), str(machine["stateMachineArn"])
        asked.append(
            (Resource(ResourceKind.STATE_MACHINE, name), calls.STATE_MACHINE, arn, _of_state_machine)
        )
        current = estate.known_answer(calls.STATE_MACHINE, arn)
        for version in _versions(estate, arn):
            resource = Resource(ResourceKind.STATE_MACHINE, f"{name}:{version.rpartition(':')[2]}")
            asked.append((resource, calls.STATE_MACHINE, version, partial(_of_version, current=current)))
    found: list[tuple[Resource, tuple[JobStart, ...] | Unread]] = []
    for resource, call, key, starts_of in asked:
        answer = estate.answers.get((call.name, key))
        if isinstance(answer, Unread):
            found.append((resource, answer))
        elif isinstance(answer, Mapping):
            try:
                found.append((resource, tuple(starts_of(resource.name, answer))))
            except MALFORMED as error:
                # The text of the error can contain a value of the document.
                cause = error.cause if isinstance(error, MalformedDefinitionError) else type(error).__name__
                text = f"an input or definition that is not of the documented form ({cause})"
                found.append((resource, Unread(call, "", text)))
    return found


def _of_triggers(estate: Estate) -> Iterator[JobStart]:
    for trigger in estate.known(calls.TRIGGERS):
        workflow = trigger.get("WorkflowName")
        note = f"{trigger.get('Type', 'trigger')}" + (f" of workflow {workflow}" if workflow else "")
        for action in trigger.get("Actions") or ():
            if action.get("JobName"):
                name = f"{trigger.get('Name') or ''} of {action['JobName']}"
                yield JobStart(
                    Resource(ResourceKind.TRIGGER, name),
                    str(action["JobName"]),
                    str(action.get("SecurityConfiguration") or ""),
                    action.get("Arguments") or {},
                    note,
                    "the trigger's action (UpdateTrigger, SecurityConfiguration)",
                )


def _schedules(estate: Estate) -> list[str]:
    """Return group and name of each schedule whose target starts a run of a job."""
    return [
        f"{schedule.get('GroupName') or 'default'}/{schedule['Name']}"
        for schedule in estate.known(calls.SCHEDULES)
        if str((schedule.get("Target") or {}).get("Arn") or "").lower().endswith(f":aws-sdk:glue:{START}")
    ]


def _of_schedule(name: str, answer: Shape) -> Iterator[JobStart]:
    target = answer.get("Target") or {}
    yield _start(
        ResourceKind.SCHEDULE,
        name,
        load_json(str(target.get("Input") or "{}")),
        str(answer.get("State") or ""),
        "the input of the schedule's target (UpdateSchedule, SecurityConfiguration)",
    )


def _of_state_machine(name: str, answer: Shape) -> Iterator[JobStart]:
    for state, parameters in started_tasks(answer):
        yield _start(
            ResourceKind.STATE_MACHINE,
            f"{name} {state}",
            parameters,
            f"state {state}",
            f"the parameters of state {state} (UpdateStateMachine, SecurityConfiguration)",
        )


def _of_version(name: str, answer: Shape, current: Shape | None) -> Iterator[JobStart]:
    """Yield the starts of a version that the current definition does not have."""
    try:
        known = started_tasks(current) if current else []
    except MalformedDefinitionError:
        known = []
    for state, parameters in started_tasks(answer):
        if (state, parameters) not in known:
            yield _start(
                ResourceKind.STATE_MACHINE,
                f"{name} {state}",
                parameters,
                f"state {state} of a published version",
                f"the parameters of state {state} in a new version (PublishStateMachineVersion; then "
                f"DeleteStateMachineVersion of {name})",
            )


def _versions(estate: Estate, machine: str) -> list[str]:
    """Return the ARNs of the newest versions of a state machine, and of those that its aliases name."""
    versions = [str(one["stateMachineVersionArn"]) for one in estate.known(calls.MACHINE_VERSIONS, machine)]
    for alias in estate.known(calls.MACHINE_ALIASES, machine):
        answer = estate.known_answer(calls.MACHINE_ALIAS, str(alias["stateMachineAliasArn"])) or {}
        versions += [str(one["stateMachineVersionArn"]) for one in answer.get("routingConfiguration") or ()]
    return list(dict.fromkeys(versions))


def _start(kind: ResourceKind, name: str, parameters: Any, note: str, fix: str) -> JobStart:
    values: Mapping[str, Any] = parameters if isinstance(parameters, Mapping) else {}
    # The input of the state, or JSONata in place of all parameters, decides them when the job starts.
    is_known = isinstance(parameters, Mapping)
    job = _literal(values, "JobName") or ""
    configuration = _literal(values, "SecurityConfiguration") if is_known else None
    arguments = values.get("Arguments")
    return JobStart(
        Resource(kind, f"{name} of {job or 'a computed job'}"),
        job,
        configuration,
        {
            str(name): value
            for name, value in (arguments.items() if isinstance(arguments, Mapping) else ())
            if isinstance(value, str) and not _is_computed(str(name), value)
        },
        note,
        fix,
    )


def _literal(values: Mapping[str, Any], name: str) -> str | None:
    """Return a parameter, "" if it is absent, None if it is computed."""
    if f"{name}.$" in values:
        return None
    value = str(values.get(name) or "")
    return None if _is_computed(name, value) else value


def _is_computed(name: str, value: str) -> bool:
    return name.endswith(".$") or value.strip().startswith(("{%", "<aws.scheduler."))
