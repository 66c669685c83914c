"""JSON with repeated names."""

from __future__ import annotations

import pytest

from glue_secure.core.json_documents import DuplicateNameError, load_json


def test_a_document_without_repeated_names_is_read_as_json():
    assert load_json('{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}


def test_a_repeated_name_at_any_depth_is_rejected_by_name():
    with pytest.raises(DuplicateNameError, match="'b' twice in one object") as error:
        load_json('{"a": [{"b": 1, "b": 1}]}')
    assert error.value.name == "b"


@pytest.mark.parametrize("text", ["NaN", "[-Infinity]"])
def test_constants_that_are_not_json_are_rejected_on_request(text):
    load_json(text)
    with pytest.raises(ValueError, match="is not JSON"):
        load_json(text, constants=False)
