"""Datasets, samplers, batch functions and loaders."""

import gzip
import hashlib
import http.server
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import plait as mx
from plait import gluon, nd
from plait.gluon import data
from plait.gluon.data import batchify, vision


class Squares(data.Dataset):
    """(NDArray (2, 3) of i, i squared); may misbehave at one index."""

    def __init__(self, size=20, bad=None, act=None):
        self.size, self.bad, self.act = size, bad, act

    def __len__(self):
        return self.size

    def __getitem__(self, i):
        if i == self.bad:
            self.act()
        return nd.array(np.full((2, 3), i, "float32")), np.float32(i * i)


def numpy_batches(loader):
    return [[part.asnumpy() for part in batch] for batch in loader]


def assert_same(got, want):
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x, y)
            assert x.dtype == y.dtype


# --- loaders --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": 2},
        {"num_workers": 1, "prefetch": 1},
        {"num_workers": 3, "prefetch": 2, "pin_memory": True},
        {"num_workers": 2, "thread_pool": True},
    ],
    ids=str,
)
def test_loader_gives_same_batches_as_without_workers(options):
    want = numpy_batches(data.DataLoader(Squares(), 6))
    loader = data.DataLoader(Squares(), 6, **options)
    assert len(loader) == 4
    assert_same(numpy_batches(loader), want)
    assert_same(numpy_batches(loader), want)  # the workers go on


def test_loader_covers_all_samples_once():
    dataset = data.ArrayDataset(np.arange(10, dtype="float32"), np.arange(10))
    batches = list(data.DataLoader(dataset, 4, shuffle=True))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    seen = np.concatenate([x.asnumpy() for x, _ in batches])
    assert sorted(seen) == list(range(10))


def test_loader_keeps_workers_after_break_and_serves_two_iterations():
    loader = data.DataLoader(Squares(), 3, num_workers=2)
    want = numpy_batches(data.DataLoader(Squares(), 3))
    for _ in loader:
        break
    pids = loader._pool.pids
    assert_same(numpy_batches(loader), want)
    assert loader._pool.pids == pids
    pairs = list(zip(loader, loader, strict=True))
    assert_same([[p.asnumpy() for p in b] for _, b in pairs], want)


def structured(samples):
    images = [s[0] for s in samples]
    return {"x": nd.stack(*images), "n": (len(samples), "text"), "y": np.arange(3)}


@pytest.mark.parametrize("workers", [0, 2])
def test_loader_hands_over_any_structure(workers):
    (batch,) = data.DataLoader(Squares(4), 4, batchify_fn=structured, num_workers=workers)
    assert batch["n"] == (4, "text")
    assert isinstance(batch["x"], nd.NDArray) and batch["x"].shape == (4, 2, 3)
    assert isinstance(batch["y"], np.ndarray) and batch["y"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "uint8", "int64"])
def test_workers_stack_arrays_of_any_type(dtype):
    samples = [(nd.full((2, 3), i, dtype=dtype), nd.array([i])[0], i) for i in range(5)]
    here, there = (
        list(gluon.data.DataLoader(gluon.data.SimpleDataset(samples), 2, num_workers=n))
        for n in (0, 1)
    )
    for a, b in zip(here, there, strict=True):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_array_equal(x.astype("float32").asnumpy(), y.asnumpy())
            assert x.shape == y.shape
    uneven = gluon.data.SimpleDataset([nd.ones(3), nd.ones(4)])
    with pytest.raises(ValueError, match=r"samples have shapes \(3,\) and \(4,\), must have one"):
        list(gluon.data.DataLoader(uneven, 2, num_workers=1))


class Random(Squares):
    def __getitem__(self, i):
        return np.random.rand(), nd.random.uniform(shape=(2,))


def test_random_numbers_do_not_depend_on_number_of_workers():
    found = []
    for workers in (1, 3):
        np.random.seed(5)
        found.append(numpy_batches(data.DataLoader(Random(), 3, num_workers=workers)))
    assert_same(*found)
    values = np.concatenate([x for x, _ in found[0]])
    assert len(set(values.tolist())) == 20  # no worker repeats another


def fail():
    raise KeyError("no such sample")


@pytest.mark.parametrize("threads", [False, True])
def test_error_of_dataset_comes_with_its_traceback(threads):
    loader = data.DataLoader(Squares(20, 7, fail), 4, num_workers=2, thread_pool=threads)
    with pytest.raises(KeyError, match="no such sample") as caught:
        list(loader)
    if not threads:
        assert "in fail" in str(caught.value.__cause__)
    assert len(next(iter(loader))) == 2  # usable again


def test_dead_worker_is_reported():
    loader = data.DataLoader(Squares(400), 1, num_workers=2)
    batches = iter(loader)
    next(batches)
    os.kill(loader._pool.pids[1], signal.SIGKILL)
    with pytest.raises(RuntimeError, match=r"worker 1 .* signal 9 \(SIGKILL\)"):
        list(batches)
    assert len(list(loader)) == 400


