"""No combination of levels is weaker than what an upper level states itself."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glue_secure.core.errors import UsageError
from glue_secure.core.identifiers import KmsKeyArn, S3Uri
from glue_secure.core.target_encryption import Algorithm, Encryption, EncryptionRules
from glue_secure.policyfile.levels import combine
from glue_secure.policyfile.model import (
    DEFAULT_ACCEPTED,
    RUN_KEY,
    Delegation,
    Level,
    PolicyFile,
    Target,
    accepted_encryptions,
    rules_of,
)

KEYS = (
    RUN_KEY,
    "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-2222-2222-222222222222",
    "arn:aws:kms:eu-west-1:210987654321:key/33333333-3333-3333-3333-333333333333",
)
RUN = KmsKeyArn.parse("arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111")
LOCATIONS = (*(S3Uri("lake", key) for key in ("", "a/", "a/x/", "ab/", "b/")), S3Uri("other", ""))
EVERY = tuple(
    [Encryption(Algorithm.SSE_S3)]
    + [Encryption(one, key) for one in (Algorithm.SSE_KMS, Algorithm.DSSE_KMS) for key in KEYS]
)

locations = st.sampled_from(LOCATIONS)
algorithms = st.sampled_from(list(Algorithm))
keys = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True).map(tuple)
delegations = st.builds(
    Delegation,
    level=st.sampled_from([Level.ACCOUNT, Level.JOB]),
    reason=st.just("r"),
    prefix=locations,
    algorithms=st.lists(algorithms, max_size=3, unique=True).map(tuple),
    accounts=st.sampled_from([(), ("210987654321",), ("123456789012", "210987654321")]),
)


@st.composite
def files(draw, level):
    prefixes = draw(st.lists(locations, max_size=3, unique=True))
    targets = tuple(
        Target(
            f"{level.value} {at}",
            accepted_encryptions(draw(algorithms), draw(keys)),
            prefix,
            bucket_key=draw(st.sampled_from([None, None, True, False])),
            shared_key=draw(st.booleans()),
        )
        for at, prefix in enumerate(prefixes)
    )
    return PolicyFile(
        level=level,
        targets=targets,
        exception_days=draw(st.integers(1, 90)),
        table_rollback=draw(st.booleans()),
        delegations=tuple(draw(st.lists(delegations, max_size=2))) if level is not Level.JOB else (),
    )


LEVELS = [files(level) for level in Level]
combinations = st.tuples(*(st.none() | level for level in LEVELS)).map(
    lambda made: [file for file in made if file is not None]
)
below = st.builds(
    lambda location, name: location.child(name), locations, st.sampled_from(["part-0", "a/x/p", "a/p"])
)


def statement(file, location):
    """Return what a file states about a location by itself: its longest matching target, else None."""
    best = None
    for target in file.targets:
        prefix = f"{target.prefix.bucket}/{target.prefix.as_prefix()}"
        is_longer = best is None or len(target.prefix.as_prefix()) >= len(best.prefix.as_prefix())
        if f"{location.bucket}/{location.key}".startswith(prefix) and is_longer:
            best = target
    return best


def accepted_by(policy, location, one):
    rule = rules_of(policy, RUN).rule(location)
    return rule.accepts(one.algorithm.header, str(RUN) if one.key == RUN_KEY else one.key)


def is_accepted(one, accepted):
    """Return whether an encryption is accepted, or a weaker one under the same key: DSSE-KMS is stronger."""
    is_stronger = one.algorithm is Algorithm.DSSE_KMS
    return one in accepted or (is_stronger and Encryption(Algorithm.SSE_KMS, one.key) in accepted)


@given(combinations, below, st.sampled_from(EVERY))
def test_a_lower_level_accepts_only_what_each_upper_level_accepts_or_delegates(made, location, one):
    try:
        combined = combine(made)
    except UsageError:
        assume(False)
    if not accepted_by(combined, location, one):
        return
    lowest = max((file.level.rank for file in made if statement(file, location)), default=0)
    for file in [PolicyFile(), *made] if all(file.level.rank for file in made) else made:
        stated = statement(file, location)
        accepted = DEFAULT_ACCEPTED if stated is None else stated.accepted
        if (stated is None and file.level is not Level.ORGANISATION) or file.level.rank > lowest:
            continue
        delegated = any(
            delegation.level.rank == lowest and delegation.allows(location, one)
            for delegation in file.delegations
        )
        assert is_accepted(one, accepted) or delegated, (file, combined)


@given(combinations, below)
def test_a_bucket_key_that_a_level_states_is_stated_by_the_combination(made, location):
    try:
        combined = combine(made)
    except UsageError:
        assume(False)
    stated = {statement(file, location).bucket_key for file in made if statement(file, location)} - {None}
    rule = rules_of(combined, RUN).rule(location)
    is_dsse = all(one.algorithm is Algorithm.DSSE_KMS for one in rule.accepted)  # it has no bucket keys
    assert is_dsse or stated <= {rule.bucket_key}


@given(combinations)
def test_no_level_extends_the_longest_validity_of_exceptions(made):
    try:
        combined = combine(made)
    except UsageError:
        assume(False)
    assert all(combined.exception_days <= file.exception_days for file in made)
    assert combined.table_rollback == all(file.table_rollback for file in made)


@given(st.sampled_from(list(Level)), files(Level.ORGANISATION))
def test_an_empty_file_changes_nothing(level, organisation):
    assert rules_of(combine([PolicyFile(level=level)]), RUN) == EncryptionRules.of_key(RUN)
    if level is not Level.ORGANISATION:
        with_empty = combine([organisation, PolicyFile(level=level)])
        assert rules_of(with_empty, RUN) == rules_of(combine([organisation]), RUN)


@given(files(Level.ACCOUNT) | files(Level.JOB), below, st.sampled_from(EVERY))
def test_without_a_file_of_the_organisation_a_file_can_only_tighten(file, location, one):
    try:
        combined = combine([file])
    except UsageError:
        assume(False)
    if accepted_by(combined, location, one):
        assert is_accepted(one, DEFAULT_ACCEPTED)


@given(files(Level.ORGANISATION), below)
def test_the_rule_of_a_location_is_the_one_with_the_longest_prefix(file, location):
    rule = rules_of(combine([file]), RUN).rule(location)
    stated = statement(file, location)
    assert rule.entry == ("" if stated is None else stated.name)


def test_two_files_of_one_level_are_rejected():
    with pytest.raises(UsageError, match="each level once"):
        combine([PolicyFile(level=Level.JOB), PolicyFile(level=Level.JOB)])


def test_a_table_counts_before_a_prefix_of_the_same_length():
    target = Target("p", accepted_encryptions(Algorithm.SSE_KMS, ()), S3Uri("lake", "t/"))
    table = replace(target, name="t", prefix=None, table="db.t")
    file = PolicyFile(targets=(table, target))
    rules = rules_of(combine([file], {"db.t": S3Uri("lake", "t")}), RUN)
    assert [rules.rule(S3Uri("lake", key)).entry for key in ("t/part", "t", "tx/part")] == ["t", "t", ""]
    assert rules_of(combine([file]), RUN).rule(S3Uri("lake", "t/part")).entry == "p"


def test_a_table_of_a_lower_level_cannot_loosen_the_prefix_that_it_is_in():
    strict = Target("strict", accepted_encryptions(Algorithm.DSSE_KMS, ()), S3Uri("lake", ""))
    table = Target("t", accepted_encryptions(Algorithm.SSE_KMS, ()), table="db.t")
    upper, lower = PolicyFile(targets=(strict,)), PolicyFile(level=Level.JOB, targets=(table,))
    with pytest.raises(UsageError, match="target strict"):
        combine([upper, lower], {"db.t": S3Uri("lake", "t/")})


@pytest.mark.parametrize("allowed", [False, True])
def test_connectors_and_exceptions_of_a_lower_level_need_a_delegation(allowed):
    from datetime import date

    from glue_secure.policyfile.model import Connector, PolicyException

    exception = PolicyException("GS-CAT-001", "x", "r", "t", "o", date(2026, 1, 1))
    connector = Connector("a.B", "a" * 64, "o", "r")
    delegation = Delegation(Level.JOB, "r", controls=("GS-CAT-001",), connectors=True)
    upper = PolicyFile(delegations=(delegation,) if allowed else ())
    for lower in (
        PolicyFile(level=Level.JOB, exceptions=(exception,)),
        PolicyFile(level=Level.JOB, connectors=(connector,)),
    ):
        if allowed:
            combined = combine([upper, lower])
            assert (combined.exceptions, combined.connectors) == (lower.exceptions, lower.connectors)
        else:
            with pytest.raises(UsageError, match="a delegation of the organisation"):
                combine([upper, lower])
