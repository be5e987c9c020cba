import re

import pytest
import yaml
from pydantic import ValidationError

from ml.io.errors import UserError
from ml.settings.params import read_params
from tests.conftest import SAMPLE

GOOD = yaml.safe_load(SAMPLE.read_text())


def write(path, **changes):
    """Our params.yaml with changed settings, given as dotted paths."""
    settings = yaml.safe_load(yaml.safe_dump(GOOD))
    for dotted, value in changes.items():
        *parents, last = dotted.split("__")
        section = settings
        for key in parents:
            section = section[key]
        section[last] = value
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__sed": 1}, "train: unknown setting `sed`; did you mean `seed`?"),
        ({"gates__champoin": {"margin": 0.8}}, "gates: unknown setting `champoin`; did you mean `champion`?"),
        ({"train__random_forest__max_dept": 3}, "train.random_forest: unknown setting `max_dept`"),
        ({"data__columns__plan__vals": ["a"]}, "data.columns.plan: unknown setting `vals`; did you mean `values`?"),
        ({"train__seed": "0"}, "train.seed: Input should be a valid integer (found '0')"),
        ({"train__random_forest__n_estimators": 0}, "train.random_forest.n_estimators: Input should be greater than"),
        ({"prepare__test_share": 1.5}, "prepare.test_share: Input should be less than 1 (found 1.5)"),
        ({"data__columns__satisfaction__min": 11}, "data.columns.satisfaction: min 11 is above max 10"),
        ({"data__columns__plan__values": ["a", "b", "a"]}, "data.columns.plan: values lists a more than once"),
        ({"data__id": "plan"}, "data: plan: a column is id, time, group, weight, target or feature, not two of them"),
        ({"data__file": "data/customers.xls"}, "data: file data/customers.xls is neither .parquet nor .csv"),
        ({"data__columns__plan__type": "string"}, "data.columns.plan: Input tag 'string'"),
        ({"data__columns__plan__type": "text"}, "data.columns.plan: values: a text has only words, length and missing"),
        ({"project": "My Project"}, "project: String should match pattern"),
        ({"validate__expectations": [{"kwargs": {}}]}, "validate.expectations.0.type: Field required"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_wrong_setting_is_refused_with_its_path(tmp_path, changes, message):
    path = write(tmp_path / "params.yaml", **changes)

    with pytest.raises(UserError, match=re.escape(message)):
        read_params(path)


def test_all_mistakes_are_named_together(tmp_path):
    path = write(tmp_path / "params.yaml", train__sed=1, prepare__test_share=2)

    with pytest.raises(UserError, match=r"2 mistakes"):
        read_params(path)


def test_a_missing_file_names_the_folder_to_run_in(tmp_path):
    with pytest.raises(UserError, match="root of the repository"):
        read_params(tmp_path / "params.yaml")


def test_broken_yaml_names_the_line(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("project: churn\ntrain: {seed: 0\n")

    with pytest.raises(UserError, match="line 3"):
        read_params(path)


def test_a_key_given_twice_is_refused(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("project: churn\nproject: loans\n")

    with pytest.raises(UserError, match='duplicate key "project"'):
        read_params(path)


def test_yes_and_no_are_levels_and_not_booleans(tmp_path):
    text = SAMPLE.read_text().replace("values: [web, ios, android, tv]", "values: [yes, no]")
    (tmp_path / "params.yaml").write_text(text)

    read = read_params(tmp_path / "params.yaml")

    assert read.data.columns["device"].values == ("yes", "no")


def test_settings_cannot_be_changed(params):
    with pytest.raises(ValidationError):
        params.train.seed = 1


def test_levels_written_as_numbers_are_text(tmp_path):
    path = write(tmp_path / "params.yaml", data__columns__plan__values=[1, 2, "3"])

    read = read_params(path)

    assert read.data.columns["plan"].values == ("1", "2", "3")
