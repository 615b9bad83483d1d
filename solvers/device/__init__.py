"""The solve in torch, on a GPU or any other torch device; loaded only by who asks for it."""

from solvers.device.solve import DeviceMultigrid

__all__ = ["DeviceMultigrid"]
