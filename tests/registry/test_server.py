"""Faults of an MLflow server: each gives a one-sentence message, and no work is lost."""

import socket

import pytest

from ml.io.errors import UserError
from ml.registry import registry, tracking
from tests.registry.conftest import PASSWORD, USER

pytestmark = pytest.mark.slow


@pytest.fixture
def away(monkeypatch, tmp_path):
    """The address of a server that does not exist."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.chdir(tmp_path)
    return uri


def there(monkeypatch, server, password=PASSWORD):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)


def test_a_server_that_is_down_is_named(away, tmp_path):
    with pytest.raises(UserError, match="does not respond") as caught:
        registry.open_registry("churn", tmp_path / ".mlflow").state()

    assert away in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_wrong_password_is_named_and_not_shown(server, monkeypatch, tmp_path):
    there(monkeypatch, server, "not-the-password")

    with pytest.raises(UserError, match="rejects this user and password") as caught:
        registry.open_registry("churn", tmp_path / ".mlflow").state()

    assert "not-the-password" not in str(caught.value)


def test_what_a_server_did_not_accept_is_sent_with_the_next_version(away, server, monkeypatch, tmp_path, fitted):
    home = tmp_path / ".mlflow"
    with pytest.raises(UserError, match="waits in"):
        registry.open_registry("outage", home).register(fitted.entry(1), fitted.folder(1))

    there(monkeypatch, server)
    store = registry.open_registry("outage", home)
    state = store.register(fitted.entry(2), fitted.folder(2))

    assert [store.content(v) for v in state.versions] == [fitted.built(1), fitted.built(2)]


def test_a_password_in_an_address_is_not_shown():
    assert tracking.shown("https://me:secret@mlflow.example:5000/x") == "https://mlflow.example:5000/x"


def test_a_server_needs_no_branch(server, monkeypatch, tmp_path):
    there(monkeypatch, server)

    with pytest.raises(UserError, match="which everyone shares"):
        registry.embedded_home("churn", tmp_path)
