"""What dvc.yaml, the Makefile, the modules and the docs say of each other is true."""

import re
from pathlib import Path

import pytest
import yaml

from tests.closure import closure, imports, locate

STAGES = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
ROOT = Path("src/ml")
NOUNS = sorted(path for path in ROOT.rglob("*.py") if path.parent.name != "stages")
STANDS_ON = {  # besides `data`, which all may
    "data": set(),
    "gates": set(),
    "registry": set(),
    "prediction_log": set(),
    "github": set(),
    "retraining": {"registry", "prediction_log"},
    "monitoring": {"gates", "registry", "prediction_log"},
    "deployment": {"registry"},
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_dvc_stage_depends_on_every_module_it_imports(stage):
    needed = {path.as_posix() for path in closure(f"ml.stages.{stage}") | closure("ml.stages")}

    listed = {dep for dep in STAGES[stage]["deps"] if dep.startswith("src/")}

    assert listed == needed, f"deps of {stage} in dvc.yaml should be:\n" + "\n".join(
        f"      - {path}" for path in sorted(needed)
    )


@pytest.mark.parametrize("stage", STAGES)
def test_a_dvc_stage_has_one_name_everywhere(stage):
    assert STAGES[stage]["cmd"] == f"python -m ml.stages.{stage}"
    assert (ROOT / "stages" / f"{stage}.py").is_file()


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=str)
def test_the_pipeline_never_imports_what_stands_on_it(path):
    above = {name.split(".")[0] for name in imports(path)} & {"serving", "demo", "tests", "tools"}

    assert not above


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("[a-z]*.py")), ids=str)
def test_a_stage_never_imports_a_stage(path):
    others = {name for name in imports(path) if name.startswith("ml.stages.") and locate(name)}

    assert not others


@pytest.mark.parametrize("path", NOUNS, ids=str)
def test_a_noun_never_imports_a_stage(path):
    assert "ml.stages" not in imports(path)


@pytest.mark.parametrize("path", NOUNS, ids=str)
def test_a_noun_imports_only_the_folders_that_its_own_stands_on(path):
    folders = {name.split(".")[1] for name in imports(path) if name.startswith("ml.")} & {*STANDS_ON}

    own = path.parent.name

    assert folders - {own, "data"} <= STANDS_ON.get(own, set())


def test_only_one_module_touches_the_disk():
    writing = re.compile(r"(?<!files)\.(write_text|write_bytes|to_parquet|to_csv|read_parquet|read_csv)\(|\bopen\(")
    guilty = {p.name for p in ROOT.rglob("*.py") if writing.search(p.read_text()) and p.name != "files.py"}

    assert guilty <= {"artifact.py", "lineage.py", "model_archive.py", "segments.py", "store.py"}, (
        "read and write through ml.files"
    )


def test_tests_know_the_columns_of_the_sample_alone():
    guilty = {p.name for p in Path("tests").rglob("*.py") if 'ROOT / "params.yaml"' in p.read_text()}

    assert guilty - {Path(__file__).name} <= {"test_policy_life.py"}, (
        "a fork has another params.yaml: read SAMPLE of tests/conftest.py"
    )
