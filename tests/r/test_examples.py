"""The programs in examples/r and the vignettes run."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "r"
VIGNETTES = ROOT / "bindings_r" / "vignettes"


def accuracy(text):
    return float(text.split("accuracy ")[-1])


def write_idx(path, values):
    head = struct.pack(f">BBBB{values.ndim}i", 0, 0, 8, values.ndim, *values.shape)
    with gzip.open(path, "wb") as file:
        file.write(head + values.astype("uint8").tobytes())


def test_iris(rscript):
    assert accuracy(rscript(str(EXAMPLES / "iris.R"))) > 0.9


def test_lenet(rscript, tmp_path):
    """On squares of ten sizes, in the format of Fashion-MNIST."""
    for kind, n in (("train", 600), ("t10k", 100)):
        labels = np.arange(n) % 10
        images = np.random.randint(0, 60, (n, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[: 4 + 2 * label, : 4 + 2 * label] += 150
        write_idx(tmp_path / f"{kind}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{kind}-labels-idx1-ubyte.gz", labels)
    out = rscript(str(EXAMPLES / "fashion_mnist.R"), "3", "600", str(tmp_path))
    assert accuracy(out) > 0.8


def test_char_lstm(rscript):
    """Two epochs on the text of a licence; then it writes on."""
    out = rscript(str(EXAMPLES / "char_lstm.R"), "2")
    assert out.startswith("you may ") and len(out.strip()) >= 80


@pytest.mark.parametrize("file", sorted(p.name for p in VIGNETTES.glob("*.Rmd")))
def test_vignette(rscript, tmp_path, file):
    script = tmp_path / "vignette.R"
    rscript("-e", f"knitr::purl('{VIGNETTES / file}', '{script}', quiet = TRUE)")
    rscript(str(script))
