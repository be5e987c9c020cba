"""Guarantees of append: the line is in the file or the caller gets an error, and no line is incomplete."""

import errno
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager

import pytest

from ml.prediction_log import segments
from ml.settings.log import Log
from serving.log_writer import LogUnavailable, PredictionLog


def lines(directory):
    return [
        line
        for path in segments.listed(directory, segments.OPEN, segments.CLOSED)
        for line in segments.whole(path.read_bytes())[0]
    ]


@pytest.fixture
def make(tmp_path):
    """A log in tmp_path/logs with some settings; closed at the end."""
    logs = []

    def make(**settings):
        logs.append(PredictionLog(tmp_path / "logs", Log(**settings)))
        return logs[-1]

    yield make
    for log in logs:
        log.close()


@pytest.mark.parametrize("fsync", ["none", "batch", "always"])
def test_lines_are_in_the_file_when_append_returns(make, tmp_path, fsync):
    log = make(fsync=fsync, fsync_ms=1)

    log.append(b'{"n": 1}')
    log.append(b'{"n": 2}')

    assert lines(tmp_path / "logs") == [b'{"n": 1}', b'{"n": 2}']


def test_a_closed_log_leaves_a_closed_segment_and_an_unused_log_none(make, tmp_path):
    used, _ = make(), make().close()

    used.append(b"{}")
    used.close()

    assert len(segments.listed(tmp_path / "logs", segments.CLOSED)) == 1
    assert segments.listed(tmp_path / "logs", segments.OPEN) == []


def test_a_segment_is_closed_when_it_is_full(make, tmp_path):
    log = make(segment_mb=0.001)

    for _ in range(10):
        log.append(b"x" * 500)

    assert len(segments.listed(tmp_path / "logs", segments.CLOSED)) == 4
    assert len(lines(tmp_path / "logs")) == 10


def test_an_old_segment_is_closed_without_a_request(make, tmp_path):
    log = make(segment_seconds=0.05)

    log.append(b"{}")
    deadline = time.monotonic() + 10
    while segments.listed(tmp_path / "logs", segments.OPEN) and time.monotonic() < deadline:
        time.sleep(0.01)

    assert len(segments.listed(tmp_path / "logs", segments.CLOSED)) == 1


