"""The schemas of Kubernetes."""

import warnings

import pytest


def problems(thing):
    """The violations of an object against the schemas of the newest known Kubernetes version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        validate = pytest.importorskip("kubernetes_validate", reason="not installed: make setup")
        try:
            validate.validate(thing, validate.latest_version(), strict=True)
        except validate.ValidationError as error:
            return f"{thing['kind']} {'/'.join(map(str, error.path))}: {error.message}"
    return ""
