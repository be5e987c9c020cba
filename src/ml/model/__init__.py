"""The model: features, estimators, storage, compiled form, predictor, search, importance and lineage."""
