"""The encoder from rows of features to the input of a compiled estimator."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml.model import columns, feature_code
from ml.model.word_columns import hashed
from ml.settings import feature_source
from ml.settings.data import Category, Number

KINDS = ("numbers", "categories", "means", "words")  # of columns that the estimator gets
Rows = Sequence[Mapping[str, Any]]
Arrays = Mapping[str, np.ndarray]  # columns of shape (rows,): float64 with NaN, or objects with None, where missing


class Encoder:
    """Imputes and scales numbers in float64 and encodes levels, like the fitted preprocessing."""

    def __init__(self, form: Mapping[str, Any], known: Mapping[str, Number | Category]) -> None:
        self._numbers = [(n["name"], n["missing"], n["mean"], n["scale"]) for n in form["numbers"]]
        self._levels = []
        self._source = form.get("features", "")
        made = feature_source.made(self._source)
        names = [c["name"] for kind in KINDS for c in form.get(kind, ()) if c["name"] not in made]
        self._names = [*dict.fromkeys([*names, *known])]  # made columns may need columns that the model does not use
        self._floats = {n["name"] for n in form["numbers"]} | {n for n, c in known.items() if isinstance(c, Number)}
        feature_code.loaded(self._source)  # raises UserError for a text that was not reviewed here
        self._width = len(self._numbers)
        for category in form["categories"]:
            places = {level: self._width + i for i, level in enumerate(category["levels"])}
            self._levels.append((category["name"], places.get(category["missing"]), places))
            self._width += len(places)
        self._gaps = [(name, self._width + i) for i, name in enumerate(form.get("missing", ()))]
        self._width += len(self._gaps)
        self._means = []
        for mean in form.get("means", ()):
            inputs = _Means(mean["levels"], mean["missing"], mean["unknown"])
            self._means.append((mean["name"], slice(self._width, self._width + inputs.size), inputs))
            self._width += inputs.size
        self._texts = []
        for text in form.get("words", ()):
            self._texts.append((text["name"], slice(self._width, self._width + text["size"]), text["size"]))
            self._width += text["size"]

    def encode(self, rows: Rows) -> np.ndarray:
        """The estimator's input; shape (rows, columns), float64."""
        flat: list[float] = []
        blank = [0.0] * (self._width - len(self._numbers))
        start = 0
        for row in self._made(rows):
            for name, missing, mean, scale in self._numbers:
                value = row.get(name)
                flat.append(((missing if value is None or value != value else value) - mean) / scale)  # noqa: PLR0124
            flat += blank
            for name, missing, places in self._levels:
                value = row.get(name)
                place = missing if value is None else places.get(value)
                if place is not None:  # a level that was unknown in training is all zeros
                    flat[start + place] = 1.0
            for name, place in self._gaps:
                value = row.get(name)
                if value is None or value != value:  # noqa: PLR0124
                    flat[start + place] = 1.0
            for name, own, inputs in self._means:
                flat[start + own.start : start + own.stop] = inputs[row.get(name)]
            for name, own, size in self._texts:
                flat[start + own.start : start + own.stop] = hashed(row.get(name), size)
            start += self._width
        return np.array(flat, dtype="float64").reshape(len(rows), self._width)

    def encode_table(self, table: Arrays) -> np.ndarray:
        """The same input, from columns; shape (rows, columns), float64."""
        if self._source:
            given = columns.Columns(self._names, table.__getitem__)
            table = {**table, **feature_code.made(self._source, given)}
        found = np.zeros((len(next(iter(table.values()))), self._width))
        for column, (name, missing, mean, scale) in enumerate(self._numbers):
            values = table[name]
            found[:, column] = (np.where(np.isnan(values), missing, values) - mean) / scale
        rows = np.arange(len(found))
        for name, missing, places in self._levels:
            place = np.fromiter(map(_Places(places, missing).__getitem__, table[name].tolist()), "int64", len(found))
            known = place >= 0
            found[rows[known], place[known]] = 1.0
        for name, place in self._gaps:
            values = table[name]
            found[:, place] = np.isnan(values) if values.dtype == float else [value is None for value in values]
        for name, own, inputs in self._means:
            found[:, own] = [inputs[value] for value in table[name].tolist()]
        for name, own, size in self._texts:
            for row, text in enumerate(table[name].tolist()):
                found[row, own] = hashed(text, size)
        return found

    def _made(self, rows: Rows) -> Rows:
        """The rows with the columns that the model's src/features.py makes."""
        if not self._source:
            return rows
        found = feature_code.made(self._source, columns.of_rows(rows, self._names, self._floats))
        full = [{**row} for row in rows]
        for name, values in found.items():
            for row, value in zip(full, values.tolist(), strict=True):
                row[name] = value
        return full


class _Means(dict):
    """The inputs of each level, `size` each; those of all rows for a level that was unknown in training."""

    def __init__(self, levels: Mapping[str, list[float]], missing: str, unknown: list[float]) -> None:
        super().__init__({**levels, None: levels.get(missing, unknown)})
        self._unknown, self.size = unknown, len(unknown)

    def __missing__(self, _: Any) -> list[float]:
        return self._unknown


class _Places(dict):
    """The column of each level; -1 for a level that was unknown in training."""

    def __init__(self, places: Mapping[str, int], missing: int | None) -> None:
        super().__init__({**places, None: -1 if missing is None else missing})

    def __missing__(self, _: Any) -> int:
        return -1
