"""Types that a model file may hold, each reviewed by hand: loading them runs no code from the file.

skops trusts the estimators of scikit-learn and plain values; these are the other types within estimators. Search trees
for neighbours are read without bounds checks: a forged one can crash the process that scores with it, but cannot run
code. `tree_checks` checks all other trees.
"""

MODEL = ("boosters.Booster", "boosters.ValueBooster", "calibration.Calibrated", "features.Made", "features.Words")
KERNELS = ("ConstantKernel", "DotProduct", "Exponentiation", "ExpSineSquared", "Matern", "Product", "RationalQuadratic")
DISTANCES = ("Chebyshev", "Euclidean", "Manhattan", "Minkowski")
TRUSTED = frozenset(
    {
        *(f"ml.model.{name}" for name in MODEL),
        "numpy.dtype",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        *(f"sklearn.gaussian_process.kernels.{name}" for name in (*KERNELS, "RBF", "Sum", "WhiteKernel")),
        "sklearn.impute._iterative.IterativeImputer",
        "sklearn.impute._iterative._ImputerTriplet",
        *(f"sklearn.metrics._dist_metrics.{name}Distance64" for name in DISTANCES),
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    }
)
