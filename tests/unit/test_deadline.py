"""A target that accepts data and never responds is abandoned after the time limit."""

import socket
import threading
import time

import pytest

from ml.io.errors import UserError
from ml.prediction_log.deadline import Deadline, Silent
from ml.prediction_log.targets import Bucket, Postgres, Unreachable

SEGMENT = "20260101T000000-1-a-000001"


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setenv("PREDICTION_LOG_TIMEOUT", "0.2")


@pytest.fixture
def silent():
    """The port of a server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.slow
def test_a_silent_postgresql_ends_with_a_sentence(short, silent):
    pytest.importorskip("psycopg")
    started = time.monotonic()

    with pytest.raises(Unreachable, match=r"does not respond: stopped after 0.2 s \(PREDICTION_LOG_TIMEOUT\)"):
        [*Postgres(f"postgresql://user:secret@127.0.0.1:{silent}/db").read(None)]
    assert time.monotonic() - started < 5


@pytest.mark.slow
def test_a_silent_bucket_ends_with_a_sentence_and_leaves_no_thread(short, monkeypatch):
    pytest.importorskip("fsspec")
    place, go = Bucket("memory://bucket"), threading.Event()
    monkeypatch.setattr(place._system, "pipe_file", lambda *_: go.wait(30), raising=False)
    before = threading.active_count()

    for _ in range(3):
        with pytest.raises(Unreachable, match="does not respond"):
            place.send(SEGMENT, b"{}\n")

    assert threading.active_count() <= before + 1
    go.set()
    assert place._deadline.within(lambda: "it answers again") == "it answers again"


@pytest.mark.slow
def test_work_within_its_time_returns_or_raises_as_it_does(short):
    assert Deadline().within(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        Deadline().within(lambda: 1 / 0)
    with pytest.raises(Silent):
        Deadline().within(lambda: time.sleep(1))


@pytest.mark.parametrize("given", ["soon", "0", "-1", "nan", "inf"])
def test_an_invalid_time_is_refused(monkeypatch, given):
    monkeypatch.setenv("PREDICTION_LOG_TIMEOUT", given)

    with pytest.raises(UserError, match="PREDICTION_LOG_TIMEOUT is `"):
        Deadline()
