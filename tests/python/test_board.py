"""Event files: TensorBoard's own reader gives back what was written."""

import io
import json
import wave

import numpy as np
import pytest

import plait as mx
from plait import image
from plait.board import SummaryWriter

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


@pytest.fixture
def written(tmp_path):
    """Runs a function with a writer, and gives TensorBoard's view of the folder."""

    def run(fill):
        with SummaryWriter(str(tmp_path)) as writer:
            assert writer.get_logdir() == str(tmp_path)
            fill(writer)
        events = accumulator.EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
        return events.Reload()

    return run


def values(events, tag):
    from tensorboard.util.tensor_util import make_ndarray

    return [(e.step, make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]


def test_scalars(written, tmp_path):
    def fill(writer):
        for step in range(3):
            writer.add_scalar("loss", mx.nd.array([step / 2]), step)
        writer.add_scalar("accuracy", {"train": 0.5, "test": 0.25}, 1)
        writer.add_scalar("accuracy", ("test", 0.5), 2)
        writer.export_scalars(str(tmp_path / "scalars.json"))
        writer.clear_scalar_dict()
        writer.export_scalars(str(tmp_path / "none.json"))
        with pytest.raises(ValueError, match="must be \\(name, number\\)"):
            writer.add_scalar("one", (1, 2))

    events = written(fill)
    assert [(s, float(v)) for s, v in values(events, "loss")] == [(0, 0), (1, 0.5), (2, 1)]
    curve = accumulator.EventAccumulator(str(tmp_path / "accuracy" / "test")).Reload()
    assert [(s, float(v)) for s, v in values(curve, "accuracy")] == [(1, 0.25), (2, 0.5)]
    exported = json.loads((tmp_path / "scalars.json").read_text())
    assert [row[1:] for row in exported[f"{tmp_path}/loss"]] == [[0, 0], [1, 0.5], [2, 1]]
    assert [row[1:] for row in exported[f"{tmp_path}/accuracy/train"]] == [[1, 0.5]]
    assert json.loads((tmp_path / "none.json").read_text()) == {}


def test_a_closed_writer_goes_on_in_another_file(written, tmp_path):
    def fill(writer):
        writer.add_scalar("loss", 1.0, 0)
        writer.close()
        writer.reopen()
        writer.add_scalar("loss", 2.0, 1)
        writer.flush()

    events = written(fill)
    assert [float(v) for _, v in values(events, "loss")] == [1, 2]
    assert len([n for n in tmp_path.iterdir() if "tfevents" in n.name]) == 2


def test_histograms_count_all_values(written):
    def fill(writer):
        writer.add_histogram("weight", mx.nd.arange(100), 4, bins=10)
        writer.add_histogram("limits", mx.nd.arange(100), 4, bins=[0, 1, 50, 99])
        writer.add_histogram("rule", mx.nd.arange(100), 4, bins="sturges")
        writer.add_histogram("default", np.array([-1e-3, 0, 1e-3, 5.0, 5.0]), 4)
        with pytest.raises(ValueError, match="two rising numbers"):
            writer.add_histogram("x", np.ones(3), bins=[3, 1])
        with pytest.raises(ValueError, match="none of the values"):
            writer.add_histogram("x", np.ones(3), bins=[3, 4])

    events = written(fill)
    step, buckets = values(events, "weight")[0]
    assert step == 4 and buckets.shape == (10, 3)
    assert buckets[:, 2].tolist() == [10] * 10 and buckets[0, 0] == 0 and buckets[-1, 1] == 99
    assert values(events, "limits")[0][1].tolist() == [[0, 1, 1], [1, 50, 49], [50, 99, 50]]
    assert values(events, "rule")[0][1][:, 2].sum() == 100
    rows = values(events, "default")[0][1]
    assert rows[:, 2].sum() == 5 and rows[-1, 0] <= 5 < rows[-1, 1] and rows[-1, 2] == 2
    np.testing.assert_array_equal(rows[1:, 0], rows[:-1, 1])


def test_images_and_grids(written):
    pixels = np.random.randint(0, 256, (3, 4, 5), "uint8")
    grid = np.random.rand(3, 1, 2, 2).astype("float32")

    def fill(writer):
        writer.add_image("picture", pixels, 1)
        writer.add_image("grid", mx.nd.array(grid), 1)

    events = written(fill)
    found = image.imdecode(events.Images("picture")[0].encoded_image_string).asnumpy()
    np.testing.assert_array_equal(found, pixels.transpose(1, 2, 0))
    found = image.imdecode(events.Images("grid")[0].encoded_image_string, flag=0).asnumpy()
    np.testing.assert_allclose(found[:2, 2:, 0] / 255, grid[1, 0], atol=0.003)
    assert found.shape == (4, 4, 1) and (found[2:, 2:] == 0).all()


def test_text_and_audio(written):
    sound = np.sin(np.arange(800) / 5)

    def fill(writer):
        writer.add_text("note", "**bold**", 2)
        writer.add_audio("tone", sound, 8000, 2)

    events = written(fill)
    assert values(events, "note")[0][1].ravel().tolist() == [b"**bold**"]
    with wave.open(io.BytesIO(events.Audio("tone")[0].encoded_audio_string)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert file.getframerate() == 8000
    np.testing.assert_allclose(samples / 32767, sound, atol=1e-4)


def test_pr_curve_follows_the_definition(written):
    labels, scores = np.random.randint(0, 2, 200), np.random.rand(200)
    events = written(lambda w: w.add_pr_curve("pr", labels, mx.nd.array(scores), 11, 3))
    rows = values(events, "pr")[0][1]
    for i, threshold in enumerate(np.linspace(0, 1, 11)[:-1]):
        chosen = scores >= threshold
        tp = (chosen & (labels == 1)).sum()
        np.testing.assert_allclose(rows[0, i], tp, atol=1)
        np.testing.assert_allclose(rows[4, i], tp / chosen.sum(), atol=0.02)
        np.testing.assert_allclose(rows[5, i], tp / labels.sum(), atol=0.02)


def test_graph_of_a_block(written):
    net = mx.gluon.nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(mx.gluon.nn.Dense(3, activation="relu"), mx.gluon.nn.Dense(2))
    net.initialize()
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    events = written(lambda w: w.add_graph(net))
    graph = GraphDef.FromString(events.Graph().SerializeToString())
    nodes = {node.name: node for node in graph.node}
    assert nodes["net/dense0/weight"].op == "Variable"
    assert list(nodes["net/dense1/fwd"].input)[1:] == ["net/dense1/weight", "net/dense1/bias"]


def test_embedding_writes_what_the_projector_reads(written, tmp_path):
    points = np.random.rand(5, 3).astype("float32")
    pictures = np.random.rand(5, 1, 4, 6).astype("float32")
    written(lambda w: w.add_embedding("points", mx.nd.array(points), list("abcde"), pictures, 7))
    folder = tmp_path / "00007_points"
    np.testing.assert_allclose(np.loadtxt(folder / "tensors.tsv"), points, rtol=1e-6)
    assert (folder / "metadata.tsv").read_text().split() == list("abcde")
    assert image.imread(str(folder / "sprite.png")).shape == (12, 18, 3)
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "00007_points/tensors.tsv"' in config and "single_image_dim: 6" in config


def test_wrong_arguments_are_named(tmp_path):
    with SummaryWriter(str(tmp_path)) as writer:
        for call, message in (
            (lambda: writer.add_scalar("a", np.ones(2)), "must be one number"),
            (lambda: writer.add_histogram("a", [np.nan]), "must be finite"),
            (lambda: writer.add_image("a", np.zeros((2, 4, 4))), "must be \\(h, w\\)"),
            (lambda: writer.add_audio("a", np.zeros((2, 2, 2))), "audio has shape"),
            (lambda: writer.add_pr_curve("a", [1], [0.5, 0.5], 5), "must have as many"),
            (lambda: writer.add_pr_curve("a", [1], [0.5], 1), "num_thresholds is 1"),
            (lambda: writer.add_embedding("a", np.zeros(3)), "must have two axes"),
            (lambda: writer.add_embedding("a", np.zeros((3, 2)), labels=["x"]), "must have 3"),
        ):
            with pytest.raises(ValueError, match=message):
                call()
