"""Settings of batch scoring."""

from ml.settings.section import Count, Section, Share


class Score(Section):
    """The chunk size of `make score`, and the share of broken rows that stops it."""

    rows: Count = 50_000
    max_quarantined: Share = 0.05