def leave():
    os._exit(3)


def test_exit_code_of_worker_is_reported():
    loader = data.DataLoader(Squares(20, 7, leave), 4, num_workers=2)
    with pytest.raises(RuntimeError, match="ended with exit code 3"):
        list(loader)


def hang():
    time.sleep(30)


@pytest.mark.parametrize("threads", [False, True])
def test_timeout(threads, monkeypatch):
    stop = threading.Event()
    act = (lambda: stop.wait(30)) if threads else hang
    loader = data.DataLoader(
        Squares(20, 7, act), 4, num_workers=2, timeout=0.3, thread_pool=threads
    )
    with pytest.raises(TimeoutError, match="0.3 seconds"):
        for _ in loader:
            if threads:  # let the pool end at once after the error
                threading.Timer(1.0, stop.set).start()


def shared_memory():
    return set(os.listdir("/dev/shm"))


PROGRAM = """
import os, signal, sys, time
import numpy as np
from plait.gluon import data
signal.signal(signal.SIGINT, signal.default_int_handler)

class Slow(data.Dataset):
    def __len__(self):
        return 1000
    def __getitem__(self, i):
        time.sleep(0.005)
        return np.ones((100, 100), "float32")

loader = data.DataLoader(Slow(), 4, num_workers=2)
try:
    for k, batch in enumerate(loader):
        if k == 1:
            print(*loader._pool.pids, flush=True)
except KeyboardInterrupt:
    print("interrupted", len(next(iter(loader))), flush=True)
"""


@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_no_worker_and_no_memory_is_left(how):
    before = shared_memory()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PLAIT_NUM_THREADS": "1"},
    )
    pids = [int(pid) for pid in process.stdout.readline().split()]
    process.send_signal(signal.SIGKILL if how == "kill" else signal.SIGINT)
    output = process.communicate(timeout=30)[0]
    if how == "interrupt":
        assert process.returncode == 0 and "interrupted 4" in output
    deadline = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in pids):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.05)
    assert not [name for name in shared_memory() - before if "plait" in name]


