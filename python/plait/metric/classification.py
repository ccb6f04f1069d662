"""Metrics of predicted classes and probabilities."""

import math

import numpy as np

from .base import EvalMetric, alias, as_list, as_numpy, check_label_shapes, register

__all__ = [
    "Accuracy",
    "TopKAccuracy",
    "BinaryAccuracy",
    "F1",
    "Fbeta",
    "MCC",
    "PCC",
    "Perplexity",
    "CrossEntropy",
    "NegativeLogLikelihood",
]


@register
@alias("acc")
class Accuracy(EvalMetric):
    """Share of samples whose most probable class is the label."""

    def __init__(self, axis=1, name="accuracy", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names, axis=axis)
        self.axis = axis

    def _measure(self, label, pred):
        if pred.shape != label.shape:
            pred = pred.argmax(axis=self.axis)
        pred, label = pred.astype("int64").ravel(), label.astype("int64").ravel()
        check_label_shapes(label, pred)
        return (pred == label).sum(), label.size


@register
@alias("top_k_accuracy", "top_k_acc")
class TopKAccuracy(EvalMetric):
    """Share of samples whose label is among the `top_k` most probable classes."""

    def __init__(self, top_k=1, name="top_k_accuracy", output_names=None, label_names=None):
        if top_k < 2:
            raise ValueError(f"TopKAccuracy: top_k is {top_k}, must be > 1")
        super().__init__(f"{name}_{top_k}", output_names, label_names, top_k=top_k)
        self.top_k = top_k

    def _measure(self, label, pred):
        if pred.ndim != 2:
            raise ValueError(f"TopKAccuracy: pred has shape {pred.shape}, must be (n, classes)")
        check_label_shapes(label, pred)
        top = min(self.top_k, pred.shape[1])
        best = np.argpartition(pred.astype("float32"), -top, axis=1)[:, -top:]
        return (best == label.astype("int64").reshape(-1, 1)).any(axis=1).sum(), label.size


@register
class BinaryAccuracy(EvalMetric):
    """Share of samples whose probability is on the right side of `threshold`."""

    def __init__(self, name="binary_accuracy", output_names=None, label_names=None, threshold=0.5):
        super().__init__(name, output_names, label_names, threshold=threshold)
        self.threshold = threshold

    def _measure(self, label, pred):
        check_label_shapes(label, pred)
        right = (pred.ravel() > self.threshold) == label.ravel().astype(bool)
        return right.sum(), right.size


class _Binary(EvalMetric):
    """Metrics of the four counts of two classes; subclasses define ``_score(tp, fp, fn, tn)``."""

    def __init__(self, name, output_names, label_names, average, **kwargs):
        if average not in ("macro", "micro"):
            raise ValueError(
                f"{type(self).__name__}: average is {average!r}, must be 'macro' or 'micro'"
            )
        self.average = average
        super().__init__(name, output_names, label_names, True, average=average, **kwargs)

    def reset(self):
        """Forget all batches."""
        self._global_counts = np.zeros(4)
        super().reset()

    def reset_local(self):
        """Forget the batches of `get`."""
        self._counts = np.zeros(4)
        super().reset_local()

    def _count(self, label, pred):
        check_label_shapes(label, pred)
        if np.unique(label).size > 2:
            raise ValueError(
                f"{type(self).__name__}: labels have {np.unique(label).size} values, must be 0 or 1"
            )
        guess = pred.argmax(axis=1) == 1 if pred.ndim > 1 else pred > 0.5
        truth = label.astype("int64").ravel() == 1
        return np.array(
            [
                (guess & truth).sum(),
                (guess & ~truth).sum(),
                (~guess & truth).sum(),
                (~guess & ~truth).sum(),
            ],
            dtype="float64",
        )

    def update(self, labels, preds):
        """Add one batch: arrays, or lists of arrays."""
        labels, preds = check_label_shapes(as_list(labels), as_list(preds))
        batch = np.zeros(4)
        for label, pred in zip(labels, preds, strict=True):
            batch += self._count(as_numpy(label), as_numpy(pred))
        if self.average == "macro":
            self._add(self._score(*batch), 1)
            return
        self._counts += batch
        self._global_counts += batch
        self.num_inst, self.global_num_inst = self._counts.sum(), self._global_counts.sum()
        self.sum_metric = self._score(*self._counts) * self.num_inst
        self.global_sum_metric = self._score(*self._global_counts) * self.global_num_inst


@register
class F1(_Binary):
    """Harmonic mean of precision and recall of class 1.

    Parameters
    ----------
    average : {'macro', 'micro'}
        Mean over batches, or of all batches together.
    """

    beta = 1.0

    def __init__(self, name="f1", output_names=None, label_names=None, average="macro", **kwargs):
        super().__init__(name, output_names, label_names, average, **kwargs)

    def _score(self, tp, fp, fn, tn):
        precision = tp / (tp + fp) if tp + fp else 0.0
        recall = tp / (tp + fn) if tp + fn else 0.0
        weight = self.beta**2
        down = weight * precision + recall
        return (1 + weight) * precision * recall / down if down else 0.0


