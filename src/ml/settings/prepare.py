"""Settings of the split."""

from typing import Literal

from ml.settings.section import Open, Section


class Prepare(Section):
    """How rows go to the train or the test side."""

    test_share: Open = 0.2
    split_by: Literal["hash", "time"] = "hash"
    salt: str = ""
