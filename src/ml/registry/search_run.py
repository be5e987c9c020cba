"""The MLflow run of a search, with a nested run for each trial."""

from typing import Any

from ml.registry import tracking


class SearchRun:
    """One run, which starts when this object is created."""

    def __init__(self, project: str, model: str, metric: str) -> None:
        self.client, self.metric = tracking.open_client(), f"cv_{metric}"
        with tracking.answered():
            self.experiment = tracking.experiment(self.client, project)
            made = self.client.create_run(self.experiment, run_name=f"tune-{model}")
        self.run = made.info.run_id

    def log(self, trial: Any) -> None:
        """One finished trial."""
        tags = {"mlflow.parentRunId": self.run}
        with tracking.answered():
            child = self.client.create_run(self.experiment, tags=tags, run_name=f"trial-{trial.number}").info.run_id
            for name, value in trial.params.items():
                self.client.log_param(child, f"train.{name}", value)
            self.client.log_metric(child, self.metric, trial.value)
            self.client.set_terminated(child)

    def close(self, best: float | None) -> None:
        """The best value so far, if a trial has finished."""
        with tracking.answered():
            if best is not None:
                self.client.log_metric(self.run, self.metric, best)
            self.client.set_terminated(self.run)
