import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from ml.io import markdown as md
from ml.io.sheets import read_rows, write_rows
from ml.reports import build_report, built, changes, digits, page
from ml.settings.params import read_params
from ml.validation import profile
from tests.conftest import SAMPLE

DATA = read_params(SAMPLE).data
METRIC = {"value": 0.9, "low": 0.88, "high": 0.92}
METRICS = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "pr_auc", "log_loss", "brier", "calibration_error")


@pytest.fixture
def evidence(customers):
    check = {"passed": True, "subject": "plan", "expectation": "in_set", "found": "all", "severity": "critical"}
    verdict = {"gate": "accuracy", "passed": True, "reason": "fine", "limit": "≥ 0.8", "severity": "critical", **METRIC}
    curve = [{"fpr": 0, "tpr": 0}, {"fpr": 0.5, "tpr": 0.8}, {"fpr": 1, "tpr": 1}]
    sides = ("positive", "negative")
    return built.Built(
        project="churn",
        validation={"rows": 1200, "passed": True, "checks": [check]},
        verdict={"passed": True, "verdicts": [verdict]},
        intervals=dict.fromkeys(METRICS, METRIC),
        profile=profile.profile(customers, DATA),
        settings={"train": {"seed": 1}, "data": {"id": "x"}},
        plots={
            "roc": curve,
            "precision_recall": [{"recall": 0.5, "precision": 0.9}, {"recall": 1, "precision": 0.3}],
            "calibration": [{"predicted": 0.2, "observed": 0.25, "rows": 10}],
            "confusion": [{"actual": a, "predicted": p, "rows": 5} for a in sides for p in sides],
            "importance": [{"column": "plan", "importance": 0.1, "deviation": 0.01}],
        },
        before_metrics=dict.fromkeys(METRICS, 0.8),
        before_profile=profile.profile(customers.head(600), DATA),
        before_settings={"train": {"seed": 0}, "data": {"id": "x"}},
    )


def test_numeric_classes_keep_their_names(tmp_path):
    decisions = [{"actual": "0", "predicted": "1e3", "rows": 3}]
    write_rows(decisions, tmp_path / "confusion.csv")
    write_rows([{"actual": 0.5, "predicted": 1.0}], tmp_path / "predicted.csv")

    assert read_rows(tmp_path / "confusion.csv") == decisions
    assert read_rows(tmp_path / "predicted.csv") == [{"actual": 0.5, "predicted": 1.0}]


def several(names):
    rows, confusion = len(names), [{"actual": a, "predicted": p, "rows": 3} for a in names for p in names]
    figures = {f"{of}{end}": 0.5 for of in ("recall", "precision", "f1") for end in ("", "_low", "_high")}
    return {"confusion": confusion, "by_class": [{"class": name, "rows": rows} | figures for name in names]}


def test_each_class_has_its_figures_in_both_reports(evidence):
    odd = replace(evidence, plots=several(["a,b", 'say "x"', "🙂", "```", "b|c"]))

    text, page_ = build_report.markdown(odd), page.html(odd)

    assert "| a,b | 5 | 0.500 (0.500 to 0.500)" in text
    assert text.count("```") % 2 == 0
    assert 'x-axis "class" ["a,b", "say  x ", "🙂", "   ", "b|c"]' in text
    assert ">Each class<" in page_


def test_many_classes_show_their_most_frequent_confusions(evidence):
    text = build_report.markdown(replace(evidence, plots=several([f"c{n}" for n in range(50)])))

    assert "the 20 most frequent wrong ones" in text
    assert len(text) < 60_000


@pytest.mark.slow
def test_the_plots_of_a_number_are_in_both_reports(evidence):
    plots = {
        "predicted": [{"actual": float(n), "predicted": n + 0.5} for n in range(100)],
        "coverage": [{"predicted": float(n), "coverage": 0.8, "promised": 0.9, "rows": 10} for n in range(10)],
    }
    text, page_ = (of(replace(evidence, plots=plots)) for of in (build_report.markdown, page.html))

    assert 'title "Coverage of the interval' in text
    assert 'title "Predicted against actual' in text
    assert "Coverage of the interval" in page_


