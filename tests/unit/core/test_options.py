"""Boolean and integer options."""

from __future__ import annotations

import pytest

from glue_secure.core.errors import UsageError
from glue_secure.core.options import truth, whole_number


@pytest.mark.parametrize("value", [True, "true", "True", " TRUE "])
def test_a_true_value(value):
    assert truth("recurse", value) is True


@pytest.mark.parametrize("value", [False, "false", "FALSE"])
def test_a_false_value(value):
    assert truth("recurse", value) is False


@pytest.mark.parametrize("value", ["yes", "1", 1, None, ""])
def test_any_other_value_is_not_a_boolean(value):
    with pytest.raises(UsageError, match="recurse"):
        truth("recurse", value)


def test_a_whole_number_is_a_number_or_its_digits():
    assert (whole_number("n", "7"), whole_number("n", 0), whole_number("n", " 3 ", most=3)) == (7, 0, 3)


@pytest.mark.parametrize("value", ["-1", "1.5", "", None, True, "\u0663"])
def test_any_other_value_is_not_a_whole_number(value):
    with pytest.raises(UsageError, match="a whole number from 0 on"):
        whole_number("n", value)


@pytest.mark.parametrize("value", [1, 6])
def test_a_whole_number_outside_its_range_is_rejected(value):
    with pytest.raises(UsageError, match="a whole number from 2 to 5"):
        whole_number("n", value, least=2, most=5)
