"""Images a second: decode JPEG, crop 224 x 224 at random, flip at random, normalise, make batches.

    python tests/mxnet_compat/image_speed.py [--workers N ...] [MXNET_PYTHON TORCH_PYTHON]

Compares ImageRecordIter and gluon's DataLoader of plait and of MXNet 1.9.1 with PyTorch's DataLoader
over Pillow and, if it is there, OpenCV, with one and two workers, in turns; the best of three passes
counts. About a minute for each number of workers. The images are parts of the two photographs of scikit-learn, about 500 x 375. Prints a table
of images a second; "against" is the ratio to PyTorch's loader over Pillow.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import oracle

COUNT, BATCH, SIZE = 400, 32, 224
TORCH_PYTHON = os.path.expanduser("~/.cache/bench-peers/torch/bin/python")
MEAN, STD = (123.68, 116.28, 103.53), (58.395, 57.12, 57.375)


def make(folder):
    """JPEG files, and a record file of them."""
    from sklearn.datasets import load_sample_images

    from plait import image, recordio

    draw = np.random.RandomState(0)
    writer = recordio.MXIndexedRecordIO(f"{folder}/a.idx", f"{folder}/a.rec", "w")
    photos, total = load_sample_images().images, 0
    for i in range(COUNT):
        photo = photos[i % 2]
        h, w = draw.randint(340, 400), draw.randint(460, 540)
        y, x = draw.randint(photo.shape[0] - h + 1), draw.randint(photo.shape[1] - w + 1)
        data = image.imencode(np.ascontiguousarray(photo[y : y + h, x : x + w]), ".jpg", 90)
        total += len(data)
        with open(f"{folder}/{i}.jpg", "wb") as file:
            file.write(data)
        writer.write_idx(i, recordio.pack(recordio.IRHeader(0, i % 10, i, 0), data))
    writer.close()
    print(f"{COUNT} images of {total // COUNT // 1000} kB")


def record_iter(mx, folder, workers):
    names = {
        f"{k}_{c}": v
        for k, vs in (("mean", MEAN), ("std", STD))
        for c, v in zip("rgb", vs, strict=True)
    }
    it = mx.io.ImageRecordIter(
        path_imgrec=f"{folder}/a.rec", path_imgidx=f"{folder}/a.idx", data_shape=(3, SIZE, SIZE),
        batch_size=BATCH, shuffle=True, rand_crop=True, rand_mirror=True, round_batch=False,
        preprocess_threads=workers, **names,
    )  # fmt: skip

    def run():
        it.reset()
        count = 0
        for batch in it:
            batch.data[0].wait_to_read()
            count += BATCH - (batch.pad or 0)
        return count

    return run


def gluon_loader(mx, folder, workers):
    vision = mx.gluon.data.vision
    mean, std = (tuple(v / 255 for v in values) for values in (MEAN, STD))
    rest = vision.transforms.Compose(
        [
            vision.transforms.RandomFlipLeftRight(),
            vision.transforms.ToTensor(),
            vision.transforms.Normalize(mean, std),
        ]
    )

    def change(picture):
        return rest(mx.image.random_crop(picture, (SIZE, SIZE))[0])

    data = vision.ImageRecordDataset(f"{folder}/a.rec").transform_first(change)
    loader = mx.gluon.data.DataLoader(data, BATCH, shuffle=True, num_workers=workers)

    def run():
        count = 0
        for x, label in loader:
            x.wait_to_read()
            count += len(label)
        return count

    return run


def open_with_pillow(path):
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def open_with_opencv(path):
    import cv2

    cv2.setNumThreads(1)
    return cv2.imread(path)[..., ::-1]


def torch_loader(folder, workers, read):
    import torch

    torch.set_num_threads(1)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (MEAN, STD))

    class Images(torch.utils.data.Dataset):
        def __len__(self):
            return COUNT

        def __getitem__(self, i):
            picture = read(f"{folder}/{i}.jpg")
            y, x = (int(torch.randint(n - SIZE + 1, (1,))) for n in picture.shape[:2])
            picture = picture[y : y + SIZE, x : x + SIZE]
            if torch.rand(1) < 0.5:
                picture = picture[:, ::-1]
            pixels = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
            return pixels.float().sub_(mean).div_(std), i % 10

    loader = torch.utils.data.DataLoader(
        Images(), BATCH, shuffle=True, num_workers=workers, persistent_workers=True
    )
    return lambda: sum(len(label) for _, label in loader)


def serve(framework, folder):
    """Answers "workers" lines on the standard input with images a second."""
    runs = {}
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        workers = int(line)
        if workers not in runs:
            name, _, kind = framework.partition("-")
            if name == "torch":
                read = open_with_opencv if kind else open_with_pillow
                runs[workers] = torch_loader(folder, workers, read)
            else:
                make = gluon_loader if kind else record_iter
                runs[workers] = make(oracle.import_framework(name), folder, workers)
            runs[workers]()
        start = time.perf_counter()
        count = runs[workers]()
        print(json.dumps(count / (time.perf_counter() - start)), file=answers, flush=True)


NAMES = {
    "plait": "plait ImageRecordIter",
    "mxnet": "MXNet 1.9.1 ImageRecordIter",
    "plait-gluon": "plait DataLoader",
    "mxnet-gluon": "MXNet 1.9.1 DataLoader",
    "torch": "PyTorch DataLoader, Pillow",
    "torch-opencv": "PyTorch DataLoader, OpenCV",
}


def show(best):
    """The table of images a second and ratios, by number of workers."""
    heads = [f"{w} worker{'s' if w > 1 else ''}" for w in best]
    print(f"{'':28}" + "".join(f" {head:>10} {'against':>8}" for head in heads))
    for name in next(iter(best.values())):
        cells = [f" {b[name]:10.0f} {b[name] / b['torch']:8.2f}" for b in best.values()]
        print(f"{NAMES[name]:28}" + "".join(cells))


def measure(programs, workers):
    """Images a second of each program: the best of three passes, in turns."""
    best = dict.fromkeys(programs, 0.0)
    for _ in range(3):
        for name, program in programs.items():
            program.stdin.write(f"{workers}\n")
            program.stdin.flush()
            best[name] = max(best[name], float(program.stdout.readline()))
    return best


def main():
    if sys.argv[1:2] == ["--serve"]:
        return serve(*sys.argv[2:])
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("mxnet", nargs="?", default=oracle.MXNET_PYTHON)
    parser.add_argument("torch", nargs="?", default=TORCH_PYTHON)
    options = parser.parse_args()
    mxnet, torch = options.mxnet, options.torch
    pythons = {
        "plait": sys.executable,
        "mxnet": mxnet,
        "plait-gluon": sys.executable,
        "mxnet-gluon": mxnet,
        "torch": torch,
    }
    if not subprocess.run([torch, "-c", "import cv2"], capture_output=True).returncode:
        pythons["torch-opencv"] = torch
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        programs = {
            name: subprocess.Popen(
                [python, "-W", "ignore", os.path.abspath(__file__), "--serve", name, folder],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            for name, python in pythons.items()
        }  # fmt: skip
        show({workers: measure(programs, workers) for workers in options.workers})
        for program in programs.values():
            program.stdin.close()
            program.wait()


if __name__ == "__main__":
    main()
