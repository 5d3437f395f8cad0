// SPDX-License-Identifier: MIT
// Stage 4 of cells and blocks: every vertex and triangle written at its own address. A warp takes a segment,
// lists what its words own, and makes 32 vertices or cells at a time, a lane each.
#pragma once

#include "sparse_words.cuh"
#include "stage4_emit.cuh"

namespace mc::cuda {

// In-plane vertices before a word of the list; of the whole list where `word` is its end.
MC_HD i64 in_plane_before(const SparseJob& job, i64 word) {
    if (word == job.count) return job.vertex_tiles[job.tiles];
    return job.vertex_tiles[word / kThreads] + (job.ranks[word] & 0xffffu);
}

MC_HD i64 upright_before(const SparseJob& job, i64 word) {
    const i64* const tiles = job.vertex_tiles + job.tiles;
    return tiles[word / kThreads] - tiles[0] + (job.ranks[word] >> 16);
}

// Where ids of a plane that has words begin: its in-plane vertices come after all vertices of lower planes,
// and before its upright ones.
struct SparsePlaneIds {
    i64 upright_below;  // upright vertices of lower planes
    i64 in_plane_end;   // in-plane vertices of this and lower planes
    i64 next;           // the first word of a higher plane, or the list's end

    MC_HD SparsePlaneIds() : upright_below(0), in_plane_end(0), next(0) {}
    MC_HD SparsePlaneIds(const SparseJob& job, i64 z) {
        const i64 keys = z * job.plane_keys;
        next = first_at_least(job.words, job.count, keys + job.plane_keys);
        in_plane_end = in_plane_before(job, next);
        upright_below = upright_before(job, first_at_least(job.words, next, keys));
    }
    MC_HD i64 in_plane(const SparseJob& job, i64 word) const {
        return in_plane_before(job, word) + upright_below;
    }
    MC_HD i64 upright(const SparseJob& job, i64 word) const {
        return in_plane_end + upright_before(job, word);
    }
};

// A sample, counted from the lowest word's first one.
struct SparsePlace {
    i64 x, y, z;

