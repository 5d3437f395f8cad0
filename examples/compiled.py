# SPDX-License-Identifier: MIT
"""A model with a surface in its middle, compiled as one graph, differentiated, and exported.

python examples/compiled.py
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor, nn
from torchmcubes_bw import isosurface


class Shape(nn.Module):
    """Turn a code into a volume, its surface, and the surface's area.

    With `most` the results have a fixed size, so that the graph's shapes do not depend on the mesh.
    """

    def __init__(self, size: int, most: tuple[int, int] | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        line = torch.linspace(-1, 1, size)
        z, y, x = torch.meshgrid(line, line, line, indexing="ij")
        self.register_buffer("ball", (x**2 + y**2 + z**2).sqrt() - 0.6)
        self.register_buffer("waves", torch.stack([torch.sin(4 * x), torch.cos(5 * y), torch.sin(3 * z)]))
        self.mix = nn.Linear(8, 3)
        self.spacing = 2 / (size - 1)
        self.most = most

    def forward(self, code: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        vol = self.ball + 0.1 * torch.einsum("k,kzyx->zyx", self.mix(code).tanh(), self.waves)
        where = {"spacing": self.spacing, "origin": -1.0}
        if self.most is None:
            mesh = isosurface(vol, 0.0, **where)
        else:
            mesh = isosurface(vol, 0.0, max_verts=self.most[0], max_faces=self.most[1], **where)
        a, b, c = mesh.verts[mesh.faces.long()].unbind(1)
        area = torch.linalg.cross(b - a, c - a).norm(dim=1).sum() / 2
        return mesh.verts, mesh.faces, area


def same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)


def main() -> None:
    parser = argparse.ArgumentParser(description="A model with a surface in its middle, compiled.")
    parser.add_argument("--size", type=int, default=48, help="samples a side")
    parser.add_argument(
        "--backend", default="inductor", help="torch.compile's; inductor needs a C++ compiler"
    )
    given = parser.parse_args()
    code = torch.randn(8, generator=torch.Generator().manual_seed(1))

    model = Shape(given.size)
    compiled = torch.compile(model, fullgraph=True, backend=given.backend)
    verts, faces, area = compiled(code)
    area.backward()
    print(f"compiled: {len(verts)} vertices, {len(faces)} faces, area {float(area.detach()):.4f}")
    print(f"gradient of the area by the layer's weights: {float(model.mix.weight.grad.norm()):.4f}")
    print(f"the faces are those of the plain model: {same(faces, model(code)[1])}")

    fixed = Shape(given.size, most=(2 * len(verts), 2 * len(faces)))
    with torch.no_grad():
        program = torch.export.export(fixed, (code,))
        got, want = program.module()(code), fixed(code)
    print(f"exported with room for {len(got[0])} vertices: {same(got[0], want[0])}")


if __name__ == "__main__":
    main()
