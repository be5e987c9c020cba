"""What depends on the kind of target: metrics, decisions, calibration and how two models are compared."""
