"""TensorBoard draws the curve that `plait.board` wrote: run by hand.

    python tests/python/screenshot_of_board.py [picture.png]

Starts TensorBoard on a folder with one curve, takes a picture of the page with Chromium without a
window, and looks for a line in it that goes up and down as the curve does (correlation).
"""

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import numpy as np

from plait import image
from plait.board import SummaryWriter

WIDTH, HEIGHT, STEPS = 1200, 900, 200
BACKGROUND = 20  # colours nearer than this to gray are none


def curve(step):
    """Falls, and has a bump in the middle."""
    return np.exp(-step / 60) + 0.5 * np.exp(-(((step - 100) / 15) ** 2))


@contextlib.contextmanager
def dashboard(folder):
    """The address of a TensorBoard that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            with contextlib.suppress(OSError):
                url = f"{address}/data/plugin/scalars/tags"
                if b"loss" in urllib.request.urlopen(url, timeout=5).read():
                    yield address
                    return
            time.sleep(0.5)
        raise SystemExit("TensorBoard does not answer")
    finally:
        process.terminate()
        process.wait()


def photograph(address, path):
    command = [
        "chromium", "--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu",
        "--disable-3d-apis",
        f"--window-size={WIDTH},{HEIGHT}", "--virtual-time-budget=20000", f"--screenshot={path}",
        f"{address}/#timeseries",
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=150, stderr=subprocess.DEVNULL)
    return image.imread(path).asnumpy().astype(int)


def lines(pixels):
    """(colour, columns, mean row of each) of what goes on from column to column in one colour."""
    strong = np.ptp(pixels, 2) > BACKGROUND
    for colour in np.unique(pixels[strong] // 32, axis=0):
        rows, columns = np.nonzero(strong & (pixels // 32 == colour).all(2))
        count = np.bincount(columns, minlength=pixels.shape[1])
        height = np.bincount(columns, rows, pixels.shape[1]) / np.maximum(count, 1)
        (filled,) = np.nonzero(count)
        for part in np.split(filled, np.nonzero(np.diff(filled) > 2)[0] + 1):
            yield colour * 32, part, height[part]


def likeness(columns, rows):
    """Correlation of the heights with the curve; 0 for short lines."""
    if np.ptp(columns) < 300 or not np.ptp(rows):
        return 0.0
    steps = (columns - columns[0]) / np.ptp(columns) * (STEPS - 1)
    return float(np.corrcoef(-rows, curve(steps))[0, 1])


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = sys.argv[1] if len(sys.argv) > 1 else f"{folder}/board.png"
        with SummaryWriter(f"{folder}/logs") as writer:
            for step in range(STEPS):
                writer.add_scalar("loss", curve(step), step)
        with dashboard(f"{folder}/logs") as address:
            pixels = photograph(address, path)
        found = [(likeness(x, y), len(x), colour.tolist()) for colour, x, y in lines(pixels)]
        best, count, colour = max(found, key=lambda f: f[0], default=(0.0, 0, None))
    print(f"a line of {count} columns in a colour like {colour} follows the curve: {best:.3f}")
    return int(best < 0.98)


if __name__ == "__main__":
    sys.exit(main())
