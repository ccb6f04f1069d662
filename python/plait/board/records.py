"""What stands in event files: TensorBoard's own messages, from NumPy arrays."""

import io
import math
import os
import wave

import numpy as np

from ..image import imencode


def scalar(tag, value):
    """Summary of a number."""
    from tensorboard.plugins.scalar.summary import scalar_pb

    return scalar_pb(tag, value)


def growing_bins():
    """Limits of parts whose width grows by a tenth from one to the next, on both sides of 0."""
    above = 1e-12 * 1.1 ** np.arange(774)  # up to about 1e20
    return np.concatenate([-above[::-1], [0.0], above])


def histogram(tag, values, bins):
    """Summary of a distribution; `bins` as in `SummaryWriter.add_histogram`."""
    from tensorboard.plugins.histogram.summary import histogram_pb

    values = values.astype("float64").ravel()
    if isinstance(bins, (int, np.integer)):
        return histogram_pb(tag, values, buckets=int(bins))
    if isinstance(bins, str):
        limits = growing_bins() if bins == "default" else np.histogram_bin_edges(values, bins)
    else:
        limits = np.asarray(bins, "float64")
        if limits.ndim != 1 or len(limits) < 2 or (np.diff(limits) <= 0).any():
            raise ValueError("add_histogram: bins must be at least two rising numbers")
    counts, _ = np.histogram(values, limits)
    (filled,) = np.nonzero(counts)
    if not len(filled):
        raise ValueError(f"add_histogram: bins of {tag!r} have none of the values in them")
    kept = slice(filled[0], filled[-1] + 1)
    return _histogram_of(tag, counts[kept], limits[:-1][kept], limits[1:][kept])


def _histogram_of(tag, counts, low, high):
    """Summary of parts that are counted already: rows of low, high and count."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.histogram import metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    about = metadata.create_summary_metadata(display_name=tag, description="")
    rows = make_tensor_proto(np.stack([low, high, counts], 1))
    return Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=rows)])


def text(tag, value):
    """Summary of a text."""
    from tensorboard.plugins.text.summary import text_pb

    return text_pb(tag, value)


def _to_bytes(pixels):
    """Values in [0, 1] as uint8; uint8 stays."""
    if pixels.dtype == np.uint8:
        return pixels
    if not np.issubdtype(pixels.dtype, np.floating):
        raise TypeError(f"image has dtype {pixels.dtype}, must be uint8 or floating")
    return (np.clip(pixels, 0, 1) * 255 + 0.5).astype("uint8")


def grid(images):
    """Pictures of shape (n, c, h, w) side by side in one of shape (rows * h, columns * w, c)."""
    n, c, h, w = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    out = np.zeros((rows * columns, c, h, w), images.dtype)
    out[:n] = images
    out = out.reshape(rows, columns, c, h, w).transpose(0, 3, 1, 4, 2)
    return out.reshape(rows * h, columns * w, c)


def _pixels(image):
    if image.ndim == 2:
        image = image[None]
    if image.ndim == 3:
        image = image[None]
    if image.ndim != 4 or image.shape[1] not in (1, 3, 4) or not image.size:
        raise ValueError(
            f"image has shape {image.shape}, must be (h, w), (c, h, w) or (n, c, h, w) with 1, 3 "
            "or 4 channels"
        )
    return grid(_to_bytes(image))


def image(tag, value):
    """Summary of pictures."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    pixels = _pixels(value)
    height, width, channels = pixels.shape
    message = Summary.Image(
        height=height,
        width=width,
        colorspace=channels,
        encoded_image_string=imencode(pixels, ".png"),
    )
    return Summary(value=[Summary.Value(tag=tag, image=message)])


