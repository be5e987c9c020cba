"""The task of a contract; only this module branches on the kind of target."""

from collections.abc import Callable

from ml.settings.data import Data
from ml.tasks.binary import Binary
from ml.tasks.kinds import DecisionRule
from ml.tasks.multiclass import Multiclass
from ml.tasks.regression import Regression
from ml.tasks.task import Task

TASKS: dict[str, Callable[[Data, DecisionRule | None], Task]] = {
    task.kind: task for task in (Binary, Multiclass, Regression)
}


def task_of(data: Data, rule: DecisionRule | None = None) -> Task:
    """The task of this contract's target; `rule` is the rule of its decisions, if it makes any."""
    return TASKS[data.target.task](data, rule)
