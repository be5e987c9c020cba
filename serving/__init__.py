"""The HTTP server of a model: requests, answers, the prediction log and metrics."""