@register
class Fbeta(F1):
    """As `F1`, with recall counted `beta` times as much as precision."""

    def __init__(self, name="fbeta", output_names=None, label_names=None, beta=1, average="macro"):
        self.beta = beta
        super().__init__(name, output_names, label_names, average, beta=beta)


@register
class MCC(_Binary):
    """Matthews' correlation of two classes; `average` as in `F1`.

    Matthews, Biochimica et Biophysica Acta 405 (1975).
    """

    def __init__(self, name="mcc", output_names=None, label_names=None, average="macro"):
        super().__init__(name, output_names, label_names, average)

    def _score(self, tp, fp, fn, tn):
        down = 1.0
        for term in (tp + fp, tp + fn, tn + fp, tn + fn):
            down *= term if term else 1.0
        return (tp * tn - fp * fn) / math.sqrt(down)


@register
class PCC(EvalMetric):
    """Matthews' correlation of any number of classes.

    Gorodkin, Computational Biology and Chemistry 28 (2004).
    """

    def __init__(self, name="pcc", output_names=None, label_names=None, has_global_stats=True):
        super().__init__(name, output_names, label_names, has_global_stats)

    def reset(self):
        """Forget all batches."""
        self._global_matrix = np.zeros((2, 2))
        super().reset()

    def reset_local(self):
        """Forget the batches of `get`."""
        self._matrix = np.zeros((2, 2))
        super().reset_local()

    def update(self, labels, preds):
        """Add one batch: arrays, or lists of arrays."""
        labels, preds = check_label_shapes(as_list(labels), as_list(preds))
        for label, pred in zip(labels, preds, strict=True):
            label, pred = as_numpy(label).astype("int64"), as_numpy(pred)
            pred = pred.argmax(axis=1) if pred.shape != label.shape else pred.astype("int64")
            size = int(max(pred.max(), label.max(), len(self._global_matrix) - 1)) + 1
            batch = np.zeros((size, size))
            np.add.at(batch, (pred.ravel(), label.ravel()), 1)
            self._matrix = _grown(self._matrix, size) + batch
            self._global_matrix = _grown(self._global_matrix, size) + batch
        self.num_inst += 1
        self.global_num_inst += 1

    def get(self):
        """(name, value since the last `reset_local`)."""
        return self.name, _correlation(self._matrix) if self.num_inst else float("nan")

    def get_global(self):
        """(name, value since the last `reset`)."""
        value = _correlation(self._global_matrix) if self.global_num_inst else float("nan")
        return self.name, value


def _grown(matrix, size):
    more = size - len(matrix)
    return np.pad(matrix, ((0, more), (0, more)))


def _correlation(matrix):
    total, x, y = matrix.sum(), matrix.sum(axis=1), matrix.sum(axis=0)
    xx, yy = (x * (total - x)).sum(), (y * (total - y)).sum()
    if xx == 0 or yy == 0:
        return float("nan")
    return float((matrix.diagonal() * total - x * y).sum() / math.sqrt(xx * yy))


@register
class Perplexity(EvalMetric):
    """``exp`` of the mean of ``-log(probability of the label)``.

    Parameters
    ----------
    ignore_label : int or None
        Samples with this label do not count.
    axis : int
        Axis of the classes.
    """

    def __init__(
        self, ignore_label=None, axis=-1, name="perplexity", output_names=None, label_names=None
    ):
        super().__init__(name, output_names, label_names, ignore_label=ignore_label, axis=axis)
        self.ignore_label, self.axis = ignore_label, axis

    def _measure(self, label, pred):
        classes = pred.shape[self.axis]
        if label.size * classes != pred.size:
            raise ValueError(
                f"Perplexity: label has {label.size} elements, must be one for each of the "
                f"{pred.size // classes} predictions of shape {pred.shape}"
            )
        label = label.astype("int64").ravel()
        rows = np.moveaxis(pred, self.axis, -1).reshape(-1, classes)
        prob = rows[np.arange(label.size), np.clip(label, 0, classes - 1)]
        if self.ignore_label is not None:
            prob = prob[label != self.ignore_label]
        return -np.log(np.maximum(prob, 1e-10)).sum(), prob.size

    def _value(self, total, count):
        return math.exp(total / count) if count else float("nan")


@register
@alias("ce")
class CrossEntropy(EvalMetric):
    """Mean of ``-log(probability of the label + eps)``."""

    def __init__(self, eps=1e-12, name="cross-entropy", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names, eps=eps)
        self.eps = eps

    def _measure(self, label, pred):
        label = label.astype("int64").ravel()
        check_label_shapes(label, pred)
        return -np.log(pred[np.arange(label.size), label] + self.eps).sum(), label.size


@register
@alias("nll_loss")
class NegativeLogLikelihood(CrossEntropy):
    """`CrossEntropy` under another name."""

    def __init__(self, eps=1e-12, name="nll-loss", output_names=None, label_names=None):
        super().__init__(eps, name, output_names, label_names)
