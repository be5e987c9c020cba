"""Rollback in an environment: first the image, and the alias only if the image serves."""

import pytest

from ml.deployment import deployment_log, environments
from ml.deployment.deployment_log import DEPLOYED, Where
from ml.io.errors import UserError
from ml.registry import registry
from ml.stages import promote, rollback
from tests.conftest import SAMPLE
from tests.registry.conftest import MLFLOW

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(fitted, tmp_path, monkeypatch):
    """Two champions, each deployed to staging; `asked` lists the calls to the machine, `holds` whether they succeed."""
    monkeypatch.chdir(tmp_path)
    for name in MLFLOW:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "params.yaml").write_text(SAMPLE.read_text())
    store = registry.open_registry("churn")
    for number, image in ((1, "old"), (2, "new")):
        model = fitted.entry(number)["model"]
        store.register(fitted.entry(number), fitted.folder(number))
        store.move(registry.stamped("promote", model, ""))
        begun = deployment_log.begin(Where("staging"), image, model, "")
        store.note(begun)
        store.note(deployment_log.end(begun, DEPLOYED, ""))
    store.asked, store.holds = [], True

    def deploy(params, where, image, rule):  # what happens on the machine is tried in tests/container
        store.asked.append((where.env, image, rule.steps))
        return store.holds

    monkeypatch.setattr(environments, "deploy", deploy)
    return store


def champion(store):
    return store.state().named("champion").number


def test_image_and_champion_are_rolled_back_together(shop):
    assert rollback.main(env="staging", reason="complaints") == 0

    assert shop.asked == [("staging", "old", ())]
    assert champion(shop) == 1
    assert shop.state().events[-1].reason == "complaints"


def test_the_champion_stays_when_the_image_does_not_serve(shop):
    shop.holds = False

    assert rollback.main(env="staging") == 1

    assert champion(shop) == 2


def test_a_deployed_version_can_be_chosen(shop):
    assert rollback.main(env="staging", to=1) == 0

    assert shop.asked == [("staging", "old", ())]


def test_a_version_that_was_never_deployed_there_is_refused(shop):
    with pytest.raises(UserError, match="production"):
        rollback.main(env="production", to=1)

    assert shop.asked == []
    assert champion(shop) == 2


@pytest.fixture
def pruned(shop, fitted):
    """The same with a third champion; the files of version 1 were pruned."""
    shop.register(fitted.entry(3), fitted.folder(3))
    shop.move(registry.stamped("promote", shop.state().version(3).model, ""))
    shop.prune([registry.stamped("prune", shop.state().version(1).model, "")])
    return shop


@pytest.mark.parametrize(
    "act",
    [lambda: promote.main(1), lambda: rollback.main(to=1), lambda: rollback.main(env="staging", to=1)],
    ids=["promote", "rollback", "rollback in an environment"],
)
def test_a_version_whose_files_were_pruned_is_refused_and_stays_pruned(pruned, act):
    with pytest.raises(UserError, match=r"its files were pruned. To restore them: `git checkout 000000000000`"):
        act()

    assert pruned.asked == []
    assert champion(pruned) == 3
    assert pruned.state().version(1).pruned


def test_a_pruned_version_that_was_registered_again_is_promoted(pruned, fitted):
    pruned.register(fitted.entry(1), fitted.folder(1))
    promote.main(1)

    assert registry.champion(registry.HOME, "churn").model == fitted.content(1)


def test_without_an_environment_only_the_registry_changes(shop):
    assert rollback.main() == 0

    assert shop.asked == []
    assert champion(shop) == 1
