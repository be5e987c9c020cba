"""The target's column in a table: its allowed values and its summary. `validate` and `prepare` need no metric."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ml.data.moments import Moments, moments, rounded, spread
from ml.io.markdown import cell
from ml.io.text import figure
from ml.settings.data import Data, Target
from ml.tasks import two_words
from ml.tasks.kinds import BINARY, MULTICLASS, REGRESSION


@dataclass(frozen=True)
class Strange:
    """The rows whose target has no allowed value, the rule that they break, and their values."""

    rule: str
    rows: pd.Series  # of bool
    what: str


class TargetColumn(Protocol):
    """The properties of a kind of target before a model is trained."""

    rate: str  # the share in validate.target_rate, as text; empty if it does not apply

    def yes(self, column: pd.Series) -> pd.Series | None:
        """The rows with the value whose share is the rate; None for other targets."""
        ...

    def strange(self, column: pd.Series) -> Strange | None:
        """Rows with values outside the contract; None if only the whole table shows them."""
        ...

    def known(self, others: list[str]) -> list[str]:
        """The two values of a target with two, given the other values in a table; none for other targets."""
        ...

    def summed(self, column: pd.Series) -> Any:
        """The summary of some rows, which can be added: a number, a series by class, or moments."""
        ...

    def summary(self, total: Any, rows: int) -> dict[str, Any]:
        """The entries of build/profile.json, from the sum over all rows."""
        ...


class TwoValueColumn:
    """The column of a target with two values."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self.rate = f"{data.target.name} is {data.target.positive}"

    def yes(self, column: pd.Series) -> pd.Series:
        """The rows with the positive value."""
        return two_words.positive(column, self._data)

    def strange(self, column: pd.Series) -> None:
        """None: any second value is the negative one."""

    def known(self, others: list[str]) -> list[str]:
        """The positive value, and the first other one."""
        return [str(self._data.target.positive), *others[:1]]

    def summed(self, column: pd.Series) -> int:
        """The number of positive rows."""
        return int(self.yes(column).sum())

    def summary(self, total: int, rows: int) -> dict[str, Any]:
        """The share of positive rows."""
        return {"positive": rounded(total / rows)}


class _Plain:
    """Targets whose every value the contract knows."""

    rate = ""

    def __init__(self, data: Data) -> None:
        self._target: Target = data.target

    def yes(self, column: pd.Series) -> None:
        """None: no value is the positive one."""

    def known(self, others: list[str]) -> list[str]:  # noqa: ARG002
        """None: the contract lists all values."""
        return []


class ClassColumn(_Plain):
    """The column of a target with several classes."""

    def strange(self, column: pd.Series) -> Strange:
        """Rows with none of the classes."""
        wrong = column.notna() & ~column.isin(self._target.classes)
        return Strange("expect_known_classes", wrong, "none of the classes of the contract")

    def summed(self, column: pd.Series) -> pd.Series:
        """The number of rows of each class."""
        return column.value_counts()

    def summary(self, total: pd.Series, rows: int) -> dict[str, Any]:  # noqa: ARG002
        """The share of each class."""
        every = max(1, total.sum())
        return {"classes": {name: rounded(total.get(name, 0) / every) for name in self._target.classes}}


class NumberColumn(_Plain):
    """The column of a target that is a number."""

    def strange(self, column: pd.Series) -> Strange:
        """Rows with no finite number."""
        number = pd.to_numeric(column, errors="coerce").astype("float64")
        wrong = column.notna() & ~np.isfinite(number)
        return Strange("expect_numbers", wrong, "no number")

    def summed(self, column: pd.Series) -> Moments:
        """The moments of the numbers."""
        return moments(pd.to_numeric(column))

    def summary(self, total: Moments, rows: int) -> dict[str, Any]:  # noqa: ARG002
        """Mean and standard deviation."""
        return spread(total)


COLUMNS = {BINARY.name: TwoValueColumn, MULTICLASS.name: ClassColumn, REGRESSION.name: NumberColumn}


def column_of(data: Data) -> TargetColumn:
    """The target's column of this contract."""
    return COLUMNS[data.target.task](data)


def in_words(profile: dict[str, Any]) -> str:
    """The target's entries of a profile in a few words of Markdown."""
    if "positive" in profile:
        return f"{profile['positive']:.1%} positive"
    if "classes" in profile:
        return ", ".join(f"{share:.1%} {cell(name)}" for name, share in profile["classes"].items())
    return f"mean {figure(profile['mean'])}, standard deviation {figure(profile['std'])}"


def in_figures(profile: dict[str, Any]) -> dict[str, str]:
    """The target's entries of a profile as figures by name."""
    flat = {"positive share": f"{profile['positive']:.2%}"} if "positive" in profile else {}
    flat |= {f"share of {name}": f"{share:.2%}" for name, share in profile.get("classes", {}).items()}
    return flat | {f"target: {name}": f"{profile[name]:.4g}" for name in ("mean", "std") if name in profile}
