"""A machine-learning pipeline that gates, registers, serves and watches a model."""
