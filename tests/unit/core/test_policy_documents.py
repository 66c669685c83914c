"""The evaluator of conditions, against the tables of the IAM User Guide."""

import pytest

from glue_secure.core.policy_documents import (
    Policy,
    PolicyCondition,
    PolicyDecision,
    Request,
    Statement,
    evaluate,
)

FRUIT, APPLES = ("apple", "pear"), ("apple",)


@pytest.mark.parametrize(
    ("operator", "wanted", "actual", "outcome"),
    [
        ("StringEquals", APPLES, APPLES, True),
        ("StringEquals", APPLES, ("Apple",), False),
        ("StringEquals", APPLES, None, False),
        ("StringEqualsIfExists", APPLES, None, True),
        ("StringNotEquals", APPLES, ("pear",), True),
        ("StringNotEquals", FRUIT, ("pear",), False),
        ("StringNotEquals", APPLES, None, True),
        ("StringLike", ("ap*",), APPLES, True),
        ("StringLike", ("a?ple",), APPLES, True),
        ("StringLike", ("a.ple",), APPLES, False),
        ("StringNotLike", ("ap*",), APPLES, False),
        ("ArnLike", ("arn:aws:s3:::a*",), ("arn:aws:s3:::abc",), True),
        ("Bool", ("false",), ("False",), True),
        ("Bool", ("false",), None, False),
        ("Null", ("true",), None, True),
        ("Null", ("true",), APPLES, False),
        ("Null", ("false",), APPLES, True),
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
        ("ForAllValues:StringEquals", FRUIT, APPLES, True),
        ("ForAllValues:StringEquals", APPLES, FRUIT, False),
        ("ForAllValues:StringEquals", APPLES, None, True),
        ("ForAnyValue:StringEquals", APPLES, FRUIT, True),
        ("ForAnyValue:StringEquals", APPLES, ("pear",), False),
        ("ForAnyValue:StringEquals", APPLES, None, False),
        ("ForAnyValue:StringNotEquals", APPLES, FRUIT, True),
        ("ForAnyValue:StringNotEquals", APPLES, APPLES, False),
        ("ForAnyValue:StringNotEquals", APPLES, None, False),
    ],
)
def test_a_condition_is_evaluated_as_in_iam(operator, wanted, actual, outcome):
    context = {} if actual is None else {"TEST:key": actual}
    assert PolicyCondition(operator, "test:Key", wanted).is_met(context) is outcome


@pytest.mark.parametrize("operator", ["StringMatches", "ForSomeValues:StringEquals", "NumericEquals"])
def test_an_unsupported_condition_operator_raises(operator):
    with pytest.raises(ValueError, match="is not supported"):
        PolicyCondition(operator, "a", ("b",)).is_met({"a": ("b",)})


def test_a_deny_goes_before_an_allow_whatever_their_order():
    allow, deny = Statement("A", "Allow", ("s3:*",)), Statement("D", "Deny", ("s3:Put*",))
    for policies in ([Policy((allow, deny))], [Policy((deny,)), Policy((allow,))]):
        assert evaluate(policies, Request("s3:PutObject")) is PolicyDecision.DENIED
        assert evaluate(policies, Request("s3:getobject")) is PolicyDecision.ALLOWED
    assert evaluate([Policy((deny,))], Request("s3:GetObject")) is PolicyDecision.NOT_ALLOWED
