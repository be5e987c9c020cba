"""Records of a build's figures: flat where DVC reads them, and a sentence for a file of another form."""

import json

import pytest

from ml.data.profile_record import ProfileRecord
from ml.io.errors import UserError
from ml.model.figures_record import IntervalsRecord, MetricsRecord


def test_metrics_are_flat_numbers_and_read_back(tmp_path):
    record = MetricsRecord(rows=7, metrics={"roc_auc": 0.9, "brier": 0.0})

    record.write(tmp_path / "metrics.json")

    assert json.loads((tmp_path / "metrics.json").read_text()) == {"brier": 0.0, "roc_auc": 0.9, "rows": 7}
    assert MetricsRecord.read(tmp_path / "metrics.json") == record


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (MetricsRecord, '{"rows": 7, "roc_auc": "high"}', "metrics.roc_auc"),
        (MetricsRecord, '{"roc_auc": 0.9}', "`rows`: Field required"),
        (MetricsRecord, '{"rows": 7, "schema_version": 2}', "schema version 2"),
        (IntervalsRecord, '{"roc_auc": {"value": 0.9, "low": 0.8, "high": 1.0}}', "another version.*Run `make run`"),
        (ProfileRecord, '{"rows": 7, "period": null, "columns": {"a": {}}}', "columns.a.missing"),
    ],
)
def test_a_file_of_another_form_ends_in_a_sentence_that_names_the_field(kind, text, says):
    with pytest.raises(UserError, match=says):
        kind.parsed(text, "it")


def test_a_profile_keeps_the_given_figures_of_its_target():
    given = {"rows": 7, "period": None, "columns": {"a": {"missing": 0.0, "levels": {"x": 1.0}}}, "positive": 0.5}

    assert ProfileRecord.parsed(json.dumps(given), "an older file").plain() == given
