"""What an audit stores of a state machine of Step Functions: its tasks that start jobs, not its definition.

A definition has up to 1 MiB, and an audit reads 20 versions of it and more. Tasks that versions have in
common share one text in memory.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from glue_secure.core.json_documents import depth_as_value_error, load_json

START = "startjobrun"
"""The API operation that starts a job, in lower case, as in the ARN of an integration."""
_MALFORMED = (AttributeError, LookupError, TypeError, ValueError)


def with_tasks_alone(answer: Mapping[str, Any], _: str) -> Mapping[str, Any]:
    """Return the tasks of an answer of DescribeStateMachine that start jobs, or why they are not known."""
    try:
        with depth_as_value_error():
            tasks = tuple(
                (sys.intern(name), sys.intern(json.dumps(parameters)))
                for name, parameters in _tasks(load_json(str(answer["definition"])))
            )
    except _MALFORMED as error:
        # The text of the error can contain a value of the definition.
        return {"Error": type(error).__name__}
    return {"Tasks": tasks}


def started_tasks(answer: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return name and parameters of each task that starts a job.

    Raises:
        MalformedDefinitionError: the definition is not of the documented form.
    """
    if "Error" in answer:
        raise MalformedDefinitionError(answer["Error"])
    return [(name, load_json(parameters)) for name, parameters in answer["Tasks"]]


class MalformedDefinitionError(ValueError):
    """A definition is not of the documented form.

    Attributes:
        cause: name of the type of the error.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def _tasks(definition: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and parameters of each state that starts a job, also in branches and loops."""
    states = definition.get("States") if isinstance(definition, Mapping) else None
    for name, state in states.items() if isinstance(states, Mapping) else ():
        resource = str(state.get("Resource") or "").lower()
        if f":glue:{START}" in resource:
            # ``Arguments`` in states with JSONata, ``Parameters`` in states with JSONPath.
            yield str(name), state.get("Arguments", state.get("Parameters"))
        for branch in state.get("Branches") or ():
            yield from _tasks(branch)
        for member in ("Iterator", "ItemProcessor"):
            yield from _tasks(state.get(member))
