# SPDX-License-Identifier: MIT
"""`torchmcubes-bw view`: the page in a browser, and the still."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import scans
import volumes
from PIL import Image

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def shown(page, folder):
    """Open a page in a browser without a screen; return its picture, its document and its console."""
    if BROWSER is None:
        if os.environ.get("CI") and sys.platform == "linux":
            raise RuntimeError("the page is looked at in Chromium: apt-get install chromium")
        pytest.skip("needs Chromium")
    options = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
    ]
    options += ["--enable-logging=stderr", "--window-size=600,450", "--virtual-time-budget=5000"]
    options += [f"--user-data-dir={folder / 'profile'}"]
    picture = folder / "shot.png"
    shot = subprocess.run(
        [*options, f"--screenshot={picture}", page.as_uri()], capture_output=True, timeout=120
    )
    dump = subprocess.run([*options, "--dump-dom", page.as_uri()], capture_output=True, timeout=120)
    console = [line for line in shot.stderr.decode(errors="replace").splitlines() if "CONSOLE" in line]
    return np.asarray(Image.open(picture).convert("RGB")), dump.stdout.decode(), console


def test_a_page_of_labels(tmp_path):
    shape = (20, 24, 28)
    vol = np.zeros(shape, np.uint8)
    for label, x in ((1, 7), (2, 14), (5, 21)):
        vol[volumes.ball(shape, (x, 12, 10), 5) < 0] = label
    np.save(tmp_path / "labels.npy", vol)
    page = tmp_path / "page.html"
    result = scans.command("view", tmp_path / "labels.npy", "--labels", "all", "-o", page, "--no-open")
    assert "page.html: labels.npy: " in result.output
    text = page.read_text()
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", text)  # nothing from the network
    picture, document, console = shown(page, tmp_path)
    assert console == []
    assert 'data-shown="3"' in document
    assert document.count('type="checkbox"') == 3
    colours, counts = np.unique(picture.reshape(-1, 3) // 32, axis=0, return_counts=True)
    assert len(colours) > 10
    assert counts.max() < 0.95 * counts.sum()  # the background is not all there is


def test_a_mesh_file_with_colours(tmp_path):
    np.save(tmp_path / "ball.npy", volumes.ball((20, 20, 20), (9.2, 9.1, 9.3), 6))
    scans.command(
        "extract", tmp_path / "ball.npy", "--colour", tmp_path / "ball.npy", "-o", tmp_path / "m.ply"
    )
    page = tmp_path / "page.html"
    scans.command("view", tmp_path / "m.ply", "-o", page, "--no-open")
    assert '"color":' in page.read_text().split('type="application/json">')[1]


def test_opens_what_it_wrote(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    output = scans.command("view", "sphere", "--size", 12).output
    assert len(opened) == 1
    assert opened[0].removeprefix("file://") in output
    shutil.rmtree(os.path.dirname(opened[0].removeprefix("file://")))  # noqa: PTH120


NO_OPENGL = "error: --png needs OpenGL, and there is no EGL, no OSMesa and no screen: install libegl1"


def view(*arguments, **environment):
    """Run the command in a process of its own, which VTK may crash."""
    program = [sys.executable, "-m", "torchmcubes_bw", "view", *arguments]
    return subprocess.run(program, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have OpenGL")
def test_no_opengl_is_said(tmp_path):
    """VTK's last resort crashes where its library is missing, as in a slim container."""
    picture = tmp_path / "m.png"
    done = view("sphere", "--png", picture, VTK_DEFAULT_OPENGL_WINDOW="vtkOSOpenGLRenderWindow")
    if done.returncode == 0:  # OSMesa is here
        assert picture.exists()
    else:
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith(NO_OPENGL)
        assert not picture.exists()


@pytest.mark.parametrize("kind", ["ply", "obj", "stl", "glb"])
def test_still(kind, tmp_path):
    mesh, picture = tmp_path / f"m.{kind}", tmp_path / "m.png"
    scans.command("extract", "metaballs", "--size", 24, "-o", mesh)
    done = view(mesh, "--png", picture)
    if done.returncode and NO_OPENGL in done.stderr and not os.environ.get("CI"):
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    pixels = np.asarray(Image.open(picture).convert("L")) // 16
    assert len(np.unique(pixels)) > 6
    assert 0.1 < (pixels < 15).mean() < 0.9


def test_errors(tmp_path):
    (tmp_path / "bad.ply").write_bytes(b"ply\nnothing")
    for arguments, text in (
        ((tmp_path / "bad.ply", "-o", tmp_path / "m.html"), f"cannot read {tmp_path / 'bad.ply'}: "),
        (("sphere", "-o", tmp_path / "m.htm"), "--output must end in one of .html, got "),
        (("sphere", "--png", tmp_path / "m.jpg"), "--png must end in one of .png, got "),
        (("sphere", "--png", "a.png", "-o", "b.html"), "--png and --output are two choices of the same"),
    ):
        result = scans.command("view", *arguments, code=2)
        assert result.stderr.startswith("error: " + text)


def test_a_mesh_has_nothing_to_choose_from(tmp_path):
    mesh, out = tmp_path / "mesh.ply", tmp_path / "page.html"
    scans.command("extract", "metaballs", "--size", 24, "-o", mesh)
    result = scans.command("view", mesh, "--frame", 2, "--no-open", "-o", out, code=2)
    assert result.stderr == f"error: --frame needs a file of several volumes, got {mesh}\n"
    assert not out.exists()


@pytest.mark.parametrize(
    "option",
    ["--level 3", "--label 5", "--smooth 3", "--simplify .1", "--colour no.npy", "--largest", "--no-normals",
     "--ras", "--lps", "--units mm", "--inside below", "--cap", "--mask m.raw"],
)  # fmt: skip
def test_a_mesh_is_shown_as_it_is(option, tmp_path):
    mesh, out = tmp_path / "mesh.ply", tmp_path / "page.html"
    scans.command("extract", "metaballs", "--size", 8, "-o", mesh)
    result = scans.command("view", mesh, *option.split(), "--no-open", "-o", out, code=2)
    assert result.stderr == f"error: {option.split()[0]} needs a volume, got the mesh {mesh}\n"
    assert not out.exists()


PLY = """ply
format ascii 1.0
element vertex 3
property float x
property float y
property float z
element face 1
property list uchar int vertex_indices
end_header
0 0 0
1 0 0
0 1 {z}
3 0 1 {last}
"""


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("ply", PLY.format(z=0, last=7), "INPUT must have faces of its 3 vertices, got vertex 7 in "),
        ("ply", PLY.format(z=0, last=-1), "INPUT must have faces of its 3 vertices, got vertex -1 in "),
        ("ply", PLY.format(z="nan", last=2),
         "INPUT must have vertices at finite places, got [0.0, 1.0, nan] at vertex 2 in "),
        ("obj", "v 0 0 0\nv 1 0 0\nv 0 1 nan\nf 1 2 3\n",
         "INPUT must have vertices at finite places, got [0.0, 1.0, nan] at vertex 2 in "),
    ],
)  # fmt: skip
def test_a_broken_mesh_file(kind, text, said, tmp_path):
    mesh = tmp_path / f"m.{kind}"
    mesh.write_text(text)
    result = scans.command("view", mesh, "--no-open", "-o", tmp_path / "page.html", code=2)
    assert result.stderr == f"error: {said}{mesh}\n"
