"""The rule types of DQDL as checks of a frame with Spark: aggregates, a decision, and a condition of a row.

:mod:`glue_secure.quality.dqdl.evaluation` names the sources of the rules' meaning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glue_secure.quality.conditions import quoted
from glue_secure.quality.dqdl.literals import NotConvertibleError, is_date
from glue_secure.quality.dqdl.ruleset import DqRule, Expression, Keyword, RuleCondition, StringLiteral
from glue_secure.quality.dqdl.to_expectations import value_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

PRIMARY = "primary"
"""The name of the evaluated frame in the SQL of ``CustomSql``."""

_NO_ROWS = "Empty state: there are no rows to evaluate"
_UNITS = {"day": 24.0, "hour": 1.0, "minute": 1 / 60}
_DURATION = re.compile(r"([0-9]+) (day|hour|minute)s?")
_NOW = re.compile(r"now(?: ([+-]) ([0-9]+) (day|hour|minute)s?)?")
_COUNT, _UNIQUE, _DISTINCT = "rows", "unique", "distinct"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a rule passed, the reason if it failed, and its metrics."""

    passed: bool
    reason: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


RowCondition = Callable[["DataFrame"], "tuple[DataFrame, Column]"]


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """One rule for one frame.

    Attributes:
        decide: the decision for the values of ``aggregates``.
        aggregates: what the decision needs.
        row: adds the columns that the condition of a row needs, and returns the condition, whose value is
            null for rows that the rule does not apply to; None if the rule is about the whole frame.
    """

    decide: Callable[[Sequence[Any]], Decision]
    aggregates: tuple[Column, ...] = ()
    row: RowCondition | None = None


class CannotEvaluateError(Exception):
    """The rule fails in AWS Glue without being evaluated. The message is the reason of the failure."""


def _failing(rule: DqRule, reason: str) -> RuleCheck:
    """Return the check of a rule that fails without being evaluated, for the frame and for each row."""
    from pyspark.sql import functions as F

    by_row = rule.kind in _ROW_LEVEL or (rule.kind == "CustomSql" and rule.condition is None)
    row: RowCondition = lambda rows: (rows, F.lit(False))  # noqa: E731 - as the other conditions
    return RuleCheck(lambda _: Decision(False, reason), row=row if by_row else None)


class RuleSource:
    """The evaluated frame and the frames that it is compared with.

    Args:
        frame: the rows.
        others: alias → frame.
    """

    def __init__(self, frame: DataFrame, others: Mapping[str, DataFrame]) -> None:
        self.frame, self.others = frame, others
        self._frequencies: dict[tuple[tuple[str, ...], str | None], Mapping[str, float]] = {}

    def check(self, rule: DqRule) -> RuleCheck:
        """Return the check of a rule. A rule that cannot be evaluated for this frame fails."""
        from pyspark.sql.utils import AnalysisException

        try:
            if rule.where is not None:
                self.frame.where(_sql(rule.where))
        except AnalysisException:
            return _failing(rule, "The provided where clause is invalid")
        try:
            return RULE_CHECKS[rule.kind](self, rule)
        except CannotEvaluateError as error:
            return _failing(rule, str(error))

    def aggregate(self, columns: Sequence[Column]) -> list[Any]:
        """Return the values of aggregates over the frame, in one Spark job."""
        if not columns:
            return []
        named = [column.alias(f"v{index}") for index, column in enumerate(columns)]
        (row,) = self.frame.agg(*named).collect()
        return list(row)

    def column(self, name: str) -> Column:
        """Return a column. Raises CannotEvaluateError if it does not exist."""
        matches = [each for each in self.frame.columns if each.lower() == name.lower()]
        if not matches:
            raise CannotEvaluateError(f"Input data does not include column {name}!")
        return quoted(name if name in matches else matches[0])

    def number(self, name: str) -> Column:
        """Return a numeric column as double. Raises CannotEvaluateError for columns of other types."""
        column = self.column(name)
        kind = self.frame.select(column).dtypes[0][1]
        if not kind.startswith(("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")):
            raise CannotEvaluateError(
                f"Expected type of column {name} to be a numeric type, but found {kind} instead!"
            )
        return _cast(column, "double")

    def other(self, alias: str) -> DataFrame:
        """Return a frame to compare with. Raises CannotEvaluateError if there is none of this name."""
        if alias not in self.others:
            raise CannotEvaluateError(f"{alias} not found in additional sources")
        return self.others[alias]

    def frequencies(self, names: Sequence[str], where: str | None) -> Mapping[str, float]:
        """Return how many values are there, once or more, among rows whose values are not all null."""
        from pyspark.sql import functions as F

        key = (tuple(names), where)
        if key not in self._frequencies:
            columns = [self.column(name) for name in names]
            rows = self.frame if where is None else self.frame.where(_sql(where))
            grouped = (
                rows.where(~_all_null(columns)).groupBy(*columns).agg(F.count("*").alias("glue_secure_count"))
            )
            count = F.col("glue_secure_count")
            total = F.sum(count)
            (row,) = grouped.agg(
                F.coalesce(total, F.lit(0)).alias(_COUNT),
                F.coalesce(F.sum((count == 1).cast("long")), F.lit(0)).alias(_UNIQUE),
                F.count("*").alias(_DISTINCT),
                # H = ln(n) - sum(c ln c) / n
                F.coalesce(F.log(total) - F.sum(count * F.log(count)) / total, F.lit(0.0)).alias("entropy"),
            ).collect()
            self._frequencies[key] = row.asDict()
        return self._frequencies[key]


