"""The record that `prepare` writes, build/profile.json; reports read it here and on the base branch."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from ml.io.saved import SavedRecord


class ColumnProfile(BaseModel):
    """A feature: its missing share, and mean and deviation, or the share of each level."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    missing: float
    mean: float | None = None
    std: float | None = None
    levels: dict[str, float | None] | None = None


class ProfileRecord(SavedRecord):
    """Figures of a table: the target has a share of positive rows, a share of each class, or mean and deviation."""

    rows: int
    period: tuple[str, str] | None
    columns: dict[str, ColumnProfile]
    positive: float | None = None
    classes: dict[str, float] | None = None
    mean: float | None = None
    std: float | None = None

    def plain(self) -> dict[str, Any]:
        """The fields for this kind of target and column."""
        return self.model_dump(mode="json", exclude_unset=True)