def test_counts_read_from_a_file_are_whole_numbers(evidence):
    cells = [{**cell, "rows": 1234.0} for cell in evidence.plots["confusion"]]
    count = {**evidence.verdict["verdicts"][0], "value": 12345.0}

    text = build_report.markdown(
        replace(evidence, plots=evidence.plots | {"confusion": cells}, verdict={"passed": True, "verdicts": [count]})
    )

    assert "1,234 |" in text
    assert "| 12,345 |" in text


@pytest.mark.slow
def test_metrics_that_one_class_leaves_undefined_are_left_empty(evidence):
    unknown = {"value": None, "low": None, "high": None}

    text = build_report.markdown(
        replace(
            evidence,
            intervals=evidence.intervals | {"roc_auc": unknown},
            plots=evidence.plots | {"roc": [], "precision_recall": [], "importance": []},
        )
    )

    assert "| roc_auc |  |  | 0.8000 |  |" in text
    assert "No ROC curve: all test rows have one class." in text
    assert "<svg" in page.html(replace(evidence, plots=evidence.plots | {"roc": [], "importance": []}))


def test_the_verdict_comes_first(evidence):
    assert build_report.markdown(evidence).startswith("# ✅ churn: the model passes its gates")


def test_the_report_compares_a_good_model_with_the_champion(evidence):
    rival = {**evidence.verdict["verdicts"][0], "outcome": "better", "reason": "better: 0.02 ahead of version 3"}

    text = build_report.markdown(replace(evidence, verdict={"passed": True, "verdicts": [rival]}))

    assert text.splitlines()[2] == "Champion: better: 0.02 ahead of version 3."


def test_a_refusal_comes_first_with_its_reasons(evidence):
    bad = {**evidence.verdict["verdicts"][0], "passed": False, "reason": "accuracy 0.7 is below 0.8"}
    refused = replace(evidence, verdict={"passed": False, "verdicts": [bad]})

    text = build_report.markdown(refused)

    assert text.startswith("# ❌ churn: the model is refused for 1 reason\n\n- **accuracy**: accuracy 0.7 is below 0.8")


def test_passed_gates_are_collapsed_below_the_others(evidence):
    good = evidence.verdict["verdicts"][0]
    bad, odd = ({**good, "gate": name, "passed": False} for name in ("size", "split"))
    verdicts = [good, odd | {"severity": "warning"}, bad, good]

    text = build_report.markdown(replace(evidence, verdict={"passed": False, "verdicts": verdicts}))

    assert re.findall(r"❌ \| size|⚠️ \| split|<summary>2 passed|✅ \| accuracy|</details>", text)[:5] == [
        "❌ | size", "⚠️ | split", "<summary>2 passed", "✅ | accuracy", "✅ | accuracy",
    ]  # fmt: skip


def test_a_failed_warning_refuses_nothing(evidence):
    odd = {**evidence.verdict["verdicts"][0], "passed": False, "severity": "warning"}

    text = build_report.markdown(replace(evidence, verdict={"passed": True, "verdicts": [odd]}))

    assert text.startswith("# ✅")
    assert "| ⚠️ | accuracy |" in text


def test_a_metric_that_should_fall_is_worse_when_it_rises(evidence):
    text = build_report.markdown(evidence)

    assert "| accuracy | 0.9000 | 0.880\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}0.920 | 0.8000 | +0.1000 better |" in text
    assert "| log_loss | 0.9000 | 0.880\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}0.920 | 0.8000 | +0.1000 worse |" in text


