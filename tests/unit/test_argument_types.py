"""Every public method rejects an argument of a wrong type as a usage error, before it does anything."""

from __future__ import annotations

import datetime
import inspect
from types import SimpleNamespace

import pytest

from glue_secure.core.errors import RefusedError, UsageError
from glue_secure.core.identifiers import RunId
from glue_secure.dynamicframe import frame, studio_transforms, transforms
from glue_secure.engines.run_context import RunContext
from glue_secure.engines.spark.context import glue_context, readers_and_writers, sinks, sources
from glue_secure.engines.spark.job import Job
from glue_secure.run.state import RunState
from glue_secure.secure_job import Reader, SecureJob, Writer

VALUES = {
    "None": None,
    "int": 5,
    "float": 3.5,
    "bool": True,
    "empty list": [],
    "list": ["x"],
    "list of numbers": [1],
    "empty dict": {},
    "dict": {"a": 1},
    "dict of numbers": {1: 1},
    "bytes": b"x",
    "object": object(),
    "date": datetime.date(2020, 1, 1),
    "text": "text",
}
ACCEPTED = {
    "str": {"text"},
    "Literal": {"text"},
    "WriteMode": {"text"},
    "ReadFormat": {"text"},
    "WriteFormat": {"text"},
    "OnFailure": {"text"},
    "BookmarkOrder": {"text"},
    "OnChange": {"text"},
    "Publish": {"text"},
    "TableMode": {"text"},
    "TableFormat": {"text"},
    "WhenMatched": {"text", "empty dict", "dict"},
    "WhenNotMatched": {"text", "empty dict", "dict"},
    "int": {"int"},
    "float": {"int", "float"},
    "bool": {"bool"},
    "None": {"None"},
    "Options": {"None", "empty dict", "dict"},
    "Mapping[str, Any]": {"empty dict", "dict"},
    "Mapping[str, object]": {"empty dict", "dict"},
    "Sequence[str]": {"empty list", "list"},
    "type[ArgsT]": set(),
    "type[GlueTransform]": set(),
    "Mapping[str, Mapping[str, Any]]": {"empty dict", "dict"},
    "list[str]": {"empty list", "list"},
    "StructType": set(),
    "DynamicFrame": set(),
}


class DynamicFrame:
    """A value that the annotation ``DynamicFrame`` accepts."""


# The types of these are classes of Spark, or every value is valid; the methods or the engine check them.
LEFT_TO_THE_METHOD = {
    "frame", "frame_or_dfc", "data_frame", "dynamic_frame_or_dfc", "glue_context", "spark", "data", "schema",
    "batch_function", "target", "dataframe", "glue_ctx", "mappings", "specs", "dfc", "options", "indexes",
}  # fmt: skip
studio_transforms.add_methods()
CLASSES = [
    SecureJob, Reader, Writer, glue_context.GlueContext, readers_and_writers.DynamicFrameReader,
    readers_and_writers.DataFrameReader, readers_and_writers.DynamicFrameWriter,
    readers_and_writers.DataFrameWriter, sources.DataSource, sources.StreamingDataSource, sinks.DataSink, Job,
    frame.DynamicFrame, frame.DynamicFrameCollection,
]  # fmt: skip


def parameters():
    methods = [(owner, name) for owner in CLASSES for name in vars(owner) if not name.startswith("_")]
    calls = [(transform, "__call__") for transform in transforms.DescribedTransform.__subclasses__()]
    for owner, name in [*methods, *calls, (RunContext, "write_custom")]:
        member = inspect.getattr_static(owner, name)
        if isinstance(member, classmethod):
            member = member.__func__
        if not inspect.isfunction(member):
            continue
        for parameter in list(inspect.signature(member).parameters.values())[1:]:
            if parameter.kind != parameter.VAR_KEYWORD:
                yield owner, name, parameter


def kinds(parameter):
    """Return the members of the parameter's annotation; an unknown one is an error of this table."""
    return {kind.strip() for kind in str(parameter.annotation).split("|")}


CHECKED = [
    (owner, name, parameter)
    for owner, name, parameter in parameters()
    if all(kind in ACCEPTED or kind.startswith("Callable[") for kind in kinds(parameter))
]


def instance(owner, state):
    run = SimpleNamespace(operation=state.operation, fine_grained=False)
    context = SimpleNamespace(secured_run=run)
    created = object.__new__(owner)
    for name, value in {
        "_run": run,
        "_context": context,
        "_glue_context": context,
        "_source": SimpleNamespace(_glue_context=context),
        "secured_run": run,
    }.items():
        setattr(created, name, value)
    return created


