"""Turn a function into a command: flags from its signature, progress and time on stderr, errors without traceback."""

import argparse
import errno
import inspect
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ml.io import files
from ml.io.errors import UserError, entry
from ml.io.text import printed

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.EFBIG}
DISK |= {errno.EISDIR, errno.ENOTDIR, errno.EEXIST}  # a folder instead of a file, or the reverse
DISK |= {errno.ENAMETOOLONG, errno.ELOOP}  # a name that cannot be
FULL = re.compile(rf"\[Errno {errno.ENOSPC}\]|{os.strerror(errno.ENOSPC)}|database or disk is full")
INTERRUPTED, TERMINATED = 130, 143  # the exit codes of a command after Ctrl-C and after SIGTERM
TRACEBACK = Path("build/traceback.txt")  # the traceback of the last unexpected exception


class Terminated(KeyboardInterrupt):
    """SIGTERM, which clouds and schedulers send: the command cleans up as after Ctrl-C."""


def say(message: str) -> None:
    """Print one line of progress to stderr immediately; stdout is reserved for results."""
    print(printed(message), file=sys.stderr, flush=True)


def tell(result: str) -> None:
    """Print a result on stdout."""
    print(printed(result), flush=True)


def run(main: Callable[..., int | None]) -> None:
    """Call `main` with the flags of the command line and exit: 0, its own code, 1 for a mistake, 130 on Ctrl-C.

    SIGTERM ends the command in the same way, with 143.
    """
    _catch_signals()
    name = main.__module__.rsplit(".", 1)[-1]
    if name == "__main__":
        spec = getattr(inspect.getmodule(main), "__spec__", None)
        name = spec.name.rsplit(".", 1)[-1] if spec else name
    sys.exit(outcome(main, name, vars(_parser(main, name).parse_args())))


def outcome(main: Callable[..., int | None], name: str, arguments: Mapping[str, Any] = MappingProxyType({})) -> int:
    """Run a command, print its time or its error to stderr, and return the exit code."""
    started = time.perf_counter()
    try:
        code = main(**arguments) or 0
    except UserError as error:
        print(printed(f"\n{name}: {error}"), file=sys.stderr)
        if found := entry(error):
            print(f"{name}: see {found}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        by, code = ("SIGTERM", TERMINATED) if isinstance(error, Terminated) else ("you", INTERRUPTED)
        print(f"\n{name}: stopped by {by}; no incomplete output remains.", file=sys.stderr)
        return code
    except Exception as error:
        if os.environ.get("DEBUG"):
            raise
        print(printed(f"\n{name}: {_sentence(error)}"), file=sys.stderr)
        return 1
    say(f"{name}: {'done' if code == 0 else 'refused'} in {time.perf_counter() - started:.1f} s")
    return code


def _catch_signals() -> None:
    if (known := signal.getsignal(signal.SIGINT)) is signal.SIG_DFL:  # ml.stages has set this for the time of imports
        signal.signal(signal.SIGINT, signal.default_int_handler)
    elif known is signal.SIG_IGN:  # of a background job, whose children must not ignore it
        signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, _terminated)


def _terminated(*_: Any) -> None:
    raise Terminated


def _sentence(error: Exception) -> str:
    """The message for an unexpected exception; except for disk errors, its traceback is written to a file."""
    if isinstance(error, OSError) and error.errno in DISK:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}. Fix this and run the command again; it resumes."
    if FULL.search(str(error)):  # an error that a library derived from it, e.g. shutil.Error
        return f"{os.strerror(errno.ENOSPC)}. Fix this and run the command again; it resumes."
    found = f"stopped by an unexpected error, {type(error).__name__}: {' '.join(str(error).split())[:500]}"
    try:
        details = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace").decode()
        files.write_text(details, TRACEBACK)
    except (OSError, UserError):
        return f"{found}. Run it with DEBUG=1 for the details, and report it."
    return f"{found}. Please report it with the details in {TRACEBACK}."


def _parser(main: Callable[..., int | None], name: str) -> argparse.ArgumentParser:
    text = inspect.getdoc(main) or ""
    parser = argparse.ArgumentParser(f"python -m ml.stages.{name}", description=text)
    for flag, parameter in inspect.signature(main).parameters.items():
        option = f"--{flag.replace('_', '-')}"
        if isinstance(parameter.default, bool):
            parser.add_argument(option, action="store_true", default=parameter.default)
        elif parameter.default is inspect.Parameter.empty:
            parser.add_argument(option, type=parameter.annotation, required=True)
        else:
            kind = type(parameter.default) if parameter.default is not None else str
            parser.add_argument(option, type=kind, default=parameter.default, help=f"default: {parameter.default}")
    return parser