    MC_HD SparsePlace(const SparseJob& job, i64 word, int voxel) : x(0), y(0), z(job.words[word]) {
        x = kWordBits * take_digit(z, job.row_keys) + voxel;
        y = take_digit(z, job.plane_rows);
    }
};

// Where the lower end of an edge lies in some block that holds both of its ends.
MC_HD i64 sample_of_edge(const SparseJob& job, const SparsePlace& at, int axis) {
    const i64 from_x = at.x - job.first_x;
    MC_SHORT_LOOP
    for (int back = 0; back < 8; ++back) {
        if (back >> axis & 1) continue;
        i64 x = from_x - (back & 1), y = at.y - (back >> 1 & 1), z = at.z - (back >> 2);
        if (x < 0 || y < 0 || z < 0) continue;
        const i64 dx = take_digit(x, job.side), dy = take_digit(y, job.side), dz = take_digit(z, job.side);
        const Block block(job, x, y, z);
        if (block.k == kNowhere) continue;
        return block.sample(job, dx + (back & 1), dy + (back >> 1 & 1), dz + (back >> 2));
    }
    return 0;
}

// The vertex on the edge from the sample at `from` along an axis.
template <class Real>
MC_HD void put_vertex(const SparseJob& job, const SparsePlace& from, int axis, i64 sample, i64 id) {
    const i64 step = axis == 0 ? job.stride_x : axis == 1 ? job.stride_y : job.stride_z;
    const Real t =
        edge_fraction(real_at<Real>(job, sample), real_at<Real>(job, sample + step), level_as<Real>(job));
    const i64 low[3] = {job.origin[0] + from.x, job.origin[1] + from.y, job.origin[2] + from.z};
    for (int k = 0; k < 3; ++k) {
        const Real at = static_cast<Real>(low[k]), met = k == axis ? at + t : at;
        if (sizeof(Real) == sizeof(double) && job.wide_verts)
            static_cast<double*>(job.verts)[3 * id + k] = met;
        else
            static_cast<float*>(job.verts)[3 * id + k] = static_cast<float>(met);
    }
}

MC_HD void make_sparse_vertex(const SparseJob& job, i64 word, const Listed& item, i64 id) {
    const SparsePlace place(job, word, item.voxel());
    const i64 sample = sample_of_edge(job, place, item.axis());
    if (job.dtype == kFloat64)
        put_vertex<double>(job, place, item.axis(), sample, id);
    else
        put_vertex<float>(job, place, item.axis(), sample, id);
}

// The first word of the segment that a warp takes.
MC_HD i64 first_word_of_warp() {
    return kSegmentWords * (static_cast<i64>(blockIdx.x) * (kEmitThreads / 32) + warp_of_block());
}

// What a warp keeps in shared memory; see Staging.
union SparseStaging {
    u16 vertices[kListedVertices];
    struct {
        u16 list[kListedCells];
        i32 ids[kEdges * 32];
        Triangle triangles[32 * kMaxTriangles];
    } cells;
};

// The vertices of a segment; `edges` are those of the lane's word.
MC_HD void emit_sparse_vertices(const SparseJob& job, i64 word, const CrossedEdges<u32>& edges,
                                const SparsePlaneIds& ids, SparseStaging& own) {
    const u32 counts =
        static_cast<u32>(popcount(edges.x) + popcount(edges.y)) | static_cast<u32>(popcount(edges.z)) << 16;
    const u32 sum = inclusive_sum(counts), totals = __shfl_sync(kWholeWarp, sum, 31);
    const u32 in_plane = totals & 0xffffu, before = sum - counts;
    InPlaneMarks marks{edges.x, edges.y, before & 0xffffu};
    Marks upright{edges.z, in_plane + (before >> 16)};
    i64 to_in_plane = 0, to_upright = 0;  // from places in the list to ids
    if (counts) {
        to_in_plane = ids.in_plane(job, word) - marks.at;
        to_upright = ids.upright(job, word) - upright.at;
    }
    const auto list = [&](u32 begin, u32 end) {
        marks.list(own.vertices, begin, end);
        upright.list(own.vertices, begin, end, 2);
    };
    in_batches(in_plane + (totals >> 16), own.vertices, list, [&](Listed item, u32 begin, u32 count) {
        const i64 of_plane = __shfl_sync(kWholeWarp, to_in_plane, item.lane()),
                  of_upright = __shfl_sync(kWholeWarp, to_upright, item.lane());
        const i64 id = (item.axis() == 2 ? of_upright : of_plane) + begin + lane();
        if (static_cast<u32>(lane()) < count) make_sparse_vertex(job, word - lane() + item.lane(), item, id);
        __syncwarp();
    });
}

// The x-edges of the word after one in its row.
MC_HD u32 x_edges_after(const SparseJob& job, i64 word) {
    const i64 key = job.words[word] + 1;
    MC_SHORT_LOOP
    for (i64 next = word + 1; next < job.count && job.words[next] <= key; ++next)
        if (job.words[next] == key) return job.edges[0][next];
    return 0;
}

// Returns the active ones among the cells of a word that has cells, and what their ids follow from.
MC_HD u32 find_sparse_cells(const SparseJob& job, i64 of_cells, const SparsePlaneIds& ids,
                            CellWord<i32>& word) {
    const WordsAround around(job, of_cells);
    const CellRows<u32> rows = around.cells(job);
    const u32 active = active_cells(rows, job.cells[of_cells]);
    if (!active) return 0;
    const i64 upright_to_next = upright_before(job, ids.next);
    word.at = rows.row[0].at;
    for (int yz = 0; yz < 4; ++yz) {
        const i64 row = around.at[yz], below = yz < 2 ? ids.upright_below : upright_to_next;
        word.x[yz] = job.edges[0][row], word.y[yz] = job.edges[1][row];
        word.in_plane[yz] = static_cast<i32>(in_plane_before(job, row) + below);
    }
    for (int y = 0; y < 2; ++y) {
        word.z[y] = job.edges[2][around.at[y]];
        word.upright[y] = static_cast<i32>(ids.upright(job, around.at[y]));
    }
    for (int z = 0; z < 2; ++z)
        word.x_after[z] = row_bits<u32>(word.x[2 * z], x_edges_after(job, around.at[2 * z])).after;
    return active;
}

// A warp a segment. A cell's edges may all be other words', so words with cells count too.
MC_HD void emit_sparse(const SparseJob& job) {
    __shared__ SparseStaging staging[kEmitThreads / 32];
    const i64 first = first_word_of_warp(), word = first + lane();
    CrossedEdges<u32> edges{};
    CellWord<i32> of_cells{};
    u32 cells = 0;
    SparsePlaneIds ids;
    if (word < job.count) edges = {job.edges[0][word], job.edges[1][word], job.edges[2][word]};
    const bool has_cells = word < job.count && job.cells[word];
    if (!__ballot_sync(kWholeWarp, has_cells || (edges.x | edges.y | edges.z))) return;
    if (has_cells || (edges.x | edges.y | edges.z))
        ids = SparsePlaneIds(job, quotient(quotient(job.words[word], job.row_keys), job.plane_rows));
    if (has_cells) cells = find_sparse_cells(job, word, ids, of_cells);
    emit_sparse_vertices(job, word, edges, ids, staging[warp_of_block()]);
    if (!__ballot_sync(kWholeWarp, cells != 0)) return;
    const i64 triangle = job.triangle_tiles[first / kThreads] + job.triangles[first / kSegmentWords];
    store_faces(Faces<i32>(job, 0, triangle), of_cells, cells, staging[warp_of_block()].cells);
}

}  // namespace mc::cuda