def arguments(owner, name, wrong, value):
    """Return arguments that bind: text for every required parameter but the wrong one."""
    given, rest = {}, ()
    member = inspect.getattr_static(owner, name)
    member = member.__func__ if isinstance(member, classmethod) else member
    for parameter in list(inspect.signature(member).parameters.values())[1:]:
        if parameter.name == wrong.name and parameter.kind == parameter.VAR_POSITIONAL:
            rest = (value,)
        elif parameter.name == wrong.name:
            given[parameter.name] = value
        elif parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        ):
            annotation = str(parameter.annotation)
            good = {
                "type[ArgsT]": object,
                "type[GlueTransform]": object,
                "DynamicFrame": DynamicFrame(),
                "bool": True,
                "int": 1,
            }
            if annotation.startswith("Callable["):
                given[parameter.name] = print
            elif annotation.startswith("Mapping["):
                given[parameter.name] = {}
            else:
                given[parameter.name] = good.get(annotation, "text")
    return rest, given


@pytest.mark.parametrize(
    ("owner", "name", "parameter"),
    CHECKED,
    ids=[f"{owner.__name__}.{name}-{parameter.name}" for owner, name, parameter in CHECKED],
)
def test_a_wrong_type_is_a_usage_error_that_names_the_argument(owner, name, parameter):
    accepted = set().union(*(ACCEPTED.get(kind, set()) for kind in kinds(parameter)))
    if parameter.default == "":
        accepted |= {"None"}
    is_class_method = isinstance(inspect.getattr_static(owner, name), classmethod)
    for label, value in VALUES.items():
        if label in accepted:
            continue
        state = RunState(RunId("jr_1"))
        rest, given = arguments(owner, name, parameter, value)
        called = owner if is_class_method else instance(owner, state)
        with pytest.raises(UsageError) as caught:
            getattr(called, name)(*rest, **given)
        assert caught.value.exit_code == 2
        assert caught.value.resource.startswith(f"argument {parameter.name} of {owner.__name__}"), label
        assert type(value).__name__ in caught.value.found.replace("None", "NoneType")
        assert caught.value.required
        assert len(str(caught.value).splitlines()) < 5
        is_excused = (
            owner.__module__.startswith("glue_secure.dynamicframe")
            or is_class_method
            or owner.__name__.endswith(("Reader", "Source"))
        )
        assert state.has_failed is not is_excused, "a write that was not done must not be committed"


def test_only_types_of_spark_are_left_to_the_methods():
    unchecked = {parameter.name for _, _, parameter in parameters()} - {
        parameter.name for _, _, parameter in CHECKED
    }
    assert unchecked <= LEFT_TO_THE_METHOD


def test_a_missing_and_an_unknown_argument_are_usage_errors():
    reader = instance(Reader, RunState(RunId("jr_1")))
    with pytest.raises(UsageError, match=r"missing a required.*'format'"):
        reader.s3("s3://b/x/")
    with pytest.raises(UsageError, match="unexpected argument 'fromat'") as caught:
        reader.s3("s3://b/x/", fromat="csv")
    assert "source, format, bookmark" in caught.value.required
    assert caught.value.fix == "write format instead of fromat"
    writer = instance(Writer, RunState(RunId("jr_1")))
    with pytest.raises(UsageError, match=r"fix: +write partition_by instead of partitionBy"):
        writer.s3(None, "s3://b/x/", format="csv", partitionBy=["month"])


def test_a_value_is_not_quoted():
    reader = instance(Reader, RunState(RunId("jr_1")))
    with pytest.raises(UsageError) as caught:
        reader.s3("s3://b/x/", format="csv", options=["hunter2"])
    assert "hunter2" not in str(caught.value)


def test_before_init_the_missing_init_is_the_error():
    context = object.__new__(glue_context.GlueContext)
    with pytest.raises(RefusedError, match="GS-SEC-007"):
        context.purge_s3_path(5)


def test_a_collection_is_written_like_a_frame():
    written = []
    context = SimpleNamespace(write_dynamic_frame_from_options=lambda *call: written.append(call[0]))
    writer = readers_and_writers.DynamicFrameWriter(context)
    collection = frame.DynamicFrameCollection({}, None)
    writer.from_options(collection, "s3", {"path": "s3://b/x/"}, format="csv")
    assert written == [collection]
