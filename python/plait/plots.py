"""Pictures of training and of networks, as figures of matplotlib, which is imported when used."""

import math

import numpy as np

__all__ = ["learning_curve", "confusion_matrix", "filters", "attention_maps"]


def _numpy(value):
    return value.asnumpy() if hasattr(value, "asnumpy") else np.asarray(value)


def _figure(width, height):
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(f"plots: {error}\n  hint: pip install matplotlib") from None
    return Figure(figsize=(width, height), layout="constrained")


def learning_curve(curves, xlabel="epoch", ylabel="loss", log=False):
    """Numbers over the course of training.

    Parameters
    ----------
    curves : dict of str to sequence
        Values of each curve, one for each step; or pairs (step, value).
    xlabel, ylabel : str
    log : bool
        Whether the axis of values is logarithmic.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if not curves:
        raise ValueError("learning_curve: curves is empty, must have at least one")
    figure = _figure(6, 4)
    axes = figure.add_subplot()
    for name, values in curves.items():
        points = np.array([_numpy(v) for v in values], "float64")
        if points.ndim == 1:
            points = np.stack([np.arange(1, len(points) + 1), points], 1)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(f"learning_curve: values of {name!r} must be numbers or pairs")
        axes.plot(points[:, 0], points[:, 1], marker="o" if len(points) < 50 else None, label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    if (points[:, 0] % 1 == 0).all():
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure


def confusion_matrix(labels, predictions, names=None):
    """How often each class was taken for each other.

    Parameters
    ----------
    labels : array
        Class of each sample, whole numbers from 0.
    predictions : array
        Predicted class of each sample; or scores of shape (n, classes).
    names : sequence of str, optional
        Of the classes.

    Returns
    -------
    matplotlib.figure.Figure
        Rows are the true classes; colours are shares of the row.
    """
    labels, predictions = _numpy(labels).ravel().astype("int64"), _numpy(predictions)
    if predictions.ndim == 2:
        predictions = predictions.argmax(1)
    predictions = predictions.ravel().astype("int64")
    if labels.shape != predictions.shape or not labels.size:
        raise ValueError(
            f"confusion_matrix: labels and predictions have {labels.size} and {predictions.size} "
            "samples, must have as many, at least one"
        )
    n = max(labels.max(), predictions.max()) + 1 if names is None else len(names)
    if min(labels.min(), predictions.min()) < 0 or max(labels.max(), predictions.max()) >= n:
        raise ValueError(f"confusion_matrix: classes must be in [0, {n - 1}]")
    counts = np.bincount(labels * n + predictions, minlength=n * n).reshape(n, n)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = _figure(2 + 0.5 * n, 1.5 + 0.5 * n)
    axes = figure.add_subplot()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, count, ha="center", va="center", color=color)
    ticks = range(n)
    axes.set(xlabel="predicted", ylabel="true", xticks=ticks, yticks=ticks)
    if names is not None:
        axes.set_xticklabels(names, rotation=45, ha="right")
        axes.set_yticklabels(names)
    figure.colorbar(picture, ax=axes, label="share of the true class")
    return figure


def _tiles(images, columns, cmap, titles=None, **limits):
    """Pictures side by side."""
    n = len(images)
    columns = min(n, columns or math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    figure = _figure(1.2 * columns, 1.2 * rows + (0.3 if titles else 0))
    for i, image in enumerate(images):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.imshow(image, cmap=cmap, **limits)
        axes.set_axis_off()
        if titles is not None:
            axes.set_title(titles[i], fontsize=8)
    return figure


def filters(weight, columns=None):
    """The kernels of a convolution.

    Parameters
    ----------
    weight : array
        Shape (n, c, h, w). With three channels kernels are shown in colour, otherwise each channel
        by itself.
    columns : int, optional
        Pictures in a row.
    """
    weight = _numpy(weight).astype("float64")
    if weight.ndim != 4 or not weight.size:
        raise ValueError(f"filters: weight has shape {weight.shape}, must have four axes")
    if weight.shape[1] == 3:
        low = weight.min((1, 2, 3), keepdims=True)
        span = np.maximum(weight.max((1, 2, 3), keepdims=True) - low, 1e-12)
        return _tiles(((weight - low) / span).transpose(0, 2, 3, 1), columns, None)
    top = np.abs(weight).max()
    images = weight.reshape(-1, *weight.shape[2:])
    return _tiles(images, columns, "RdBu", vmin=-top, vmax=top)


def attention_maps(weights, queries=None, keys=None, columns=None):
    """Where each head of an attention layer looks.

    Parameters
    ----------
    weights : array
        Shape (queries, keys), or (heads, queries, keys); shares of attention.
    queries, keys : sequence of str, optional
        Names of the rows and columns.
    columns : int, optional
        Pictures in a row.
    """
    weights = _numpy(weights)
    weights = weights[None] if weights.ndim == 2 else weights
    if weights.ndim != 3 or not weights.size:
        raise ValueError(
            f"attention_maps: weights has shape {weights.shape}, must be (heads, queries, keys)"
        )
    heads, n, m = weights.shape
    for name, texts, length in (("queries", queries, n), ("keys", keys, m)):
        if texts is not None and len(texts) != length:
            raise ValueError(f"attention_maps: {name} has {len(texts)} names, must have {length}")
    columns = min(heads, columns or math.ceil(math.sqrt(heads)))
    rows = math.ceil(heads / columns)
    figure = _figure(columns * (1.5 + 0.25 * m), rows * (1 + 0.25 * n))
    for i, head in enumerate(weights):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.imshow(head, cmap="viridis", vmin=0)
        axes.set_title(f"head {i}", fontsize=8)
        axes.set_xticks(range(m) if keys is not None else [])
        axes.set_yticks(range(n) if queries is not None else [])
        if keys is not None:
            axes.set_xticklabels(keys, rotation=90, fontsize=7)
        if queries is not None:
            axes.set_yticklabels(queries, fontsize=7)
    return figure
