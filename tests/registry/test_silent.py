"""A client gives up on an MLflow server that accepts connections and never responds, with a sentence."""

import socket
import time

import pytest

from ml.io.errors import UserError
from ml.registry import registry, tracking

pytestmark = pytest.mark.slow


def test_a_silent_server_is_given_up_after_the_stated_time(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@127.0.0.1:{server.getsockname()[1]}")
        store = registry.open_registry("churn")
        started = time.monotonic()

        with pytest.raises(UserError, match=r"does not respond: stopped after 1 tries of 1 s") as raised:
            store.state()

    assert time.monotonic() - started < 10
    assert "secret" not in str(raised.value)


def test_the_default_time_is_about_a_minute():
    tries = int(tracking.QUIET["MLFLOW_HTTP_REQUEST_MAX_RETRIES"]) + 1

    assert tries * int(tracking.QUIET["MLFLOW_HTTP_REQUEST_TIMEOUT"]) <= 60