def test_a_change_too_small_to_show_is_not_shown_as_zero(evidence):
    before = evidence.before_metrics | {"accuracy": 0.90001, "log_loss": 0.9}

    text = build_report.markdown(replace(evidence, before_metrics=before))

    assert "| 0.9000 | under 0.0001 worse |" in text
    assert "| 0.9000 | = |" in text


def test_only_changed_settings_and_data_are_shown(evidence):
    text = build_report.markdown(evidence)

    assert "| train.seed | 0 | 1 |" in text
    assert "data.id" not in text
    assert "| rows | 600 | 1,200 |" in text


def test_without_a_base_the_report_says_so(evidence):
    text = build_report.markdown(replace(evidence, before_metrics=None, before_profile=None, before_settings=None))

    assert "`main` has no metrics in this clone" in text


def test_bad_data_makes_a_report_without_a_model(evidence):
    check = {"passed": False, "subject": "plan", "expectation": "x", "found": "1 of 9 rows", "severity": "critical"}
    broken = built.Built("churn", {"rows": 9, "passed": False, "checks": [check]})

    text = build_report.markdown(broken)

    assert text.startswith("# ❌ churn: the data breaks its contract")
    assert "| ❌ | plan | x | 1 of 9 rows |" in text


def test_a_report_always_fits_into_a_comment(evidence):
    checks = evidence.validation["checks"] * 3000

    text = build_report.markdown(replace(evidence, validation={"rows": 1, "passed": True, "checks": checks}))

    assert len(text) <= build_report.LIMIT
    assert "Left out to limit the length: checks" in text
    assert "## Importance" in text


def test_a_cell_cannot_leave_its_table():
    text = md.table(["a"], [["x | y\n<script>"]])

    assert text.splitlines()[2] == r"| x \| y &lt;script> |"
    assert "<script>" not in MarkdownIt().enable("table").render(text)


@pytest.mark.slow
def test_the_page_is_self_contained(evidence):
    html = page.html(evidence)

    assert html.count("<svg class='plot'") == 4
    assert not re.search(r'(src|href)="https?:', html)
    assert "mermaid" not in html


@pytest.mark.slow
def test_the_same_inputs_give_the_same_page(evidence):
    assert page.html(evidence) == page.html(evidence)


def test_the_roc_chart_matches_the_curve(evidence):
    text = build_report.markdown(evidence)

    line = re.search(r"ROC.*?line \[(.*?)\]", text, re.DOTALL)[1].split(", ")
    assert (line[0], line[10], line[20]) == ("0.000", "0.800", "1.000")


def test_many_changed_settings_are_collapsed_after_those_of_training(evidence):
    changed = {"alert": {f"a{n:02}": n for n in range(20)}, "train": {"seed": 1}}

    text = build_report.markdown(replace(evidence, settings=changed, before_settings={}))

    shown, folded = text.split("9 more changes")
    assert "| train.seed |" in shown
    assert "| alert.a10 |" in shown
    assert "| alert.a11 |" in folded


def test_the_matrix_of_many_classes_has_short_headings(evidence):
    cells = [{"actual": a, "predicted": p, "rows": 5} for a in "xyz" for p in "xyz"]

    text = build_report.markdown(replace(evidence, plots={**evidence.plots, "confusion": cells}))

    assert "|  | x | y | z |" in text


FAULT = {"gate": "size", "fault": "a huge model", "expected": "critical", "caught": True, "control": True}


def test_the_footer_counts_the_faults_that_the_gates_caught(evidence):
    proof = {"wrong": [], "rows": [FAULT, {**FAULT, "gate": "parity"}]}

    text = build_report.markdown(replace(evidence, proof=proof))

    assert "2 of 2 planted faults caught" in text
    assert "| ✅ | size | a huge model | refused | passes |" in text


