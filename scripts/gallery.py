# SPDX-License-Identifier: MIT
"""Make the pictures of the README and of docs/command_line.md through the command line.

    pip install 'torchmcubes-bw[cli,scans,mesh,view]' nilearn
    python scripts/gallery.py docs/images

The brain is the MNI152 template that comes with nilearn; nothing is downloaded. The page is photographed by
Chromium, where there is one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nibabel
import numpy as np
from nilearn.datasets import load_mni152_template
from PIL import Image, ImageOps
from scipy.spatial import cKDTree

PROGRAM = [sys.executable, "-m", "torchmcubes_bw"]
SIZE = 160  # samples a side of what is made here


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        load_mni152_template(resolution=1).to_filename(folder / "mni152.nii.gz")
        # Between grey and white matter; the outer surface is cut off by the template's mask.
        picture(out / "brain.png", folder / "mni152.nii.gz", "--level", "0.62", "--ras", "--largest")
        grains(folder / "grains.npy")
        picture(out / "labels.png", folder / "grains.npy", "--labels", "all")
        potential(folder / "potential.npy")
        options = ("--size", str(SIZE), "--colour", folder / "potential.npy")
        picture(out / "density.png", "density", *options)
        photograph(out / "view.png", folder)


def picture(out: Path, *arguments: object) -> None:
    """Render a still, in as few colours as look the same."""
    run("view", *arguments, "--png", out)
    shrink(out)


def run(*arguments: object) -> None:
    subprocess.run([*PROGRAM, *map(str, arguments)], check=True)


def shrink(path: Path) -> None:
    image = Image.open(path).convert("RGB")
    box = Image.eval(image.convert("L"), lambda grey: 255 * (grey < 250)).getbbox()
    if box is not None and path.name != "view.png":
        middle = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
        half = max(box[2] - box[0], box[3] - box[1]) / 2 * 1.05
        corners = [middle[0] - half, middle[1] - half, middle[0] + half, middle[1] + half]
        image = ImageOps.expand(image, 400, "white")  # so that the square lies within it
        image = image.crop(tuple(round(each) + 400 for each in corners))
        image = image.resize((480, 480), Image.Resampling.LANCZOS)
    image.quantize(128).save(path, optimize=True)


def grid() -> np.ndarray:
    """Return the positions (Nz, Ny, Nx, 3) of a cube from -1 to 1."""
    axis = np.linspace(-1, 1, SIZE)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([x, y, z], axis=-1)


def grains(path: Path) -> None:
    """Write a ball of Voronoi cells, with an eighth of it taken out, as a label map."""
    at = grid()
    seeds = np.random.default_rng(4).uniform(-1, 1, (120, 3))
    labels = cKDTree(seeds).query(at.reshape(-1, 3))[1].reshape(at.shape[:3]) + 1
    corner = (at[..., 0] < 0) & (at[..., 1] < 0) & (at[..., 2] > 0)
    np.save(path, np.where((np.linalg.norm(at, axis=-1) < 0.9) & ~corner, labels, 0).astype(np.uint8))


def potential(path: Path) -> None:
    """Write the potential of four charges."""
    at = grid()
    charges = {(0.45, 0.1, 0.2): 1, (-0.4, 0.3, 0.0): -1, (0.1, -0.5, 0.1): 1, (0.2, 0.2, -0.5): -1}
    terms = [sign / np.maximum(np.linalg.norm(at - place, axis=-1), 0.45) for place, sign in charges.items()]
    np.save(path, np.sum(terms, axis=0).astype(np.float32))


def photograph(out: Path, folder: Path) -> None:
    """Take a picture of the page of three labels."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("no Chromium: the page's picture stays as it is")
        return
    image = nibabel.load(folder / "mni152.nii.gz")
    values = np.asarray(image.dataobj)
    depth = np.select([values > 0.62, values > 0.4, values > 0.15], [3, 2, 1], 0).astype(np.uint8)
    depth[: depth.shape[0] // 2] *= depth[: depth.shape[0] // 2] == 3  # half of the shells is opened
    nibabel.save(nibabel.Nifti1Image(depth, image.affine), folder / "tissue.nii.gz")
    page = folder / "page.html"
    run("view", folder / "tissue.nii.gz", "--labels", "all", "--ras", "-o", page, "--no-open")
    options = ["--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    options += [
        "--window-size=900,620",
        "--virtual-time-budget=20000",
        f"--user-data-dir={folder / 'profile'}",
    ]
    subprocess.run(
        [browser, *options, f"--screenshot={out}", page.as_uri()], check=True, stderr=subprocess.DEVNULL
    )
    shrink(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