# Parts of rules


def _sql(where: str) -> Column:
    from pyspark.sql import functions as F

    return F.expr(where.replace('\\"', '"'))


def _in_scope(rule: DqRule, value: Column) -> Column:
    """Return the value for rows that the rule applies to, and null for other rows."""
    from pyspark.sql import functions as F

    return value if rule.where is None else F.when(_sql(rule.where), value)


def _by_row(rule: DqRule, condition: Column) -> RowCondition:
    return lambda rows: (rows, _in_scope(rule, condition))


def _condition(rule: DqRule) -> RuleCondition:
    if rule.condition is None:
        raise CannotEvaluateError("The rule has no condition")
    return rule.condition


def _parameter(rule: DqRule, index: int = 0) -> str:
    if len(rule.parameters) <= index:
        raise CannotEvaluateError("The rule has too few parameters")
    return str(rule.parameters[index])


def _numbers(condition: RuleCondition) -> list[float]:
    numbers = []
    for operand in condition.operands:
        if not isinstance(operand, (int, float)):
            raise CannotEvaluateError(f"The operator {condition.operator} requires numbers in this rule")
        numbers.append(float(operand))
    return numbers


def _meets(condition: RuleCondition, value: float) -> bool:
    """Return whether a metric meets a condition. DQDL's ``between`` excludes its bounds."""
    numbers = _numbers(condition)
    first, last = numbers[0], numbers[-1]
    outcomes = {
        "=": value == first,
        "!=": value != first,
        ">": value > first,
        ">=": value >= first,
        "<": value < first,
        "<=": value <= first,
        "between": first < value < last,
        "not between": not first < value < last,
        "in": value in numbers,
        "not in": value not in numbers,
    }
    if condition.operator not in outcomes:
        raise CannotEvaluateError(f"The operator {condition.operator} does not apply to numbers")
    return outcomes[condition.operator]


def _compared(condition: RuleCondition, value: Column, operands: Sequence[Any]) -> Column:
    """Return the condition of a row for a value that is not null."""
    operator = condition.operator
    first, last = operands[0], operands[-1]
    if operator.endswith("between"):
        inside = (value > first) & (value < last)
        return ~inside if operator.startswith("not") else inside
    if operator.endswith("in"):
        found = value.isin(list(operands))
        return ~found if operator.startswith("not") else found
    comparisons: dict[str, Callable[[Any], Any]] = {
        "=": value.__eq__, "!=": value.__ne__, ">": value.__gt__, ">=": value.__ge__,
        "<": value.__lt__, "<=": value.__le__,
    }  # fmt: skip
    compared: Column = comparisons[operator](first)
    return compared


