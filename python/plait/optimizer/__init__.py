"""Rules that update parameters from gradients."""

from .optimizer import Optimizer, create, register
from .rules import SGD, Adam
from .updater import Updater, get_updater

__all__ = ["Optimizer", "create", "register", "SGD", "Adam", "Updater", "get_updater"]