def test_loader_refuses():
    for options, text in (
        ({}, "batch_size must be given"),
        ({"batch_size": 2, "shuffle": True, "sampler": data.SequentialSampler(4)}, "shuffle"),
        ({"batch_size": 2, "batch_sampler": []}, "batch_sampler"),
        ({"batch_size": 2, "timeout": 0}, "timeout is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2, "last_batch": "drop"}, "last_batch"),
    ):
        with pytest.raises(ValueError, match=text):
            data.DataLoader(Squares(), **options)


# --- samplers and datasets ------------------------------------------------------------------------


def test_parts_of_processes():
    for length, parts in ((7, 3), (6, 2), (2, 5)):
        samplers = [data.SplitSampler(length, parts, part) for part in range(parts)]
        for _ in range(2):
            found = [list(s) for s in samplers]
            assert {len(f) for f in found} == {-(-length // parts)} == {len(s) for s in samplers}
            assert set(sum(found, [])) == set(range(length))
    with pytest.raises(ValueError, match="part_index is 2"):
        data.SplitSampler(5, 2, 2)


def test_samplers():
    assert list(data.SequentialSampler(3, 5)) == [5, 6, 7]
    assert sorted(data.RandomSampler(6)) == list(range(6))
    assert list(data.IntervalSampler(5, 2)) == [0, 2, 4, 1, 3]
    assert list(data.IntervalSampler(5, 2, rollover=False)) == [0, 2, 4]
    assert len(data.IntervalSampler(5, 2, rollover=False)) == 3
    assert list(data.FilterSampler(lambda x: x % 2, data.SimpleDataset([1, 2, 3]))) == [0, 2]
    with pytest.raises(ValueError, match="interval is 6"):
        data.IntervalSampler(5, 6)


@pytest.mark.parametrize(
    ("last", "sizes"),
    [("keep", [[3, 3, 1]] * 2), ("discard", [[3, 3]] * 2), ("rollover", [[3, 3], [3, 3]])],
)
def test_batch_sampler(last, sizes):
    sampler = data.BatchSampler(data.SequentialSampler(7), 3, last)
    for want in sizes:
        assert len(sampler) == len(want)
        batches = list(sampler)
        assert [len(b) for b in batches] == want
    if last == "rollover":
        assert batches[0] == [6, 0, 1]


def test_datasets():
    numbers = data.SimpleDataset(list(range(10)))
    assert list(numbers.filter(lambda x: x % 3 == 0)) == [0, 3, 6, 9]
    assert [list(numbers.shard(3, i)) for i in range(3)] == [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert len(numbers.take(3)) == 3 and len(numbers.take(None)) == 10
    assert list(numbers.sample(data.SequentialSampler(2, 4))) == [4, 5]
    assert numbers.transform(lambda x: x * 2)[3] == 6
    assert numbers.transform(lambda x: x * 2, lazy=False)[3] == 6
    pairs = data.ArrayDataset([1, 2], [3, 4])
    assert pairs.transform_first(lambda x: -x)[1] == (-2, 4)
    assert pairs.transform(lambda x, y: x + y)[0] == 4
    with pytest.raises(ValueError, match="array 1 has length 1"):
        data.ArrayDataset([1, 2], [3])


def test_batchify():
    assert batchify.Stack()([[1, 2], [3, 4]]).dtype == np.int32
    padded, lengths = batchify.Pad(axis=0, val=-1, ret_length=True)([np.ones(2), np.ones(3)])
    np.testing.assert_array_equal(padded.asnumpy(), [[1, 1, -1], [1, 1, 1]])
    assert lengths.asnumpy().tolist() == [2, 3] and lengths.dtype == np.int32
    parts = batchify.Append()([np.ones((2, 3)), np.ones((4, 1))])
    assert [p.shape for p in parts] == [(1, 2, 3), (1, 4, 1)]
    words, labels = batchify.Group(batchify.Pad(), batchify.Stack())([([1, 2], 0), ([3], 1)])
    assert words.shape == (2, 2) and labels.asnumpy().tolist() == [0, 1]
    assert batchify.AsList()([1, "a"]) == [1, "a"]
    with pytest.raises(ValueError, match="samples have 3 parts, must have 1"):
        batchify.Group(batchify.Stack())([(1, 2, 3)])
    with pytest.raises(ValueError, match=r"shape \(2, 3\), must agree with \(2, 4\)"):
        batchify.Pad(axis=0)([np.ones((1, 4)), np.ones((2, 3))])


# --- files ----------------------------------------------------------------------------------------


def write_idx(path, array):
    head = b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, ">u4").tobytes()
    with gzip.open(path, "wb") as file:
        file.write(head + array.tobytes())


def test_mnist_files(tmp_path):
    images = np.random.randint(0, 256, (5, 28, 28)).astype("uint8")
    labels = np.arange(5).astype("uint8")
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", images)
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", labels)
    test = vision.MNIST(str(tmp_path), train=False)
    image, label = test[3]
    assert len(test) == 5 and label == 3 and label.dtype == np.int32
    np.testing.assert_array_equal(image.asnumpy()[..., 0], images[3])
    doubled = vision.MNIST(str(tmp_path), train=False, transform=lambda x, y: (x, y * 2))
    assert doubled[4][1] == 8


def test_damaged_idx_file_names_file_and_offset(tmp_path):
    for stem, content in (
        ("images-idx3", b"\0\0\x08\x03" + bytes(12)[:-1] + b"\x01" + b"x" * 9),
        ("labels-idx1", b"\0\0\x08\x01\0\0\0\0"),
    ):
        with gzip.open(tmp_path / f"train-{stem}-ubyte.gz", "wb") as file:
            file.write(content)
    with pytest.raises(OSError, match="train-images-idx3-ubyte.gz: ends at offset 25"):
        vision.MNIST(root=str(tmp_path))


def test_cifar_files(tmp_path):
    rows = np.random.randint(0, 256, (3, 3073)).astype("uint8")
    rows.tofile(tmp_path / "test_batch.bin")
    test = vision.CIFAR10(str(tmp_path), train=False)
    image, label = test[2]
    assert image.shape == (32, 32, 3) and label == rows[2, 0]
    np.testing.assert_array_equal(image.asnumpy()[4, 5], rows[2, 1:].reshape(3, 32, 32)[:, 4, 5])
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    rows = np.random.randint(0, 256, (3, 3074)).astype("uint8")
    rows.tofile(folder / "train.bin")
    assert vision.CIFAR100(str(tmp_path), fine_label=True)[1][1] == rows[1, 1]
    assert vision.CIFAR100(str(tmp_path))[1][1] == rows[1, 0]
    with open(folder / "test.bin", "wb") as file:
        file.write(b"short")
    with pytest.raises(OSError, match="has 5 bytes, must be a multiple of 3074"):
        vision.CIFAR100(str(tmp_path), train=False)
    with pytest.raises(FileNotFoundError, match="data_batch_1.bin"):
        vision.CIFAR10(str(tmp_path))


def test_image_folder_and_list(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    pixels = np.random.randint(0, 256, (4, 6, 3)).astype("uint8")
    for name in ("dog", "cat"):
        (tmp_path / name).mkdir()
        image_module.fromarray(pixels).save(tmp_path / name / "1.png")
    (tmp_path / "cat" / "notes.txt").write_text("x")
    with pytest.warns(UserWarning, match="notes.txt"):
        folder = vision.ImageFolderDataset(str(tmp_path))
    assert folder.synsets == ["cat", "dog"] and len(folder) == 2 and folder[1][1] == 1
    np.testing.assert_array_equal(folder[0][0].asnumpy(), pixels)
    listed = vision.ImageListDataset(str(tmp_path), [[[1, 2], "cat/1.png"], [3, "dog/1.png"]], 0)
    assert listed[0][0].shape == (4, 6, 1)
    assert listed[0][1].tolist() == [1, 2] and listed[1][1] == 3
    (tmp_path / "list.lst").write_text("0\t7\tcat/1.png\nbroken\n")
    with pytest.raises(OSError, match="list.lst, line 2: 1 columns, must have at least 3"):
        vision.ImageListDataset(str(tmp_path), "list.lst")
    (tmp_path / "dog" / "1.png").write_bytes(b"no image")
    with pytest.raises(OSError, match=r"dog.1\.png"):
        folder[1]


@pytest.mark.parametrize(
    "workers", [{}, {"num_workers": 2}, {"num_workers": 2, "thread_pool": True}]
)
def test_records_as_datasets(tmp_path, workers):
    path = str(tmp_path / "a.rec")
    writer = mx.recordio.MXIndexedRecordIO(str(tmp_path / "a.idx"), path, "w")
    pixels = np.random.randint(0, 256, (6, 4, 5, 3)).astype("uint8")
    for i, image in enumerate(pixels):
        header = mx.recordio.IRHeader(0, float(i), i, 0)
        writer.write_idx(10 * i, mx.recordio.pack_img(header, image[..., ::-1], 3, ".png"))
    writer.close()
    assert mx.recordio.unpack(data.RecordFileDataset(path)[2])[0].label == 2
    dataset = vision.ImageRecordDataset(path)
    assert len(dataset) == 6
    batches = numpy_batches(data.DataLoader(dataset, 3, **workers))
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), pixels)
    assert np.concatenate([y for _, y in batches]).tolist() == list(range(6))
    grey = vision.ImageRecordDataset(path, 0, lambda x, y: (x, y + 1))[5]
    assert grey[0].shape == (4, 5, 1) and grey[1] == 6
    with pytest.raises(FileNotFoundError, match="there is no index .*b.idx"):
        data.RecordFileDataset(str(tmp_path / "b.rec"))


def test_a_refreshed_loader_sees_the_dataset_anew():
    values = [1.0, 2.0]
    loader = data.DataLoader(data.SimpleDataset(values), 2, num_workers=1)
    assert next(iter(loader)).asnumpy().tolist() == [1, 2]
    values[0] = 7.0
    assert next(iter(loader)).asnumpy().tolist() == [1, 2]
    loader.refresh()
    assert next(iter(loader)).asnumpy().tolist() == [7, 2]


class Handler(http.server.BaseHTTPRequestHandler):
    content, failures = b"plait " * 1000, 0

    def do_GET(self):
        if type(self).failures > 0:
            type(self).failures -= 1
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content[:100] if self.path == "/short" else self.content)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as instance:
        threading.Thread(target=instance.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{instance.server_port}"
        instance.shutdown()


def test_download(server, tmp_path):
    sha1 = hashlib.sha1(Handler.content).hexdigest()
    Handler.failures = 1
    path = gluon.utils.download(f"{server}/a", str(tmp_path), sha1_hash=sha1, retries=1)
    assert path == str(tmp_path / "a") and gluon.utils.check_sha1(path, sha1)
    (tmp_path / "a").write_bytes(b"old")
    gluon.utils.download(f"{server}/a", path)  # is there: nothing to do
    assert (tmp_path / "a").read_bytes() == b"old"
    gluon.utils.download(f"{server}/a", path, sha1_hash=sha1)  # another checksum
    assert gluon.utils.check_sha1(path, sha1)


def test_download_leaves_nothing_half_done(server, tmp_path):
    for url, sha1, text in (
        ("/short", None, "ended after 100 of 6000 bytes|IncompleteRead"),
        ("/a", "0" * 40, "another SHA-1"),
    ):
        with pytest.raises(OSError, match=text):
            gluon.utils.download(server + url, str(tmp_path / "b"), sha1_hash=sha1, retries=0)
        assert not list(tmp_path.iterdir())


def test_get_mnist_uses_files(tmp_path):
    for stem in ("train", "t10k"):
        write_idx(tmp_path / f"{stem}-images-idx3-ubyte.gz", np.full((2, 28, 28), 255, "uint8"))
        write_idx(tmp_path / f"{stem}-labels-idx1-ubyte.gz", np.arange(2).astype("uint8"))
    found = mx.test_utils.get_mnist(str(tmp_path))
    assert found["train_data"].shape == (2, 1, 28, 28) and found["test_data"].max() == 1.0