def test_the_footer_names_the_gate_that_let_its_fault_pass(evidence):
    proof = {"wrong": ["size: lets pass: a huge model"], "rows": [{**FAULT, "caught": False}]}

    text = build_report.markdown(replace(evidence, proof=proof))

    assert "0 of 1 planted fault caught" in text
    assert "- ❌ size: lets pass: a huge model" in text
    assert "| ❌ | size | a huge model | let pass | passes |" in text


def test_the_footer_says_when_the_gates_were_not_proven(evidence):
    assert "The proof was not run on this commit; `make prove`" in build_report.markdown(evidence)


def test_refusals_come_before_warnings_and_passes(evidence):
    (good,) = evidence.verdict["verdicts"]
    verdicts = [
        {**good, "gate": "late"},
        {**good, "gate": "odd", "passed": False, "severity": "warning"},
        {**good, "gate": "bad", "passed": False},
    ]

    text = build_report.markdown(replace(evidence, verdict={"passed": False, "verdicts": verdicts}))

    assert text.index("| bad | ") < text.index("| odd | ") < text.index("| late | ")


@pytest.mark.slow
def test_the_page_shows_the_curve_of_the_base_branch_beside_ours(evidence):
    before = {"roc": [{"fpr": 0, "tpr": 0}, {"fpr": 1, "tpr": 1}]}

    html = page.html(replace(evidence, before_plots=before, base="trunk"))

    assert "trunk" in html[html.index("<h2>Plots") :]
    assert "trunk" not in page.html(evidence)[html.index("<h2>Plots") :].partition("<h2>Validation")[0]


@pytest.mark.slow
def test_the_page_draws_its_marks_and_colors_a_refusal(evidence):
    refused = {**evidence.verdict["verdicts"][0], "passed": False, "severity": "critical"}

    html = page.html(replace(evidence, verdict={**evidence.verdict, "verdicts": [refused]}))

    assert "❌" not in html
    assert re.search(r"<h1><svg class='mark refused'", html)


@pytest.mark.parametrize(("value", "shown"), [(434.0, "434"), (0.8886, "0.8886"), (4.675e-30, "4.7e-30"), (None, "")])
def test_numbers_have_sensible_digits(value, shown):
    assert digits.number(value) == shown


@pytest.mark.slow
def test_known_contributions_are_shown_beside_the_importance(evidence):
    points = [{"column": "tenure_months", "contribution": 0.2}, {"column": "plan", "contribution": 0.1}]
    known = replace(evidence, plots={**evidence.plots, "contributions": points})

    text, drawn = build_report.markdown(known), page.html(known)

    assert "## Contributions" in text
    assert "## Contributions" not in build_report.markdown(evidence)
    assert drawn.count("<svg") == page.html(evidence).count("<svg") + 1


def test_a_model_of_another_table_is_not_compared(evidence):
    text = build_report.markdown(replace(evidence, before_metrics=None, before_profile=None, other_table=True))

    assert "`main` has a model of another table, so there is nothing to compare with" in text


@pytest.mark.parametrize(("columns", "other"), [("abc", False), ("abcdef", False), ("axyz", True), ("xyz", True)])
def test_tables_that_share_few_columns_are_different_ones(columns, other):
    now, before = {"columns": dict.fromkeys("abcd")}, {"columns": dict.fromkeys(columns)}

    assert changes.another_table(now, before) == other


def test_large_limits_have_separators_and_small_ones_keep_their_decimals(evidence):
    verdicts = [{**evidence.verdict["verdicts"][0], "limit": limit} for limit in ("≤ 28000", "≥ 0.12345")]

    text = build_report.markdown(replace(evidence, verdict={"passed": True, "verdicts": verdicts}))

    assert "≤\N{NO-BREAK SPACE}28,000" in text
    assert "≥\N{NO-BREAK SPACE}0.12345" in text


def test_without_metrics_of_the_base_there_are_no_empty_columns(evidence):
    text = build_report.markdown(replace(evidence, before_metrics=None))

    section = text.split("## Metrics on the test rows")[1].split("##")[0]
    assert "change" not in section
