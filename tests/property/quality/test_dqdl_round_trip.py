"""A suite that DQDL can say comes back from it as it was."""

import json

from dqdl_suites import EXPECTATIONS
from hypothesis import given
from hypothesis import strategies as st

from glue_secure.core.errors import UsageError
from glue_secure.quality.dqdl.conversion import convert


@given(st.lists(EXPECTATIONS, min_size=1, max_size=4))
def test_a_suite_comes_back(found):
    ruleset = convert(json.dumps({"name": "n", "expectations": found}), place="s", name="n").text
    assert json.loads(convert(ruleset, place="r", name="n").text)["expectations"] == found


@given(st.text())
def test_any_text_is_converted_or_refused_with_its_name(text):
    try:
        convert(f"Rules = [ {text} ]", place="the file", name="n", partial=True)
    except UsageError as refused:
        assert "the file" in str(refused)
