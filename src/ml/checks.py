"""The contract as Great Expectations checks: what is expected of the table, and what was found."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig
from pydantic.v1 import ValidationError  # the one that Great Expectations uses

from ml.data_params import Category, Data, Expectation, Number, Validate
from ml.errors import UserError
from ml.schema import others, positive

logging.captureWarnings(False)  # importing Great Expectations turns every later warning into a log line nobody sees

POSITIVE = "is_positive"  # the target as 0 and 1, so that its mean is the share of positive rows


@dataclass(frozen=True)
class Check:
    """One expectation and what became of it."""

    expectation: str
    subject: str
    severity: str
    passed: bool
    found: str
    setting: str = ""  # of params.yaml, which expects it


def expectations(data: Data, params: Validate) -> list[Expectation]:
    """What the contract, the whole-table rules and the user's own list expect."""
    rules = [Expectation(type="expect_table_row_count_to_be_between", kwargs={"min_value": params.min_rows})]
    rules += [_rule("be_unique", data.id), _rule("not_be_null", data.id), _rule("not_be_null", data.target.name)]
    if data.time:
        rules.append(_rule("not_be_null", data.time))
    for name, column in data.columns.items():
        rules += _column_rules(name, column)
    if params.target_rate.min is not None or params.target_rate.max is not None:
        limits = {"min_value": params.target_rate.min, "max_value": params.target_rate.max}
        rules.append(Expectation(type="expect_column_mean_to_be_between", kwargs={"column": POSITIVE, **limits}))
    if params.duplicate_share < 1:
        distinct = {"column_list": [*data.columns], "mostly": 1 - params.duplicate_share}
        rules.append(Expectation(type="expect_compound_columns_to_be_unique", kwargs=distinct, severity="warning"))
    if data.time and params.max_age_days:
        oldest = datetime.now(UTC).replace(tzinfo=None) - pd.Timedelta(days=params.max_age_days)
        newest = {"column": data.time, "min_value": oldest}
        rules.append(Expectation(type="expect_column_max_to_be_between", kwargs=newest, severity="warning"))
    return [*rules, *params.expectations]


