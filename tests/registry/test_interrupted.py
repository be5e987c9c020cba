"""Every command that changes the registry, interrupted at every write: the same command again completes the change."""

import shutil

import pytest

from ml.deployment import deployment_log, environments, images
from ml.deployment.deployment_log import DEPLOYED, Where
from ml.io import files
from ml.registry import branch, registry, view
from ml.registry.embedded_home import Embedded
from ml.settings.params import read_params
from ml.stages import promote, register, registry_prune, rollback
from tests.conftest import SAMPLE
from tests.registry.conftest import MLFLOW
from tests.registry.faults import full_disk, killed, torn, writes
from tests.registry.test_hostile_branch import git, model

pytestmark = pytest.mark.slow

OLD, NEW = "sha256:" + "1" * 64, "sha256:" + "2" * 64
WHERE = Where("staging")


class Machine:
    """An environment whose state is a file with the serving image."""

    def image(self):
        return files.read_bytes(self.place).decode() if self.place.exists() else ""

    def start(self, image, seconds):
        self.next = image

    def settle(self):
        files.write_text(self.next, self.place)

    def recover(self):
        pass

    abandon = recover
    place = files.DEPLOY / "live"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Three versions: the third is champion after the second, the image of each was deployed, and there is a remote."""
    for name in MLFLOW:
        monkeypatch.delenv(name, raising=False)
    for name in ("RUN_ID", "SERVER_URL", "REPOSITORY", "ACTOR"):
        monkeypatch.setenv(f"GITHUB_{name}", "x")
    monkeypatch.setattr(view, "_update", lambda home, *_: files.write_bytes(b"", home / view.DATABASE))
    monkeypatch.setattr(environments, "open_target", lambda *_: Machine())
    monkeypatch.setattr(environments, "smoked", lambda *_: "answers")
    monkeypatch.setattr(images, "pull", lambda _: None)
    monkeypatch.setattr(images, "inspect", lambda image: {"Config": {"Labels": labels[image]}})
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(tmp_path, "init", "-q", "shop")
    git(tmp_path / "shop", "remote", "add", "origin", str(tmp_path / "remote.git"))
    monkeypatch.chdir(tmp_path / "shop")
    shutil.copy(SAMPLE, "params.yaml")
    params = read_params()
    for command in (promote, rollback, registry_prune, register):
        monkeypatch.setattr(command, "read_params", lambda: params)
    home, labels = Embedded("churn"), {}
    for number, (word, image) in enumerate([("one", "sha256:" + "0" * 64), ("two", OLD), ("three", NEW)]):
        entry, folder = model(tmp_path, word)
        home.keep(entry["model"], folder)
        moved = [entry] if number == 0 else [entry, registry.stamped("promote", entry["model"], "")]
        home.change(lambda known, moved=moved: known + moved)
        labels[image] = {environments.MODEL_LABEL: entry["model"]}
        begun = deployment_log.begin(WHERE, image, entry["model"], "")
        home.note(begun)
        home.note(deployment_log.end(begun, DEPLOYED, ""))
    files.write_text(NEW, Machine.place)
    fourth, folder = model(tmp_path, "four")
    fourth["verdict"] |= {"champion": "better", "against": home.state().version(3).model}
    monkeypatch.setattr(register, "_entry", lambda *_: fourth | {"time": registry.stamped("x", "", "")["time"]})
    monkeypatch.setattr(register, "_register", lambda store, entry, _: store.register(entry, folder))
    other = Embedded("churn", tmp_path / "other")  # in another clone, the fourth was promoted and pushed
    shutil.copytree(home.home, other.home)
    other.keep(fourth["model"], folder)
    other.change(lambda known: [*known, fourth, registry.stamped("promote", fourth["model"], "")])
    branch.push(other)
    git(tmp_path / "remote.git", "branch", "-m", "mlflow", "four")
    return home


def deploy():
    params = rollback.read_params()
    return environments.deploy(params, WHERE, OLD, params.deploy.model_copy(update={"steps": ()}))


def ledger_of(home):
    state = home.state()
    return state.aliases, [event.action for event in state.events].count("rollback")


COMMANDS = {
    "promote": (lambda: promote.main(2), ({"champion": 2, "previous": 3}, 0)),
    "rollback": (rollback.main, ({"champion": 2, "previous": 3}, 1)),
    "rollback to": (lambda: rollback.main(to=1), ({"champion": 1, "previous": 3}, 1)),
    "rollback in an environment": (lambda: rollback.main(env="staging"), ({"champion": 2, "previous": 3}, 1)),
    "deploy": (deploy, ({"champion": 3, "previous": 2}, 0)),
    "prune": (lambda: registry_prune.main(0), ({"champion": 3, "previous": 2}, 0)),
    "register": (register.main, ({"champion": 4, "previous": 3}, 0)),
    "pull": (lambda: branch.pull(Embedded("churn")), ({"champion": 4, "previous": 3}, 0)),
    "push": (lambda: branch.push(Embedded("churn")), ({"champion": 3, "previous": 2}, 0)),
}


@pytest.mark.parametrize("fault", [full_disk, killed, torn])
@pytest.mark.parametrize("name", COMMANDS)
def test_an_interrupted_command_is_completed_by_the_same_command(shop, tmp_path, name, fault):
    command, expected = COMMANDS[name]
    if name == "pull":
        git(tmp_path / "remote.git", "branch", "mlflow", "four")
    shutil.copytree(".", tmp_path / "before", symlinks=True)
    count, stopped = writes(command), 0
    for number in range(1, count + 1):
        for place in (".mlflow", ".deploy"):
            shutil.rmtree(place)
            shutil.copytree(tmp_path / "before" / place, place)
        if name == "push" and number > 1:
            git(tmp_path / "remote.git", "update-ref", "-d", "refs/heads/mlflow")
        done = fault(number, command)
        stopped += not done
        if not done:
            command()

        assert ledger_of(shop) == expected, f"write {number} of {count}"
        assert not (shop.home / "unfinished.json").exists()
        image = OLD if name in {"rollback in an environment", "deploy"} else NEW
        assert Machine().image() == image, f"write {number} of {count}"
        history = deployment_log.fold(shop.deployments())
        assert (history[-1].image, {one.outcome for one in history} <= {DEPLOYED, "interrupted"}) == (image, True)
    assert stopped or (name, fault) == ("push", torn)  # whose files git writes
    if name == "prune":
        assert [path.name for path in (shop.home / "models").iterdir() if shop.state().of(path.name).pruned] == []
    if name == "push":
        assert branch.pull(Embedded("churn", tmp_path / "another")).aliases == expected[0]
