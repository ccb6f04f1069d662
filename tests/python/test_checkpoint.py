"""Checkpoints: what they restore, and that a killed process loses nothing but time."""

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest

import plait as mx
from plait import gluon, nd
from plait.gluon import formats

# Kills in one run; a long run sets PLAIT_TEST_KILLS=50.
KILLS = int(os.environ.get("PLAIT_TEST_KILLS", "2"))

PROGRAM = """
import sys
import numpy as np
import plait as mx
from plait import autograd, gluon, nd
from plait.gluon import nn

mx.random.seed(1)
np.random.seed(1)
net = nn.HybridSequential()
net.add(nn.Dense(16, activation="relu", in_units=8), nn.Dropout(0.5), nn.Dense(1, in_units=16))
net.initialize()
net.hybridize()
schedule = mx.lr_scheduler.FactorScheduler(50, 0.9, base_lr=0.01)
trainer = gluon.Trainer(net.collect_params(), "adam", {"lr_scheduler": schedule})
data = gluon.data.ArrayDataset(np.random.normal(size=(100, 8)).astype("float32"))
batches = gluon.Batches(gluon.data.DataLoader(data, 4, shuffle=True))
checkpoint = gluon.Checkpoint(sys.argv[1], net, trainer, format=sys.argv[3], batches=batches)
step = (checkpoint.restore() or {"step": 0})["step"]
print("start", step, flush=True)
while batches.epoch < 5:
    for x in batches:
        with autograd.record():
            loss = (net(x + np.random.normal()) ** 2).sum()
        loss.backward()
        trainer.step(4)
        step += 1
        checkpoint.save(step, step=step)
net.save_parameters(sys.argv[2])
"""


def start(folder, result):
    environment = {**os.environ, "PLAIT_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(result), "safetensors"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def weights(path):
    return {name: array.asnumpy() for name, array in nd.load(str(path)).items()}


def test_killed_run_ends_with_the_weights_of_an_undisturbed_one(tmp_path):
    assert start(tmp_path / "a", tmp_path / "a.params").wait(120) == 0
    starts = []
    for _ in range(KILLS):
        process = start(tmp_path / "b", tmp_path / "b.params")
        starts.append(process.stdout.readline())
        time.sleep(random.uniform(0.0, 0.15))
        process.kill()
        process.wait()
    assert all(line.startswith("start ") for line in starts)
    assert start(tmp_path / "b", tmp_path / "b.params").wait(120) == 0
    want, got = weights(tmp_path / "a.params"), weights(tmp_path / "b.params")
    assert want.keys() == got.keys()
    for name, values in want.items():
        np.testing.assert_array_equal(got[name], values)
    assert sorted(os.listdir(tmp_path / "b")) == ["step-000124", "step-000125"]


def make(folder, **options):
    net = gluon.nn.Dense(2, in_units=3)
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "adam")
    return net, gluon.Checkpoint(str(folder), net, trainer, **options)


def test_restores_state_and_random_streams(tmp_path):
    net, checkpoint = make(tmp_path)
    assert checkpoint.restore() is None
    checkpoint.save(3, epoch=1, note="half")
    drawn = np.random.rand(), random.random(), nd.random.uniform(shape=(2,)).asnumpy()
    before = net.weight.data().asnumpy()
    net.weight.set_data(nd.zeros((2, 3)))
    assert checkpoint.restore() == {"epoch": 1, "note": "half"}
    np.testing.assert_array_equal(net.weight.data().asnumpy(), before)
    again = np.random.rand(), random.random(), nd.random.uniform(shape=(2,)).asnumpy()
    assert drawn[:2] == again[:2]
    np.testing.assert_array_equal(drawn[2], again[2])


def test_keeps_the_newest(tmp_path):
    _, checkpoint = make(tmp_path, keep=2)
    for step in (1, 5, 5, 12):
        checkpoint.save(step)
    assert checkpoint.steps() == [5, 12]
    (tmp_path / ".step-broken").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    checkpoint.save(20)
    assert sorted(os.listdir(tmp_path)) == ["notes.txt", "step-000012", "step-000020"]
    assert checkpoint.restore(12) == {}
    with pytest.raises(FileNotFoundError, match=r"step is 7, must be one of \[12, 20\]"):
        checkpoint.restore(7)
    with pytest.raises(ValueError, match="keep is 0"):
        make(tmp_path, keep=0)


def test_batches_go_on_in_the_middle_of_a_pass():
    loader = gluon.data.DataLoader(gluon.data.ArrayDataset(np.arange(10)), 2, shuffle=True)
    batches = gluon.Batches(loader)
    first = [x.asnumpy().tolist() for x in batches]
    assert (batches.epoch, batches.batch) == (1, 0) and len(batches) == 5
    passes, state = [], None
    for x in batches:
        passes.append(x.asnumpy().tolist())
        if len(passes) == 2:
            state, streams = batches.get_state(), np.random.get_state()
    assert passes != first and state["batch"] == 2
    following = np.random.rand()
    again = gluon.Batches(loader)
    np.random.set_state(streams)
    again.set_state(state)
    assert [x.asnumpy().tolist() for x in again] == passes[2:]
    assert np.random.rand() == following and again.epoch == 2


def test_scale_of_the_loss_is_restored(tmp_path):
    net, checkpoint = make(tmp_path)
    checkpoint._trainer._amp_loss_scaler = scaler = mx.amp.LossScaler(1024.0)
    checkpoint.save(1)
    scaler.update(True)
    checkpoint.restore()
    assert scaler.loss_scale == 1024.0


@pytest.mark.parametrize("ending", ["params", "npz", "safetensors"])
def test_formats_of_parameters(tmp_path, ending):
    net = gluon.nn.Dense(2, in_units=3)
    net.initialize()
    path = str(tmp_path / f"net.{ending}")
    net.save_parameters(path)
    other = gluon.nn.Dense(2, in_units=3)
    other.load_parameters(path)
    np.testing.assert_array_equal(other.weight.data().asnumpy(), net.weight.data().asnumpy())
    net.cast("bfloat16")
    if ending == "npz":
        with pytest.raises(TypeError, match="has dtype bfloat16"):
            net.save_parameters(path)
    else:
        net.save_parameters(path)
        other.load_parameters(path, cast_dtype=True, dtype_source="saved")
        assert other.weight.data().dtype_name == "bfloat16"


def test_safetensors_of_other_programs(tmp_path):
    header = b'{"__metadata__":{"a":"b"},"x":{"dtype":"I32","shape":[2],"data_offsets":[0,8]}}'
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\1\0\0\0\2\0\0\0")
    assert formats.load_arrays(str(path))["x"].asnumpy().tolist() == [1, 2]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="of 7 bytes, must have 8"):
        formats.load_arrays(str(path))
    path.write_bytes(b"\xff" * 8)
    with pytest.raises(ValueError, match="must fit in 8"):
        formats.load_arrays(str(path))


def test_process_that_died_while_replacing(tmp_path):
    _, checkpoint = make(tmp_path)
    path = checkpoint.save(4, epoch=2)
    os.rename(path, tmp_path / ".replaced-step-000004")
    _, checkpoint = make(tmp_path)
    assert checkpoint.steps() == [4] and checkpoint.restore() == {"epoch": 2}


def test_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    net = gluon.nn.Dense(2, in_units=3)
    net.initialize()
    path = tmp_path / "p"
    net.save_parameters(str(path))
    content = path.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(mx.nd, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        net.save_parameters(str(path))
    assert path.read_bytes() == content and os.listdir(tmp_path) == ["p"]
