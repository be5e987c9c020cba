"""The record of deployments: complete, ordered, and with the state of each environment."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ml.deployment import deployment_log
from ml.deployment.deployment_log import DEPLOYED, Where
from ml.io.errors import UserError
from ml.registry.embedded_home import Embedded

STAGING = Where("staging")


def deployed(home, image, model="m", outcome=DEPLOYED, where=STAGING):
    entry, store = deployment_log.begin(where, image, model, ""), Embedded("churn", home)
    store.note(entry)
    if outcome:
        store.note(deployment_log.end(entry, outcome, "why"))


def read(home):
    return deployment_log.fold(Embedded("churn", home).deployments())


def test_a_deployment_has_image_environment_time_author_and_result(tmp_path):
    deployed(tmp_path, "a", "model", "went back")

    (found,) = read(tmp_path)

    assert (found.image, found.model, found.env, found.target) == ("a", "model", "staging", "local")
    assert (found.outcome, found.reason) == ("went back", "why")
    assert found.who
    assert found.time < found.ended


def test_a_killed_deployment_is_listed_as_started(tmp_path):
    deployed(tmp_path, "a", outcome=None)

    assert [d.outcome for d in read(tmp_path)] == ["started"]


def test_a_line_merged_out_of_order_still_counts(tmp_path):
    begun = deployment_log.begin(STAGING, "a", "m", "")

    (found,) = deployment_log.fold([deployment_log.end(begun, DEPLOYED, ""), begun])

    assert found.outcome == DEPLOYED


@pytest.mark.slow
def test_concurrent_writes_lose_nothing(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: deployed(tmp_path, str(n)), range(40)))

    assert sorted(int(d.image) for d in read(tmp_path)) == list(range(40))


def test_the_previous_image_is_the_last_other_deployed_one(tmp_path):
    for image, outcome in [("a", DEPLOYED), ("b", DEPLOYED), ("x", "went back"), ("c", DEPLOYED), ("c", DEPLOYED)]:
        deployed(tmp_path, image, outcome=outcome)
    deployed(tmp_path, "z", where=Where("production"))

    assert deployment_log.previous(read(tmp_path), STAGING).image == "b"


def test_rolling_back_twice_undoes_the_first(tmp_path):
    for image in ("a", "b", "a"):  # the last is the rollback
        deployed(tmp_path, image)

    assert deployment_log.previous(read(tmp_path), STAGING).image == "b"


def test_an_image_can_be_found_by_its_model(tmp_path):
    for image, model in [("a", "1"), ("b", "2"), ("c", "3")]:
        deployed(tmp_path, image, model)

    assert deployment_log.previous(read(tmp_path), STAGING, "1").image == "a"


@pytest.mark.parametrize("images", [[], ["a"], ["a", "a"]])
def test_without_another_image_no_rollback_is_possible(tmp_path, images):
    for image in images:
        deployed(tmp_path, image)

    with pytest.raises(UserError, match="make deploy DO=list"):
        deployment_log.previous(read(tmp_path), STAGING)
