# SPDX-License-Identifier: MIT
"""A stand-in for TripoSR's decoder: the same shapes and operations, fitted to a chair and a ball.

Three planes of 40 channels and 64² places, sampled bilinearly, then a perceptron of 10 layers of 64: its answer is
a density, whose surface lies at 25, and three colours. Random weights would be noise, of which no coarse grid tells
anything, so they are fitted, from a seed, in about a minute.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample

RADIUS = 0.87  # the cube in which TripoSR looks
THRESHOLD = 25.0
# Boxes: centre and half sides.
_BOXES = [
    ((0.0, 0.0, -0.05), (0.34, 0.34, 0.045)),  # the seat
    ((-0.30, 0.0, 0.30), (0.04, 0.34, 0.32)),  # the back
    *(((sx * 0.28, sy * 0.28, -0.36), (0.045, 0.045, 0.28)) for sx in (-1, 1) for sy in (-1, 1)),
]
_BALL = ((0.08, 0.0, 0.16), 0.16)


def chair(points: Tensor) -> Tensor:
    """Return the signed distance to the chair with a ball on it, negative inside."""
    centre, radius = _BALL
    nearest = (points - points.new_tensor(centre)).norm(dim=1) - radius
    for middle, half in _BOXES:
        away = (points - points.new_tensor(middle)).abs() - points.new_tensor(half)
        distance = away.clamp(min=0).norm(dim=1) + away.amax(dim=1).clamp(max=0)
        nearest = torch.minimum(nearest, distance)
    return nearest


class TriplaneDecoder(nn.Module):
    """Density and colours from three planes; `forward` is what an extraction evaluates."""

    def __init__(self, channels: int = 40, side: int = 64, width: int = 64, layers: int = 10) -> None:
        super().__init__()
        self.planes = nn.Parameter(torch.randn(3, channels, side, side) * 0.1)
        steps: list[nn.Module] = []
        for k in range(layers - 1):
            steps += [nn.Linear(3 * channels if k == 0 else width, width), nn.SiLU()]
        self.network = nn.Sequential(*steps, nn.Linear(width, 4))

    def query(self, points: Tensor) -> Tensor:
        """Return the logarithm of the density above the threshold's, and colours: ``(P, 4)``."""
        x, y, z = (points / RADIUS).unbind(1)
        places = torch.stack([torch.stack([x, y], 1), torch.stack([x, z], 1), torch.stack([y, z], 1)])
        sampled = grid_sample(self.planes, places[:, :, None], align_corners=False, mode="bilinear")
        return self.network(sampled[..., 0].permute(2, 0, 1).flatten(1))

    def forward(self, points: Tensor) -> Tensor:
        """Return what the surface is the zero of, negative inside: ``threshold - density``."""
        return THRESHOLD - THRESHOLD * self.query(points)[:, 0].exp()


def fitted(
    seed: int = 0, steps: int = 300, batch: int = 2048, *, channels: int = 40, side: int = 64, width: int = 64,
    layers: int = 10,
) -> TriplaneDecoder:  # fmt: skip
    """Return a decoder that was fitted to `chair`."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        decoder = TriplaneDecoder(channels, side, width, layers)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        points = (torch.rand(batch, 3, generator=generator) * 2 - 1) * RADIUS
        points[::2] *= points.new_tensor([0.45, 0.45, 0.8])  # half of them in the box that the chair fills
        wanted = (-12 * chair(points)).clamp(-2, 2)
        answer = decoder.query(points)
        loss = (answer[:, 0] - wanted).square().mean() + (answer[:, 1:] - points).square().mean() * 0.1
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return decoder.requires_grad_(False).eval()
