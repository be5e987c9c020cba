"""Settings of batch scoring."""

from ml.settings.section import Count, Section, Share


class Score(Section):
    """How `make score` works through a table, and how many broken rows stop it."""

    rows: Count = 50_000
    max_quarantined: Share = 0.05
