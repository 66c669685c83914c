"""Strategies for expectations that have equivalent DQDL rules."""

from hypothesis import strategies as st

COLUMNS = st.text(st.characters(exclude_characters='"\\', exclude_categories=("Cs",)), min_size=1, max_size=8)
PLAIN = COLUMNS.filter(lambda name: not (name[0].isdigit() and set(name) <= set("0123456789-: APM")))
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(-1e300, 1e300, allow_subnormal=True)
COUNTS = st.integers(0, 10**9)
DATES = st.dates().map(str)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8).filter(
    lambda text: ":" not in text and "-" not in text
)
SHARES = st.floats(0, 1, exclude_max=True, exclude_min=True)
# Patterns with balanced groups that differ from those that the conversion creates.
PATTERNS = st.sampled_from((r"^\d{3}$", "a|b", "[(]x", r"^a\"$", "^$", "(a)(b)", r"\\", "^(a|b)$"))
CONDITIONS = st.sampled_from((None, "x < 10", "(a) OR (b)", "s = 'it'", "`zz` IS NOT NULL", "a = ')'"))


def bounds(values, *, strict=True):
    def of(low, high, low_strict, high_strict):
        made = {}
        if low is not None:
            made |= {"min_value": low} | ({"strict_min": True} if low_strict and strict else {})
        if high is not None:
            made |= {"max_value": high} | ({"strict_max": True} if high_strict and strict else {})
        return made

    either = st.tuples(values, st.none()) | st.tuples(st.none(), values) | st.tuples(values, values)
    return st.builds(lambda pair, a, b: of(*pair, a, b), either, st.booleans(), st.booleans())


def one_bound(values):
    return bounds(values).filter(lambda made: not {"min_value", "max_value"} <= set(made))


def merged(*parts):
    return st.builds(lambda *values: {name: v for value in values for name, v in value.items()}, *parts)


column = st.builds(lambda name: {"column": name}, PLAIN)
mostly = st.just({}) | st.builds(lambda share: {"mostly": share}, SHARES)
where = st.builds(
    lambda text: {} if text is None else {"row_condition": text, "condition_parser": "spark"}, CONDITIONS
)
sets = st.builds(
    lambda values: {"value_set": values},
    st.lists(NUMBERS, min_size=1, max_size=3)
    | st.lists(TEXTS, min_size=1, max_size=3)
    | st.lists(DATES, min_size=1, max_size=2),
)
pair = st.builds(
    lambda names: {"column_list": names, "ignore_row_if": "all_values_are_missing"},
    st.lists(PLAIN, min_size=2, max_size=3, unique=True),
)
patterns = st.builds(lambda text: {"regex": text}, PATTERNS)
KINDS = {
    "table_row_count_to_equal": merged(where, st.builds(lambda n: {"value": n}, COUNTS)),
    "table_row_count_to_be_between": merged(where, bounds(COUNTS)),
    "table_column_count_to_equal": st.builds(lambda n: {"value": n}, COUNTS),
    "table_column_count_to_be_between": bounds(COUNTS, strict=False),
    "column_to_exist": column,
    "column_values_to_not_be_null": merged(column, where, mostly),
    "column_values_to_be_null": merged(column, where, mostly),
    "column_values_to_be_unique": merged(column, where, mostly),
    "compound_columns_to_be_unique": merged(pair, where, mostly),
    "column_values_to_be_in_set": merged(column, where, mostly, sets),
    "column_values_to_not_be_in_set": merged(column, where, mostly, sets),
    "column_values_to_be_between": merged(column, where, bounds(NUMBERS) | bounds(DATES))
    | merged(column, where, mostly, one_bound(NUMBERS)),
    "column_values_to_match_regex": merged(column, where, mostly, patterns),
    "column_values_to_not_match_regex": merged(column, where, mostly, patterns),
    "column_value_lengths_to_be_between": merged(column, where, bounds(COUNTS)),
    "column_value_lengths_to_equal": merged(column, where, st.builds(lambda n: {"value": n}, COUNTS)),
    "column_mean_to_be_between": merged(column, where, bounds(NUMBERS)),
    "column_sum_to_be_between": merged(column, where, bounds(NUMBERS)),
    "column_unique_value_count_to_be_between": merged(column, where, bounds(COUNTS)),
    "column_proportion_of_non_null_values_to_be_between": merged(column, where, bounds(SHARES)),
}
EXPECTATIONS = st.sampled_from(sorted(KINDS)).flatmap(
    lambda kind: st.builds(
        lambda kwargs, severity: (
            {"type": f"expect_{kind}", "kwargs": kwargs}
            | ({} if severity == "critical" else {"severity": severity})
        ),
        KINDS[kind],
        st.sampled_from(("critical", "warning", "info")),
    )
)
