"""The table of controls and the page that is made from it."""

from __future__ import annotations

import re
from collections import Counter

from typed_fixes import NOT_CARRIED_OUT, WHERE

from glue_secure.audit.evaluation import AUDITED
from glue_secure.core import controls
from glue_secure.core.controls import CONTROLS, FAMILIES, as_markdown, by_family


def test_no_id_is_used_twice():
    ids = Counter(control.id for _, _, family in by_family() for control in family)
    assert set(ids.values()) == {1}
    assert len(CONTROLS) == len(controls._TABLE)


def test_every_id_has_its_form_and_a_known_family():
    for control in CONTROLS.values():
        assert re.fullmatch(r"GS-[A-Z0-9]+-\d{3}", control.id)
        assert control.family in FAMILIES


def test_ids_of_a_family_count_up_from_one():
    for family, _, members in by_family():
        assert [c.id for c in members] == [f"{family}-{n:03d}" for n in range(1, len(members) + 1)]


def test_every_control_has_a_title_a_reason_and_a_source():
    for control in CONTROLS.values():
        assert control.title and not control.title.endswith(".")
        assert control.why.endswith(".")
        assert re.match(r"https://|RFC \d+", control.source)


def test_the_page_has_an_anchor_for_every_control_and_no_other():
    anchors = re.findall(r'<a id="([^"]+)"></a>', as_markdown())
    assert anchors == [id_.lower() for _, _, members in by_family() for id_ in (c.id for c in members)]
    assert len(anchors) == len(CONTROLS)


def test_the_page_names_every_family_and_severity():
    page = as_markdown()
    for family, title in FAMILIES.items():
        assert f"## {title} ({family})" in page
    assert page.count("Severity: ") == len(CONTROLS)
    assert page.endswith("\n") and not page.endswith("\n\n")


def test_a_test_carries_out_a_fix_of_every_control():
    typed = {control for controls in WHERE.values() for control in controls.split() if control in CONTROLS}
    # The table of an audit is its list of checks. GS-CAT-003 is in that of a run, as a denied call alone;
    # GS-SEC-002 has a test of its own in preflight/test_typed_fixes.py.
    assert typed | set(AUDITED) - {"GS-CAT-003"} | {"GS-SEC-002"} == set(CONTROLS) - set(NOT_CARRIED_OUT)
