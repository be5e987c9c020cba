"""The weight and the entity of each row."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.settings.data import Data


@dataclass(frozen=True)
class Design:
    """The weight and the entity (a number) of each row; arrays of shape (rows,).

    Without weights each row counts once; without entities each row is its own entity.
    """

    weight: np.ndarray | None = None
    entity: np.ndarray | None = None

    @property
    def plain(self) -> bool:
        """Whether there are no weights and no entities."""
        return self.weight is None and self.entity is None

    @property
    def unweighted(self) -> "Design":
        """The same entities, and each row counts once."""
        return Design(None, self.entity)

    def at(self, rows: np.ndarray) -> "Design":
        """The design of some rows, given by a mask or by positions."""
        return Design(*(None if part is None else part[rows] for part in (self.weight, self.entity)))

    def weights(self, rows: int) -> np.ndarray:
        """The weight of each of `rows` rows."""
        return np.ones(rows) if self.weight is None else self.weight

    def summed(self, values: np.ndarray) -> np.ndarray:
        """Values of rows, summed over the rows of each entity; shape (entities, …)."""
        if self.entity is None:
            return values
        found = np.zeros((int(self.entity.max()) + 1, *values.shape[1:]))
        np.add.at(found, self.entity, values)
        return found


PLAIN = Design()


def design_of(frame: pd.DataFrame, data: Data) -> Design:
    """The design of a table in the contract's types: `data.weight` and `data.group`."""
    weight = frame[data.weight].to_numpy("float64") if data.weight else None
    return Design(weight, pd.factorize(frame[data.group])[0] if data.group else None)