def _broken(value: object) -> str:
    return f"Value: {value} does not meet the constraint requirement!"


def _metric_decision(condition: RuleCondition, name: str, value: float | None) -> Decision:
    if value is None or math.isnan(value):
        return Decision(False, _NO_ROWS)
    try:
        passed = _meets(condition, value)
    except CannotEvaluateError as error:
        return Decision(False, str(error), {name: value})
    return Decision(passed, None if passed else _broken(value), {name: value})


_ALL = RuleCondition("=", (1.0,))


def _ratio_check(
    rule: DqRule, name: str, meets: Column, condition: RuleCondition | None = None, *, by_row: bool = True
) -> RuleCheck:
    """Return the check of the share of rows for which ``meets`` is true."""
    from pyspark.sql import functions as F

    wanted = condition or rule.threshold or _ALL

    def decide(values: Sequence[Any]) -> Decision:
        met, rows = values
        if not rows and rule.where is not None:
            return Decision(True)
        return _metric_decision(wanted, name, met / rows if rows else None)

    counted = _in_scope(rule, meets)
    aggregates = (F.count(F.when(counted, F.lit(1))), F.count(_in_scope(rule, F.lit(1))))
    return RuleCheck(decide, aggregates, _by_row(rule, meets) if by_row else None)


def _all_null(columns: Sequence[Column]) -> Column:
    condition = columns[0].isNull()
    for column in columns[1:]:
        condition = condition & column.isNull()
    return condition


# Rule types


def _row_count(source: RuleSource, rule: DqRule) -> RuleCheck:  # noqa: ARG001 - same signature as the others
    from pyspark.sql import functions as F

    condition = _condition(rule)
    return RuleCheck(
        lambda values: _metric_decision(condition, "Dataset.*.RowCount", float(values[0])),
        (F.count(_in_scope(rule, F.lit(1))),),
    )


def _column_count(source: RuleSource, rule: DqRule) -> RuleCheck:
    count = float(len(source.frame.columns))
    decision = _metric_decision(_condition(rule), "Dataset.*.ColumnCount", count)
    if not decision.passed:
        reason = f"Dataset has {count} columns and failed to satisfy constraint"
        decision = Decision(False, reason, decision.metrics)
    return RuleCheck(lambda _: decision)


def _column_exists(source: RuleSource, rule: DqRule) -> RuleCheck:
    source.column(_parameter(rule))
    return RuleCheck(lambda _: Decision(True))


def _column_names_match(source: RuleSource, rule: DqRule) -> RuleCheck:
    pattern, names = re.compile(_parameter(rule)), source.frame.columns
    others = [name for name in names if not pattern.search(name)]
    metrics = {"Dataset.*.ColumnNamesPatternMatchRatio": (len(names) - len(others)) / max(len(names), 1)}
    reason = f"Columns that do not match the pattern: {', '.join(others)}" if others else None
    return RuleCheck(lambda _: Decision(not others, reason, metrics))


def _is_complete(source: RuleSource, rule: DqRule) -> RuleCheck:
    name = _parameter(rule)
    return _ratio_check(rule, f"Column.{name}.Completeness", source.column(name).isNotNull())


def _completeness(source: RuleSource, rule: DqRule) -> RuleCheck:
    name = _parameter(rule)
    metric = f"Column.{name}.Completeness"
    return _ratio_check(rule, metric, source.column(name).isNotNull(), _condition(rule))


def _uniqueness(source: RuleSource, rule: DqRule) -> RuleCheck:
    condition = _ALL if rule.kind == "IsUnique" else _condition(rule)
    return _unique(source, rule, condition)


