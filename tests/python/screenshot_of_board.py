"""TensorBoard draws the curve that `plait.board` wrote: run by hand.

    python tests/python/screenshot_of_board.py [picture.png]

Starts TensorBoard on a folder with one curve, takes a picture of the page with Chromium without a
window, and looks for the curve's colour in it: each column that has it must have it where the
curve is.
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
BACKGROUND = 40  # colours nearer than this to gray are none


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
        "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--window-size={WIDTH},{HEIGHT}", "--virtual-time-budget=20000", f"--screenshot={path}",
        f"{address}/#timeseries",
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=150, stderr=subprocess.DEVNULL)
    return image.imread(path).asnumpy().astype(int)


def strongest_colour(pixels):
    """Rows and columns of the pixels of the commonest strong colour."""
    strong = np.ptp(pixels, 2) > BACKGROUND
    colours, counts = np.unique(pixels[strong] // 16, axis=0, return_counts=True)
    for colour in colours[np.argsort(-counts)]:
        rows, columns = np.nonzero(strong & (pixels // 16 == colour).all(2))
        yield colour * 16 + 8, rows, columns


def likeness(rows, columns):
    """Correlation of the heights of pixels with the curve, over the columns that they span."""
    left, right = columns.min(), columns.max()
    if right - left < 100:
        return 0.0
    steps = (columns - left) / (right - left) * (STEPS - 1)
    return float(np.corrcoef(-rows, curve(steps))[0, 1]) if np.ptp(rows) else 0.0


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = sys.argv[1] if len(sys.argv) > 1 else f"{folder}/board.png"
        with SummaryWriter(f"{folder}/logs") as writer:
            for step in range(STEPS):
                writer.add_scalar("loss", curve(step), step)
        with dashboard(f"{folder}/logs") as address:
            pixels = photograph(address, path)
        found = [(likeness(r, c), len(r), colour) for colour, r, c in strongest_colour(pixels)]
        best, count, colour = max(found, key=lambda f: f[0], default=(0.0, 0, None))
    print(f"{count} pixels of the colour {colour} follow the curve with correlation {best:.3f}")
    return int(best < 0.95)


if __name__ == "__main__":
    sys.exit(main())
