"""A registry on a server, interrupted at every write: the same command again completes the change."""

import json
import shutil
from types import SimpleNamespace

import pytest

from ml.registry import ledger, operation, registry, tracking
from ml.registry.server_home import Server
from ml.stages import promote, rollback
from tests.conftest import SAMPLE
from tests.registry.test_hostile_branch import model


class Lost(BaseException):
    """The connection or the process ends here."""


class Client:
    """The part of an MLflow server for one registered model; the nth write fails, before or after it is done."""

    def __init__(self):
        self.versions, self.aliases, self.tags, self.writes, self.at, self.late = [], {}, {}, 0, 0, False

    def search_model_versions(self, *_, **__):
        return Page(self.versions)

    def search_registered_models(self, _):
        return [self.get_registered_model("churn")]

    def get_registered_model(self, _):
        return SimpleNamespace(tags=dict(self.tags), aliases=dict(self.aliases))

    def get_run(self, _):
        return SimpleNamespace(info=SimpleNamespace(artifact_uri="x:"))

    def create_registered_model(self, _):
        pass

    def log_artifacts(self, *_):
        self._write(lambda: None)

    def create_model_version(self, _, source, run, tags):
        version = SimpleNamespace(version=len(self.versions) + 1, tags=tags)
        self._write(lambda: self.versions.append(version))
        return version

    def set_registered_model_tag(self, _, key, text):
        self._write(lambda: self.tags.update({key: text}))

    def delete_registered_model_tag(self, _, key):
        self._write(lambda: self.tags.pop(key))

    def set_registered_model_alias(self, _, alias, number):
        self._write(lambda: self.aliases.update({alias: number}))

    def delete_registered_model_alias(self, _, alias):
        self._write(lambda: self.aliases.pop(alias))

    def _write(self, act):
        self.writes += 1
        if self.writes == self.at and not self.late:
            raise Lost
        act()
        if self.writes == self.at:
            raise Lost


class Page(list):
    token = None


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A server with three versions: the third is champion, the second was champion before."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLE, "params.yaml")
    monkeypatch.setattr(tracking, "record_run", lambda *_: "run")
    monkeypatch.setattr(tracking, "send", lambda *_: 0)
    models = [model(tmp_path, word) for word in ("one", "two", "three", "four")]

    def fresh():
        client = Client()
        monkeypatch.setattr(tracking, "open_client", lambda _: client)
        store = Server("churn", tmp_path / ".mlflow")
        for number, (entry, folder) in enumerate(models[:3]):
            store.register(entry, folder)
            if number:
                store.move(registry.stamped("promote", entry["model"], ""))
        for command in (promote, rollback):
            monkeypatch.setattr(command.registry, "open_registry", lambda *_: store)
        client.writes = 0
        return client, store

    return SimpleNamespace(fresh=fresh, another=models[3])


def register(shop, store):
    entry, folder = shop.another
    state = store.register(entry | {"time": registry.stamped("x", "", "")["time"]}, folder)
    if state.aliases.get(ledger.CHALLENGER):
        asked = {"action": "promote", "version": state.of(entry["model"]).number}
        operation.carried_out(store, operation.begun(store, asked, state.of(entry["model"]), ""))
        store.finish()
    elif operation.waits(store, {"action": "promote", "version": 4}):
        operation.carried_out(store, operation.resumed(store, {"action": "promote", "version": 4}))
        store.finish()


COMMANDS = {
    "promote": (lambda *_: promote.main(2), {"champion": 2, "previous": 3}),
    "rollback": (lambda *_: rollback.main(), {"champion": 2, "previous": 3}),
    "rollback to": (lambda *_: rollback.main(to=1), {"champion": 1, "previous": 3}),
    "register": (register, {"champion": 4, "previous": 3}),
}


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_interrupted_at_any_write_is_completed_by_the_same_command(shop, name, late):
    command, expected = COMMANDS[name]
    client, store = shop.fresh()
    command(shop, store)
    count = client.writes
    for number in range(1, count + 1):
        client, store = shop.fresh()
        client.at, client.late = number, late
        with pytest.raises(Lost):
            command(shop, store)
        if late and number == count:
            continue  # nothing was left to do
        command(shop, store)

        state = store.state()
        assert state.aliases == expected, f"write {number} of {count}"
        assert [event.action for event in state.events].count("rollback") == name.startswith("rollback")
        assert store.unfinished() is None
    assert count > 3


def test_an_invalid_tag_of_another_writer_is_named_and_the_rest_is_used(shop, capsys):
    client, store = shop.fresh()
    client.tags["ledger.x"] = json.dumps({"action": "prune", "model": "../../src"})
    client.tags["monitoring.x"] = "not json"
    client.versions.append(SimpleNamespace(version=9, tags={"ledger.entry": "[]"}))

    assert store.state().aliases == {"champion": 3, "previous": 2}
    assert [version.number for version in store.state().versions] == [1, 2, 3]
    assert store.verdicts() == []
    said = capsys.readouterr().err
    assert "line 1 is refused" in said
    assert "line 1 is damaged and left out" in said
