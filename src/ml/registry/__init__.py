"""The registry of models, in `.mlflow/` or on an MLflow server, and the record of each version."""