def check(frame: pd.DataFrame, data: Data, params: Validate) -> list[Check]:
    """Run every expectation on a table in the contract's types; failed critical ones first, then by subject."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("table").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
        {"dataframe": frame.assign(**{POSITIVE: positive(frame[data.target.name], data).astype("float64")})}
    )
    suite = gx.ExpectationSuite(name="contract", expectations=[_built(r) for r in expectations(data, params)])
    results = batch.validate(suite, result_format="SUMMARY").results
    found = [two_classes(frame[data.target.name], data), *(_checked(r, data) for r in results)]
    return sorted(found, key=lambda c: (c.passed, c.severity, c.subject, c.expectation))


def two_classes(column: pd.Series, data: Data) -> Check:
    """Whether the target has one value beside the positive one: any further word would silently count as negative."""
    rest = others(column, data)
    strange = rest[1:]
    known = [str(data.target.positive), *rest.index[:1]]
    found = f"all {column.notna().sum():,} labels are {' or '.join(known)}"
    if len(strange):
        named = ", ".join(f"{value} ({count:,})" for value, count in strange.head(5).items())
        found = f"{strange.sum():,} of {len(column):,} rows are neither {' nor '.join(known)}: {named}"
    return Check("expect_two_classes", data.target.name, "critical", strange.empty, found, "data.target")


def blocking(checks: list[Check]) -> list[Check]:
    """The failed checks that stop the pipeline."""
    return [c for c in checks if not c.passed and c.severity == "critical"]


def _rule(what: str, column: str, **kwargs: Any) -> Expectation:
    return Expectation(type=f"expect_column_values_to_{what}", kwargs={"column": column, **kwargs})


def _column_rules(name: str, column: Number | Category) -> list[Expectation]:
    rules = [_rule("not_be_null", name, **({"mostly": 1 - column.missing} if column.missing else {}))]
    if isinstance(column, Category):
        return [*rules, _rule("be_in_set", name, value_set=list(column.values))]
    if column.min is not None or column.max is not None:
        rules.append(_rule("be_between", name, min_value=column.min, max_value=column.max))
    if (usual := column.usual) and (usual.min is not None or usual.max is not None):
        limits = {"column": name, "min_value": usual.min, "max_value": usual.max, "mostly": 1 - usual.share}
        kind = "expect_column_values_to_be_between"
        rules.append(Expectation(type=kind, kwargs=limits, severity="warning"))
    return rules


def _built(rule: Expectation) -> gx.expectations.Expectation:
    """Built one by one: a suite given a list logs an expectation it does not know and goes on without it."""
    kind = getattr(gx.expectations, "".join(part.title() for part in rule.type.split("_")), None)
    if kind is None:
        raise UserError(f"params.yaml: validate.expectations: Great Expectations has no {rule.type}.")
    try:
        return kind(**rule.kwargs, severity=rule.severity)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UserError(f"params.yaml: validate.expectations: {rule.type}: {wrong}.") from None


def _checked(result: Any, data: Data) -> Check:
    config = result.expectation_config
    kwargs = {key: value for key, value in config.kwargs.items() if key != "batch_id"}
    subject = kwargs.get("column") or "table"
    subject = f"{data.target.name} is {data.target.positive}" if subject == POSITIVE else subject
    return Check(
        expectation=config.type,
        subject=subject,
        severity=str(getattr(config.severity, "value", config.severity)),
        passed=bool(result.success),
        found=_crash(result.exception_info) or _found(config.type, kwargs, result.result),
        setting=_setting(config.type, kwargs, data),
    )


def _setting(kind: str, kwargs: dict[str, Any], data: Data) -> str:
    """The setting that an expectation comes from."""
    column = kwargs.get("column")
    whole = {
        "expect_table_row_count_to_be_between": "validate.min_rows",
        "expect_column_mean_to_be_between": "validate.target_rate" if column == POSITIVE else "validate.expectations",
        "expect_compound_columns_to_be_unique": "validate.duplicate_share",
        "expect_column_max_to_be_between": "validate.max_age_days",
    }
    roles = {data.id: "data.id", data.time: "data.time", data.target.name: "data.target"}
    known = {"not_be_null", "be_unique", "be_in_set", "be_between"}
    if kind.removeprefix("expect_column_values_to_") in known:
        return roles.get(column) or (f"data.columns.{column}" if column in data.columns else "validate.expectations")
    return whole.get(kind, "validate.expectations")


def _found(kind: str, kwargs: dict[str, Any], result: dict[str, Any]) -> str:
    if "unexpected_count" not in result:
        return f"{_number(result.get('observed_value'))}{_limits(kwargs)}"
    count, total = result["unexpected_count"], result["element_count"]
    if not count:
        return f"all {total:,} rows"
    what = {
        "expect_column_values_to_not_be_null": f"missing (allowed: {1 - kwargs.get('mostly', 1):.0%})",
        "expect_column_values_to_be_unique": "a value that stands elsewhere too",
        "expect_column_values_to_be_in_set": f"none of {', '.join(map(str, kwargs.get('value_set', [])))}",
        "expect_column_values_to_be_between": f"not{_limits(kwargs).strip(' ()')[len('expected') :]}",
        "expect_compound_columns_to_be_unique": f"repeated (allowed: {1 - kwargs.get('mostly', 1):.0%})",
    }.get(kind, "unexpected")
    value, row = result["partial_unexpected_list"][0], (result.get("partial_unexpected_index_list") or [None])[0]
    at = "" if row is None else f" at row {row + 1:,}"
    example = (
        f", first{at}" if kind.endswith(("not_be_null", "compound_columns_to_be_unique")) else f", e.g. {value!r}{at}"
    )
    return f"{count:,} of {total:,} rows are {what}{example}"


def _limits(kwargs: dict[str, Any]) -> str:
    low, high = (kwargs.get(key) for key in ("min_value", "max_value"))
    if low is None and high is None:
        return ""
    if low is not None and high is not None:
        return f" (expected {_number(low)} to {_number(high)})"
    return f" (expected at least {_number(low)})" if high is None else f" (expected at most {_number(high)})"


def _number(value: Any) -> str:
    return f"{value:,.6g}" if isinstance(value, int | float) else str(value)


def _crash(info: dict[str, Any]) -> str:
    """What an expectation that could not run says; Great Expectations reports it in two shapes."""
    found = info if "raised_exception" in info else next(iter(info.values()), {})
    return str(found.get("exception_message") or "could not run") if found.get("raised_exception") else ""
