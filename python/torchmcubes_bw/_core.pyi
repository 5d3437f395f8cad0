from collections.abc import Sequence

__version__: str

class Plan:
    @property
    def vertices(self) -> int: ...
    @property
    def triangles(self) -> int: ...
    @property
    def has_nan(self) -> bool: ...
    def emit(self, verts: int, faces: int, wide_faces: bool) -> None: ...
    def emit_normals(self, normals: int) -> None: ...

class DualPlan:
    @property
    def vertices(self) -> int: ...
    @property
    def quads(self) -> int: ...
    @property
    def has_nan(self) -> bool: ...
    def emit(self, verts: int, faces: int, wide_faces: bool, triangles: bool, rounds: int) -> None: ...
    def emit_normals(self, normals: int) -> None: ...
    def emit_displaced(self, deform: int, verts: int) -> None: ...
    def gradient(
        self,
        verts: int,
        strides: Sequence[int],
        deform: int,
        volume: int,
        level: bool,
        by_deform: int,
        towards: tuple[int, float, int] | None,
    ) -> float: ...
    def emit_moved(self, deform: int, towards: tuple[int, float, int], moved: int) -> None: ...

def prepare_dual(
    data: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    level: float,
    mask: int,
    mask_strides: Sequence[int],
    skip_nan: bool,
    closed: bool,
    spacing: Sequence[float],
    threads: int,
) -> DualPlan: ...
def prepare_gradient(
    data: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    level: float,
    mask: int,
    mask_strides: Sequence[int],
    skip_nan: bool,
    closed: bool,
    spacing: Sequence[float],
    threads: int,
) -> Plan: ...
def gradient(
    plan: Plan,
    verts: int,
    strides: Sequence[int],
    volume: int,
    level: bool,
    direction: int,
    level_direction: float,
    moved: int,
) -> float: ...
def prepare(
    data: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    level: float,
    mask: int,
    mask_strides: Sequence[int],
    skip_nan: bool,
    closed: bool,
    spacing: Sequence[float],
    slab_planes: int,
    threads: int,
) -> Plan: ...

class SlabPlan:
    @property
    def vertices(self) -> int: ...
    @property
    def triangles(self) -> int: ...
    @property
    def has_nan(self) -> bool: ...
    def emit(self, first_vertex: int, verts: int, faces: int, wide_faces: bool) -> None: ...
    def emit_normals(self, normals: int) -> None: ...

def prepare_slab(
    data: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    level: float,
    mask: int,
    mask_strides: Sequence[int],
    skip_nan: bool,
    closed: bool,
    spacing: Sequence[float],
    planes: tuple[int, int],
    slab: tuple[int, int],
    threads: int,
) -> SlabPlan: ...

class BatchPlan:
    @property
    def vertices(self) -> int: ...
    @property
    def faces(self) -> int: ...
    @property
    def most_vertices(self) -> int: ...
    @property
    def has_nan(self) -> bool: ...
    def emit(self, verts: int, faces: int, wide_faces: bool) -> None: ...
    def emit_normals(self, normals: int) -> None: ...
    def emit_offsets(self, vertices: int, faces: int) -> None: ...

class DualBatchPlan(BatchPlan): ...

def prepare_batch(
    data: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    levels: Sequence[float],
    mask: int,
    mask_strides: Sequence[int],
    skip_nan: bool,
    closed: bool,
    spacing: Sequence[float],
    threads: int,
) -> BatchPlan: ...
def prepare_dual_batch(
    data: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    levels: Sequence[float],
    mask: int,
    mask_strides: Sequence[int],
    skip_nan: bool,
    closed: bool,
    spacing: Sequence[float],
    triangles: bool,
    rounds: int,
    threads: int,
) -> DualBatchPlan: ...

class LabelPlan:
    @property
    def labels(self) -> int: ...
    @property
    def vertices(self) -> int: ...
    @property
    def triangles(self) -> int: ...
    @property
    def most_vertices(self) -> int: ...
    def emit(self, verts: int, faces: int, wide_faces: bool) -> None: ...
    def emit_ids(self, ids: int, vertices: int, triangles: int) -> None: ...

def prepare_labels(
    data: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    background: int | None,
    only: Sequence[int] | None,
    closed: bool,
    spacing: Sequence[float],
    origin: Sequence[float],
    dual: bool,
    rounds: int,
    threads: int,
) -> LabelPlan: ...
def label_boxes(
    data: int, dtype: str, shape: Sequence[int], strides: Sequence[int], only: Sequence[int], threads: int
) -> list[tuple[int, list[int]]]: ...

class BlockPlan:
    @property
    def vertices(self) -> int: ...
    @property
    def triangles(self) -> int: ...
    @property
    def fault(self) -> str: ...
    @property
    def fault_at(self) -> tuple[int, int, int]: ...
    @property
    def fault_values(self) -> tuple[float, float]: ...
    def emit(self, verts: int, faces: int, wide_faces: bool) -> None: ...

def prepare_blocks(
    coords: int,
    wide: bool,
    stride: int,
    stride_axis: int,
    values: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    level: float,
    threads: int,
) -> BlockPlan: ...

class Field:
    def __init__(
        self,
        shape: Sequence[int],
        stride: int,
        level: float,
        spacing: Sequence[float],
        origin: Sequence[float],
        is_double: bool,
        whole: bool,
        threads: int,
    ) -> None: ...
    @property
    def pending(self) -> int: ...
    @property
    def stride(self) -> int: ...
    @property
    def evaluated(self) -> int: ...
    @property
    def vertices(self) -> int: ...
    @property
    def triangles(self) -> int: ...
    def places(self, to: int, kind: str, capacity: int) -> int: ...
    def take(self, values: int, count: int) -> int: ...
    def follow(self, cells: int, margin: float, lipschitz: float) -> None: ...
    def refine(self, cells: int, margin: float, lipschitz: float) -> None: ...
    def prepare(self) -> None: ...
    def emit(self, verts: int, faces: int, wide_faces: bool) -> None: ...

