"""AWS's own DQDL parser reads converted rulesets with the intended meaning.

Version 1.0.0 of the parser, the newest in Maven Central, does not support labels and IsUnique of several
columns, which AWS's documentation describes.
"""

from __future__ import annotations

import json
import os
import re

import pytest
from dqdl_suites import EXPECTATIONS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from py4j.protocol import Py4JJavaError

from glue_secure.embedded.artifacts import fetch
from glue_secure.embedded.installed_spark import installed_spark
from glue_secure.embedded.jars import Artifact
from glue_secure.embedded.java import java_home
from glue_secure.quality.dqdl import ruleset
from glue_secure.quality.dqdl.conversion import convert
from glue_secure.quality.dqdl.ruleset import CompositeRule, Keyword, StringLiteral
from glue_secure.quality.dqdl.to_expectations import value_of

# Downloaded for this test only and not distributed. The parser was generated for this version of ANTLR.
JARS = [
    Artifact("software.amazon.glue", "dqdl", "1.0.0",
        "8382887bd34e23a426e3824520e69ba59e9666f567a4f7bad2a6b40348cdaa6e", 215554),
    Artifact("org.antlr", "antlr4-runtime", "4.9.3",
        "131a6594969bc4f321d652ea2a33bc0e378ca312685ef87791b2c60b29d01ea5", 336742),
]  # fmt: skip

DATE = re.compile(r"\d{4}-\d\d-\d\d")


@pytest.fixture(scope="module")
def parser():
    spark = installed_spark()
    home = java_home(spark)
    jars = sorted((spark.folder / "jars").glob("*.jar"))
    dependencies = [jar for jar in jars if jar.name.startswith(("jackson-", "slf4j-api"))]
    path = os.pathsep.join(map(str, [*fetch(JARS, home), *dependencies]))
    port = launch_gateway(port=0, classpath=path, die_on_exit=True, java_path=str(home / "bin" / "java"))
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
    java = gateway.jvm.software.amazon.glue.dqdl.parser.DQDLParser()
    yield lambda text: [theirs(item) for item in java.parse(text).getRules()]
    gateway.shutdown()


def theirs(rule):
    """Return a rule of AWS's parser in the form of :func:`ours`."""
    nested = list(rule.getNestedRules() or ())
    if nested:
        return (str(rule.getOperator()).lower(), [theirs(item) for item in nested])
    condition, threshold = rule.getCondition(), rule.getThresholdCondition()
    words = [
        "" if item is None else without_blanks(str(item.getConditionAsString()))
        for item in (condition, threshold)
    ]
    texts = []
    if condition is not None and condition.getClass().getSimpleName() == "StringBasedCondition":
        texts = [str(item.getOperand()) for item in condition.getOperands()]
    return (rule.getRuleType(), list(rule.getParameters().values()), words, rule.getWhereClause(), texts)


def ours(rule):
    if isinstance(rule, CompositeRule):
        return (rule.operator, [ours(part) for part in rule.parts])
    conditions = (rule.condition, rule.threshold)
    words = ["" if item is None else without_blanks(ruleset.format_condition(item)) for item in conditions]
    return (rule.kind, list(rule.parameters), words, rule.where, texts_of(rule.condition))


def texts_of(condition):
    """Return the values of a condition about strings."""
    if condition is None or not all(
        isinstance(item, (StringLiteral, Keyword)) for item in condition.operands
    ):
        return []
    if any(isinstance(item, StringLiteral) and DATE.fullmatch(item.raw) for item in condition.operands):
        return []  # a condition about dates in AWS's parser
    if set(condition.operands) == {Keyword.NULL}:
        return []  # a condition about numbers
    is_list = condition.operator.endswith("in")
    return [
        item.value if isinstance(item, Keyword) else value_of(item, raw=False) if is_list else item.raw
        for item in condition.operands
    ]


def without_blanks(text):
    """Return the text without blanks outside quotes, as AWS's parser returns conditions."""
    return re.sub(r'("(?:\\.|[^"\\])*")|\s+', r"\1", text, flags=re.S)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(
    st.lists(
        EXPECTATIONS.filter(lambda expectation: "compound" not in expectation["type"]), min_size=1, max_size=6
    )
)
def test_awss_parser_reads_the_intended_rules(parser, suite_expectations):
    plain = [
        {name: value for name, value in item.items() if name != "severity"} for item in suite_expectations
    ]
    text = convert(json.dumps({"name": "n", "expectations": plain}), location="s", name="n").text
    assert parser(text) == [ours(rule) for rule in ruleset.parse(text, location="r").rules]


def test_awss_parser_rejects_a_threshold_of_column_length(parser):
    with pytest.raises(Py4JJavaError, match="Threshold condition not supported"):
        parser('Rules = [ ColumnLength "a" > 3 with threshold > 0.9 ]')
