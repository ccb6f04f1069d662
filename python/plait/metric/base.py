"""The base of the metrics, their registry, and metrics made of others."""

import numpy as np

from .. import registry

__all__ = [
    "EvalMetric",
    "CompositeEvalMetric",
    "CustomMetric",
    "Loss",
    "Torch",
    "Caffe",
    "alias",
    "check_label_shapes",
    "create",
    "np_metric",
    "register",
]


def as_numpy(array):
    """The array as a NumPy array."""
    return array.asnumpy() if hasattr(array, "asnumpy") else np.asarray(array)


def as_list(arrays):
    """The arrays in a list; one alone becomes a list of it."""
    return arrays if isinstance(arrays, (list, tuple)) else [arrays]


def check_label_shapes(labels, preds, wrap=False, shape=False):
    """Both arguments, checked to have one length (or shape); in lists if `wrap`.

    Raises
    ------
    ValueError
        If they differ.
    """
    ours = (labels.shape, preds.shape) if shape else (len(labels), len(preds))
    if ours[0] != ours[1]:
        raise ValueError(
            f"metric: labels have {'shape' if shape else 'length'} {ours[0]}, "
            f"must have that of predictions, {ours[1]}"
        )
    return (as_list(labels), as_list(preds)) if wrap else (labels, preds)


class EvalMetric:
    """Base: sums a measure over batches, since the last `reset` and since the last `reset_local`.

    Subclasses define ``_measure(label, pred)``, or `update` with ``_add``.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which entries `update_dict` uses; default all.
    has_global_stats : bool
        Whether `update` fills `global_sum_metric` and `global_num_inst` too, as ``_add`` does.

    Examples
    --------
    >>> metric = mx.metric.Accuracy()
    >>> metric.update([mx.nd.array([0, 1])], [mx.nd.array([[0.9, 0.1], [0.6, 0.4]])])
    >>> metric.get()
    ('accuracy', 0.5)
    """

    def __init__(self, name, output_names=None, label_names=None, has_global_stats=False, **kwargs):
        self.name = str(name)
        self.output_names = output_names
        self.label_names = label_names
        self._has_global_stats = has_global_stats
        self._kwargs = kwargs
        self.reset()

    def __str__(self):
        return f"EvalMetric: {dict(self.get_name_value())}"

    def get_config(self):
        """dict: what `create` needs to make this metric again."""
        return {
            **self._kwargs,
            "metric": type(self).__name__,
            "name": self.name,
            "output_names": self.output_names,
            "label_names": self.label_names,
        }

    def reset(self):
        """Forget all batches."""
        self.global_num_inst, self.global_sum_metric = 0, 0.0
        self.reset_local()

    def reset_local(self):
        """Forget the batches of `get`, not those of `get_global`."""
        self.num_inst, self.sum_metric = 0, 0.0

    def _add(self, total, count):
        self.sum_metric += total
        self.num_inst += count
        self.global_sum_metric += total
        self.global_num_inst += count
        self._has_global_stats = True

    def update(self, labels, preds):
        """Add one batch: arrays, or lists of arrays."""
        labels, preds = check_label_shapes(as_list(labels), as_list(preds))
        for label, pred in zip(labels, preds, strict=True):
            total, count = self._measure(as_numpy(label), as_numpy(pred))
            self._add(float(total), int(count))

    def _measure(self, label, pred):
        """(sum, number of instances) of one pair of NumPy arrays."""
        raise NotImplementedError(f"{type(self).__name__} must define _measure or update")

    def update_dict(self, label, pred):
        """Add one batch given as dicts of arrays by name."""
        labels = [label[name] for name in self.label_names or label]
        preds = [pred[name] for name in self.output_names or pred]
        self.update(labels, preds)

    def _value(self, total, count):
        return total / count if count else float("nan")

    def get(self):
        """(name, value since the last `reset_local`); the value is nan without batches."""
        return self.name, self._value(self.sum_metric, self.num_inst)

    def get_global(self):
        """(name, value since the last `reset`)."""
        if not self._has_global_stats:
            return self.get()
        return self.name, self._value(self.global_sum_metric, self.global_num_inst)

    def get_name_value(self):
        """list of (name, value)."""
        return _pairs(*self.get())

    def get_global_name_value(self):
        """list of (name, value since the last `reset`)."""
        return _pairs(*self.get_global()) if self._has_global_stats else self.get_name_value()


def _pairs(names, values):
    if isinstance(names, list):
        return list(zip(names, values, strict=True))
    return [(names, values)]


