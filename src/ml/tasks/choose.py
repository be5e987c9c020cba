"""The task of a contract; only this module branches on the kind of target."""

from ml.settings.data import Data
from ml.tasks.binary import Binary
from ml.tasks.multiclass import Multiclass
from ml.tasks.regression import Regression

TASKS = {task.kind: task for task in (Binary, Multiclass, Regression)}
Any = Binary | Multiclass | Regression


def task_of(data: Data) -> Any:
    """The task of this contract's target."""
    return TASKS[data.target.task](data)
