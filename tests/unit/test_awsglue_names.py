"""Names of the awsglue-compatible modules in plain Spark: utils, gluetypes, Job and transforms."""

from __future__ import annotations

import importlib
import json

import pytest

from glue_secure import UsageError


@pytest.fixture
def module(monkeypatch):
    """``module("utils")``: an awsglue-compatible module, in the plain-Spark runtime."""
    monkeypatch.setenv("GLUE_SECURE_RUNTIME", "spark")
    return lambda name: importlib.import_module(f"glue_secure.{name}")


def test_utils_iterates_over_dictionaries(module):
    utils = module("utils")
    assert list(utils.iteritems({"a": 1})) == [("a", 1)]
    assert list(utils.iterkeys({"a": 1})) == ["a"]
    assert list(utils.itervalues({"a": 1})) == [1]


def test_utils_returns_the_call_site(module):
    def step():
        return module("utils").callsite()

    assert "test_utils_returns_the_call_site" in step()


def test_make_options_is_rejected_without_glues_jvm(module):
    with pytest.raises(UsageError, match="makeOptions"):
        module("utils").makeOptions(None, {"a": 1})


def test_utils_parser_raises_where_argparse_exits(module):
    utils = module("utils")
    parser = utils.GlueArgumentParser(prog="job")
    parser.add_argument("--source", required=True)
    assert parser.parse_args(["--source", "x"]).source == "x"
    with pytest.raises(utils.GlueArgumentError, match="--source"):
        parser.parse_args([])


def test_the_job_lists_its_arguments(module):
    job = module("job").Job
    assert job.job_bookmark_options() == [
        "--job-bookmark-option",
        "job-bookmark-enable",
        "job-bookmark-pause",
        "job-bookmark-disable",
    ]
    assert job.continuation_options()[0] == "--continuation-option"
    assert len(job.continuation_options()) == 4
    assert job.job_bookmark_range_options() == ["--job-bookmark-from", "--job-bookmark-to"]
    assert job.id_params() == ["--JOB_NAME", "--JOB_ID", "--JOB_RUN_ID", "--SECURITY_CONFIGURATION"]
    assert job.encryption_type_options() == ["--encryption-type", "sse-s3"]
    assert job.data_lineage_options() == ["--enable-data-lineage"]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("BinaryType", "binary"),
        ("BooleanType", "boolean"),
        ("ByteType", "byte"),
        ("DateType", "date"),
        ("DoubleType", "double"),
        ("FloatType", "float"),
        ("IntegerType", "int"),
        ("LongType", "long"),
        ("NullType", "null"),
        ("ShortType", "short"),
        ("StringType", "string"),
        ("TimestampType", "timestamp"),
        ("UnknownType", "unknown"),
    ],
)
def test_atomic_types_have_glues_names(module, name, word):
    types = module("gluetypes")
    kind = getattr(types, name)
    assert issubclass(kind, types.AtomicType)
    assert issubclass(kind, types.DataType)
    assert kind.typeName() == word
    assert kind().jsonValue()["dataType"] == word
    assert kind() == kind()


def test_complex_types_describe_their_parts(module):
    types = module("gluetypes")
    text = types.StringType()
    assert types.DecimalType(12, 3).jsonValue()["precision"] == 12
    assert types.ArrayType(text).elementType == types.SetType(text).elementType == text
    assert types.MapType(text).valueType == text
    assert types.TimestampNTZType.typeName()
    choice = types.ChoiceType([text, types.LongType()])
    assert sorted(choice.jsonValue()) == ["choices", "dataType", "properties"]
    struct = types.StructType([types.Field("a", choice)])
    assert [(field.name, field.dataType) for field in struct.fields] == [("a", choice)]
    assert types.EnumType(["x", "y"]).jsonValue()["options"] == ["x", "y"]


def test_gluetypes_has_every_name_that_it_exports(module):
    types = module("gluetypes")
    assert types.mergeDataTypes(types.NullType(), types.StringType()) == types.StringType()
    assert types.DynamicRecord({"a": 1}).a == 1
    assert all(getattr(types, name) for name in types.__all__)


def test_an_unknown_name_raises_attribute_error(module):
    for name in ("gluetypes", "transforms", "context", "dynamicframe", "job"):
        with pytest.raises(AttributeError, match="no attribute"):
            _ = module(name).Nothing


def test_there_are_22_transforms_and_each_describes_itself(module):
    transforms = module("transforms")
    assert len(transforms.get_transforms()) == len(transforms.ALL_TRANSFORMS) == 22
    for transform in transforms.get_transforms():
        assert isinstance(transform, transforms.GlueTransform)
        assert transforms.get_transform(transform.name().upper()) == transform
        description = transform.describe()["transform"]
        assert description["name"] == transform.name() == type(transform).__name__
        assert description["args"] == transform.describeArgs()
        assert description["returns"] == transform.describeReturn()
        assert description["raises"] == transform.describeErrors()
        assert description["description"] == transform.describeTransform() != ""
        assert json.loads(transforms.describe_transform(transform.name())) == transform.describe()
    assert transforms.get_transform("nothing") is None


def test_a_custom_transform_is_applied(module):
    class Twice(module("transforms").GlueTransform):
        def __call__(self, number, times=2):
            return number * times

    assert Twice.apply(4) == 8
    assert Twice.apply(4, times=3) == 12
    with pytest.raises(NotImplementedError, match="Twice"):
        Twice.describeArgs()
