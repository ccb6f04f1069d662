"""Loggers with short, coloured heads: `mx.log`."""

import logging
import sys
from logging import CRITICAL, DEBUG, ERROR, INFO, NOTSET, WARNING

__all__ = [
    "get_logger",
    "getLogger",
    "CRITICAL",
    "ERROR",
    "WARNING",
    "INFO",
    "DEBUG",
    "NOTSET",
]

_COLOURS = {"W": "33", "E": "31", "C": "31"}


class _Formatter(logging.Formatter):
    """``I1125 21:03:59 12 file:7] text``; the head is green, yellow or red on a terminal."""

    def __init__(self, coloured):
        super().__init__(datefmt="%m%d %H:%M:%S")
        self._coloured = coloured

    def format(self, record):
        letter = record.levelname[0]
        head = f"{letter}{self.formatTime(record, self.datefmt)} {record.process}"
        head += f" {record.module}:{record.lineno}]"
        if self._coloured:
            head = f"\x1b[{_COLOURS.get(letter, '32')}m{head}\x1b[0m"
        text = f"{head} {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


def get_logger(name=None, filename=None, filemode=None, level=WARNING):
    """A logger that writes to the terminal or a file, with a handler of its own.

    Parameters
    ----------
    name : str, optional
        Default the root logger, which keeps the handlers it has.
    filename : str, optional
        File to write to; default standard error.
    filemode : str, optional
        Default "a": append.
    level : int
        Lowest level that is written.

    Returns
    -------
    logging.Logger
    """
    logger = logging.getLogger(name)
    if name is None or getattr(logger, "_plait_handler", None) is not None:
        return logger
    if filename:
        handler = logging.FileHandler(filename, filemode or "a")
        handler.setFormatter(_Formatter(False))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(_Formatter(sys.stderr.isatty()))
    logger.addHandler(handler)
    logger.setLevel(level)
    logger._plait_handler = handler
    return logger


getLogger = get_logger
