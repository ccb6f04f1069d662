"""Networks that find objects in images."""

from .ssd import SSD, SSDLoss
from .yolo import YOLO, YOLOLoss

__all__ = ["SSD", "SSDLoss", "YOLO", "YOLOLoss"]
