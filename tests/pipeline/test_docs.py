"""The documents name everything that exists, and nothing else."""

import os
import re
from pathlib import Path

import pytest

from ml.settings.params import Params
from ml.settings.section import Section
from tests.parts import deleted, targets_gone

README = Path("README.md").read_text(encoding="utf-8")
PAGES = {Path("README.md"), *Path("docs").rglob("*.md")} - {Path("docs/CHANGELOG.md")}  # it also names what is gone
DOCS = {path: path.read_text(encoding="utf-8") for path in sorted(PAGES)}
MAKEFILES = [Path("Makefile"), *(path for path in (Path("demo/demo.mk"), Path("lab/lab.mk")) if path.exists())]
TARGETS = re.findall(r"^([a-z][a-z-]*):.*## ", "".join(p.read_text() for p in MAKEFILES), re.MULTILINE)
GENERATED = {
    Path(name).stem for name in re.findall(r'"(\w+\.md)": \w+\(\)', Path("src/tools/reference_pages.py").read_text())
}
STAGES = sorted(p.stem for p in Path("src/ml/stages").glob("[a-z]*.py"))


def settings(section=Params, prefix=""):
    """Every setting of params.yaml down to the second level, as a dotted path."""
    for name, field in section.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Section) and not prefix:
            yield from settings(inner, f"{path}.")
        else:
            yield path


def test_the_readme_names_every_make_target():
    def named(target):
        return f"make {target}`" in README or f"make {target} " in README or f"`{target}`" in README

    assert [target for target in TARGETS if not named(target)] == []


def test_the_readme_names_every_stage():
    assert [stage for stage in STAGES if f"`{stage}`" not in README and f"make {stage}" not in README] == []


def test_the_docs_name_every_setting():
    assert [path for path in sorted(settings()) if f"`{path}`" not in DOCS[Path("docs/your-data.md")]] == []


@pytest.mark.parametrize("path", DOCS, ids=str)
def test_every_make_target_in_a_document_exists(path):
    named = set(re.findall(r"`make ([a-z][a-z-]*)", DOCS[path]))

    assert named <= {*TARGETS, *targets_gone()}


@pytest.mark.parametrize("path", DOCS, ids=str)
def test_every_link_between_documents_has_a_target(path):
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", DOCS[path]) if "://" not in link]

    links = [link for link in links if Path(link).stem not in GENERATED or Path(link).parent.name != "reference"]
    missing = [link for link in links if link and not (path.parent / link).exists()]
    missing = [link for link in missing if not deleted(os.path.normpath(path.parent / link))]

    assert not missing


@pytest.mark.parametrize("path", DOCS, ids=str)
def test_every_test_in_a_document_exists(path):
    named, file = [], ""
    for found in re.findall(r"`(tests/[\w/]+\.py)?(?:::(\w+))?`", DOCS[path]):
        file = found[0] or file
        named += [(file, found[1])] if any(found) else []

    named = [(f, n) for f, n in named if not deleted(f)]
    missing = [(f, n) for f, n in named if not Path(f).is_file() or (n and f"def {n}(" not in Path(f).read_text())]

    assert not missing
