"""Settings of the model card."""

from ml.settings.section import Section


class Card(Section):
    """The parts of the model card that people write."""

    purpose: str = "Not stated yet: set card.purpose in params.yaml."
    not_for: str = "All other purposes."
    limits: str = "The model reflects its training rows; the gates below show its performance on other rows."
    contact: str = "The owners of this repository."
