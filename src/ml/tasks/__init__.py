"""Code that depends on the kind of target: metrics, decisions, calibration and the comparison of two models."""
