"""A child process that answers messages, ends with its parent, and is started again after its end."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ml.io import child
from ml.io.child import Child, Ended

ECHO = """
import os, signal, sys, time
from ml.io.child import answer_all

def answer(message):
    print("a library says something")
    if message == b"end":
        sys.exit(3)
    if message == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if message == b"wait":
        time.sleep(60)
    return message + str(os.getpid()).encode()

answer_all(answer)
"""


@pytest.fixture
def echo(tmp_path, monkeypatch):
    (tmp_path / "echoing.py").write_text(ECHO)
    monkeypatch.syspath_prepend(tmp_path)
    return Child("echoing")


def test_a_child_answers_and_what_it_prints_is_not_its_answer(echo):
    first, second = echo.ask(b"a" * 100_000), echo.ask(b"")

    assert first[:100_000] == b"a" * 100_000
    assert first[100_000:] == second


@pytest.mark.parametrize(("message", "said"), [(b"end", "ended with exit code 3"), (b"crash", "ended by SIGSEGV")])
def test_a_child_that_ends_says_how_and_another_one_answers(echo, message, said):
    before = echo.ask(b"")
    with pytest.raises(Ended, match=said):
        echo.ask(message)

    assert echo.ask(b"") != before


def test_an_interrupted_question_leaves_no_answer_for_the_next(echo, monkeypatch):
    echo.ask(b"")
    with monkeypatch.context() as patch:
        patch.setattr(child, "_received", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            echo.ask(b"first")

    assert echo.ask(b"second").startswith(b"second")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for the process in /proc")
def test_a_child_ends_with_its_parent_however_that_ends(echo):
    code = f"""
    import os, sys
    sys.path.insert(0, {sys.path[0]!r})
    from ml.io.child import Child
    other = Child("echoing")
    print(other.ask(b"").decode(), flush=True)
    os.kill(os.getpid(), 9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)

    assert done.returncode == -9
    for _ in range(100):
        if not Path("/proc", done.stdout.strip()).exists():
            break
        time.sleep(0.1)
    assert not Path("/proc", done.stdout.strip()).exists()
