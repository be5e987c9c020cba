"""The one exception that users see."""


class UserError(Exception):
    """A mistake in data, parameters or environment; the message has place, count, example and next step.

    Commands print it without a traceback and exit with 1.
    """


def entry(error: UserError) -> str:
    """The entry of the runbook about errors of the package that raised this one, `docs/runbook.md#errors-data`."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return section(frame.tb_frame.f_globals.get("__name__", "") if frame else "")


def section(module: str) -> str:
    """The entry of the runbook about errors of a module; empty for a module outside of ml."""
    package, _, rest = module.partition(".")
    return f"docs/runbook.md#errors-{rest.partition('.')[0]}" if package == "ml" and rest else ""
