"""The writer of event files."""

import json
import os
import time

import numpy as np

from . import records

__all__ = ["SummaryWriter"]


def _numpy(value):
    return value.asnumpy() if hasattr(value, "asnumpy") else np.asarray(value)


class SummaryWriter:
    """Writes scalars, histograms, pictures and more for TensorBoard into a folder.

    Parameters
    ----------
    logdir : str
        The folder; made if it is not there.
    max_queue : int
        Events that wait for being written.
    flush_secs : float
        Seconds after which they are written at the latest.
    filename_suffix : str
        End of the name of the event file.
    verbose : bool
        Has no effect; MXBoard has it.

    Raises
    ------
    ImportError
        Without the `tensorboard` package.
    """

    def __init__(
        self, logdir="./logs", max_queue=10, flush_secs=120, filename_suffix="", verbose=True
    ):
        try:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ImportError as error:
            raise ImportError(f"SummaryWriter: {error}\n  hint: pip install tensorboard") from None
        self._logdir = os.fspath(logdir)
        self._events = EventFileWriter(self._logdir, max_queue, flush_secs, filename_suffix)
        self._scalars = {}
        self._embeddings = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def get_logdir(self):
        """str: the folder."""
        return self._logdir

    def flush(self):
        """Write all events to the file."""
        self._events.flush()

    def close(self):
        """Write all events and close the file."""
        self._events.close()

    def _add(self, summary, global_step):
        from tensorboard.compat.proto.event_pb2 import Event

        step = None if global_step is None else int(global_step)
        self._events.add_event(Event(wall_time=time.time(), step=step, summary=summary))

    def add_scalar(self, tag, value, global_step=None):
        """Add a number; or several curves of one picture, as a dict or pairs (name, number)."""
        if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], str):
            value = dict([value])
        items = {f"{tag}/{k}": v for k, v in value.items()} if isinstance(value, dict) else None
        for name, number in (items or {tag: value}).items():
            number = _numpy(number)
            if number.size != 1:
                raise ValueError(
                    f"add_scalar: value of {name!r} has shape {number.shape}, must be one number"
                )
            number = float(number.reshape(()))
            self._scalars.setdefault(name, []).append([time.time(), global_step, number])
            self._add(records.scalar(name, number), global_step)

    def export_scalars(self, path):
        """Write all scalars so far as JSON: lists of [seconds, step, value] by tag."""
        with open(path, "w") as file:
            json.dump(self._scalars, file)

    def add_histogram(self, tag, values, global_step=None, bins=30):
        """Add the distribution of the values of an array, in `bins` parts of equal width."""
        values = _numpy(values)
        if not values.size or not np.isfinite(values).all():
            raise ValueError(f"add_histogram: values of {tag!r} must be finite, at least one")
        self._add(records.histogram(tag, values, int(bins)), global_step)

    def add_image(self, tag, image, global_step=None):
        """Add one picture, or a grid of them.

        Parameters
        ----------
        image : array
            Shape (h, w), (c, h, w) or (n, c, h, w) with one, three or four channels; uint8, or
            floating with values in [0, 1].
        """
        self._add(records.image(tag, _numpy(image)), global_step)

    def add_text(self, tag, text, global_step=None):
        """Add a text in Markdown."""
        self._add(records.text(tag, str(text)), global_step)

    def add_audio(self, tag, audio, sample_rate=44100, global_step=None):
        """Add a sound: shape (samples,) or (samples, channels), floating values in [-1, 1]."""
        self._add(records.audio(tag, _numpy(audio), int(sample_rate)), global_step)

    def add_pr_curve(
        self, tag, labels, predictions, num_thresholds, global_step=None, weights=None
    ):
        """Add precision and recall of a classifier of two classes.

        Parameters
        ----------
        labels : array
            0 or 1 for each sample.
        predictions : array
            Probability of 1.
        num_thresholds : int
            Points of the curve; >= 2.
        weights : array, optional
            Of the samples; 1 each.
        """
        labels, predictions = _numpy(labels).ravel(), _numpy(predictions).ravel()
        weights = np.ones(labels.shape) if weights is None else _numpy(weights).ravel()
        if not labels.shape == predictions.shape == weights.shape:
            raise ValueError(
                f"add_pr_curve: labels, predictions and weights have {labels.size}, "
                f"{predictions.size} and {weights.size} elements, must have as many"
            )
        if num_thresholds < 2:
            raise ValueError(f"add_pr_curve: num_thresholds is {num_thresholds}, must be >= 2")
        self._add(records.pr_curve(tag, labels, predictions, weights, num_thresholds), global_step)

    def add_graph(self, net):
        """Add the graph of a Symbol, or of a hybrid block with one input."""
        from tensorboard.compat.proto.event_pb2 import Event

        symbol = net if hasattr(net, "tojson") else records.symbol_of(net)
        graph = records.graph(json.loads(symbol.tojson()))
        self._events.add_event(Event(wall_time=time.time(), graph_def=graph.SerializeToString()))

    def add_embedding(self, tag, embedding, labels=None, images=None, global_step=None):
        """Add points for the projector.

        Parameters
        ----------
        embedding : array
            Shape (n, d).
        labels : sequence, optional
            Text or number of each point.
        images : array, optional
            Shape (n, c, h, w), as in `add_image`.
        """
        embedding = _numpy(embedding)
        if embedding.ndim != 2:
            raise ValueError(
                f"add_embedding: embedding has shape {embedding.shape}, must have two axes"
            )
        for name, values in (("labels", labels), ("images", images)):
            if values is not None and len(values) != len(embedding):
                raise ValueError(
                    f"add_embedding: {name} has {len(values)} entries, must have {len(embedding)}"
                )
        folder = f"{0 if global_step is None else int(global_step):05d}_{tag}".replace("/", "_")
        labels = None if labels is None else _numpy(labels).ravel()
        images = None if images is None else _numpy(images)
        entry = records.embedding(self._logdir, folder, tag, embedding, labels, images)
        self._embeddings.append(entry)
        records.write_projector(self._logdir, self._embeddings)
