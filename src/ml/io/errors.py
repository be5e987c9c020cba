"""The one exception that users see."""


class UserError(Exception):
    """A mistake in data, parameters or environment: the message says where, how many, an example, what to do next.

    Command lines print it without a traceback and exit with code 1.
    """
