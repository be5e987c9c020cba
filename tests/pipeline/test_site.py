"""The site: its reference names everything in the code, and the runbook names every alert."""

import ast
import inspect
import json
import re
from pathlib import Path

import pytest
import yaml

from ml.github.alerts import TITLES
from ml.monitoring import monitor_report as monitoring_report
from ml.reports import build_report, data_sections, model_sections, page, training
from tools import raised_messages, reference_pages, site

RUNBOOK = Path("docs/runbook.md").read_text(encoding="utf-8")
ALERTS = [rule["alert"] for rule in reference_pages.rules()]


@pytest.mark.parametrize("kind", [*TITLES, *ALERTS])
def test_the_runbook_has_an_entry_for_every_alert(kind):
    assert f"\n### {kind}\n" in RUNBOOK


@pytest.mark.skipif(not ALERTS, reason="src/deploy/prometheus/ is deleted")
def test_the_runbook_has_no_entry_for_a_removed_alert():
    assert set(re.findall(r"^### (?!Errors: )(.+)$", RUNBOOK, re.MULTILINE)) == {*TITLES, *ALERTS}


def test_the_reference_lists_every_workflow():
    text = reference_pages.workflows()

    assert all(f"`{path.name}`" in text for path in Path(".github/workflows").glob("*.yml"))


@pytest.mark.slow
def test_the_runbook_has_an_entry_for_the_errors_of_every_folder_and_no_other():
    entries = re.findall(r"^### Errors: (\w+)$", RUNBOOK, re.MULTILINE)

    assert sorted(entries) == sorted(set(raised_messages.raised()) - {"serving"})


@pytest.mark.slow
def test_the_reference_lists_errors_with_variable_parts_in_braces():
    text = reference_pages.errors()

    assert "- `{…} is missing. {…}`" in text
    assert text.count("\n- ") > 100


def test_links_to_the_root_lead_to_their_copies():
    assert site.inward("see [it](../README.md#serving) and [that](../src/deploy/compose.yaml)") == (
        "see [it](readme.md#serving) and that"
    )
    assert site.downward("[a](docs/gates.md) [b](README.md)") == "[a](gates.md) [b](readme.md)"


def test_the_screenshots_show_the_pages_of_today():
    """Take the screenshots again with `python -m tools.screenshots` when a page has other sections."""
    shown = json.loads(Path("docs/images/structure.json").read_text(encoding="utf-8"))

    parts = (build_report, data_sections, model_sections, training, page)
    report = "".join(map(inspect.getsource, parts))
    monitoring = inspect.getsource(monitoring_report)
    assert [name for name in shown["report"] if name not in report] == []
    assert [name for name in shown["monitoring"] if name not in monitoring] == []


@pytest.mark.slow
@pytest.mark.template
def test_the_site_builds_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "SOURCE", tmp_path / "source")
    monkeypatch.setattr(site, "SITE", tmp_path / "site")
    monkeypatch.setattr(reference_pages, "endpoints", lambda: "# Endpoints\n")  # a model is not built here

    assert site.main() == 0
    assert (tmp_path / "site" / "reference" / "settings.html").exists()


@pytest.mark.parametrize("rule", reference_pages.rules(), ids=lambda rule: rule["alert"])
def test_every_prometheus_alert_names_its_entry_in_the_runbook(rule):
    link = f"{{{{ $externalLabels.docs }}}}/runbook.md#{rule['alert'].lower()}"

    assert rule["annotations"]["runbook_url"] == link
    config = yaml.safe_load(Path("src/deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    assert config["global"]["external_labels"]["docs"].endswith("/docs")


QUOTED = re.compile(r"\bsaid\(|\.stderr|_reason\(|\bfirst_line\(|^reason\b")  # the output of another program


def quoting(tree):
    """The messages of errors that quote another program, each as its parts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "UserError" and node.args:
            parts = getattr(node.args[0], "values", [])
            if any(isinstance(part, ast.FormattedValue) and QUOTED.search(ast.unparse(part.value)) for part in parts):
                yield parts


@pytest.mark.slow
def test_a_message_that_quotes_another_program_ends_with_what_to_do():
    files = [*Path("src/ml").rglob("*.py"), *Path("serving").rglob("*.py")]
    found = [(path, parts[-1]) for path in files for parts in quoting(ast.parse(path.read_text("utf-8")))]

    bare = [
        str(path)
        for path, end in found
        if not (
            ast.unparse(end.value) in {"AGAIN", "hint"} if isinstance(end, ast.FormattedValue) else " " in end.value
        )
    ]
    assert found
    assert not bare