def _unique(source: RuleSource, rule: DqRule, condition: RuleCondition) -> RuleCheck:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    names = [str(name) for name in rule.parameters]
    columns = [source.column(name) for name in names]
    if not columns:
        raise CannotEvaluateError("The rule has too few parameters")
    metric = (
        f"Column.{names[0]}.Uniqueness" if len(names) == 1 else f"Multicolumn.{','.join(names)}.Uniqueness"
    )

    def decide(_: Sequence[Any]) -> Decision:
        counts = source.frequencies(names, rule.where)
        return _metric_decision(
            condition, metric, counts[_UNIQUE] / counts[_COUNT] if counts[_COUNT] else None
        )

    def by_row(rows: DataFrame) -> tuple[DataFrame, Column]:
        added = f"glue_secure_{len(rows.columns)}"
        counted = F.count(_in_scope(rule, F.lit(1))).over(Window.partitionBy(*columns))
        return rows.withColumn(added, counted), _in_scope(rule, _all_null(columns) | (F.col(added) == 1))

    return RuleCheck(decide, row=by_row)


def _is_primary_key(source: RuleSource, rule: DqRule) -> RuleCheck:
    from pyspark.sql import functions as F

    unique = _unique(source, rule, _ALL)
    names = [str(name) for name in rule.parameters]
    complete = [source.column(name).isNotNull() for name in names]
    rows = F.count(_in_scope(rule, F.lit(1)))
    present = [F.count(F.when(_in_scope(rule, column), F.lit(1))) for column in complete]

    def decide(values: Sequence[Any]) -> Decision:
        decisions = [unique.decide(())]
        for name, count in zip(names, values[1:], strict=True):
            share = count / values[0] if values[0] else None
            decisions.append(_metric_decision(_ALL, f"Column.{name}.Completeness", share))
        reasons = [decision.reason for decision in decisions if decision.reason]
        metrics = {name: value for decision in decisions for name, value in decision.metrics.items()}
        return Decision(not reasons, "\n".join(reasons) or None, metrics)

    def by_row(frame: DataFrame) -> tuple[DataFrame, Column]:
        assert unique.row is not None  # noqa: S101 - _unique always has one
        frame, condition = unique.row(frame)
        for column in complete:
            condition = condition & column
        return frame, condition

    return RuleCheck(decide, (rows, *present), by_row)


def _frequency_metric(metric: str, value: Callable[[Mapping[str, float]], float]) -> Callable[..., RuleCheck]:
    def make(source: RuleSource, rule: DqRule) -> RuleCheck:
        name, condition = _parameter(rule), _condition(rule)
        source.column(name)

        def decide(_: Sequence[Any]) -> Decision:
            counts = source.frequencies([name], rule.where)
            found = value(counts) if counts[_COUNT] else None
            return _metric_decision(condition, f"Column.{name}.{metric}", found)

        return RuleCheck(decide)

    return make


def _distinct_values_count(source: RuleSource, rule: DqRule) -> RuleCheck:
    from pyspark.sql import functions as F

    name, condition = _parameter(rule), _condition(rule)
    nulls = F.count(F.when(_in_scope(rule, source.column(name).isNull()), F.lit(1)))

    def decide(values: Sequence[Any]) -> Decision:
        count = source.frequencies([name], rule.where)[_DISTINCT] + bool(values[0])  # null is a value
        return _metric_decision(condition, f"Column.{name}.DistinctValuesCount", float(count))

    return RuleCheck(decide, (nulls,))


def _aggregate(metric: str, function: str) -> Callable[..., RuleCheck]:
    def make(source: RuleSource, rule: DqRule) -> RuleCheck:
        from pyspark.sql import functions as F

        name, condition = _parameter(rule), _condition(rule)
        column = getattr(F, function)(_in_scope(rule, source.number(name)))
        return RuleCheck(
            lambda values: _metric_decision(condition, f"Column.{name}.{metric}", values[0]), (column,)
        )

    return make


def _correlation(source: RuleSource, rule: DqRule) -> RuleCheck:
    from pyspark.sql import functions as F

    first, second = _parameter(rule), _parameter(rule, 1)
    condition = _condition(rule)
    column = F.corr(_in_scope(rule, source.number(first)), _in_scope(rule, source.number(second)))
    metric = f"Multicolumn.{first},{second}.ColumnCorrelation"
    return RuleCheck(lambda values: _metric_decision(condition, metric, values[0]), (column,))


