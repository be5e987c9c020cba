"""Settings of the model card."""

from ml.settings.section import Section


class Card(Section):
    """What the model card says in people's words."""

    purpose: str = "Not stated yet: set card.purpose in params.yaml."
    not_for: str = "Anything but the purpose above."
    limits: str = "The model knows what its training rows showed; the gates below say how it did on other rows."
    contact: str = "Whoever owns this repository."
