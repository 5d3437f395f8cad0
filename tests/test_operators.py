# SPDX-License-Identifier: MIT
"""The operators that torch's tracers see: compiled, exported, recorded and fake calls."""

import pytest
import torch
import volumes
from torchmcubes_bw import dual_marching_cubes, grid_interp, isosurface, marching_cubes, operators

if not operators.AVAILABLE:
    pytest.skip("torch has custom operators from 2.4 on", allow_module_level=True)

from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from torch.library import opcheck
from torchmcubes_bw import definitions

VOL = torch.from_numpy(volumes.noise((5, 6, 7), 5))
PRIMAL = (False, False, 0)  # no dual mesh, no quads, no rounds of relaxation
# The Inductor of torch 2.4 does not compile a backward whose tensors have unbacked sizes: "u0 not in {}".
BACKEND = "aot_eager" if torch.__version__.startswith("2.4.") else "inductor"
DTYPES = ["float32", "float64", "float16", "bfloat16", "bool", "uint8", "int8", "int16", "int32", "int64"]


def equal(ours, theirs):
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_surfaces_operator(dtype):
    vol = (VOL * 3).to(getattr(torch, dtype))
    level = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    vol.requires_grad_(vol.is_floating_point())
    mask = VOL > -0.9
    opcheck(
        definitions.surface, (vol, level, None, "raise", "open", [1.0, 1.0, 1.0], False, "thresh", *PRIMAL)
    )
    if dtype == "float32":
        opcheck(
            definitions.surface, (vol, level, mask, "skip", "closed", [1.0, 2.0, 1.0], True, "level", *PRIMAL)
        )


def test_the_other_operators():
    verts, _ = marching_cubes(VOL, 0.1)
    level = torch.tensor(0.1)
    for asked in ((True, True), (False, True)):
        opcheck(definitions.surface_gradient, (verts, VOL, level, None, "raise", "open", False, *asked))
        opcheck(definitions.grid_interp_gradient, (verts[:, :1], VOL[None], verts, *asked))
    opcheck(definitions.place, (verts.clone().requires_grad_(), [1.0, 2.0, 3.0], [0.0, 1.0, 0.0], True))
    opcheck(definitions.grid_interp, (VOL[None].requires_grad_(), verts.clone().requires_grad_()))


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_the_operators_of_the_dual_mesh(dtype):
    vol = (VOL * 3).to(getattr(torch, dtype))
    level = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    vol.requires_grad_(vol.is_floating_point())
    mask, dual = VOL > -0.9, definitions.surface
    opcheck(dual, (vol, level, None, "raise", "open", [1.0, 1.0, 1.0], False, "level", True, True, 0))
    opcheck(dual, (vol, level, mask, "skip", "closed", [1.0, 2.0, 1.0], True, "level", True, False, 0))
    opcheck(
        dual, (vol.detach(), 0 * level.detach(), None, "skip", "open", [1.0] * 3, False, "x", True, False, 2)
    )
    verts, _ = dual_marching_cubes(vol.detach(), 0.5)
    for of in ((True, True), (False, True)):
        given = (verts, vol.detach(), level.detach(), None, "raise", "open", True, *of)
        opcheck(definitions.surface_gradient, given)


def dual_loss(vol, level):
    verts, faces = dual_marching_cubes(vol * 2, level, border="closed", spacing=2.0, quads=True)
    mesh = isosurface(vol, level, method="dual", normals=True, origin=1)
    return (verts**2).sum() + (mesh.verts**3).sum(), verts, faces, *mesh, mesh.normals


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_dual_mesh_is_the_eager_one():
    found = []
    for function in (dual_loss, torch.compile(dual_loss, fullgraph=True, backend="aot_eager")):
        given = VOL.clone().requires_grad_(), torch.tensor(0.1, requires_grad=True)
        total, *mesh = function(*given)
        total.backward()
        found.append([t.detach() for t in mesh] + [tensor.grad for tensor in given])
    assert equal(*found)


@pytest.mark.parametrize("mode", ["real", "symbolic"])
def test_a_recorded_dual_mesh_is_the_eager_one(mode):
    def call(vol):
        return (*dual_marching_cubes(vol, 0.0, placement="nets"), isosurface(vol, 0.1, method="dual").verts)

    assert equal(make_fx(call, tracing_mode=mode)(VOL)(VOL + 0.3), call(VOL + 0.3))


def test_nets_have_no_gradient_where_torch_traces():
    asked = (None, "raise", "open", [1.0, 1.0, 1.0], False, "level", True, False, 1)
    verts, *_ = definitions.surface(VOL.clone().requires_grad_(), torch.tensor(0.1), *asked)
    with pytest.raises(ValueError, match='placement must be "mean" for a volume or level that requires grad'):
        verts.sum().backward()


