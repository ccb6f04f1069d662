"""Measures of how well predictions fit labels."""

import math

import numpy as np

__all__ = [
    "EvalMetric",
    "Accuracy",
    "TopKAccuracy",
    "MAE",
    "MSE",
    "RMSE",
    "CrossEntropy",
    "Loss",
    "CompositeEvalMetric",
    "CustomMetric",
    "create",
    "register",
    "check_label_shapes",
]

_registry = {}


def register(klass):
    """Make an EvalMetric class known by its name in lower case; returns the class."""
    _registry[klass.__name__.lower()] = klass
    return klass


def create(metric, *args, **kwargs):
    """A metric from a name, a function ``f(label, pred)``, a metric, or a list of these."""
    if isinstance(metric, EvalMetric):
        return metric
    if isinstance(metric, list):
        return CompositeEvalMetric([create(item, *args, **kwargs) for item in metric])
    if callable(metric):
        return CustomMetric(metric, *args, **kwargs)
    short = {"acc": "accuracy", "ce": "crossentropy", "top_k_accuracy": "topkaccuracy"}
    name = short.get(metric.lower(), metric.lower())
    if name not in _registry:
        raise ValueError(f"metric: name is {metric!r}, must be one of {sorted(_registry)}")
    return _registry[name](*args, **kwargs)


def _numpy(array):
    return array.asnumpy() if hasattr(array, "asnumpy") else np.asarray(array)


def check_label_shapes(labels, preds, wrap=False, shape=False):
    """Both arguments, checked to have one length (or shape); in lists if `wrap`."""
    ours = (labels.shape, preds.shape) if shape else (len(labels), len(preds))
    if ours[0] != ours[1]:
        raise ValueError(
            f"metric: labels have {'shape' if shape else 'length'} {ours[0]}, "
            f"must have that of predictions, {ours[1]}"
        )
    if wrap:
        labels = labels if isinstance(labels, (list, tuple)) else [labels]
        preds = preds if isinstance(preds, (list, tuple)) else [preds]
    return labels, preds


class EvalMetric:
    """Base: sums a measure over batches.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which entries `update_dict` uses; default all.
    """

    def __init__(self, name, output_names=None, label_names=None, **kwargs):
        self.name = str(name)
        self.output_names = output_names
        self.label_names = label_names
        self._kwargs = kwargs
        self.reset()

    def __str__(self):
        return f"EvalMetric: {dict(self.get_name_value())}"

    def reset(self):
        """Forget all batches."""
        self.num_inst = 0
        self.sum_metric = 0.0

    def update(self, labels, preds):
        """Add one batch: arrays, or lists of arrays."""
        as_list = isinstance(labels, (list, tuple)), isinstance(preds, (list, tuple))
        labels = labels if as_list[0] else [labels]
        preds = preds if as_list[1] else [preds]
        check_label_shapes(labels, preds)
        for label, pred in zip(labels, preds, strict=True):
            total, count = self._measure(_numpy(label), _numpy(pred))
            self.sum_metric += float(total)
            self.num_inst += count

    def _measure(self, label, pred):
        """(sum, number of instances) of one pair of NumPy arrays."""
        raise NotImplementedError(f"{type(self).__name__} must define _measure or update")

    def update_dict(self, label, pred):
        """Add one batch given as dicts of arrays by name."""
        pick = lambda table, names: [table[n] for n in names or table]  # noqa: E731
        self.update(pick(label, self.label_names), pick(pred, self.output_names))

    def get(self):
        """(name, value so far); the value is nan without batches."""
        return self.name, self.sum_metric / self.num_inst if self.num_inst else float("nan")

    def get_name_value(self):
        """list of (name, value)."""
        name, value = self.get()
        return list(zip(name, value, strict=True)) if isinstance(name, list) else [(name, value)]


@register
class Accuracy(EvalMetric):
    """Share of samples whose most probable class is the label."""

    def __init__(self, axis=1, name="accuracy", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)
        self.axis = axis

    def _measure(self, label, pred):
        if pred.shape != label.shape:
            pred = pred.argmax(axis=self.axis)
        pred, label = pred.astype("int64").ravel(), label.astype("int64").ravel()
        check_label_shapes(label, pred)
        return (pred == label).sum(), label.size


@register
class TopKAccuracy(EvalMetric):
    """Share of samples whose label is among the `top_k` most probable classes."""

    def __init__(self, top_k=1, name="top_k_accuracy", output_names=None, label_names=None):
        if top_k < 2:
            raise ValueError(f"TopKAccuracy: top_k is {top_k}, must be > 1")
        super().__init__(f"{name}_{top_k}", output_names, label_names)
        self.top_k = top_k

    def _measure(self, label, pred):
        best = np.argsort(pred, axis=1)[:, -self.top_k :]
        return (best == label.astype("int64").reshape(-1, 1)).any(axis=1).sum(), label.size


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
class CrossEntropy(EvalMetric):
    """Mean of ``-log(probability of the label + eps)``."""

    def __init__(self, eps=1e-12, name="cross-entropy", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)
        self.eps = eps

    def _measure(self, label, pred):
        label = label.astype("int64").ravel()
        check_label_shapes(label, pred)
        return -np.log(pred[np.arange(label.size), label] + self.eps).sum(), label.size


@register
class Loss(EvalMetric):
    """Mean of the predictions, which are losses; labels are ignored."""

    def __init__(self, name="loss", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def update(self, _, preds):
        """Add one batch of losses."""
        for pred in preds if isinstance(preds, (list, tuple)) else [preds]:
            self.sum_metric += float(_numpy(pred).sum())
            self.num_inst += pred.size


@register
class CustomMetric(EvalMetric):
    """A function ``f(label, pred)`` of NumPy arrays that gives a value, or (sum, number)."""

    def __init__(self, feval, name=None, output_names=None, label_names=None):
        super().__init__(name or f"custom({feval.__name__})", output_names, label_names)
        self._feval = feval

    def _measure(self, label, pred):
        result = self._feval(label, pred)
        return result if isinstance(result, tuple) else (result, 1)


@register
class CompositeEvalMetric(EvalMetric):
    """Several metrics at once."""

    def __init__(self, metrics=None, name="composite", output_names=None, label_names=None):
        self.metrics = [create(metric) for metric in metrics or ()]
        super().__init__(name, output_names, label_names)

    def add(self, metric):
        """Append a metric."""
        self.metrics.append(create(metric))

    def reset(self):
        """Forget all batches."""
        for metric in self.metrics:
            metric.reset()

    def update(self, labels, preds):
        """Add one batch to each metric."""
        for metric in self.metrics:
            metric.update(labels, preds)

    def get(self):
        """(names, values)."""
        pairs = [pair for metric in self.metrics for pair in metric.get_name_value()]
        return [name for name, _ in pairs], [value for _, value in pairs]
