"""The checks of the contract by Great Expectations: expectations and results."""

import logging
from collections.abc import Callable
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
from great_expectations.core.result_format import ResultFormat
from great_expectations.data_context.types.base import ProgressBarsConfig
from pydantic.v1 import ValidationError  # the one that Great Expectations uses

from ml.data.validation_record import Check
from ml.io.errors import UserError
from ml.io.text import counted
from ml.settings.data import Data
from ml.settings.validate import Expectation, Validate
from ml.tasks.target_column import column_of
from ml.validation.counts import Counted, Counts, counted_rows
from ml.validation.tallies import Figure, limits, number

logging.captureWarnings(False)  # importing Great Expectations redirects all later warnings to a log


def check(frame: pd.DataFrame, data: Data, params: Validate) -> list[Check]:
    """Check all expectations on a table with the contract's types; failed critical ones first, then by subject."""
    counts = Counts(data, params)
    counts.add(counted_rows(frame, data, params))
    return of_counts(counts, lambda row: frame[data.id].iloc[row], frame, data, params)


def of_counts(
    counts: Counts, shown: Callable[[int], Any], some: pd.DataFrame | None, data: Data, params: Validate
) -> list[Check]:
    """The checks of a table that was counted in parts; Great Expectations judges the counts.

    The user's own expectations see `some` of its rows: all, or a sample where these do not fit into memory.
    """
    own = [_built(rule) for rule in params.expectations]
    found = [target(counts.target, data), *judged([*counts.figures(shown)])]
    found += [_checked(result) for result in _results(some, own)] if own and some is not None else []
    return sorted(found, key=lambda c: (c.passed, c.severity, c.subject, c.expectation))


def judged(found: list[Figure]) -> list[Check]:
    """The checks of figures against their bounds."""
    far = np.finfo("float64").max  # Great Expectations takes no infinity
    table = pd.DataFrame({name: [getattr(f, name) for f in found] for name in ("value", "low", "high")}).clip(-far, far)
    pairs = [{"column_A": "value", "column_B": "low"}, {"column_A": "high", "column_B": "value"}]
    rules = [gx.expectations.ExpectColumnPairValuesAToBeGreaterThanB(**pair, or_equal=True) for pair in pairs]
    broken: set[int] = set()
    for result in _results(table, rules, "COMPLETE"):
        if crash := _crash(result.exception_info):
            raise RuntimeError(f"Great Expectations could not judge the contract: {crash}")
        broken |= set(result.result.get("unexpected_index_list") or [])
    return [
        Check(rule.expectation, rule.subject, rule.severity, place not in broken, told, rule.setting)
        for place, (rule, told, *_) in enumerate(found)
    ]


def _results(frame: pd.DataFrame, rules: list[gx.expectations.Expectation], detail: str = "SUMMARY") -> list[Any]:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("table").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(name="contract", expectations=rules)
    return batch.validate(suite, result_format=ResultFormat(detail)).results


def target(found: Counted, data: Data) -> Check:
    """Check that the target holds the two values, the classes or the numbers of the contract."""
    if (seen := found.strange) is None:
        return two_classes(found, data)
    told = seen.figure.found if seen.wrong else f"all {counted(found.labelled, 'value')} fit"
    return Check(seen.rule.expectation, data.target.name, "critical", not seen.wrong, told, "data.target")


def two_classes(found: Counted, data: Data) -> Check:
    """Check that the target has one value besides the positive one; any other value would count as negative."""
    rest = found.words.sort_values(ascending=False, kind="stable")
    strange = rest[1:]
    known = column_of(data).known([*rest.index])
    told = f"all {counted(found.labelled, 'label')} are {' or '.join(known)}"
    if len(strange):
        named = ", ".join(f"{value} ({count:,})" for value, count in strange.head(5).items())
        told = f"{strange.sum():,} of {counted(found.rows, 'row')} are neither {' nor '.join(known)}: {named}"
    return Check("expect_two_classes", data.target.name, "critical", strange.empty, told, "data.target")


def _built(rule: Expectation) -> gx.expectations.Expectation:
    """Built one by one: a suite given a list logs an expectation it does not know and goes on without it."""
    kind = getattr(gx.expectations, "".join(part.title() for part in rule.type.split("_")), None)
    if kind is None:
        raise UserError(f"params.yaml: validate.expectations: Great Expectations has no {rule.type}. Correct the type.")
    try:
        return kind(**rule.kwargs, severity=rule.severity)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise UserError(f"params.yaml: validate.expectations: {rule.type}: {wrong}. Correct its kwargs.") from None


def _checked(result: Any) -> Check:
    config = result.expectation_config
    kwargs = {key: value for key, value in config.kwargs.items() if key != "batch_id"}
    return Check(
        expectation=config.type,
        subject=kwargs.get("column") or "table",
        severity=str(getattr(config.severity, "value", config.severity)),
        passed=bool(result.success),
        found=_crash(result.exception_info) or _found(kwargs, result.result),
        setting="validate.expectations",
    )


def _found(kwargs: dict[str, Any], result: dict[str, Any]) -> str:
    if "unexpected_count" not in result:
        return f"{number(result.get('observed_value'))}{limits(kwargs.get('min_value'), kwargs.get('max_value'))}"
    count, total = result["unexpected_count"], result["element_count"]
    if not count:
        return f"all {counted(total, 'row')}"
    value, row = result["partial_unexpected_list"][0], (result.get("partial_unexpected_index_list") or [None])[0]
    at = "" if row is None else f" at row {row + 1:,}"
    return f"{count:,} of {counted(total, 'row')} are unexpected, e.g. {value!r}{at}"


def _crash(info: dict[str, Any]) -> str:
    """The error of an expectation that could not run; Great Expectations reports it in two forms."""
    found = info if "raised_exception" in info else next(iter(info.values()), {})
    return str(found.get("exception_message") or "could not run") if found.get("raised_exception") else ""
