"""AWS's own parser of DQDL reads what the conversion writes as it was meant.

It is version 1.0.0 of the parser, the newest in Maven Central; it knows no labels
yet, and no IsUnique of several columns, which the pages of AWS both have.
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
from glue_secure.quality.dqdl.reading import _value
from glue_secure.quality.dqdl.ruleset import Composite, Quoted, Word

# Fetched by this test alone; nothing of them is shipped. The parser was generated for this ANTLR.
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
    besides = sorted((spark.folder / "jars").glob("*.jar"))
    named = [jar for jar in besides if jar.name.startswith(("jackson-", "slf4j-api"))]
    path = os.pathsep.join(map(str, [*fetch(JARS, home), *named]))
    port = launch_gateway(port=0, classpath=path, die_on_exit=True, java_path=str(home / "bin" / "java"))
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port))
    java = gateway.jvm.software.amazon.glue.dqdl.parser.DQDLParser()
    yield lambda text: [theirs(one) for one in java.parse(text).getRules()]
    gateway.shutdown()


def theirs(rule):
    """What the parser made of a rule, in our words."""
    nested = list(rule.getNestedRules() or ())
    if nested:
        return (str(rule.getOperator()).lower(), [theirs(one) for one in nested])
    condition, threshold = rule.getCondition(), rule.getThresholdCondition()
    words = [
        "" if one is None else squeezed(str(one.getConditionAsString())) for one in (condition, threshold)
    ]
    texts = []
    if condition is not None and condition.getClass().getSimpleName() == "StringBasedCondition":
        texts = [str(one.getOperand()) for one in condition.getOperands()]
    return (rule.getRuleType(), list(rule.getParameters().values()), words, rule.getWhereClause(), texts)


def ours(tree):
    if isinstance(tree, Composite):
        return (tree.joined, [ours(part) for part in tree.parts])
    conditions = (tree.condition, tree.threshold)
    words = ["" if one is None else squeezed(ruleset._shown(one)) for one in conditions]
    return (tree.kind, list(tree.parameters), words, tree.where, texts_of(tree.condition))


def texts_of(condition):
    """The values of a condition on texts, as they are meant."""
    if condition is None or not all(isinstance(one, (Quoted, Word)) for one in condition.operands):
        return []
    if any(isinstance(one, Quoted) and DATE.fullmatch(one.raw) for one in condition.operands):
        return []  # a condition on dates there
    if set(condition.operands) == {Word.NULL}:
        return []  # one on numbers
    is_list = condition.operator.endswith("in")
    return [
        one.value if isinstance(one, Word) else _value(one, raw=False) if is_list else one.raw
        for one in condition.operands
    ]


def squeezed(text):
    """Without blanks outside quotes, as the parser keeps conditions."""
    return re.sub(r'("(?:\\.|[^"\\])*")|\s+', r"\1", text, flags=re.S)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(st.lists(EXPECTATIONS.filter(lambda one: "compound" not in one["type"]), min_size=1, max_size=6))
def test_the_parser_accepts_the_rulesets(parser, found):
    plain = [{name: value for name, value in one.items() if name != "severity"} for one in found]
    text = convert(json.dumps({"name": "n", "expectations": plain}), place="s", name="n").text
    assert parser(text) == [ours(tree) for tree in ruleset.parse(text, place="r").rules]


def test_it_refuses_what_it_does_not_know(parser):
    with pytest.raises(Py4JJavaError, match="Threshold condition not supported"):
        parser('Rules = [ ColumnLength "a" > 3 with threshold > 0.9 ]')
