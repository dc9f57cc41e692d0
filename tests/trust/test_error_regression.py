"""The regression of the log error: what it predicts, and that no row is judged by itself."""

import pytest
import torch

from invlab.runtime import generator
from invlab.trust.error_regression import ErrorRegression, cross_fitted, folds_of


def rows(n=200, noise=0.1):
    draws = generator(0, "rows")
    features = torch.randn(n, 2, generator=draws, dtype=torch.float64)
    z = torch.randn(n, generator=draws, dtype=torch.float64)
    # scatter grows with the first feature
    return features, 3 * features[:, 0] - 1 + noise * features[:, 0].exp() * z


def test_it_finds_the_slope_and_where_the_scatter_is():
    features, logs = rows()
    center, width = ErrorRegression(features, logs)(
        torch.tensor([[-1.5, 0.0], [1.5, 0.0]]).double()
    )
    assert center.tolist() == pytest.approx([-5.5, 3.5], abs=0.4)
    # mean absolute residuals of 0.1 · exp(∓1.5) · |z|
    assert float(width[1]) > 4 * float(width[0])


def test_a_feature_that_never_varies_does_no_harm():
    features, logs = rows()
    features[:, 1] = 2.0
    center, width = ErrorRegression(features, logs)(features)
    assert bool(center.isfinite().all() & width.isfinite().all())


def test_each_row_is_judged_by_rows_of_other_folds():
    features, logs = rows(60)
    fold = folds_of(torch.arange(60))
    _, scores = cross_fitted(features, logs, fold)
    for k in (0, 7):
        others = ErrorRegression(features[fold != k], logs[fold != k])
        center, width = others(features[fold == k])
        assert torch.equal(scores[fold == k], (logs[fold == k] - center) / width)
    # a row's own error moves its score alone by as much
    moved = logs.clone()
    moved[7] += 100
    _, after = cross_fitted(features, moved, fold)
    own = ErrorRegression(features[fold != 7], logs[fold != 7])(features[7:8])[1]
    assert float(after[7] - scores[7]) == pytest.approx(float(100 / own))


def test_the_ridge_weighs_as_much_as_one_row():
    """200 rows bend the slope by half a per cent, the same rows twice by a quarter."""
    features, logs = rows(noise=0.0)
    for copies, share in ((1, 1 / 200), (2, 1 / 400)):
        fitted = ErrorRegression(features.repeat(copies, 1), logs.repeat(copies))(features)[0]
        assert float((fitted - logs).std() / logs.std()) == pytest.approx(share, rel=0.1)
