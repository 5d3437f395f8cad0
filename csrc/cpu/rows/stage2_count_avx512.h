// SPDX-License-Identifier: MIT
// Stage 2 with AVX-512: eight words of a row at once, by the same bit algebra on vectors of words.
#pragma once

#include <immintrin.h>

#include <algorithm>

#include "row_words.h"

namespace {

typedef mc::u64 Words __attribute__((vector_size(64)));

}  // namespace

template <>
struct mc::WordOf<Words> {
    static constexpr int kBits = 64;  // of each lane
};

namespace {

struct PopcountLanes {
    Words operator()(Words words) const { return (Words)_mm512_popcnt_epi64((__m512i)words); }
};

inline u32 sum(Words words) { return static_cast<u32>(_mm512_reduce_add_epi64((__m512i)words)); }

// Words w .. w + 7 of a row; those past its end are 0.
inline Words load_words(const u64* row, i64 w, i64 words) {
    return (Words)_mm512_maskz_loadu_epi64(static_cast<__mmask8>(low_bits<u32>(words - w)), row + w);
}

inline RowBits<Words> load_row_of_words(const u64* row, i64 w, i64 words) {
    return row_bits<Words>(load_words(row, w, words), load_words(row, w + 1, words));
}

// The samples that have a neighbour in x: all but the row's last.
inline Words with_neighbour(i64 nx, i64 w, i64 words) {
    const __m512i lane = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    const __mmask8 last = _mm512_cmpeq_epi64_mask(lane, _mm512_set1_epi64(words - 1 - w));
    const u64 bits = low_bits<u64>(nx - 1 - 64 * (words - 1));
    return (Words)_mm512_mask_set1_epi64(_mm512_set1_epi64(-1), last, static_cast<i64>(bits));
}

// Adds the triangles of the `rare` cells, looked up one by one, to each lane's.
inline void add_rare_triangles(const CellRows<Words>& cells, Words rare, Words& triangles) {
    for (int lane = 0; lane < 8; ++lane) {
        if (!rare[lane]) continue;
        CellRows<u64> word;
        for (int yz = 0; yz < 4; ++yz) word.row[yz] = {cells.row[yz].at[lane], cells.row[yz].after[lane]};
        for (u64 left = rare[lane]; left; left &= left - 1)
            triangles[lane] += kCaseTable.triangles[case_of_cell(word, lowest_bit(left))];
    }
}

// Whether nothing is crossed around any of the words: every sample like its neighbours.
inline bool all_alike(const CellRows<Words>& cells, Words valid) {
    const RowBits<Words>* r = cells.row;
    const __m512i differ =
        (__m512i)(((r[0].at ^ r[0].after) & valid) | (r[0].at ^ r[1].at) | (r[0].at ^ r[2].at) |
                  (((r[0].at ^ r[3].at) | (r[0].at ^ r[1].after) | (r[0].at ^ r[2].after) |
                    (r[0].at ^ r[3].after)) &
                   valid));
    return _mm512_test_epi64_mask(differ, differ) == 0;
}

inline RowCounts count_row_avx512(const RowWords& row) {
    constexpr PopcountLanes count;
    Words in_plane{}, upright{}, triangles{};
    bool any = false;
    const i64 words = row.words();
    for (i64 w = 0; w < words; w += 8) {
        CellRows<Words> cells;
        for (int yz = 0; yz < 4; ++yz) cells.row[yz] = load_row_of_words(row.at[yz >> 1][yz & 1], w, words);
        const Words valid = with_neighbour(row.nx, w, words);
        const RowBits<Words>* r = cells.row;
        if (all_alike(cells, valid)) continue;
        any = true;
        in_plane += count((r[0].at ^ r[0].after) & valid) + count(r[0].at ^ r[1].at);
        upright += count(r[0].at ^ r[2].at);
        const Words active = active_cells(cells, valid);
        if (!row.has_cells || _mm512_test_epi64_mask((__m512i)active, (__m512i)active) == 0) continue;
        const Words rare = ambiguous_cells(cells) & active;
        triangles += plain_triangles(cells, active & ~rare, count);
        if (_mm512_test_epi64_mask((__m512i)rare, (__m512i)rare)) add_rare_triangles(cells, rare, triangles);
    }
    if (!any) return {};  // as in most rows of a usual volume: spares the sums over the lanes
    return {sum(in_plane), sum(upright), sum(triangles)};
}

// Rows of at most four words: as many as fit a vector are passed over at once where nothing is crossed in
// them, as in most of a usual volume.
class ShortRows {
public:
    explicit ShortRows(i64 nx) : words_((nx + 63) / 64), rows_(words_ <= 4 ? 8 / words_ : 0) {
        u64 valid[8] = {};
        for (i64 w = 0; w < rows_ * words_; ++w) valid[w] = low_bits<u64>(nx - 1 - 64 * (w % words_));
        valid_ = (Words)_mm512_loadu_si512(valid);
    }