def _column_length(source: RuleSource, rule: DqRule) -> RuleCheck:
    from pyspark.sql import functions as F

    name, condition = _parameter(rule), _condition(rule)
    length = F.coalesce(F.length(source.column(name).cast("string")), F.lit(0))  # null has length 0
    meets = _compared(condition, length, _numbers(condition))
    return _extremes_check(rule, condition, length, meets, f"Column.{name}", "Length", "LengthCompliance")


def _extremes_check(
    rule: DqRule, condition: RuleCondition, value: Column, meets: Column, prefix: str, suffix: str, other: str
) -> RuleCheck:
    """Return the check of a condition for each value, whose metrics are the extremes that it is about."""
    from pyspark.sql import functions as F

    extremes = {">": "min", ">=": "min", "<": "max", "<=": "max", "=": "min max"}
    if suffix:
        extremes |= {"between": "min max", "!=": "min max"}
    wanted = extremes.get(condition.operator, "").split() if rule.threshold is None else []
    if not wanted:
        return _ratio_check(rule, f"{prefix}.{other}", meets)
    titles = {"min": f"{prefix}.Minimum{suffix}", "max": f"{prefix}.Maximum{suffix}"}
    scoped = _in_scope(rule, value)

    def decide(values: Sequence[Any]) -> Decision:
        broken, nulls, *found = values
        if found[0] is None and not nulls and rule.where is not None:
            return Decision(True)
        if found[0] is None:
            return Decision(False, _broken("NULL") if nulls else _NO_ROWS)
        metrics = {titles[side]: float(number) for side, number in zip(wanted, found, strict=True)}
        if not broken:
            return Decision(True, None, metrics)
        failing = [number for number in metrics.values() if not _meets(condition, number)]
        reasons = [_broken(number) for number in failing[:1]] + ([_broken("NULL")] if nulls else [])
        return Decision(False, "\n".join(reasons) or _broken(next(iter(metrics.values()))), metrics)

    aggregates = (
        F.count(F.when(~_in_scope(rule, meets), F.lit(1))),
        F.count(F.when(_in_scope(rule, value.isNull()), F.lit(1))),
        *(getattr(F, side)(scoped) for side in wanted),
    )
    return RuleCheck(decide, aggregates, _by_row(rule, meets))


def _column_values(source: RuleSource, rule: DqRule) -> RuleCheck:
    from pyspark.sql import functions as F

    name, condition = _parameter(rule), _condition(rule)
    column = source.column(name)
    operator, operands = condition.operator, condition.operands
    compliance = f"Column.{name}.ColumnValues.Compliance"
    if operator.endswith("matches"):
        (pattern,) = operands
        assert isinstance(pattern, StringLiteral)  # noqa: S101 - the grammar permits no other
        negative = operator.startswith("not")
        regex = rf"^(?!\b{pattern.raw}\b).*$" if negative else f"^{pattern.raw}$"
        found = F.regexp_extract(column.cast("string"), regex, 0) != ""
        return _ratio_check(rule, f"Column.{name}.PatternMatch", F.coalesce(found, F.lit(False)))
    if all(isinstance(operand, (int, float)) for operand in operands):
        numbers = [float(operand) for operand in operands if isinstance(operand, (int, float))]
        is_extreme = operator in (">", ">=", "<", "<=", "=") and rule.threshold is None
        value = source.number(name) if is_extreme else _cast(column, "double")
        meets = F.coalesce(_compared(condition, value, numbers), F.lit(operator in ("!=", "not in")))
        return _extremes_check(rule, condition, value, meets, f"Column.{name}", "", "ColumnValues.Compliance")
    meets = _of_texts(condition, column)
    return _ratio_check(rule, compliance, meets)