def fill_signs(samples: int, shape: Sequence[int], level: float, low: float, high: float) -> int: ...
def place(
    verts: int,
    is_double: bool,
    to: int,
    to_double: bool,
    count: int,
    spacing: Sequence[float],
    origin: Sequence[float],
    threads: int,
) -> None: ...
def grid_interp(
    volume: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    points: int,
    points_dtype: str,
    points_shape: Sequence[int],
    points_strides: Sequence[int],
    values: int,
    threads: int,
) -> None: ...
def grid_interp_gradient(
    volume: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    points: int,
    points_dtype: str,
    points_shape: Sequence[int],
    points_strides: Sequence[int],
    values: int,
    values_strides: Sequence[int],
    of_volume: int,
    of_points: int,
    threads: int,
) -> None: ...

class Survey:
    @property
    def nans(self) -> int: ...
    @property
    def first_nan(self) -> int: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...

def survey(data: int, dtype: str, shape: Sequence[int], strides: Sequence[int], threads: int) -> Survey: ...
def simd_level() -> str: ...
def simd_levels() -> list[str]: ...
def case_table() -> list[list[tuple[int, int, int]]]: ...
def edge_corners() -> list[tuple[int, int]]: ...

class CudaOutOfMemory(RuntimeError): ...
class CudaImageRefused(RuntimeError): ...

class CudaKernels:
    def __init__(self, device: int, image: bytes) -> None: ...

class CudaPlan:
    @property
    def vertices(self) -> int: ...
    @property
    def triangles(self) -> int: ...
    @property
    def has_nan(self) -> bool: ...
    def emit(self, verts: int, faces: int, wide_faces: bool) -> None: ...
    def emit_normals(self, normals: int, spacing: tuple[float, float, float]) -> None: ...

class CudaDualPlan:
    @property
    def vertices(self) -> int: ...
    @property
    def quads(self) -> int: ...
    @property
    def has_nan(self) -> bool: ...
    def emit(self, verts: int, faces: int, wide_verts: bool, wide_faces: bool, triangles: bool) -> None: ...

def cuda_dual_scratch_bytes(shape: Sequence[int], selects: bool = False, closed: bool = False) -> int: ...
def cuda_prepare_dual(
    kernels: CudaKernels,
    stream: int,
    data: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    level: float,
    mask: int,
    mask_strides: Sequence[int],
    skip_nan: bool,
    closed: bool,
    spacing: Sequence[float],
    offsets: int,
    totals: int,
    most: Sequence[int],
    scratch: int,
) -> CudaDualPlan: ...
def cuda_scratch_bytes(shape: Sequence[int], selects: bool = False, closed: bool = False) -> int: ...
def cuda_prepare(
    kernels: CudaKernels,
    stream: int,
    data: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    level: float,
    mask: int,
    mask_strides: Sequence[int],
    skip_nan: bool,
    closed: bool,
    scratch: int,
) -> CudaPlan: ...
def cuda_gradient_sums(shape: Sequence[int], closed: bool) -> int: ...
def cuda_gradient(
    plan: CudaPlan,
    verts: int,
    strides: Sequence[int],
    wide: bool,
    volume: int,
    sums: int,
    direction: int,
    level_direction: float,
    moved: int,
) -> None: ...
def cuda_gradient_by_points(
    kernels: CudaKernels,
    stream: int,
    volume: int,
    shape: Sequence[int],
    points: int,
    count: int,
    values: int,
    strides: Sequence[int],
    wide: bool,
    by_points: int,
) -> None: ...
def cuda_batch_scratch_bytes(shape: Sequence[int], selects: bool, closed: bool) -> int: ...
def cuda_prepare_batch(
    kernels: CudaKernels,
    stream: int,
    data: int,
    dtype: str,
    shape: Sequence[int],
    strides: Sequence[int],
    level: float,
    levels: int,
    mask: int,
    mask_strides: Sequence[int],
    skip_nan: bool,
    closed: bool,
    offsets: int,
    totals: int,
    most: tuple[int, int],
    scratch: int,
) -> CudaPlan: ...
def cuda_grid_interp(
    kernels: CudaKernels,
    stream: int,
    volume: int,
    shape: Sequence[int],
    points: int,
    count: int,
    values: int,
    is_double: bool,
) -> None: ...

class CudaSparsePlan:
    @property
    def vertices(self) -> int: ...
    @property
    def triangles(self) -> int: ...
    @property
    def in_trouble(self) -> bool: ...
    def emit(self, verts: int, faces: int, wide_verts: bool) -> None: ...

def cuda_sparse_scratch_bytes(words: int) -> int: ...
def cuda_refuse_capture(kernels: CudaKernels, stream: int) -> None: ...
def cuda_prepare_sparse(
    kernels: CudaKernels,
    stream: int,
    data: int,
    is_double: bool,
    strides: Sequence[int],
    side: int,
    level: float,
    blocks: tuple[int, int],
    count: int,
    low: Sequence[int],
    high: Sequence[int],
    words: int,
    keys: tuple[int, int, int],
    scratch: int,
) -> CudaSparsePlan: ...
def cuda_driver_error() -> str: ...