    // How many rows from this one on, of `left`, are seen to own nothing; 0 does not say that it owns
    // something.
    i64 empty_from(const RowWords& row, i64 left) const {
        if (rows_ == 0 || rows_ > left) return 0;
        const i64 words = rows_ * words_;
        const Words at = load_words(row.at[0][0], 0, words);
        const Words after = row_bits<Words>(at, load_words(row.at[0][0], 1, words)).after;
        const __m512i differ =
            (__m512i)((at ^ load_words(row.at[0][1], 0, words)) | (at ^ load_words(row.at[1][0], 0, words)) |
                      (at ^ load_words(row.at[1][1], 0, words)) | ((at ^ after) & valid_));
        return _mm512_test_epi64_mask(differ, differ) ? 0 : rows_;
    }

private:
    i64 words_, rows_;
    Words valid_;
};

// Rows of one word: eight of them at once, a row each lane.
inline void count_narrow_rows(const RowWords& first, i64 n, RowCounts* counts) {
    constexpr PopcountLanes count;
    const Words valid = (Words)_mm512_set1_epi64(static_cast<i64>(low_bits<u64>(first.nx - 1)));
    for (i64 r = 0; r < n; r += 8) {
        CellRows<Words> cells;
        for (int yz = 0; yz < 4; ++yz) {
            const Words at = load_words(first.at[yz >> 1][yz & 1], r, n);  // those past the last are 0
            cells.row[yz] = {at, at >> 1};
        }
        const i64 rows = std::min<i64>(n - r, 8);
        if (all_alike(cells, valid)) {
            std::fill_n(counts + r, rows, RowCounts{});
            continue;
        }
        const RowBits<Words>* b = cells.row;
        const Words in_plane = count((b[0].at ^ b[0].after) & valid) + count(b[0].at ^ b[1].at);
        const Words upright = count(b[0].at ^ b[2].at);
        Words triangles{};
        if (first.has_cells) {
            const Words active = active_cells(cells, valid), rare = ambiguous_cells(cells) & active;
            triangles = plain_triangles(cells, active & ~rare, count);
            if (_mm512_test_epi64_mask((__m512i)rare, (__m512i)rare))
                add_rare_triangles(cells, rare, triangles);
        }
        for (i64 k = 0; k < rows; ++k)
            counts[r + k] = {static_cast<u32>(in_plane[k]), static_cast<u32>(upright[k]),
                             static_cast<u32>(triangles[k])};
    }
}

inline void count_rows_avx512(const RowWords& first, i64 n, RowCounts* counts) {
    if (first.nx <= 64) return count_narrow_rows(first, n, counts);
    const ShortRows short_rows(first.nx);
    RowWords row = first;
    for (i64 r = 0; r < n;) {
        const i64 empty = short_rows.empty_from(row, n - r);
        if (empty == 0) counts[r] = count_row_avx512(row);
        for (i64 k = 0; k < empty; ++k) counts[r + k] = {};
        for (const i64 next = r + std::max<i64>(empty, 1); r < next; ++r) row = row.next();
    }
}

}  // namespace
