"""The one exception that users see."""


class UserError(Exception):
    """A mistake in data, parameters or environment; the message has place, count, example and next step.

    Commands print it without a traceback and exit with 1.
    """
