"""Record files, image decoding and resizing beside MXNet 1.9.1; files go both ways.

    python tests/mxnet_compat/records_and_images.py MXNET_PYTHON

MXNET_PYTHON is a Python with MXNet; the program runs itself there too.
"""

import os
import struct
import subprocess
import sys
import tempfile

import numpy as np

MAGIC = struct.pack("<I", 0xCED7230A)
SIZES = [(31, 17), (64, 48), (100, 90), (13, 140), (128, 96)]


def records():
    draw = np.random.RandomState(3)
    parts = [MAGIC, b"abcd", b"e", b"\0" * 7, bytes(range(256))]
    out = [b"".join(parts[i] for i in draw.randint(0, 5, draw.randint(0, 6))) for _ in range(300)]
    return [record for record in out if record]  # MXNet reads an empty record as the end


def headers(recordio):
    yield recordio.IRHeader(0, 2.5, 7, 0)
    yield recordio.IRHeader(0, [1.0, -2.0, 3.5], 2**40, 1)
    yield recordio.IRHeader(4, np.arange(4, dtype="float32"), 1, 2)


def write(mx, folder):
    """A record file, an indexed one, and one with headers."""
    writer = mx.recordio.MXRecordIO(f"{folder}/plain.rec", "w")
    for record in records():
        writer.write(record)
    writer.close()
    writer = mx.recordio.MXIndexedRecordIO(f"{folder}/index.idx", f"{folder}/index.rec", "w")
    for i, header in enumerate(headers(mx.recordio)):
        writer.write_idx(3 * i, mx.recordio.pack(header, b"content %d" % i))
    writer.close()


def read(mx, folder):
    """What is wrong with the files that the other one wrote."""
    wrong = []
    reader = mx.recordio.MXRecordIO(f"{folder}/plain.rec", "r")
    if list(iter(reader.read, None)) != records():
        wrong.append("plain.rec")
    reader = mx.recordio.MXIndexedRecordIO(f"{folder}/index.idx", f"{folder}/index.rec", "r")
    for i, expected in reversed(list(enumerate(headers(mx.recordio)))):
        header, content = mx.recordio.unpack(reader.read_idx(3 * i))
        same = np.array_equal(header.label, np.asarray(expected.label, "float32"))
        if not same or header[2:] != tuple(expected)[2:] or content != b"content %d" % i:
            wrong.append(f"index.rec, key {3 * i}")
    return wrong


def images(mx, folder):
    """Decoded and resized images by name."""
    out = {}
    for name in sorted(os.listdir(f"{folder}/images")):
        with open(f"{folder}/images/{name}", "rb") as file:
            data = file.read()
        for flag in (0, 1):
            out[f"decode {name} {flag}"] = mx.image.imdecode(data, flag=flag)
        for width, height in SIZES:
            for interp in range(5):
                key = f"resize {name} {width}x{height} {interp}"
                out[key] = mx.image.imresize(mx.image.imdecode(data), width, height, interp)
        out[f"short {name}"] = mx.image.resize_short(mx.image.imdecode(data), 37)
        out[f"center {name}"] = mx.image.center_crop(mx.image.imdecode(data), (40, 30))[0]
    return {key: value.asnumpy() for key, value in out.items()}


def make_images(folder):
    from plait import image

    os.makedirs(f"{folder}/images")
    y, x = np.mgrid[:75, :101]
    smooth = np.stack([x * 2, y * 3, x + y], 2).astype("uint8")
    noise = np.random.RandomState(5).randint(0, 256, (60, 53, 3)).astype("uint8")
    for name, pixels in (("smooth", smooth), ("noise", noise), ("gray", smooth[:, :, :1])):
        for suffix in (".jpg", ".png"):
            with open(f"{folder}/images/{name}{suffix}", "wb") as file:
                file.write(image.imencode(pixels, suffix))


def compare(ours, theirs):
    """Largest difference by kind of result, in gray levels."""
    worst = {}
    for key, value in theirs.items():
        kind = key.split()[0] + (f" interp {key[-1]}" if key.startswith("resize") else "")
        error = np.inf
        if ours[key].shape == value.shape:
            error = np.abs(ours[key].astype(int) - value).max()
        worst[kind] = max(worst.get(kind, 0), error)
    return worst


def peer(folder):
    import mxnet as mx

    np.savez(f"{folder}/images.npz", **images(mx, folder))
    print("read by MXNet, wrong:", read(mx, f"{folder}/ours") or "nothing")
    write(mx, f"{folder}/theirs")


def main():
    if sys.argv[1] == "--peer":
        return peer(sys.argv[2])
    import plait as mx

    with tempfile.TemporaryDirectory() as folder:
        for name in ("ours", "theirs"):
            os.makedirs(f"{folder}/{name}")
        make_images(folder)
        write(mx, f"{folder}/ours")
        subprocess.run([sys.argv[1], "-W", "ignore", __file__, "--peer", folder], check=True)
        print("read by plait, wrong:", read(mx, f"{folder}/theirs") or "nothing")
        for name in ("plain.rec", "index.rec", "index.idx"):
            files = [open(f"{folder}/{side}/{name}", "rb").read() for side in ("ours", "theirs")]
            print(f"{name}: {'the same' if files[0] == files[1] else 'DIFFERENT'} bytes")
        with np.load(f"{folder}/images.npz") as theirs:
            for kind, error in compare(images(mx, folder), theirs).items():
                print(f"{kind}: largest difference {error} gray levels")


if __name__ == "__main__":
    main()
