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
    filename_suffix : str, optional
        End of the names of event files.
    verbose : bool
        Has no effect; MXBoard has it.

    Raises
    ------
    ImportError
        Without the `tensorboard` package.
    """

    def __init__(
        self, logdir="./logs", max_queue=10, flush_secs=120, filename_suffix=None, verbose=True
    ):
        self._logdir = os.fspath(logdir)
        self._arguments = max_queue, flush_secs, filename_suffix or ""
        self._files = {}  # by folder
        self._scalars = {}
        self._embeddings = []
        self._file(self._logdir)

    def _file(self, folder):
        """The event file of a folder; opened if it is not."""
        if folder not in self._files:
            try:
                from tensorboard.summary.writer.event_file_writer import EventFileWriter
            except ImportError as error:
                raise ImportError(
                    f"SummaryWriter: {error}\n  hint: pip install tensorboard"
                ) from None
            self._files[folder] = EventFileWriter(folder, *self._arguments)
        return self._files[folder]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def get_logdir(self):
        """str: the folder."""
        return self._logdir

    def flush(self):
        """Write all events to the files."""
        for file in self._files.values():
            file.flush()

    def close(self):
        """Write all events and close the files; what is added later opens new ones."""
        for file in self._files.values():
            file.close()
        self._files = {}

    def reopen(self):
        """Go on after `close`, in a new event file."""
        self._file(self._logdir)

    def _add(self, summary, global_step, folder=None):
        from tensorboard.compat.proto.event_pb2 import Event

        step = None if global_step is None else int(global_step)
        event = Event(wall_time=time.time(), step=step, summary=summary)
        self._file(folder or self._logdir).add_event(event)

    def add_scalar(self, tag, value, global_step=None):
        """Add a number; or points of several curves of one picture.

        Parameters
        ----------
        value : float, (str, float) or dict of str to float
            With names, each curve has an event file in a folder of its own below `logdir`, as
            TensorBoard needs it to draw them in one picture.
        """
        if isinstance(value, (tuple, list)):
            if len(value) != 2 or not isinstance(value[0], str):
                raise ValueError(f"add_scalar: value of {tag!r} is {value}, must be (name, number)")
            value = dict([value])
        curves = value if isinstance(value, dict) else {None: value}
        for name, number in curves.items():
            number = _numpy(number)
            if number.size != 1:
                raise ValueError(
                    f"add_scalar: value of {name or tag!r} has shape {number.shape}, "
                    "must be one number"
                )
            number = float(number.reshape(()))
            folder = self._logdir if name is None else os.path.join(self._logdir, tag, name)
            key = os.path.join(self._logdir, tag) if name is None else folder
            self._scalars.setdefault(key, []).append([time.time(), global_step, number])
            self._add(records.scalar(tag, number), global_step, folder)

    def export_scalars(self, path):
        """Write all scalars so far as JSON: lists of [seconds, step, value] by folder and tag."""
        with open(path, "w") as file:
            json.dump(self._scalars, file)

    def clear_scalar_dict(self):
        """Forget the scalars so far, so that `export_scalars` leaves them out."""
        self._scalars = {}

    def add_histogram(self, tag, values, global_step=None, bins="default"):
        """Add the distribution of the values of an array.

        Parameters
        ----------
        bins : int, sequence of float or str
            Number of parts of equal width; or where parts begin and the last ends; "default": parts
            that grow by a tenth with the distance from 0; or a rule of `numpy.histogram`.
        """
        values = _numpy(values)
        if not values.size or not np.isfinite(values).all():
            raise ValueError(f"add_histogram: values of {tag!r} must be finite, at least one")
        self._add(records.histogram(tag, values, bins), global_step)

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
        event = Event(wall_time=time.time(), graph_def=graph.SerializeToString())
        self._file(self._logdir).add_event(event)

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
