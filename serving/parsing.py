"""Requests of /predict and /invocations as rows that meet the contract, with bounded cost for any body."""

from collections.abc import Callable
from itertools import islice
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_core import from_json

from ml.io.text import counted
from serving import invocations, problems, request_model
from serving.bodies import INLINE_BYTES, INLINE_VALUES, measured
from serving.events import Refused
from serving.problems import SHOWN_PROBLEMS
from serving.request_model import Body

TOGETHER = 300  # values that are checked in one step, which lists all their errors in about a millisecond
SPARE = 10  # factor of the limit of values if unknown columns are ignored


class Parser:
    """The parsers of one contract and limit of rows."""

    def __init__(self, body: Body, max_rows: int, unknown: Literal["refuse", "ignore"]) -> None:
        self._body, self.max_rows, self._refuses = body, max_rows, unknown == "refuse"
        self.example = request_model.example(body.data)
        self._names = {body.data.id, *body.data.columns}
        width = len(self._names)
        self._widest = width + SHOWN_PROBLEMS
        self._most = (max_rows + 1) * (width + 2) + 8  # `dataframe_split` has an index as well
        if not self._refuses:
            self._most *= SPARE
        self._what = f"{counted(max_rows, 'row')} of {counted(width, 'column')}"

    def predict(self, content: bytes) -> Any:
        """A body of /predict; raises ValidationError or Refused with the first errors."""
        values = content.count(b",") if len(content) <= INLINE_BYTES else INLINE_VALUES + 1
        if values <= min(INLINE_VALUES, content.count(b"{") * self._widest):
            try:
                return self._body.quick.validate_json(content)
            except ValidationError:
                pass  # read again below: as text, or with reports for several rows
        measured(content, self._most, self._what)
        try:
            value = from_json(content)
        except ValueError:
            return self._body.adapter.validate_json(content)  # gives the same error in the contract's terms
        rows = value.get("rows") if isinstance(value, dict) else None
        if isinstance(rows, list) and len(value) == 1 and 1 <= len(rows) <= self.max_rows:
            return {"rows": self._checked(rows)}
        return self._body.adapter.validate_python(self._outline(value))

    def invocation(self, kind: str) -> Callable[[bytes], list[dict[str, Any]]]:
        """The parser of a body of this content type; it raises Refused with the first errors."""

        def parse(content: bytes) -> list[dict[str, Any]]:
            measured(content, self._most, self._what, json=kind != invocations.CSV)
            return self._checked(invocations.rows_of(content, kind, self._body.data, self.max_rows))

        return parse

    def _checked(self, rows: list[Any]) -> list[dict[str, Any]]:
        step, checked = max(1, TOGETHER // len(self._names)), []
        for start in range(0, max(len(rows), 1), step):
            some = [self._short(row) for row in rows[start : start + step]]
            try:
                checked += self._body.rows.validate_python(some)
            except ValidationError as error:
                raise Refused(422, "contract", problems.problems(error, self._body.data, start)) from None
        return checked

    def _short(self, row: Any) -> Any:
        """A row with as many unknown columns as a refusal lists; the others are not needed for the refusal."""
        if not self._refuses or not isinstance(row, dict) or len(row) <= self._widest:
            return row
        known = {name: value for name, value in row.items() if name in self._names}
        unknown = ((name, value) for name, value in row.items() if name not in self._names)
        return known | dict(islice(unknown, SHOWN_PROBLEMS))

    def _outline(self, value: Any) -> Any:
        """A shortened body for the error that it is not a list of 1 to so many rows."""
        if not isinstance(value, dict):
            return value
        cut = dict(islice(value.items(), SHOWN_PROBLEMS))
        if isinstance(rows := value.get("rows"), list):
            fits = len(rows) <= self.max_rows
            cut["rows"] = [self._short(row) for row in rows[:1]] if fits else [None] * (self.max_rows + 1)
        return cut
