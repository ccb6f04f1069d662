"""Rules that update parameters from gradients."""

from . import contrib
from .adam import FTML, AdaBelief, Adam, Adamax, AdamW, Nadam
from .adaptive import AdaDelta, AdaGrad, Ftrl, GroupAdaGrad, RMSProp
from .layerwise import LAMB, LANS, LARS, LBSGD, Muon
from .optimizer import FusedOptimizer, Optimizer, create, register
from .sgd import DCASGD, NAG, SGD, SGLD, Lion, Signum, Test, ccSGD
from .updater import Updater, get_updater

__all__ = [
    "FusedOptimizer",
    "Optimizer",
    "contrib",
    "create",
    "register",
    "AdaBelief",
    "AdaDelta",
    "AdaGrad",
    "Adam",
    "AdamW",
    "Adamax",
    "DCASGD",
    "FTML",
    "Ftrl",
    "GroupAdaGrad",
    "LAMB",
    "LANS",
    "LARS",
    "LBSGD",
    "Lion",
    "Muon",
    "NAG",
    "Nadam",
    "RMSProp",
    "SGD",
    "SGLD",
    "Signum",
    "Test",
    "ccSGD",
    "Updater",
    "get_updater",
]
