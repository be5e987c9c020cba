"""Turn a function into a command: flags from its signature, progress and time on stderr, errors without traceback."""

import argparse
import errno
import inspect
import sys
import time
from collections.abc import Callable

from ml.errors import UserError
from ml.text import visible

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE}


def say(message: str) -> None:
    """Print one line of progress on stderr, at once, so that stdout stays for results."""
    print(visible(message), file=sys.stderr, flush=True)


def run(main: Callable[..., int | None]) -> None:
    """Call `main` with the flags of the command line and exit: 0, its own code, 1 for a mistake, 130 on Ctrl-C."""
    name = main.__module__.rsplit(".", 1)[-1]
    if name == "__main__":
        name = inspect.getmodule(main).__spec__.name.rsplit(".", 1)[-1]
    arguments = vars(_parser(main, name).parse_args())
    started = time.perf_counter()
    try:
        code = main(**arguments) or 0
    except UserError as error:
        print(visible(f"\n{name}: {error}"), file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if error.errno not in DISK:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"\n{name}: {where}{error.strerror}. Mend that and give the command again; it goes on.", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"\n{name}: stopped by you; nothing half-written stays behind.", file=sys.stderr)
        sys.exit(130)
    say(f"{name}: {'done' if code == 0 else 'refused'} in {time.perf_counter() - started:.1f} s")
    sys.exit(code)


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
