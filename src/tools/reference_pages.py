"""The pages of the reference, each generated from the code that it describes: `pages()` returns them by file name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml

from ml.github.alerts import TITLES
from ml.io import files
from ml.io.markdown import Markup, table
from ml.settings.params import Params
from ml.settings.section import Section
from tools.raised_messages import called, calls, in_braces, raised

ROOT = Path(__file__).parents[2]


def pages() -> dict[str, str]:
    """Every page of the reference, by file name."""
    return {
        "settings.md": settings(),
        "commands.md": commands(),
        "endpoints.md": endpoints(),
        "workflows.md": workflows(),
        "metrics.md": metrics(),
        "alerts.md": alerts(),
        "files.md": written(),
        "errors.md": errors(),
    }


def settings() -> str:
    """Every setting of params.yaml with its type and default, section by section."""
    text = "# Settings\n\n[Your data](../your-data.md#settings) explains each. This page lists types and defaults.\n"
    for name, field in Params.model_fields.items():
        section = field.annotation
        title = field.alias or name
        if isinstance(section, type) and issubclass(section, Section):
            rows = [list(row) for row in _fields(section, title)]
            summary = (section.__doc__ or "").strip().splitlines()[0]
            text += f"\n## {title}\n\n{summary}\n\n" + table(["setting", "type", "default"], rows)
        else:
            text += f"\n## {title}\n\n" + table(
                ["setting", "type", "default"], [[_code(title), _kind(field), "required"]]
            )
    return text


def commands() -> str:
    """Every make target with what it does, under the headings of `make help`."""
    text = "# Commands\n\nSet variables as `make target NAME=value`.\n"
    rows: list[list[Any]] = []
    for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines():
        if line.startswith("##@ "):
            text += _rows(["command", "what it does"], rows) + f"\n## {line[4:]}\n\n"
            rows = []
        elif found := re.match(r"([a-z][a-z-]*):.*?## (.*)", line):
            rows.append([_code(f"make {found[1]}"), found[2]])
    return text + _rows(["command", "what it does"], rows)


def endpoints() -> str:
    """Every endpoint of the API, from its OpenAPI description."""
    text = "# Endpoints\n\nA running server shows the same at `/docs`, with the columns of its model.\n\n"
    rows = [
        [_code(f"{method.upper()} {path}"), said.get("description", said.get("summary", "")).split("\n")[0],
         ", ".join(said["responses"])]
        for path, methods in _openapi()["paths"].items()
        for method, said in methods.items()
    ]  # fmt: skip
    return text + table(["endpoint", "what it does", "status codes"], rows)


def workflows() -> str:
    """Every workflow with its triggers and jobs."""
    rows = []
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        head = " ".join(re.findall(r"^# ?(.*)", path.read_text(encoding="utf-8").split("\nname:")[0], re.MULTILINE))
        triggers = content[True]  # YAML 1.1 reads `on` as true
        jobs = ", ".join(job.get("name", name) for name, job in content["jobs"].items())
        rows.append([_code(path.name), head, ", ".join(triggers), jobs])
    return "# Workflows\n\n[Workflows](../workflows.md) explains them.\n\n" + table(
        ["file", "what it does", "triggers", "jobs"], rows
    )


def metrics() -> str:
    """Every metric that the server and the monitoring exporter publish."""
    rows = []
    for path in [*(ROOT / "serving").rglob("*.py"), *(ROOT / "src" / "ml").rglob("*.py")]:
        for call in calls(path, {"Counter", "Gauge", "Histogram"}):
            if len(call.args) > 1 and isinstance(call.args[0], ast.Constant):
                name = str(call.args[0].value)
                ending = "_total" if called(call) == "Counter" else ""
                rows.append([_code(name + ending), called(call).lower(), in_braces(call.args[1])])
    return "# Metrics\n\nPrometheus reads them at `GET /metrics`.\n\n" + table(
        ["metric", "type", "meaning"], sorted(rows)
    )


def alerts() -> str:
    """Every alert: the issues that workflows open, and the rules of Prometheus."""
    issues = table(["label", "title of the issue"], [[_code(kind), title] for kind, title in TITLES.items()])
    found = [
        [
            _code(rule["alert"]),
            " ".join(str(rule.get("annotations", {}).get("summary", "")).split()),
            rule.get("for", "0s"),
        ]
        for rule in rules()
    ]
    return (
        "# Alerts\n\nThe [runbook](../runbook.md) describes the action for each alert.\n\n## Issues on GitHub\n\n"
        f"{issues}\n## Prometheus\n\n" + table(["alert", "what it says", "holds for"], found)
    )


def rules() -> list[dict[str, Any]]:
    """The alerts of Prometheus; none once a fork has deleted them."""
    path = ROOT / "src" / "deploy" / "prometheus" / "alerts.yml"
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] if path.exists() else []
    return [rule for group in groups for rule in group["rules"]]


def written() -> str:
    """Every file that commands write, from the one module that names them."""
    rows = [
        [_code(str(value)), name.lower().replace("_", " ")]
        for name, value in vars(files).items()
        if name.isupper()
        and isinstance(value, Path)
        and value.parts[0] in {"build", ".deploy"}
        and len(value.parts) > 1
    ]
    return "# Files\n\nThe files that commands write, with their names in `ml.io.files`.\n\n" + table(
        ["file", "name"], sorted(rows, key=str)
    )


def errors() -> str:
    """Every message of a UserError by folder, with its entry in the runbook; braces mark variable parts."""
    text = (
        "# Errors\n\nA mistake in data, settings or environment ends a command with one of these "
        "messages and exit code 1. Each message contains the next step. Braces mark variable "
        "parts. The command also prints the entry of the [runbook](../runbook.md#errors-of-commands).\n"
    )
    for folder, messages in raised().items():
        text += f"\n## {folder}\n\n"
        if folder != "serving":
            text += f"Action: [runbook, {folder}](../runbook.md#errors-{folder}).\n\n"
        text += "".join(f"- {_code(message)}\n" for message in messages if re.search("[a-z]", message))
    return text


def _fields(section: type[Section], prefix: str) -> Iterator[tuple[Markup, str, Markup | str]]:
    for name, field in section.model_fields.items():
        default = "required" if field.is_required() else _short(field.get_default(call_default_factory=True))
        yield _code(f"{prefix}.{field.alias or name}"), _kind(field), default


def _kind(field: Any) -> str:
    """The type in the words of a YAML file: a list of text, a number, one of some words."""
    return _worded(field.annotation)


def _worded(kind: Any) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _worded(inner[0])
    if origin is Literal:
        return "one of " + ", ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " or ".join(_worded(part) for part in inner)
    if origin is tuple:
        return f"list of {_worded(inner[0])}"
    if origin is dict:
        return f"{_worded(inner[1])} by name"
    known = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null", Any: "any"}
    return known.get(kind, getattr(kind, "__name__", str(kind)).lower())


def _short(value: Any) -> Markup | str:
    if isinstance(value, Section):
        return "see the section" if value.model_dump(exclude_none=True) else "nothing"
    return _code(str(value)) if value not in (None, "", (), {}) else "none"


def _openapi() -> dict[str, Any]:
    from serving.app import create_app  # noqa: PLC0415  (only this page needs a model)
    from serving.lineup import load_models  # noqa: PLC0415
    from serving.server_settings import Settings  # noqa: PLC0415

    read = Settings(model=str(ROOT / "build" / "model"), log="off")
    return create_app(load_models(read), None, read).openapi()


def _code(text: str) -> Markup:
    safe = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return Markup(f"`{safe}`")


def _rows(header: list[str], rows: list[list[Any]]) -> str:
    return table(header, rows) if rows else ""