def _of_texts(condition: RuleCondition, column: Column) -> Column:
    """Return the condition of a row for strings, dates and keywords."""
    from pyspark.sql import functions as F

    operator = condition.operator
    negative = operator in ("!=", "not in", "not between")
    text = column.cast("string")
    keywords = {
        Keyword.EMPTY: text == "",
        Keyword.WHITESPACES_ONLY: (F.length(F.trim(text)) == 0) & (F.length(text) > 0),
    }
    values, any_of = [], []
    for operand in condition.operands:
        if isinstance(operand, Keyword):
            if operand is not Keyword.NULL:
                any_of.append(keywords[operand])
        elif isinstance(operand, Expression):
            values.append(_moment(operand.text))
        else:
            values.append(_literal(operand))
    lists_null = Keyword.NULL in condition.operands
    if operator in ("=", "in", "!=", "not in"):
        if values:
            any_of.append(_operand(column, values[0]).isin(values))
        found = F.lit(False)
        for each in any_of:
            found = found | F.coalesce(each, F.lit(False))
        if lists_null:
            found = found | column.isNull()
        return ~found if negative else found
    if any_of or lists_null or not values:
        raise CannotEvaluateError(f"The operator {operator} does not apply to keywords")
    compared = _compared(condition, _operand(column, values[0]), values)
    return F.coalesce(compared, F.lit(negative))


def _operand(column: Column, value: Any) -> Column:
    """Return the column in the type of a value that it is compared with."""
    from pyspark.sql import Column as SparkColumn

    if isinstance(value, SparkColumn):
        return _cast(column, "timestamp")
    if isinstance(value, str):
        return _cast(column, "date") if _is_date(value) else column.cast("string")
    return _cast(column, "double")


def _cast(column: Column, kind: str) -> Column:
    """Return a cast that gives null for a value of another kind, also with ANSI SQL, as Spark 4 has it."""
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as F

    # A column has an attribute of any name, its class has not.
    if hasattr(type(column), "try_cast"):
        return column.try_cast(kind)
    session = SparkSession.getActiveSession()
    if session is None or session.conf.get("spark.sql.ansi.enabled") != "true":
        return column.cast(kind)
    expression: Any = column._jc
    return F.expr(f"try_cast({expression.expr().sql()} AS {kind})")


def _is_date(text: str) -> bool:
    try:
        return is_date(text)
    except NotConvertibleError:
        return False


def _literal(operand: Any) -> Any:
    try:
        return value_of(operand, raw=False)
    except NotConvertibleError as error:
        raise CannotEvaluateError(str(error)) from None


def is_time(text: str) -> bool:
    """Return whether the text of an expression is a duration, or a time relative to ``now()``."""
    return bool(_DURATION.fullmatch(text) or _NOW.fullmatch(text))


def _moment(text: str) -> Column:
    from pyspark.sql import functions as F

    match = _NOW.fullmatch(text)
    if match is None:
        raise CannotEvaluateError(f"{text}: not a time")
    sign, amount, unit = match.groups()
    if amount is None:
        return F.current_timestamp()
    return F.expr(f"current_timestamp() {sign} INTERVAL {int(amount)} {unit.upper()}")


def _data_freshness(source: RuleSource, rule: DqRule) -> RuleCheck:
    from pyspark.sql import functions as F

    name, condition = _parameter(rule), _condition(rule)
    hours = []
    for operand in condition.operands:
        match = _DURATION.fullmatch(operand.text) if isinstance(operand, Expression) else None
        if match is None:
            raise CannotEvaluateError("The rule requires durations, such as 24 hours")
        hours.append(int(match[1]) * _UNITS[match[2]])
    seconds = F.current_timestamp().cast("long") - _cast(source.column(name), "timestamp").cast("long")
    meets = F.coalesce(_compared(condition, F.round(seconds / 3600, 2), hours), F.lit(False))
    return _ratio_check(rule, f"Column.{name}.DataFreshness.Compliance", meets)


