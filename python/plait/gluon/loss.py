"""Losses: one value for each sample of the batch."""

import math

import numpy as np

from .. import ndarray, symbol
from .hybrid_block import HybridBlock

__all__ = [
    "Loss",
    "L2Loss",
    "L1Loss",
    "SigmoidBinaryCrossEntropyLoss",
    "SigmoidBCELoss",
    "SoftmaxCrossEntropyLoss",
    "SoftmaxCELoss",
    "KLDivLoss",
    "HuberLoss",
    "HingeLoss",
    "SquaredHingeLoss",
    "LogisticLoss",
    "TripletLoss",
    "PoissonNLLLoss",
    "CosineEmbeddingLoss",
    "SDMLLoss",
    "CTCLoss",
]


def _apply_weighting(F, loss, weight=None, sample_weight=None):
    """`loss` times the number `weight` and the array `sample_weight` (broadcast)."""
    if sample_weight is not None:
        loss = F.broadcast_mul(loss, sample_weight)
    return loss if weight is None else loss * weight


def _reshape_like(F, data, other):
    """`data` in the shape of `other`; eager arrays need no operator for that."""
    return F.reshape_like(data, other) if F is symbol else data.reshape(other.shape)


class Loss(HybridBlock):
    """Base of the losses; the mean is over all axes but `batch_axis`.

    Parameters
    ----------
    weight : float or None
        Factor on the loss.
    batch_axis : int
        Axis of the samples.
    """

    def __init__(self, weight, batch_axis, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._weight = weight
        self._batch_axis = batch_axis

    def __repr__(self):
        return f"{type(self).__name__}(batch_axis={self._batch_axis}, w={self._weight})"

    def _finish(self, F, loss, sample_weight, weight=None):
        loss = _apply_weighting(F, loss, self._weight if weight is None else weight, sample_weight)
        return F.mean(loss, axis=self._batch_axis, exclude=True)


class L2Loss(Loss):
    """``weight / 2 * mean((pred - label)^2)``."""

    def __init__(self, weight=1.0, batch_axis=0, prefix=None, params=None):
        super().__init__(weight, batch_axis, prefix, params)

    def hybrid_forward(self, F, pred, label, sample_weight=None):
        label = _reshape_like(F, label, pred)
        if F is not symbol and sample_weight is None and self._is_plain(pred, label):
            return F._l2_loss(pred, label, weight=self._weight)
        return self._finish(F, F.square(label - pred), sample_weight, self._weight / 2)

    def _is_plain(self, pred, label):
        """Whether one operator does it all; graphs keep the formula, which MXNet reads."""
        if self._batch_axis != 0 or pred.ndim == 0 or pred.size == 0:
            return False
        return pred.dtype_name == label.dtype_name and "float" in pred.dtype_name


class L1Loss(Loss):
    """``weight * mean(|pred - label|)``."""

    def __init__(self, weight=None, batch_axis=0, prefix=None, params=None):
        super().__init__(weight, batch_axis, prefix, params)

    def hybrid_forward(self, F, pred, label, sample_weight=None):
        return self._finish(F, F.abs(_reshape_like(F, label, pred) - pred), sample_weight)


class SigmoidBinaryCrossEntropyLoss(Loss):
    """Cross entropy of two classes; `pred` before the sigmoid, or after with `from_sigmoid`.

    `label` is in [0, 1], of the shape of `pred`; `pos_weight` weighs the positive class.
    """

    def __init__(self, from_sigmoid=False, weight=None, batch_axis=0, prefix=None, params=None):
        super().__init__(weight, batch_axis, prefix, params)
        self._from_sigmoid = from_sigmoid

    def hybrid_forward(self, F, pred, label, sample_weight=None, pos_weight=None):
        label = _reshape_like(F, label, pred)
        if self._from_sigmoid:
            positive = F.log(pred + 1e-12) * label
            if pos_weight is not None:
                positive = F.broadcast_mul(positive, pos_weight)
            loss = -(positive + F.log(1.0 - pred + 1e-12) * (1.0 - label))
        else:
            # log(1 + exp(-x)) = softrelu(-|x|) + relu(-x) stays finite for every x.
            tail = F.Activation(-F.abs(pred), act_type="softrelu") + F.relu(-pred)
            if pos_weight is not None:
                tail = tail * (F.broadcast_mul(label, pos_weight - 1) + 1)
            loss = pred - pred * label + tail
        return self._finish(F, loss, sample_weight)


SigmoidBCELoss = SigmoidBinaryCrossEntropyLoss


class SoftmaxCrossEntropyLoss(Loss):
    """Cross entropy of many classes.

    Parameters
    ----------
    axis : int
        Axis of the classes.
    sparse_label : bool
        Whether labels are numbers of classes; else probabilities of the shape of `pred`.
    from_logits : bool
        Whether `pred` is the logarithm of probabilities already.
    """

    def __init__(
        self,
        axis=-1,
        sparse_label=True,
        from_logits=False,
        weight=None,
        batch_axis=0,
        prefix=None,
        params=None,
    ):
        super().__init__(weight, batch_axis, prefix, params)
        self._axis, self._sparse_label, self._from_logits = axis, sparse_label, from_logits

    def hybrid_forward(self, F, pred, label, sample_weight=None):
        if not self._from_logits:
            pred = F.log_softmax(pred, axis=self._axis)
        if self._sparse_label:
            loss = -F.pick(pred, label, axis=self._axis, keepdims=True)
        else:
            loss = -F.sum(pred * _reshape_like(F, label, pred), axis=self._axis, keepdims=True)
        return self._finish(F, loss, sample_weight)


SoftmaxCELoss = SoftmaxCrossEntropyLoss


class KLDivLoss(Loss):
    """Kullback-Leibler divergence of `label` (probabilities) from `pred` (their logarithms).

    Elements of a sample are summed.
    """

    def __init__(
        self, from_logits=True, axis=-1, weight=None, batch_axis=0, prefix=None, params=None
    ):
        super().__init__(weight, batch_axis, prefix, params)
        self._from_logits, self._axis = from_logits, axis

    def hybrid_forward(self, F, pred, label, sample_weight=None):
        if not self._from_logits:
            pred = F.log_softmax(pred, self._axis)
        loss = label * (F.log(label + 1e-12) - pred)
        loss = _apply_weighting(F, loss, self._weight, sample_weight)
        return F.sum(loss, axis=self._batch_axis, exclude=True)


class HuberLoss(Loss):
    """Squared error below `rho`, absolute error above."""

    def __init__(self, rho=1, weight=None, batch_axis=0, prefix=None, params=None):
        super().__init__(weight, batch_axis, prefix, params)
        self._rho = rho

    def hybrid_forward(self, F, pred, label, sample_weight=None):
        error = F.abs(_reshape_like(F, label, pred) - pred)
        loss = F.where(
            error > self._rho, error - 0.5 * self._rho, F.square(error) * (0.5 / self._rho)
        )
        return self._finish(F, loss, sample_weight)


class HingeLoss(Loss):
    """``max(0, margin - pred * label)``; labels are -1 or 1."""

    def __init__(self, margin=1, weight=None, batch_axis=0, prefix=None, params=None):
        super().__init__(weight, batch_axis, prefix, params)
        self._margin = margin

    def hybrid_forward(self, F, pred, label, sample_weight=None):
        loss = F.relu(self._margin - pred * _reshape_like(F, label, pred))
        return self._finish(F, loss, sample_weight)


class SquaredHingeLoss(HingeLoss):
    """``max(0, margin - pred * label)^2``; labels are -1 or 1."""

    def hybrid_forward(self, F, pred, label, sample_weight=None):
        loss = F.square(F.relu(self._margin - pred * _reshape_like(F, label, pred)))
        return self._finish(F, loss, sample_weight)


class LogisticLoss(Loss):
    """``log(1 + exp(-pred * label))``; labels are -1 or 1, or 0 or 1 with 'binary'."""

    def __init__(self, weight=None, batch_axis=0, label_format="signed", prefix=None, params=None):
        super().__init__(weight, batch_axis, prefix, params)
        if label_format not in ("signed", "binary"):
            raise ValueError(
                f"LogisticLoss: label_format is {label_format!r}, must be 'signed' or 'binary'"
            )
        self._label_format = label_format

    def hybrid_forward(self, F, pred, label, sample_weight=None):
        label = _reshape_like(F, label, pred)
        if self._label_format == "signed":
            label = (label + 1.0) / 2.0
        loss = F.relu(pred) - pred * label + F.Activation(-F.abs(pred), act_type="softrelu")
        return self._finish(F, loss, sample_weight)


class TripletLoss(Loss):
    """``max(0, |pred - positive|^2 - |pred - negative|^2 + margin)``, norms over each sample."""

    def __init__(self, margin=1, weight=None, batch_axis=0, prefix=None, params=None):
        super().__init__(weight, batch_axis, prefix, params)
        self._margin = margin

    def hybrid_forward(self, F, pred, positive, negative, sample_weight=None):
        near = F.square(_reshape_like(F, positive, pred) - pred)
        far = F.square(_reshape_like(F, negative, pred) - pred)
        gap = F.sum(near - far, axis=self._batch_axis, exclude=True)
        return _apply_weighting(F, F.relu(gap + self._margin), self._weight, sample_weight)


class PoissonNLLLoss(Loss):
    """Negative log-likelihood of counts: one number, the mean over all elements.

    Parameters
    ----------
    from_logits : bool
        Whether `pred` is the logarithm of the rate.
    compute_full : bool
        Whether Stirling's approximation of ``log(target!)`` is added where target > 1.
    """

    def __init__(
        self,
        weight=None,
        from_logits=True,
        batch_axis=0,
        compute_full=False,
        prefix=None,
        params=None,
    ):
        super().__init__(weight, batch_axis, prefix, params)
        self._from_logits, self._compute_full = from_logits, compute_full

    def hybrid_forward(self, F, pred, target, sample_weight=None, epsilon=1e-08):
        target = _reshape_like(F, target, pred)
        if self._from_logits:
            loss = F.exp(pred) - target * pred
        else:
            loss = pred - target * F.log(pred + epsilon)
        if self._compute_full:
            # Small targets are replaced before the logarithm so that it stays finite.
            large = F.clip(target, 1.0, math.inf)
            stirling = large * F.log(large) - large + 0.5 * F.log(2 * math.pi * large)
            loss = loss + F.where(target > 1, stirling, F.zeros_like(target))
        return F.mean(_apply_weighting(F, loss, self._weight, sample_weight))


class CosineEmbeddingLoss(Loss):
    """``1 - cos`` of two vectors of label 1, ``max(0, cos - margin)`` of label -1.

    The cosine is taken along the last axis; the result has shape (n, 1).
    """

    def __init__(self, weight=None, batch_axis=0, margin=0, prefix=None, params=None):
        super().__init__(weight, batch_axis, prefix, params)
        self._margin = margin

    def hybrid_forward(self, F, input1, input2, label, sample_weight=None):
        input1 = _reshape_like(F, input1, input2)
        label = F.reshape(label, (-1, 1))
        product = F.reshape(F.sum(input1 * input2, axis=-1), (-1, 1))
        norms = F.sqrt(F.sum(input1 * input1, axis=-1) * F.sum(input2 * input2, axis=-1))
        cosine = product / F.clip(F.reshape(norms, (-1, 1)), 1e-12, math.inf)
        far = F.clip(cosine - self._margin, 0.0, 1.0 - self._margin)
        loss = F.where(label == 1, 1.0 - cosine, far)
        return _apply_weighting(F, loss, self._weight, sample_weight)


class SDMLLoss(Loss):
    """Pairs of a batch are to be closer to each other than to all others.

    Bonadiman, Kumar, Mittal: Large scale question paraphrase retrieval with smoothed deep metric
    learning (2019).

    Parameters
    ----------
    smoothing_parameter : float
        Probability that is shared by the other pairs, in [0, 1].
    """

    def __init__(self, smoothing_parameter=0.3, weight=1.0, batch_axis=0, prefix=None, params=None):
        super().__init__(weight, batch_axis, prefix, params)
        self._smoothing = smoothing_parameter

    def forward(self, x1, x2):
        """Losses (n,) of two arrays (n, d) whose rows belong together."""
        size = x1.shape[0]
        gaps = ndarray.broadcast_sub(x1.expand_dims(1), x2.expand_dims(0))
        log_probs = ndarray.log_softmax(-ndarray.sum(gaps * gaps, axis=2), axis=1)
        share = self._smoothing / max(size - 1, 1)
        eye = np.eye(size)
        labels = ndarray.array(
            eye * (1 - self._smoothing) + (1 - eye) * share, ctx=x1.context, dtype=x1.dtype
        )
        divergence = labels * (ndarray.log(labels + 1e-12) - log_probs)
        return ndarray.mean(divergence, axis=1) * size


class CTCLoss(Loss):
    """Negative log probability of label sequences whose alignment is not known.

    Graves, Fernandez, Gomez, Schmidhuber: Connectionist temporal classification (2006).

    Parameters
    ----------
    layout : {'NTC', 'TNC'}
        Axes of `pred`: values before the softmax, of which the last class is the blank.
    label_layout : {'NT', 'TN'}
        Axes of `label`: classes, with -1 behind the end.

    Notes
    -----
    ``loss(pred, label, pred_lengths, label_lengths)``: the lengths (n,) are optional.
    """

    def __init__(self, layout="NTC", label_layout="NT", weight=None, prefix=None, params=None):
        if layout not in ("NTC", "TNC"):
            raise ValueError(f"CTCLoss: layout is {layout!r}, must be 'NTC' or 'TNC'")
        if label_layout not in ("NT", "TN"):
            raise ValueError(f"CTCLoss: label_layout is {label_layout!r}, must be 'NT' or 'TN'")
        super().__init__(weight, label_layout.find("N"), prefix, params)
        self._layout, self._label_layout = layout, label_layout

    def hybrid_forward(
        self, F, pred, label, pred_lengths=None, label_lengths=None, sample_weight=None
    ):
        if self._layout == "NTC":
            pred = F.swapaxes(pred, dim1=0, dim2=1)
        if self._label_layout == "TN":
            label = F.swapaxes(label, dim1=0, dim2=1)
        lengths = [x for x in (pred_lengths, label_lengths) if x is not None]
        loss = F.CTCLoss(
            pred,
            label,
            *lengths,
            use_data_lengths=pred_lengths is not None,
            use_label_lengths=label_lengths is not None,
            blank_label="last",
        )
        return _apply_weighting(F, loss, self._weight, sample_weight)
