# SPDX-License-Identifier: MIT
"""Extract the MNI152 brain template through the command line and render it: the README's picture.

    pip install 'torchmcubes-bw[cli,io]' nilearn pyvista
    python scripts/render_mni152.py docs/images/mni152.png

The template (1 mm) comes with nilearn; nothing is downloaded. Without a display, run it under xvfb-run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pyvista
import trimesh
from nilearn.datasets import load_mni152_template
from PIL import Image
from torchmcubes_bw.mesh import is_closed

LEVEL = "0.62"  # between grey and white matter; the outer surface is cut off by the template's mask


def main(picture: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        image, mesh = Path(folder) / "mni152.nii.gz", Path(folder) / "mni152.glb"
        load_mni152_template(resolution=1).to_filename(image)
        command = [
            sys.executable,
            "-m",
            "torchmcubes_bw",
            "extract",
            str(image),
            "-o",
            str(mesh),
            "--level",
            LEVEL,
        ]
        subprocess.run(command, check=True)
        if not is_closed(trimesh.load_mesh(mesh, process=False).faces):  # it does not reach the border
            raise SystemExit("the mesh must be closed away from the volume's border, and is not")
        render(mesh, picture)


def render(mesh: Path, picture: str) -> None:
    """Draw the mesh from its front left, the head upright."""
    plotter = pyvista.Plotter(off_screen=True, window_size=(1000, 750))
    plotter.set_background("white")
    brain = pyvista.read(mesh).combine().extract_surface(algorithm="dataset_surface")
    plotter.add_mesh(brain, color="#d9c3b0", smooth_shading=True, specular=0.25, ambient=0.12)
    plotter.enable_ssao(radius=12)
    plotter.camera_position = [(-420, -330, 210), brain.center, (0, 0, 1)]
    plotter.camera.zoom(1.8)
    plotter.enable_anti_aliasing("ssaa")
    pixels = Image.fromarray(plotter.screenshot(return_img=True))
    pixels.quantize(128).save(picture, optimize=True)  # a third of the bytes, none of the looks


if __name__ == "__main__":
    main(*sys.argv[1:])
