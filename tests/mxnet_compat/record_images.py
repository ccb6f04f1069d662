"""ImageRecordIter and ImageDetRecordIter beside MXNet 1.9.1, where nothing is left to chance.

    python tests/mxnet_compat/record_images.py

Largest and mean difference of the pixels in gray levels (MXNet turns images in steps of 1/32 pixel),
and whether the labels agree. MXNET_PYTHON names the Python that has MXNet.
"""

import os
import pickle
import subprocess
import sys
import tempfile

import numpy as np
import oracle

SHAPE = (3, 48, 64)
CASES = {
    "middle": {},
    "gray": {"data_shape": (1, 48, 64)},
    "resize": {"resize": 50},
    "mirror": {"mirror": True},
    "pad": {"pad": 5, "fill_value": 7, "data_shape": (3, 70, 95)},
    "mean, std, scale": {"mean_r": 10.5, "mean_g": 20, "std_b": 3.0, "scale": 0.5},
    "mean_img": {"mean_img": "mean.nd", "data_shape": (3, 40, 40)},
    "part": {"min_crop_size": 40, "max_crop_size": 40},
    **{f"rotate {a}": {"rotate": a} for a in (15, 90, 180)},
    "rotate 30, black": {"rotate": 30, "fill_value": 0},
    **{
        f"rotate 30, inter_method {i}": {"rotate": 30, "inter_method": i} for i in (2, 4)
    },
    "zoom 1.3": {"min_random_scale": 1.3, "max_random_scale": 1.3},
    "stretch 1.5": {"min_aspect_ratio": 1.5, "max_aspect_ratio": 1.5},
    "min_img_size": {"min_img_size": 100.0, "data_shape": (3, 100, 100)},
    "max_img_size": {"max_img_size": 50.0, "data_shape": (3, 50, 50)},
    "all": {
        "rotate": 20, "min_random_scale": 1.2, "max_random_scale": 1.2, "resize": 60,
        "min_aspect_ratio": 0.8, "max_aspect_ratio": 0.8, "pad": 3, "fill_value": 9,
    },
}  # fmt: skip
BOXES = {
    "plain": {},
    "fit": {"resize_mode": "fit", "data_shape": (3, 50, 50)},
    "shrink": {"resize_mode": "shrink", "data_shape": (3, 50, 200)},
    "mirror": {"rand_mirror_prob": 1.0},
    "pad": {"label_pad_width": 25, "label_pad_value": -3.0},
    "mean, std, scale": {"mean_r": 10, "std_g": 2.0, "scale": 3.0, "resize": 40},
}


def make(folder):
    from plait import image, recordio

    y, x = np.mgrid[:60, :85]
    for name, label in (("images", lambda i: float(i)), ("boxes", boxes_of)):
        writer = recordio.MXIndexedRecordIO(f"{folder}/{name}.idx", f"{folder}/{name}.rec", "w")
        for i in range(3):
            waves = [128 + 100 * np.sin((x * a + y * b + 9 * i) / 9) for a, b in np.eye(3)[:, :2]]
            pixels = np.stack(waves, 2).astype("uint8")
            data = image.imencode(pixels, ".png")
            writer.write_idx(i, recordio.pack(recordio.IRHeader(0, label(i), i, 0), data))
        writer.close()


def boxes_of(i):
    box = [i, 0.125, 0.25, 0.5, 0.75]
    return [2, 5] + box * (i + 1)


def batch_of(make_iter, folder, name, options):
    options = {"data_shape": SHAPE, **options}
    if "mean_img" in options:
        options["mean_img"] = f"{folder}/{options['mean_img']}"
    it = make_iter(
        path_imgrec=f"{folder}/{name}.rec", path_imgidx=f"{folder}/{name}.idx", batch_size=3,
        preprocess_threads=1, verbose=False, **options,
    )  # fmt: skip
    batch = next(iter(it))
    return batch.data[0].asnumpy(), batch.label[0].asnumpy()


def results(mx, folder):
    out = {}
    for name, options in CASES.items():
        out["image", name] = batch_of(mx.io.ImageRecordIter, folder, "images", options)
    for name, options in BOXES.items():
        out["boxes", name] = batch_of(mx.io.ImageDetRecordIter, folder, "boxes", options)
    return out


def main():
    if sys.argv[1:2] == ["--framework"]:
        _, _, framework, folder = sys.argv
        found = results(oracle.import_framework(framework), folder)
        with open(f"{folder}/{framework}.pickle", "wb") as file:
            pickle.dump(found, file)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        found = {}
        for framework, python in (("mxnet", oracle.MXNET_PYTHON), ("plait", sys.executable)):
            command = [python, "-W", "ignore", os.path.abspath(__file__), "--framework", framework]
            subprocess.run([*command, folder], check=True)
            with open(f"{folder}/{framework}.pickle", "rb") as file:
                found[framework] = pickle.load(file)
    for key, (data, label) in found["mxnet"].items():
        ours = found["plait"][key]
        same = np.allclose(ours[1], label, atol=1e-6)
        gap = np.abs(ours[0] - data) if ours[0].shape == data.shape else np.array([np.inf])
        print(
            f"{key[0]} {key[1]:26} largest {gap.max():6.2f}, mean {gap.mean():.3f}, "
            f"labels {'equal' if same else 'DIFFERENT'}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
