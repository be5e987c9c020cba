"""Text from data, settings, a branch or a person is displayed unchanged everywhere, and no part of it is executed."""

import contextlib
import csv
import html
import io
import re
import string
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ml.github import alerts
from ml.io import cli, files, sheets
from ml.io.errors import UserError
from ml.io.markdown import APART, Markup, paragraph, table
from ml.io.text import columns, visible
from ml.monitoring import history_page as monitoring_page
from ml.monitoring.monitor_record import MonitorRecord
from ml.registry.model_card import FACTS, card
from ml.reports import built, page
from ml.settings.metric_names import HIGHER_IS_BETTER

SCRIPT = "<script>alert(1)</script><img src=//x/p.png onerror=alert(2)>![p](//x/p.png)[a](javascript:alert(3))"
HOSTILE = f"{SCRIPT} \x1b]0;x\x07 cost_$a_$b | `c` **d** &lt;e @ada #1 https://evil.example\n# head\u2028=cmd()"
OURS = {"svg", "details", "summary", "sub", "table", "h1", "h2", "p", "ul", "li", "strong"}
anything = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(string.punctuation + " \n\t\x1b\u2028"))


class Read(HTMLParser):
    """The text, tags and attributes of a page."""

    def __init__(self, source):
        super().__init__()
        self.text, self.tags, self.attributes = "", set(), set()
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def harmless(source):
    found = Read(source)
    assert not found.tags & {"script", "img", "a", "iframe", "object", "embed", "link", "form", "base"}
    assert not {name for name in found.attributes if name.startswith("on")} | (found.attributes & {"src", "href"})
    assert "script-src" not in source
    assert "default-src 'none'" in source


def one_line(text):
    return " ".join(visible(" ".join(text.splitlines())).split())


@given(anything)
def test_a_cell_shows_any_text_unchanged(text):
    shown = Read(MarkdownIt("commonmark").enable("table").render(table(["what"], [[text]])))

    assert shown.tags <= {"table", "thead", "tbody", "tr", "th", "td"}
    assert " ".join(shown.text.replace(APART, "").split()) == f"what {one_line(text)}".strip()


@given(anything)
def test_a_paragraph_shows_any_text_unchanged(text):
    shown = Read(MarkdownIt("commonmark").enable("table").render(paragraph(text)))

    assert shown.tags <= {"p"}
    assert " ".join(shown.text.replace(APART, "").split()) == one_line(text)


def test_a_model_card_shows_author_reason_and_file_unchanged(params):
    facts = dict.fromkeys(FACTS, HOSTILE) | {"data": {"rows": 1, "file": HOSTILE, "md5": "d"}, "changed": [HOSTILE]}
    run = {"params": {"train.model": HOSTILE}, "metrics": {"rows": 1.0}, "lineage": facts}
    judged = {"verdicts": [{"gate": "size", "passed": False, "severity": "critical", "reason": HOSTILE}]}
    entry = {
        "model": "0" * 64,
        "run": run,
        "verdict": judged,
        "reason": HOSTILE,
        "who": HOSTILE,
        "time": "2026-01-01T00:00",
    }

    words = params.card.model_copy(update=dict.fromkeys(("purpose", "not_for", "limits", "contact"), HOSTILE))
    target = params.data.target.model_copy(update={"name": HOSTILE, "positive": HOSTILE})
    data = params.data.model_copy(update={"target": target})
    params = params.model_copy(update={"card": words, "data": data})

    shown = Read(MarkdownIt("commonmark").enable("table").render(card(entry, params)))

    assert not shown.tags & {"script", "img", "a"}
    assert shown.text.count("<script>alert(1)</script>") >= 12


def test_a_model_card_names_the_target_without_backticks(params):
    facts = dict.fromkeys(FACTS, "") | {"data": {"rows": 1, "file": "f", "md5": "d"}, "changed": []}
    run = {"params": {"train.model": "m"}, "metrics": {"rows": 1.0}, "lineage": facts}
    entry = {"model": "0" * 64, "run": run, "verdict": {"verdicts": []}, "reason": "", "who": "", "time": "2026-01-01"}

    shown = Read(MarkdownIt("commonmark").enable("table").render(card(entry, params)))

    predicted = next(line for line in shown.text.splitlines() if ", predicting " in line)
    assert params.data.target.name in predicted
    assert "`" not in predicted


def test_the_reports_own_markup_stays_markup_in_a_table():
    assert "| `make run` |" in table(["next"], [[Markup("`make run`")]])


@given(anything)
def test_no_text_controls_the_terminal(text):
    line = columns(["a"], [[text]]).split("\n")[1:]

    assert len(line) == 1
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", line[0])


def test_progress_and_errors_are_escaped_for_the_terminal(capsys, monkeypatch):
    def main() -> None:
        cli.say("level \x1b[2J")
        raise UserError("level \x1b]0;x\x07")

    main.__module__ = "ml.stages.main"
    monkeypatch.setattr("sys.argv", ["main"])
    with pytest.raises(SystemExit):
        cli.run(main)

    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert shown.count(r"\x1b") == 2