def loss(vol, level, attributes):
    mesh = isosurface(vol * 2, level, attributes=attributes, border="closed", spacing=2.0, normals=True)
    return (
        (mesh.verts**2).sum() + mesh.attributes.sum(),
        mesh.verts,
        mesh.faces,
        mesh.normals,
        mesh.attributes,
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True)  # newer versions of torch need no telling
def test_compiled_is_eager():
    found = []
    for function in (loss, torch.compile(loss, fullgraph=True, backend=BACKEND)):
        given = [VOL.clone(), torch.tensor(0.1), torch.stack([VOL, -VOL])]
        for tensor in given:
            tensor.requires_grad_()
        total, *mesh = function(*given)
        total.backward()
        found.append([t.detach() for t in mesh] + [tensor.grad for tensor in given])
    assert equal(*found)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:At pre-dispatch tracing:UserWarning")  # torch 2.4
@pytest.mark.filterwarnings("ignore:You are using `torch.load`:FutureWarning")  # likewise
def test_exported_is_eager(tmp_path):
    class Model(torch.nn.Module):
        def forward(self, vol):
            return marching_cubes(vol + 0.1, 0.0)

    torch.export.save(torch.export.export(Model(), (VOL,)), tmp_path / "model.pt2")
    again = torch.export.load(tmp_path / "model.pt2").module()
    assert equal(again(VOL * 3), Model()(VOL * 3))


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
def test_recorded_is_eager(mode):
    def call(vol):
        verts, faces = marching_cubes(vol, 0.0)
        return verts, faces, grid_interp(vol[None], verts)

    assert equal(make_fx(call, tracing_mode=mode)(VOL)(VOL + 0.3), call(VOL + 0.3))


def test_fake_tensors():
    double = VOL.double()
    with FakeTensorMode(shape_env=ShapeEnv()) as mode:
        vol = mode.from_tensor(double)
        verts, faces = marching_cubes(vol, 0.0)
        assert verts.dtype == torch.float64
        assert faces.dtype == torch.int32
        assert grid_interp(vol[None], verts).shape[1] == 1
        with pytest.raises(ValueError, match=r"vol must have 3 dimensions \(Nz, Ny, Nx\), got shape"):
            marching_cubes(vol[0], 0.0)


REFUSED = [
    ({"level": None}, "level must be given where torch traces, got None"),
    ({"degenerate": "drop"}, 'degenerate must be "keep" where torch traces, got "drop"'),
    ({"attributes": VOL[None, 1:]}, r"attributes must have shape \(C, 5, 6, 7\), got shape \(1, 4, 6, 7\)"),
]


@pytest.mark.parametrize("options, text", REFUSED)
def test_what_cannot_be_traced(options, text):
    with FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True) as mode:
        vol = mode.from_tensor(VOL, static_shapes=True)
        with pytest.raises(ValueError, match=f"^{text}$"):
            isosurface(vol, **{"level": 0.0, **options})


def test_without_operators_a_recorder_is_refused(monkeypatch):
    """As of torch before 2.4."""
    monkeypatch.setattr(operators, "AVAILABLE", False)
    for call in (lambda v: marching_cubes(v, 0.0)[0], lambda v: isosurface(v, 0.0).verts):
        with pytest.raises(
            TypeError, match="vol must be a tensor with data, got one that make_fx is recording"
        ):
            make_fx(call)(VOL)
    with pytest.raises(TypeError, match="got one that make_fx is recording"):
        make_fx(lambda v: grid_interp(v, torch.zeros(1, 3)))(VOL[None])


def test_arrays_are_not_traced():
    with pytest.raises(TypeError, match=r"vol must be a torch\.Tensor where torch traces, got ndarray"):
        make_fx(lambda at: [at, *marching_cubes(VOL.numpy(), 0.0)])(VOL)


def test_a_volume_that_needs_more_than_int32(monkeypatch):
    """Such a mesh's faces are int64, which the traced call cannot know beforehand."""
    wide = definitions.choose.surface

    def surface(request, normals):
        found = wide(request, normals)
        return found._replace(faces=found.faces.long())

    monkeypatch.setattr(definitions.choose, "surface", surface)
    with pytest.raises(ValueError, match=r"faces are int32 where torch traces: vol must have at most 2\^31"):
        torch.ops.torchmcubes_bw.surface(
            VOL, torch.tensor(0.0), None, "raise", "open", [1.0, 1.0, 1.0], False, "level", *PRIMAL
        )