register = registry.get_register_func(EvalMetric, "metric")
alias = registry.get_alias_func(EvalMetric, "metric")
_create = registry.get_create_func(EvalMetric, "metric")


def create(metric, *args, **kwargs):
    """A metric from a name, a function ``f(label, pred)``, a metric, or a list of these.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if isinstance(metric, (list, tuple)):
        return CompositeEvalMetric([create(item, *args, **kwargs) for item in metric])
    if callable(metric) and not isinstance(metric, EvalMetric):
        return CustomMetric(metric, *args, **kwargs)
    return _create(metric, *args, **kwargs)


@register
@alias("composite")
class CompositeEvalMetric(EvalMetric):
    """Several metrics at once.

    Parameters
    ----------
    metrics : list, optional
        Metrics, or what `create` takes.
    """

    def __init__(self, metrics=None, name="composite", output_names=None, label_names=None):
        self.metrics = []
        super().__init__(name, output_names, label_names, has_global_stats=True)
        self.metrics = [create(metric) for metric in metrics or ()]

    def add(self, metric):
        """Append a metric."""
        self.metrics.append(create(metric))

    def get_metric(self, index):
        """The metric number `index`."""
        return self.metrics[index]

    def reset(self):
        """Forget all batches."""
        for metric in self.metrics:
            metric.reset()

    def reset_local(self):
        """Forget the batches of `get`."""
        for metric in self.metrics:
            metric.reset_local()

    def update(self, labels, preds):
        """Add one batch to each metric."""
        for metric in self.metrics:
            metric.update(labels, preds)

    def update_dict(self, label, pred):
        """Add one batch, given by name, to each metric; each takes the names it knows."""
        if self.label_names is not None:
            label = {name: label[name] for name in self.label_names}
        if self.output_names is not None:
            pred = {name: pred[name] for name in self.output_names}
        for metric in self.metrics:
            metric.update_dict(label, pred)

    def _collect(self, pairs):
        return [name for name, _ in pairs], [value for _, value in pairs]

    def get(self):
        """(names, values)."""
        return self._collect([p for metric in self.metrics for p in metric.get_name_value()])

    def get_global(self):
        """(names, values since the last `reset`)."""
        return self._collect([p for metric in self.metrics for p in metric.get_global_name_value()])

    def get_config(self):
        """dict: what `create` needs to make this metric again."""
        config = super().get_config()
        config["metrics"] = [metric.get_config() for metric in self.metrics]
        return config


@register
class Loss(EvalMetric):
    """Mean of the predictions, which are losses; labels are ignored."""

    def __init__(self, name="loss", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)

    def update(self, _, preds):
        """Add one batch of losses."""
        for pred in as_list(preds):
            self._add(float(as_numpy(pred).sum()), pred.size)


@register
class Torch(Loss):
    """`Loss` under another name."""

    def __init__(self, name="torch", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)


@register
class Caffe(Loss):
    """`Loss` under another name."""

    def __init__(self, name="caffe", output_names=None, label_names=None):
        super().__init__(name, output_names, label_names)


@register
class CustomMetric(EvalMetric):
    """A function ``f(label, pred)`` of NumPy arrays that gives a value, or (sum, number).

    Parameters
    ----------
    feval : callable
    name : str, optional
        Default the name of the function.
    allow_extra_outputs : bool
        Whether there may be more predictions than labels, or fewer.
    """

    def __init__(
        self, feval, name=None, allow_extra_outputs=False, output_names=None, label_names=None
    ):
        if name is None:
            name = feval.__name__
            name = f"custom({name})" if "<" in name else name
        super().__init__(name, output_names, label_names)
        self._feval, self._allow_extra_outputs = feval, allow_extra_outputs

    def update(self, labels, preds):
        """Add one batch: arrays, or lists of arrays."""
        if not self._allow_extra_outputs:
            super().update(labels, preds)
            return
        for label, pred in zip(as_list(labels), as_list(preds), strict=False):
            self._add(*self._measure(as_numpy(label), as_numpy(pred)))

    def _measure(self, label, pred):
        result = self._feval(label, pred)
        return result if isinstance(result, tuple) else (result, 1)

    def get_config(self):
        """Functions have no description.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("CustomMetric: a function cannot be described")


def np_metric(numpy_feval, name=None, allow_extra_outputs=False):
    """`CustomMetric` of a function of NumPy arrays; ``mx.metric.np`` is the same."""
    return CustomMetric(numpy_feval, name, allow_extra_outputs)