_TYPES = {
    "boolean": "boolean", "date": "date", "timestamp": "timestamp", "integer": "int", "long": "bigint",
    "float": "float", "double": "double",
}  # fmt: skip
_DECIMAL = re.compile(r"decimal\([0-9]{1,2}, ?[0-9]{1,2}\)")


def _column_data_type(source: RuleSource, rule: DqRule) -> RuleCheck:
    from pyspark.sql import functions as F

    name, condition = _parameter(rule), _condition(rule)
    (operand,) = condition.operands
    text = operand.raw.lower() if isinstance(operand, StringLiteral) else ""
    kind = text if _DECIMAL.fullmatch(text) else _TYPES.get(text)
    if condition.operator not in ("=", "!=") or kind is None:
        raise CannotEvaluateError(f"Unrecognized data type or operator: {condition.operator} {text}")
    source.column(name)
    is_kind = F.expr(f"try_cast(CAST(`{name.replace('`', '``')}` AS STRING) AS {kind}) IS NOT NULL")
    meets = is_kind if condition.operator == "=" else ~is_kind
    return _ratio_check(rule, f"Column.{name}.ColumnDataType.Compliance", meets)


def _custom_sql(source: RuleSource, rule: DqRule) -> RuleCheck:
    statement = _parameter(rule).replace('\\"', '"')

    def answer() -> DataFrame:
        from pyspark.sql.utils import AnalysisException

        session = source.frame.sparkSession
        views = session._jsparkSession.sessionState().catalog()
        frames = {**source.others, PRIMARY: source.frame}
        replaced = {alias: session.table(alias) for alias in frames if views.getTempView(alias).isDefined()}
        for alias, frame in frames.items():
            frame.createOrReplaceTempView(alias)
        try:
            return session.sql(statement)
        except AnalysisException as error:
            raise CannotEvaluateError(f"Error executing SQL statement: {type(error).__name__}") from None
        finally:
            for alias in frames:
                session.catalog.dropTempView(alias)
                if alias in replaced:
                    replaced[alias].createOrReplaceTempView(alias)

    if rule.condition is None:
        return _custom_sql_rows(source, rule, answer)
    condition, found = rule.condition, answer()

    def decide(_: Sequence[Any]) -> Decision:
        row = found.first()
        value = None if row is None or row[0] is None else float(row[0])
        return _metric_decision(condition, "Dataset.*.CustomSQL", value)

    return RuleCheck(decide)


def _custom_sql_rows(source: RuleSource, rule: DqRule, answer: Callable[[], DataFrame]) -> RuleCheck:
    """Return the check of a statement that returns the rows that meet it."""
    from pyspark.sql import functions as F

    found = answer()
    names = found.columns
    unknown = [name for name in names if name not in source.frame.columns]
    if unknown:
        raise CannotEvaluateError(
            "The columns returned from the SQL statement should only belong to the primary table. "
            f"Columns not found: {', '.join(unknown)}"
        )
    renamed = found.select(*(quoted(name).alias(f"glue_secure_sql_{i}") for i, name in enumerate(names)))

    def by_row(rows: DataFrame) -> tuple[DataFrame, Column]:
        added = f"glue_secure_{len(rows.columns)}"
        answers = renamed.distinct().withColumn(added, F.lit(True))
        matches = F.lit(True)
        for index, name in enumerate(names):
            matches = matches & quoted(name).eqNullSafe(F.col(f"glue_secure_sql_{index}"))
        joined = rows.join(answers, matches, "left").drop(*renamed.columns)
        return joined, F.coalesce(F.col(added), F.lit(False))

    return RuleCheck(
        _share_of_rows(source, rule, rule.threshold or _ALL, "Dataset.*.CustomSQL.Compliance", by_row),
        row=by_row,
    )


def _share_of_rows(
    source: RuleSource, rule: DqRule, condition: RuleCondition, metric: str, by_row: RowCondition
) -> Callable[[Sequence[Any]], Decision]:
    """Return the decision for a condition that needs a join."""
    from pyspark.sql import functions as F

    def decide(_: Sequence[Any]) -> Decision:
        rows, meets = by_row(source.frame)
        scope = _in_scope(rule, F.lit(1))
        (counts,) = rows.agg(F.count(F.when(meets, F.lit(1))), F.count(scope)).collect()
        return _metric_decision(condition, metric, counts[0] / counts[1] if counts[1] else None)

    return decide


