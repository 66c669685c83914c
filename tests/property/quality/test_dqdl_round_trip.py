"""A suite that is converted to DQDL and back does not change."""

import json

from dqdl_suites import EXPECTATIONS
from hypothesis import given
from hypothesis import strategies as st

from glue_secure.core.errors import UsageError
from glue_secure.quality.dqdl.conversion import convert


@given(st.lists(EXPECTATIONS, min_size=1, max_size=4))
def test_a_suite_does_not_change_in_a_round_trip(expectations):
    ruleset = convert(json.dumps({"name": "n", "expectations": expectations}), location="s", name="n").text
    assert json.loads(convert(ruleset, location="r", name="n").text)["expectations"] == expectations


@given(st.text())
def test_any_text_is_converted_or_rejected_with_its_location(text):
    try:
        convert(f"Rules = [ {text} ]", location="the file", name="n", partial=True)
    except UsageError as error:
        assert "the file" in str(error)
