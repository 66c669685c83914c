"""Methods of DynamicFrame about records, as scripts call them."""

import json

import pytest

from glue_secure import UsageError
from glue_secure.dynamicframe.frame import DynamicFrame, DynamicFrameCollection
from glue_secure.dynamicframe.frames import records
from glue_secure.dynamicframe.frames.errors import ErrorThresholdError
from glue_secure.dynamicframe.frames.json_source import from_text
from glue_secure.dynamicframe.types import glue_types as glue


class Context:
    """The part of a GlueContext that DynamicFrame calls, with the recorded calls."""

    def __init__(self, spark):
        self.spark_session, self.written = spark, []

    def write_dynamic_frame_from_options(self, frame, *arguments):
        self.written.append((frame, arguments))
        return frame


@pytest.fixture
def context(glue_spark):
    return Context(glue_spark)


@pytest.fixture
def frame_of(glue_spark, context):
    def make(values):
        return DynamicFrame(records.from_records(glue_spark, values), context, "frame")

    return make


def rows(frame):
    return [row.asDict(True) for row in frame.toDF().collect()]


# The example of https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-pyspark-extensions-dynamic-frame.html,
# section map: four address fields are moved into a struct.
def test_map_as_the_documentation_shows_it(frame_of, capsys):
    def merge_address(rec):
        rec["Address"] = {}
        rec["Address"]["Street"] = rec["Provider Street Address"]
        rec["Address"]["City"] = rec["Provider City"]
        rec["Address"]["State"] = rec["Provider State"]
        rec["Address"]["Zip.Code"] = rec["Provider Zip Code"]
        rec["Address"]["Array"] = [rec["Provider Street Address"], rec["Provider City"]]
        del rec["Provider Street Address"]
        del rec["Provider City"]
        del rec["Provider State"]
        del rec["Provider Zip Code"]
        return rec

    medicare = frame_of(
        [
            {
                "DRG Definition": "039",
                "Provider Id": "10001",
                "Provider Street Address": "1108 ROSS CLARK CIRCLE",
                "Provider City": "DOTHAN",
                "Provider State": "AL",
                "Provider Zip Code": "36301",
            }
        ]
    )
    mapped = medicare.map(f=merge_address)
    mapped.printSchema()
    assert capsys.readouterr().out == (
        "root\n|-- DRG Definition: string\n|-- Provider Id: string\n|-- Address: struct\n"
        "|    |-- Street: string\n"
        "|    |-- City: string\n|    |-- State: string\n|    |-- Zip.Code: string\n|    |-- Array: array\n"
        "|    |    |-- element: string\n\n"
    )
    mapped.show(1)
    assert json.loads(capsys.readouterr().out)["Address"]["Zip.Code"] == "36301"


# The same page, section filter: the rows of one state and one city.
def test_filter_as_the_documentation_shows_it(frame_of):
    values = [
        {"Provider State": "CA", "Provider City": "SACRAMENTO", "n": 1},
        {"Provider State": "CA", "Provider City": "OAKLAND", "n": 2},
        {"Provider State": "AL", "Provider City": "MOBILE", "n": 3},
    ]
    frame = frame_of(values)
    result = frame.filter(
        f=lambda x: x["Provider State"] in ["CA", "AL"] and x["Provider City"] in ["SACRAMENTO"]
    )
    assert rows(result) == values[:1]
    assert (frame.count(), result.count(), result.errorsCount()) == (3, 1, 0)


def test_show_prints_one_json_object_per_line(frame_of, capsys):
    frame_of([{"a": 1, "b": "é"}, {"a": "x", "b": None}, {"a": 3, "b": "c"}]).show(2)
    assert capsys.readouterr().out == '{"a": 1, "b": "é"}\n{"a": "x", "b": null}\n'


# The same page, section unbox: a JSON string becomes a struct, with the schemas of that section.
def test_unbox_as_the_documentation_shows_it(frame_of, capsys):
    def with_text(rec):
        rec["AddressString"] = '{"Street": "1108 ROSS CLARK CIRCLE", "City": "DOTHAN", "Zip.Code": "36301"}'
        return rec

    unboxed = frame_of([{"Provider Id": "10001"}]).map(with_text).unbox("AddressString", "json")
    unboxed.printSchema()
    assert capsys.readouterr().out == (
        "root\n|-- Provider Id: string\n|-- AddressString: struct\n"
        "|    |-- Street: string\n|    |-- City: string\n"
        "|    |-- Zip.Code: string\n\n"
    )
    assert rows(unboxed)[0]["AddressString"]["City"] == "DOTHAN"