def _row_count_match(source: RuleSource, rule: DqRule) -> RuleCheck:
    from pyspark.sql import functions as F

    alias, condition = _parameter(rule), _condition(rule)
    other = source.other(alias)

    def decide(values: Sequence[Any]) -> Decision:
        count = other.count()
        ratio = values[0] / count if count else (1.0 if values[0] == 0 else 0.0)
        return _metric_decision(condition, f"Dataset.{alias}.RowCountMatch", ratio)

    return RuleCheck(decide, (F.count(F.lit(1)),))


def _referential_integrity(source: RuleSource, rule: DqRule) -> RuleCheck:
    from pyspark.sql import functions as F

    names = [name.strip() for name in _parameter(rule).split(",")]
    alias, _, theirs = _parameter(rule, 1).partition(".")
    others = [name.strip() for name in theirs.strip("{}").split(",")]
    reference, condition = source.other(alias), rule.condition or _ALL
    columns = [source.column(name) for name in names]
    missing = [name for name in others if name not in reference.columns]
    if missing or len(others) != len(names):
        raise CannotEvaluateError(f"{', '.join(missing or others)} does not match the columns of {alias}")
    keys = reference.select(*(quoted(name).alias(f"glue_secure_key_{i}") for i, name in enumerate(others)))

    def by_row(rows: DataFrame) -> tuple[DataFrame, Column]:
        added = f"glue_secure_{len(rows.columns)}"
        answers = keys.distinct().withColumn(added, F.lit(True))
        matches = F.lit(True)
        for index, column in enumerate(columns):
            matches = matches & (column == F.col(f"glue_secure_key_{index}"))
        joined = rows.join(answers, matches, "left").drop(*keys.columns)
        return joined, _in_scope(rule, F.coalesce(F.col(added), F.lit(False)))

    metric = f"Column.{alias}.ReferentialIntegrity"
    return RuleCheck(_share_of_rows(source, rule, condition, metric, by_row), row=by_row)


_ROW_LEVEL = frozenset(
    (
        "ColumnDataType",
        "ColumnLength",
        "ColumnValues",
        "Completeness",
        "DataFreshness",
        "IsComplete",
        "IsPrimaryKey",
        "IsUnique",
        "ReferentialIntegrity",
        "Uniqueness",
    )
)
RULE_CHECKS: dict[str, Callable[[RuleSource, DqRule], RuleCheck]] = {
    "ColumnCorrelation": _correlation,
    "ColumnCount": _column_count,
    "ColumnDataType": _column_data_type,
    "ColumnExists": _column_exists,
    "ColumnLength": _column_length,
    "ColumnNamesMatchPattern": _column_names_match,
    "ColumnValues": _column_values,
    "Completeness": _completeness,
    "CustomSql": _custom_sql,
    "DataFreshness": _data_freshness,
    "DistinctValuesCount": _distinct_values_count,
    "Entropy": _frequency_metric("Entropy", lambda counts: float(counts["entropy"])),
    "IsComplete": _is_complete,
    "IsPrimaryKey": _is_primary_key,
    "IsUnique": _uniqueness,
    "Mean": _aggregate("Mean", "avg"),
    "ReferentialIntegrity": _referential_integrity,
    "RowCount": _row_count,
    "RowCountMatch": _row_count_match,
    "StandardDeviation": _aggregate("StandardDeviation", "stddev_pop"),
    "Sum": _aggregate("Sum", "sum"),
    "UniqueValueRatio": _frequency_metric(
        "UniqueValueRatio", lambda counts: counts[_UNIQUE] / counts[_DISTINCT]
    ),
    "Uniqueness": _uniqueness,
}
"""Rule type → what returns its check. Other types are evaluated in AWS Glue only."""