@pytest.fixture
def evidence():
    check = {"passed": False, "subject": HOSTILE, "expectation": HOSTILE, "found": HOSTILE, "severity": "critical"}
    verdict = {"gate": HOSTILE, "passed": False, "reason": HOSTILE, "limit": HOSTILE, "severity": "critical"}
    verdict |= {"value": 1.0, "low": None, "high": None}
    good = verdict | {"passed": True, "outcome": "better"}
    metric = {"value": 0.9, "low": 0.8, "high": 0.95}
    sides = ("positive", "negative")
    shape = {
        "rows": 10,
        "positive": 0.5,
        "period": None,
        "columns": {HOSTILE: {"missing": 0.0, "levels": {SCRIPT: 1.0}}},
    }
    return built.Built(
        project=HOSTILE,
        validation={"rows": 10, "passed": True, "checks": [check]},
        verdict={"passed": False, "verdicts": [verdict, good]},
        intervals=dict.fromkeys(HIGHER_IS_BETTER, metric),
        profile=shape,
        settings={"card": {"purpose": HOSTILE}, HOSTILE: HOSTILE},
        plots={
            "roc": [{"fpr": 0, "tpr": 0}, {"fpr": 1, "tpr": 1}],
            "precision_recall": [{"recall": 1, "precision": 0.3}],
            "calibration": [{"predicted": 0.2, "observed": 0.25, "rows": 10}],
            "confusion": [{"actual": a, "predicted": p, "rows": 5} for a in sides for p in sides],
            "importance": [{"column": HOSTILE, "importance": 0.1, "deviation": 0.01}],
        },
        before_metrics=dict.fromkeys(HIGHER_IS_BETTER, 0.8),
        before_profile=shape | {"rows": 9},
        before_settings={},
    )


@pytest.mark.slow
def test_the_report_runs_nothing_and_loads_nothing(evidence):
    harmless(page.html(evidence))


def test_the_report_of_a_broken_table_runs_nothing(evidence):
    harmless(page.html(built.Built(HOSTILE, evidence.validation)))


@pytest.mark.slow
def test_a_column_with_dollars_in_its_name_is_plotted_unchanged(evidence):
    points = [{"column": "cost_$a_$b", "importance": 0.1, "deviation": 0.01}]

    drawn = page.plots(evidence.plots | {"importance": points})

    assert "cost_$a_$b" in html.unescape(drawn)


def test_the_page_of_monitoring_runs_nothing():
    verdict = {
        "verdict": "drift", "simulated": False, "time": "2026-01-01T00:00:00+00:00", "until": "2026-01-01",
        "model": "m", "rows": 10, "labelled": 0, "reason": HOSTILE, "drifted": [HOSTILE], "value": None,
    }  # fmt: skip

    harmless(monitoring_page.html(HOSTILE, [verdict], {}))


def test_an_issue_mentions_nobody_and_loads_nothing():
    found = {
        "verdict": "degraded",
        "reason": HOSTILE,
        "columns": [{"column": HOSTILE, "drifted": True, "reason": HOSTILE}],
    }

    text = alerts.of_monitoring(MonitorRecord.model_validate(found), None)[alerts.DEGRADED].text

    shown = Read(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    assert not shown.tags & {"script", "img", "a"}
    assert "@ada" not in text
    assert "https:" not in text


def test_a_spreadsheet_finds_no_formula(tmp_path):
    cells = ["=cmd()", "+1+2", "-2+3", "@SUM(A1)", "\uff1dcmd()", "plain", "-5", "+1.5e3", "\n=1", "\t=1", "\r=1", None]

    sheets.write_sheet(pd.DataFrame({"=cmd()": cells}), tmp_path / "sheet.csv")

    text = files.read_bytes(tmp_path / "sheet.csv").decode()
    assert text.startswith('"\'=cmd()"\n')
    shown = [line[0] for line in csv.reader(io.StringIO(text, newline="")) if line]
    assert shown[:6] == ["'=cmd()", "'=cmd()", "'+1+2", "'-2+3", "'@SUM(A1)", "'\uff1dcmd()"]
    assert shown[6:12] == ["plain", "-5", "+1.5e3", "'\n=1", "'\t=1", "'\r=1"]


def test_results_of_commands_are_printed_by_one_function_that_escapes(capsys):
    stages = Path(cli.__file__).parents[1] / "stages"

    cli.tell(HOSTILE)

    assert "\x1b" not in capsys.readouterr().out
    assert not [path.name for path in stages.glob("*.py") if re.search(r"\bprint\(", path.read_text("utf-8"))]


@given(anything)
@example("a\n  ::set-output name=x::y")
@example("level ##[add-mask]a")
def test_the_output_contains_no_command_for_a_github_runner(text):
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as out:
        patch.setenv("GITHUB_ACTIONS", "true")
        cli.tell(text)

    assert not re.search(r"##\[", out.getvalue())
    assert not [line for line in out.getvalue().splitlines() if line.lstrip().startswith("::")]
