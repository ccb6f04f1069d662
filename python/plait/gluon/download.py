"""Fetching files over the network, whole or not at all."""

import hashlib
import os
import sys
import time

from ..files import replacing

__all__ = ["download", "check_sha1"]

_CHUNK = 1 << 20
_REPOSITORY = "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/"


def repository_url():
    """str: MXNET_GLUON_REPO, by default MXNet's own store of files; ends in a slash."""
    return os.environ.get("MXNET_GLUON_REPO", _REPOSITORY).rstrip("/") + "/"


def check_sha1(filename, sha1_hash):
    """bool: whether the SHA-1 of a file is `sha1_hash` (hexadecimal)."""
    sha1 = hashlib.sha1()
    with open(filename, "rb") as file:
        while block := file.read(_CHUNK):
            sha1.update(block)
    return sha1.hexdigest() == sha1_hash


class _Progress:
    """A line on the terminal; nothing where there is none."""

    def __init__(self, name, total):
        self._name, self._total, self._shown = name, total, 0.0
        self._active = sys.stderr.isatty()

    def update(self, done):
        now = time.monotonic()
        if not self._active or now - self._shown < 0.1 and done != self._total:
            return
        self._shown = now
        if self._total:
            share = done / self._total
            bar = "#" * int(30 * share)
            text = f"[{bar:30}] {share:4.0%} of {self._total / 1e6:.1f} MB"
        else:
            text = f"{done / 1e6:.1f} MB"
        sys.stderr.write(f"\r{self._name}: {text}")

    def close(self):
        if self._active and self._shown:
            sys.stderr.write("\n")


def _fetch(url, file, name, verify_ssl):
    import urllib.request  # a tenth of the time of `import plait`

    context = None
    if not verify_ssl:
        import ssl

        context = ssl._create_unverified_context()
    request = urllib.request.Request(url, headers={"User-Agent": "plait"})
    with urllib.request.urlopen(request, timeout=60, context=context) as answer:
        total = int(answer.headers.get("Content-Length") or 0)
        progress, done = _Progress(name, total), 0
        try:
            while block := answer.read(_CHUNK):
                file.write(block)
                done += len(block)
                progress.update(done)
        finally:
            progress.close()
        if total and done != total:
            raise OSError(f"ended after {done} of {total} bytes")


def download(url, path=None, overwrite=False, sha1_hash=None, retries=5, verify_ssl=True):
    """Fetch a file, unless it is there already with the right checksum.

    Parameters
    ----------
    url : str
    path : str, optional
        File or folder to write to; default: the last part of `url`, in the current folder.
    overwrite : bool
        Whether to fetch even if the file exists.
    sha1_hash : str, optional
        Hexadecimal checksum the file must have.
    retries : int
        Further attempts after a failure; >= 0.
    verify_ssl : bool
        Whether the certificate of the server must be valid.

    Returns
    -------
    str
        Path of the file.

    Raises
    ------
    OSError
        If the file cannot be had, or has another checksum.

    Notes
    -----
    The file appears under its name when it is complete and checked, never before.
    """
    name = url.split("/")[-1]
    if path is None:
        target = name
    else:
        target = os.path.expanduser(path)
        if os.path.isdir(target):
            target = os.path.join(target, name)
    if not target:
        raise ValueError(f"download: url is {url!r}, must end in a file name without path")
    if retries < 0:
        raise ValueError(f"download: retries is {retries}, must be >= 0")
    if not overwrite and os.path.exists(target):
        if not sha1_hash or check_sha1(target, sha1_hash):
            return target
    os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
    for attempt in range(retries + 1):
        try:
            with replacing(target) as partial:
                with open(partial, "wb") as file:
                    _fetch(url, file, name, verify_ssl)
                if sha1_hash and not check_sha1(partial, sha1_hash):
                    raise OSError(f"content has another SHA-1 than {sha1_hash}")
            return target
        except OSError as error:
            if attempt == retries:
                raise OSError(f"download: {url}: {error}") from error
            time.sleep(min(2**attempt * 0.2, 5))
