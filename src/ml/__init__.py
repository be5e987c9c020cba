"""A machine-learning pipeline that validates, trains, gates, registers, serves and monitors a model."""
