"""Serving loads versions from both homes of the registry."""

import pytest

from ml.model import identity
from ml.registry import registry
from ml.settings.params import Params
from serving import loaded_model
from tests.serving.server import built

pytestmark = pytest.mark.slow


def test_a_version_is_served_from_both_homes_by_alias_and_by_number(store, home, params, customers, tmp_path):
    ours = Params.model_validate(params.model_dump(by_alias=True) | {"project": store.project})
    for number, kind in enumerate(["logistic_regression", "random_forest"], 1):
        folder = built(tmp_path / kind, customers, ours, kind)
        digest = identity.of(folder)
        origin = {"model": digest, "commit": f"commit-{number}", "changed": [], "data": {"md5": "d"}}
        run = {
            "digest": digest, "name": kind, "params": {}, "metrics": {"accuracy": 0.9}, "tags": {},
            "dataset": {"name": "d", "digest": "d"}, "lineage": origin,
        }  # fmt: skip
        store.register(registry.stamped("register", digest, "", run=run, verdict={}), folder)
        store.move(registry.stamped("promote", digest, "a test"))

    found = [loaded_model.load(f"models:/{store.project}{end}") for end in ("@champion", "@previous", "/1")]

    assert [m.version for m in found] == [2, 1, 1]
    assert found[0].predictor.kind == "onnx"
    assert found[1].lineage["commit"] == "commit-1"
