"""The first days of a registry: what the commands offer next works, and one model has one name everywhere."""

import shutil

import pytest

from ml.io import files, tables
from ml.io.errors import UserError
from ml.model import lineage
from ml.model.lineage import Lineage
from ml.registry import view
from ml.registry.embedded_home import Embedded
from ml.stages import image, promote, rollback
from tests.conftest import ROOT
from tests.registry.conftest import MLFLOW
from tests.registry.test_hostile_branch import model
from tests.serving.server import built, register


@pytest.fixture
def home(tmp_path, monkeypatch, params):
    """An empty registry in an empty folder, without MLflow's database."""
    for name in MLFLOW:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(view, "_update", lambda home, *_: files.write_bytes(b"", home / view.DATABASE))
    monkeypatch.chdir(tmp_path)
    for command in (promote, rollback):
        monkeypatch.setattr(command, "read_params", lambda: params)
    return Embedded("churn")


def test_a_rollback_is_offered_only_where_one_is_possible(home, tmp_path, capsys):
    for word in ("one", "two"):
        entry, folder = model(tmp_path, word)
        home.register(entry, folder)

    promote.main(1)
    first = capsys.readouterr().err
    with pytest.raises(UserError, match="no previous champion"):
        rollback.main()
    promote.main(2)
    second = capsys.readouterr().err
    rollback.main()

    assert "the first one" in first
    assert "make rollback" not in first
    assert "Undo: make rollback" in second
    assert home.state().aliases["champion"] == 1


def test_promote_without_a_version_shows_how_to_name_one(home):
    with pytest.raises(UserError, match=r"^set the version: make promote VERSION=3\. make models lists them\.$"):
        promote.main()


def test_a_release_whose_champion_was_replaced_meanwhile_is_stopped(home, tmp_path):
    """An old run that is started again would deploy its version in place of a newer one."""
    for word in ("one", "two", "three"):
        entry, folder = model(tmp_path, word)
        home.register(entry, folder)

    promote.main(1, check="none")  # the first release: nothing has been champion
    promote.main(1)
    promote.main(1, check="none")  # its second attempt, after the promotion
    promote.main(3, check="1")
    promote.main(3)
    with pytest.raises(UserError, match=r"compared with the champion of its time \(1\), and the champion is 3 now"):
        promote.main(2, check="1")

    assert home.state().aliases["champion"] == 3
    assert [event.action for event in home.state().events] == ["register"] * 3 + ["promote"] * 2


def test_an_image_that_is_built_after_register_names_the_version(home, params, customers, monkeypatch):
    origin = Lineage.model_validate({"commit": None, "changed": [], "data": {"md5": None}})
    monkeypatch.setattr(lineage, "collect", lambda *_: origin)  # reads the records of a whole build
    built(files.MODEL, customers, params)
    tables.write_table(customers.head(20), files.TEST)
    shutil.copytree(ROOT / "src" / "locks", "src/locks")

    before = image._gather(None, params)
    register(home, files.MODEL)
    after = image._gather(None, params)

    assert (before.version, after.version) == (None, 1)
    assert before.model == after.model == home.state().version(1).model