def test_threads_may_append_to_one_log(make, tmp_path):
    log = make(segment_mb=0.01)

    def append(n):
        for i in range(500):
            log.append(b"%d-%d" % (n, i))

    threads = [threading.Thread(target=append, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(lines(tmp_path / "logs")) == sorted(b"%d-%d" % (n, i) for n in range(4) for i in range(500))


def test_backlog_counts_bytes_until_they_are_shipped(make, tmp_path):
    log = make()
    log.append(b"1234")
    log.close()

    before = log.backlog()
    segments.finish(*segments.listed(tmp_path / "logs", segments.CLOSED), 0)

    assert (before, log.backlog()) == (5, 0)


def test_a_line_with_a_newline_is_refused(make, tmp_path):
    log = make()

    with pytest.raises(ValueError, match="newline"):
        log.append(b"{}\n{}")

    assert lines(tmp_path / "logs") == []


def test_a_deleted_directory_refuses_and_recovers_when_it_is_back(make, tmp_path):
    log = make()
    log.append(b"1")
    for path in (tmp_path / "logs").iterdir():
        path.unlink()
    (tmp_path / "logs").rmdir()

    with pytest.raises(LogUnavailable, match="No such file or directory"):
        log.append(b"2")
    with pytest.raises(LogUnavailable):
        log.check()
    (tmp_path / "logs").mkdir()
    log.append(b"3")
    log.check()

    assert lines(tmp_path / "logs") == [b"3"]


def test_a_deleted_segment_is_replaced_before_the_line_is_acknowledged(make, tmp_path):
    log = make()
    log.append(b"1")
    segments.listed(tmp_path / "logs", segments.OPEN)[0].unlink()

    log.append(b"2")

    assert lines(tmp_path / "logs") == [b"2"]


def test_with_count_serving_continues_and_missing_lines_are_counted(make, tmp_path):
    log = make(unavailable="count")
    (tmp_path / "logs").rmdir()

    log.append(b"1")
    log.append(b"2")
    missing = log.missing
    (tmp_path / "logs").mkdir()
    log.append(b"3")

    assert (missing, log.missing) == (2, 2)
    assert lines(tmp_path / "logs") == [b"3"]


@pytest.mark.slow
def test_a_line_that_fits_only_in_part_is_removed_and_refused():
    program = """
import resource, sys
from pathlib import Path
from serving.log_writer import LogUnavailable, PredictionLog
log = PredictionLog(Path(sys.argv[1]))
log.append(b"a" * 600)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
try:
    log.append(b"b" * 600)
except LogUnavailable as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append(b"c" * 600)
print([len(path.read_bytes()) for path in Path(sys.argv[1]).glob("*.jsonl.open")])
print([path.read_bytes().count(b"b") for path in Path(sys.argv[1]).glob("*.jsonl.open")])
"""
    done = in_a_process_of_its_own(program)

    assert "399 of 601 bytes" in done[0]
    assert done[1:] == ["[1202]", "[0]"]


@contextmanager
def small_disk(place, size):
    """A disk of so many bytes, as `mount` writes them, at `place`; skips the test if it cannot be mounted."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted as root")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["refuse", "count"])
def test_a_full_disk_loses_no_acknowledged_line_and_logging_resumes_with_space(tmp_path, policy):
    with small_disk(tmp_path / "disk", "256k") as disk:
        (disk / "other").write_bytes(b"x" * 100_000)
        log = PredictionLog(disk / "logs", Log(unavailable=policy))
        acknowledged, errors = [], []
        for n in range(400):
            line = json.dumps({"n": n, "x": "y" * 997}).encode()
            if n == 300:
                (disk / "other").unlink()
            try:
                missing = log.missing
                log.append(line)
                acknowledged += [line] if log.missing == missing else []
            except LogUnavailable as error:
                errors.append(error.errno)

        assert lines(disk / "logs") == acknowledged
        assert len(errors) + log.missing == 400 - len(acknowledged)
        assert set(errors) <= {errno.ENOSPC}
        assert (len(errors) > 0, log.missing > 0) == (policy == "refuse", policy == "count")
        assert json.loads(acknowledged[-1])["n"] >= 300
        log.close()


def test_a_full_disk_is_not_ready_until_there_is_space_and_the_probe_leaves_nothing(tmp_path):
    with small_disk(tmp_path / "disk", "2m") as disk:
        log = PredictionLog(disk / "logs", Log())
        log.append(b"{}")
        log.check()
        (disk / "other").write_bytes(b"x" * 1_500_000)
        with pytest.raises(LogUnavailable, match="No space left"):
            log.check()
        (disk / "other").unlink()
        log.check()

        assert lines(disk / "logs") == [b"{}"]
        assert len(list((disk / "logs").iterdir())) == 1
        log.close()


@pytest.mark.slow
def test_a_dead_workers_segment_is_closed_without_its_incomplete_line_and_a_living_ones_is_kept(tmp_path):
    living = PredictionLog(tmp_path)
    living.append(b"1")
    program = "import os, sys; from serving.log_writer import PredictionLog; from pathlib import Path\n"
    program += "log = PredictionLog(Path(sys.argv[1])); log.append(b'2'); os.write(log._handle, b'{torn'); os._exit(9)"
    subprocess.run([sys.executable, "-c", program, tmp_path], check=False)

    found = segments.close_abandoned(tmp_path)

    assert found == segments.Closed(segments=1, torn=1)
    assert [path.read_bytes() for path in segments.listed(tmp_path, segments.CLOSED)] == [b"2\n"]
    assert [path.read_bytes() for path in segments.listed(tmp_path, segments.OPEN)] == [b"1\n"]
    living.close()


@pytest.mark.slow
def test_the_server_needs_no_pandas_to_log():
    imports = "import sys, serving.log_writer, ml.prediction_log.segments"
    program = f"{imports}; print(sorted({{'pandas', 'pyarrow', 'psycopg'}} & set(sys.modules)))"

    assert in_a_process_of_its_own(program) == ["[]"]


def in_a_process_of_its_own(program):
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-c", program, directory]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