def test_unbox_reads_nested_fields_choices_and_errors(frame_of):
    values = [
        {"n": 1, "s": {"t": '{"v": 1}'}},
        {"n": 2, "s": {"t": '{"v": "x"}'}},
        {"n": 3, "s": {"t": "{secret"}},
        {"n": 4, "s": {"t": None}},
    ]
    unboxed = frame_of(values).unbox("s.t", "json", info="boxes")
    assert [row["n"] for row in rows(unboxed)] == [1, 2, 4]
    kind = unboxed.schema().field_map["s"].dataType.field_map["t"].dataType.field_map["v"].dataType
    assert sorted(kind.choices) == ["int", "string"]
    assert unboxed.stageErrorsCount() == 1
    error = rows(unboxed.errorsAsDynamicFrame())[0]["error"]
    assert error["input"] == "{secret"
    assert error["dynamicRecord"]["n"] == 3
    assert error["callsite"]["info"] == "boxes"


def test_unbox_reads_csv(frame_of):
    frame = frame_of([{"t": "1|a"}, {"t": "2|b|c"}])
    unboxed = frame.unbox("t", "csv", separator="|", withSchema=_schema_of("x string, y string"))
    assert rows(unboxed) == [{"t": {"x": "1", "y": "a"}}]
    assert unboxed.errorsCount() == 1
    headed = frame_of([{"t": "h,k\n1,2"}])
    assert rows(headed.unbox("t", "csv", withHeader=True)) == [{"t": {"h": "1", "k": "2"}}]
    assert rows(headed.unbox("t", "csv", skipFirst="true")) == [{"t": {"col0": "1", "col1": "2"}}]


def test_unbox_with_a_schema_rejects_records_that_do_not_fit(frame_of):
    frame = frame_of([{"t": '{"x": 1}'}, {"t": '{"x": "a"}'}])
    unboxed = frame.unbox("t", "json", withSchema=_schema_of("x long"))
    assert rows(unboxed) == [{"t": {"x": 1}}]
    assert unboxed.errorsCount() == 1


def _schema_of(ddl):
    from pyspark.sql.types import StructType, _parse_datatype_string

    kind = _parse_datatype_string(ddl)
    assert isinstance(kind, StructType)
    return kind.json()


@pytest.mark.parametrize(
    ("path", "format", "options", "message"),
    [
        ("t", "avro", {}, "avro"),
        ("t", "json", {"separator": ","}, "separator"),
        ("n", "json", {}, "of type int"),
        ("other", "json", {}, "does not exist"),
        ("t", "csv", {"separator": "||"}, "one character"),
        ("t", "json", {"withSchema": "no schema"}, "not a schema"),
    ],
)
def test_unbox_rejects_unsupported_arguments(frame_of, path, format, options, message):
    with pytest.raises(UsageError, match=message):
        frame_of([{"t": "x", "n": 1}]).unbox(path, format, **options)