def audio(tag, value, rate):
    """Summary of a sound of 16 bits."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    value = value[:, None] if value.ndim == 1 else value
    if value.ndim != 2 or not value.size:
        raise ValueError(
            f"audio has shape {value.shape}, must be (samples,) or (samples, channels)"
        )
    samples = (np.clip(value, -1, 1) * 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(samples.shape[1])
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples.tobytes())
    message = Summary.Audio(
        sample_rate=rate,
        num_channels=samples.shape[1],
        length_frames=len(samples),
        encoded_audio_string=file.getvalue(),
        content_type="audio/wav",
    )
    return Summary(value=[Summary.Value(tag=tag, audio=message)])


def curve(labels, predictions, weights, thresholds):
    """Rows of true and false positives, true and false negatives, precision and recall.

    Column i counts as positive what is predicted with at least i / (thresholds - 1).
    """
    buckets = np.floor(np.clip(predictions, 0, 1) * (thresholds - 1)).astype("int64")
    positive = labels.astype(bool)

    def at_least(which):
        counts = np.bincount(buckets[which], weights[which], thresholds)
        return counts[::-1].cumsum()[::-1]

    tp, fp = at_least(positive), at_least(~positive)
    tn, fn = fp[0] - fp, tp[0] - tp
    tiny = 1e-7
    return np.stack(
        [tp, fp, tn, fn, tp / np.maximum(tiny, tp + fp), tp / np.maximum(tiny, tp + fn)]
    )


def pr_curve(tag, labels, predictions, weights, thresholds):
    """Summary of precision and recall."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.pr_curve import metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    rows = curve(labels, predictions, weights, thresholds).astype("float32")
    about = metadata.create_summary_metadata(
        display_name=tag, description="", num_thresholds=thresholds
    )
    value = Summary.Value(tag=tag, metadata=about, tensor=make_tensor_proto(rows))
    return Summary(value=[value])


def symbol_of(net):
    """The symbol of a hybrid block with one input."""
    from .. import symbol

    out = net(symbol.Variable("data"))
    return symbol.Group(list(out)) if isinstance(out, (list, tuple)) else out


def graph(description):
    """Graph of MXNet's JSON of a symbol; `a_b_c` becomes the path a/b/c of boxes."""
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from tensorboard.compat.proto.versions_pb2 import VersionDef

    names = [node["name"].replace("_", "/") for node in description["nodes"]]
    nodes = []
    for name, node in zip(names, description["nodes"], strict=True):
        attrs = {k: AttrValue(s=str(v).encode()) for k, v in node.get("attrs", {}).items()}
        nodes.append(
            NodeDef(
                name=name,
                op="Variable" if node["op"] == "null" else node["op"],
                input=[names[i] if j == 0 else f"{names[i]}:{j}" for i, j, *_ in node["inputs"]],
                attr=attrs,
            )
        )
    return GraphDef(node=nodes, versions=VersionDef(producer=22))


def embedding(logdir, folder, tag, points, labels, images):
    """Write the files of points for the projector; its entry for the configuration."""
    from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo

    os.makedirs(os.path.join(logdir, folder), exist_ok=True)
    entry = EmbeddingInfo(tensor_name=f"{tag}:{folder[:5]}", tensor_path=f"{folder}/tensors.tsv")
    np.savetxt(os.path.join(logdir, entry.tensor_path), points, fmt="%.8g", delimiter="\t")
    if labels is not None:
        entry.metadata_path = f"{folder}/metadata.tsv"
        with open(os.path.join(logdir, entry.metadata_path), "w") as file:
            for label in labels:
                file.write(" ".join(str(label).split()) + "\n")
    if images is not None:
        side = math.ceil(math.sqrt(len(images)))
        full = np.zeros((side * side, *images.shape[1:]), images.dtype)
        full[: len(images)] = images
        entry.sprite.image_path = f"{folder}/sprite.png"
        entry.sprite.single_image_dim.extend([images.shape[3], images.shape[2]])
        with open(os.path.join(logdir, entry.sprite.image_path), "wb") as file:
            file.write(imencode(_pixels(full), ".png"))
    return entry


def write_projector(logdir, entries):
    """Write the configuration of the projector."""
    from google.protobuf import text_format
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    with open(os.path.join(logdir, "projector_config.pbtxt"), "w") as file:
        file.write(text_format.MessageToString(ProjectorConfig(embeddings=entries)))
