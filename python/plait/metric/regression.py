"""Metrics of predicted numbers and vectors."""

import math

import numpy as np

from .base import EvalMetric, alias, as_list, as_numpy, check_label_shapes, register

__all__ = [
    "MAE",
    "MSE",
    "RMSE",
    "MeanPairwiseDistance",
    "MeanCosineSimilarity",
    "PearsonCorrelation",
]


class _Error(EvalMetric):
    def __init__(self, name=None, output_names=None, label_names=None):
        super().__init__(name or type(self).__name__.lower(), output_names, label_names)

    def _measure(self, label, pred):
        label = label.reshape(-1, 1) if label.ndim == 1 else label
        pred = pred.reshape(-1, 1) if pred.ndim == 1 else pred
        return self._error(label - pred), 1


@register
class MAE(_Error):
    """Mean absolute error, averaged over batches."""

    def _error(self, difference):
        return np.abs(difference).mean()


@register
class MSE(_Error):
    """Mean squared error, averaged over batches."""

    def _error(self, difference):
        return np.square(difference).mean()


@register
class RMSE(_Error):
    """Root of the mean squared error of each batch, averaged over batches."""

    def _error(self, difference):
        return math.sqrt(np.square(difference).mean())


@register
class MeanPairwiseDistance(EvalMetric):
    """Mean of the p-norm of ``label - pred`` along the last axis."""

    def __init__(self, name="mpd", output_names=None, label_names=None, p=2):
        super().__init__(name, output_names, label_names, p=p)
        self.p = p

    def _measure(self, label, pred):
        gaps = np.abs(label - pred) ** self.p
        distances = gaps.reshape(-1, gaps.shape[-1]).sum(axis=1) ** (1.0 / self.p)
        return distances.sum(), distances.size


@register
@alias("cos_sim")
class MeanCosineSimilarity(EvalMetric):
    """Mean of the cosine between label and prediction along the last axis."""

    def __init__(self, name="cos_sim", output_names=None, label_names=None, eps=1e-8):
        super().__init__(name, output_names, label_names, eps=eps)
        self.eps = eps

    def _measure(self, label, pred):
        label, pred = np.atleast_2d(label), np.atleast_2d(pred)
        norms = np.linalg.norm(pred, axis=-1) * np.linalg.norm(label, axis=-1)
        cosines = (label * pred).sum(axis=-1) / np.maximum(norms, self.eps)
        return cosines.sum(), cosines.size


@register
@alias("pearsonr")
class PearsonCorrelation(EvalMetric):
    """Pearson's correlation of labels and predictions.

    Parameters
    ----------
    average : {'macro', 'micro'}
        Mean over batches, or of all batches together (without keeping them: Chan, Golub, LeVeque,
        American Statistician 37, 1983).
    """

    def __init__(self, name="pearsonr", output_names=None, label_names=None, average="macro"):
        self.average = average
        super().__init__(name, output_names, label_names, average=average)

    def reset(self):
        """Forget all batches."""
        super().reset()
        # Number, means of label and prediction, and sums of products of the deviations.
        self._count, self._means, self._products = 0, np.zeros(2), np.zeros((2, 2))

    def update(self, labels, preds):
        """Add one batch: arrays, or lists of arrays."""
        labels, preds = check_label_shapes(as_list(labels), as_list(preds))
        for label, pred in zip(labels, preds, strict=True):
            check_label_shapes(label, pred, shape=True)
            pair = np.stack([as_numpy(label).ravel(), as_numpy(pred).ravel()]).astype("float64")
            if self.average == "macro":
                self._add(float(np.corrcoef(pair)[0, 1]), 1)
            else:
                self._merge(pair)
                self._add(0.0, 1)

    def _merge(self, pair):
        count = pair.shape[1]
        means = pair.mean(axis=1)
        deviations = pair - means[:, None]
        gap, total = means - self._means, self._count + count
        self._products += deviations @ deviations.T
        self._products += np.outer(gap, gap) * (self._count * count / total)
        self._means += gap * (count / total)
        self._count = total

    def _value(self, total, count):
        if self.average == "macro" or not count:
            return super()._value(total, count)
        squares = math.sqrt(self._products[0, 0] * self._products[1, 1])
        return float(self._products[0, 1] / squares) if squares else float("nan")