def test_errors_are_counted_per_transformation_and_in_total(frame_of):
    frame = frame_of([{"n": n} for n in range(3)])
    first = frame.map(lambda rec: {"n": 1 // rec["n"]}, info="first")
    second = first.map(lambda rec: {"n": 1 // rec["n"]})
    assert (first.stageErrorsCount(), first.errorsCount()) == (1, 1)
    assert (second.stageErrorsCount(), second.errorsCount()) == (1, 2)
    second.assertErrorThreshold()
    shown = rows(second.errorsAsDynamicFrame())
    assert [item["error"]["dynamicRecord"]["n"] for item in shown] == [0, 0]
    assert "test_errors_are_counted_per_transformation_and_in_total" in shown[0]["error"]["callsite"]["site"]
    assert shown[0]["error"]["callsite"]["info"] == "first"
    assert first.repartition(1).errorsCount() == 1
    assert first.repartition(1).stageErrorsCount() == 0


def test_an_exceeded_threshold_raises_and_the_message_contains_no_record(frame_of):
    frame = frame_of([{"n": "secret"}, {"n": "hidden"}])
    with pytest.raises(ErrorThresholdError, match="stageThreshold") as caught:
        frame.map(lambda rec: int(rec["n"]), stageThreshold=1)
    assert "secret" not in str(caught.value)
    failed = frame.map(lambda rec: int(rec["n"]), stageThreshold=2)
    with pytest.raises(ErrorThresholdError, match="totalThreshold"):
        failed.repartition(1, totalThreshold=1)
    with pytest.raises(UsageError, match="stageThreshold"):
        frame.repartition(1, stageThreshold=-1)


def test_a_frame_without_errors_returns_an_empty_frame_of_errors(frame_of):
    errors = frame_of([{"n": 1}]).errorsAsDynamicFrame()
    assert errors.count() == 0
    assert errors.toDF().columns == ["error"]


def test_spigot_writes_a_sample_and_returns_the_frame(frame_of, context):
    frame = frame_of([{"n": n} for n in range(5)])
    assert frame.spigot("s3://bucket-a/sample", {"topk": 2}).count() == 5
    sample, arguments = context.written[0]
    assert sample.count() == 2
    assert arguments[:3] == ("s3", {"path": "s3://bucket-a/sample"}, "json")
    frame.spigot("s3://bucket-a/sample", {"prob": 0.0})
    assert context.written[1][0].count() == 0
    for options in ({"topk": -1}, {"prob": 2}, {"top": 1}):
        with pytest.raises(UsageError, match="spigot"):
            frame.spigot("s3://bucket-a/sample", options)


def test_write_calls_the_context(frame_of, context):
    frame = frame_of([{"n": 1}])
    assert frame.write("s3", {"path": "s3://bucket-a/x"}, "json") is frame
    assert context.written == [(frame, ("s3", {"path": "s3://bucket-a/x"}, "json", None))]
    with pytest.raises(UsageError, match="accumulator_size"):
        frame.write("s3", {}, "json", accumulator_size=5)


def test_with_frame_schema_reorders_and_adds_fields_and_rejects_changes(frame_of):
    frame = frame_of([{"a": 1, "b": None}])
    expected = glue.StructType(
        [
            glue.Field("b", glue.StringType()),
            glue.Field("a", glue.IntegerType()),
            glue.Field("c", glue.LongType()),
        ]
    )
    assert rows(frame.with_frame_schema(expected)) == [{"b": None, "a": 1, "c": None}]
    assert frame.with_frame_schema(expected).schema() == expected
    with pytest.raises(UsageError, match="missing: b"):
        frame.with_frame_schema(glue.StructType([glue.Field("a", glue.IntegerType())]))
    with pytest.raises(UsageError, match="changed types: a"):
        frame.with_frame_schema(glue.StructType([glue.Field("a", glue.StringType()), expected.fields[0]]))


def test_a_collection_supports_select_map_and_flatmap(frame_of, context):
    one, two = frame_of([{"n": 1}]), frame_of([{"n": 2}, {"n": 3}])
    one.name, two.name = "one", "two"
    collection = DynamicFrameCollection([one, two], context)
    assert (len(collection), list(collection.keys()), collection["two"].count()) == (2, ["one", "two"], 2)
    assert collection.select("none").count() == 0
    contexts = []

    def first(frame, ctx):
        contexts.append(ctx)
        return frame.filter(lambda rec: rec["n"] != 3)

    mapped = collection.map(first, transformation_ctx="m")
    assert contexts == ["m:one", "m:two"]
    assert [frame.count() for frame in mapped.values()] == [1, 1]
    with pytest.raises(TypeError, match="not int"):
        collection.map(lambda frame, ctx: 1)
    both = collection.flatmap(lambda frame, ctx: DynamicFrameCollection({frame.name + "2": frame}, context))
    assert list(both.keys()) == ["one2", "two2"]
    with pytest.raises(UsageError, match="two frames named same"):
        collection.flatmap(lambda frame, ctx: DynamicFrameCollection({"same": frame}, context))


def test_json_with_mixed_types_goes_through_map(glue_spark, context):
    texts = glue_spark.createDataFrame([('{"id": 1}',), ('{"id": "x2"}',)], "value string")
    frame = DynamicFrame(from_text(texts), context)

    def number(rec):
        rec.id = int(str(rec.id).lstrip("x"))
        return rec

    assert rows(frame.map(number)) == [{"id": 1}, {"id": 2}]
