"""A changed setting, or a changed module of its section, reruns only the stages that read the section."""

from importlib import import_module
from pathlib import Path

import pytest
import yaml

from ml.io.errors import UserError
from ml.settings.params import Params, read_params
from ml.settings.yaml_reading import read
from tests.conftest import SAMPLE

STAGES = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
SECTIONS = [field.alias or name for name, field in Params.model_fields.items()]
RUNS_AGAIN = {
    "project": {"train", "evaluate", "track"},
    "data": {"validate", "prepare", "train", "evaluate", "track"},
    "validate": {"validate"},
    "prepare": {"prepare", "track"},
    "train": {"train", "track"},
    "evaluate": {"train", "evaluate"},
}  # every other section runs no stage again
BY_CODE = RUNS_AGAIN | {
    "train": {"train", "evaluate", "track"},  # evaluate loads models with the module that fits them
    "engine": {"validate", "prepare", "train"},  # no result depends on who works on chunks
}


@pytest.mark.parametrize("section", SECTIONS)
def test_a_changed_value_reruns_the_stages_that_read_its_section(section):
    again = {name for name, stage in STAGES.items() if section in {p.split(".")[0] for p in stage["params"]}}

    assert again == RUNS_AGAIN.get(section, set())


@pytest.mark.parametrize("section", [name for name in SECTIONS if name != "project"])
def test_a_changed_module_reruns_the_stages_that_read_its_section(section):
    module = f"src/ml/settings/{section}.py"

    again = {name for name, stage in STAGES.items() if module in stage["deps"]}

    assert Path(module).is_file()
    assert again == BY_CODE.get(section, set())


@pytest.mark.parametrize("stage", STAGES)
def test_dvc_watches_the_sections_that_a_stage_can_read(stage):
    settings = import_module(f"ml.stages.{stage}").Settings

    readable = {field.alias or name for name, field in settings.model_fields.items()}

    assert readable == {name.split(".")[0] for name in STAGES[stage]["params"]}


def test_a_stage_reads_its_sections_and_the_run_reads_all(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(SAMPLE.read_text().replace("silent_days:", "silent_day:").replace("test_share:", "test_sare:"))

    with pytest.raises(UserError) as prepare:
        read(import_module("ml.stages.prepare").Settings, path)
    with pytest.raises(UserError) as run:
        read_params(path)

    assert "test_sare" in str(prepare.value)
    assert "silent_day" not in str(prepare.value)
    assert "test_sare" in str(run.value)
    assert "silent_day" in str(run.value)
