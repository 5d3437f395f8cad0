// SPDX-License-Identifier: MIT
// Stage 1: which samples are inside, and which cells count. Reads the volume once, writes one bit a sample.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "levels.h"
#include "pipeline.h"
#include "simd/row_functions.h"

namespace mc::cpu {

namespace {

constexpr i64 kPiece = 4096;  // samples of a strided row that are packed at a time; whole words

// Copies strided samples next to each other; they are moved as plain bits of their size.
template <class Bits>
void gather_samples(const void* from, i64 n, i64 stride, void* to) {
    const Bits* samples = static_cast<const Bits*>(from);
    Bits* packed = static_cast<Bits*>(to);
    for (i64 x = 0; x < n; ++x) packed[x] = samples[x * stride];
}

using Gather = void (*)(const void*, i64, i64, void*);

Gather gather_for(int bytes) {
    switch (bytes) {
        case 1:
            return gather_samples<u8>;
        case 2:
            return gather_samples<u16>;
        case 4:
            return gather_samples<u32>;
        default:
            return gather_samples<u64>;
    }
}

// Gives a row to work(samples, n, word) where its samples are next to each other: whole, or in pieces.
template <class Work>
void in_pieces(const void* row, i64 n, i64 stride, int bytes, const Work& work) {
    if (stride == 1) return work(row, n, i64{0});
    const Gather gather = gather_for(bytes);
    alignas(8) char packed[8 * kPiece];
    for (i64 x = 0; x < n; x += kPiece) {
        const i64 size = std::min(kPiece, n - x);
        gather(static_cast<const char*>(row) + x * stride * bytes, size, stride, packed);
        work(packed, size, x / 64);
    }
}

// The row's bits moved up by one sample, for the outside one before it; that and the one after it are
// `outer`.
void move_in(const u64* bits, i64 nx, bool outer, u64* to) {
    const i64 words = (nx + 63) / 64, last = (nx + 1) / 64;
    u64 carried = outer;
    for (i64 w = 0; w <= last; ++w) {
        const u64 word = w < words ? bits[w] : 0;
        to[w] = word << 1 | carried;
        carried = word >> 63;
    }
    if (outer) to[last] |= u64(1) << ((nx + 1) % 64);
}

// What was seen of the samples beside their bits.
struct Seen {
    bool nan = false;       // one that counts is NaN, and should not be
    bool left_out = false;  // one does not count

    void operator|=(const Seen& other) {
        nan |= other.nan;
        left_out |= other.left_out;
    }
};

// A sample's place in the volume.
struct Place {
    i64 z, y, x;
};

// Rows of the volume: inside-bits and, where it is selected from, bits of the samples that count.
class RowClassifier {
public:
    explicit RowClassifier(const Plan& plan)
        : request_(plan.request), volume_(plan.request.volume), level_(level_for(plan.request)) {}

    bool classify(i64 z, i64 y, u64* inside) const {
        const void* row = volume_.row(z, y);
        if (volume_.stride_x == 1) return classify_(row, volume_.nx, level_, inside);
        return classify_span({z, y, 0}, volume_.nx, inside);
    }

    Seen select(i64 z, i64 y, u64* inside, u64* valid) const {
        return select_span({z, y, 0}, volume_.nx, inside, valid);
    }

    // Of one piece of a row; both places hold kPiece bits.
    bool any_nan(const Place& at, u64* inside, u64* valid) const {
        const i64 n = std::min(kPiece, volume_.nx - at.x);
        return request_.selects() ? select_span(at, n, inside, valid).nan : classify_span(at, n, inside);
    }

private:
    bool classify_span(const Place& at, i64 nx, u64* inside) const {
        bool nan = false;
        in_pieces(samples(at), nx, volume_.stride_x, kDtypeBytes[dtype_],
                  [&](const void* samples, i64 n, i64 word) {
                      nan |= classify_(samples, n, level_, inside + word);
                  });
        return nan;
    }

    Seen select_span(const Place& at, i64 nx, u64* inside, u64* valid) const {
        const ClassifyKnownRow classify_row = rows_.classify_known[dtype_];
        const Mask& mask = request_.mask;
        Seen seen;
        in_pieces(samples(at), nx, volume_.stride_x, kDtypeBytes[dtype_],
                  [&](const void* samples, i64 n, i64 word) {
                      seen.left_out |= classify_row(samples, n, level_, inside + word, valid + word);
                  });
        if (mask.data)
            in_pieces(mask.row(at.z, at.y) + at.x * mask.stride_x, nx, mask.stride_x, 1,
                      [&](const void* bytes, i64 n, i64 word) { seen |= mask_out(bytes, n, valid + word); });
        seen.nan &= !request_.skip_nan;
        return seen;
    }

    const void* samples(const Place& at) const {
        return volume_.row(at.z, at.y) + at.x * volume_.stride_x * kDtypeBytes[dtype_];
    }

    // Takes the samples out of `valid` whose byte in the mask is 0. Those of the others that are not in it
    // are NaN.
    Seen mask_out(const void* bytes, i64 n, u64* valid) const {
        constexpr Level kZero{0, 0, 0};  // inside are the bytes that are 0
        Seen seen;
        for (i64 x = 0; x < n; x += 64, ++valid) {
            u64 out;
            rows_.classify[static_cast<int>(Dtype::kUInt8)](static_cast<const u8*>(bytes) + x,
                                                            std::min<i64>(64, n - x), kZero, &out);
            seen |= {(~(*valid | out) & low_bits<u64>(n - x)) != 0, out != 0};
            *valid &= ~out;
        }
        return seen;
    }

    const Request& request_;
    const Volume& volume_;
    const RowFunctions& rows_ = row_functions();
    int dtype_ = static_cast<int>(volume_.dtype);
    ClassifyRow classify_ = rows_.classify[dtype_];
    Level level_;
};

// Rows of the grid: those of the volume, and those around it where the border is closed.
class GridClassifier {
public:
    explicit GridClassifier(const Plan& plan)
        : rows_(plan),
          volume_(plan.request.volume),
          closed_(plan.request.closed),
          selects_(plan.request.selects()),
          words_(plan.grid.words()),
          row_(closed_ ? static_cast<std::size_t>(words_) : 0),
          valid_(closed_ && selects_ ? static_cast<std::size_t>(words_) : 0) {}

    Seen operator()(i64 z, i64 y, u64* inside, u64* valid) {
        if (!closed_)
            return selects_ ? rows_.select(z, y, inside, valid) : Seen{rows_.classify(z, y, inside)};
        if (z == 0 || y == 0 || z > volume_.nz || y > volume_.ny) {
            std::fill_n(inside, words_, u64(0));
            if (selects_) std::fill_n(valid, words_, ~u64(0));
            return {};
        }
        const Seen seen = selects_ ? rows_.select(z - 1, y - 1, row_.data(), valid_.data())
                                   : Seen{rows_.classify(z - 1, y - 1, row_.data())};
        move_in(row_.data(), volume_.nx, false, inside);
        if (selects_) move_in(valid_.data(), volume_.nx, true, valid);
        return seen;
    }

private:
    RowClassifier rows_;
    const Volume& volume_;
    bool closed_, selects_;
    i64 words_;
    std::vector<u64> row_, valid_;  // before they are moved
};

// Of a grid with an outside layer, or of which not all samples count, from plane `first` on. What one thread
// sees is seen.
Seen classify_grid(const Plan& plan, i64 first, i64 rows, u64* bits, u64* valid) {
    const i64 ny = plan.grid.ny, words = plan.grid.words();
    std::atomic<bool> nan{false}, left_out{false};
    plan.team->for_each(rows, [&](i64 begin, i64 end) {
        GridClassifier classify_row(plan);
        Seen seen;
        for (i64 r = begin; r < end; ++r)
            seen |=
                classify_row(first + r / ny, r % ny, bits + r * words, valid ? valid + r * words : nullptr);
        if (seen.nan) nan = true;
        if (seen.left_out) left_out = true;
    });
    return {nan, left_out};
}

// Of a volume as it is, from plane `first` on: the usual case has a loop of its own.
bool classify_plainly(const Plan& plan, i64 first, i64 rows, u64* bits) {
    const RowClassifier classifier(plan);
    const i64 ny = plan.grid.ny, words = plan.grid.words();
    std::atomic<bool> nan{false};
    plan.team->for_each(rows, [&](i64 begin, i64 end) {
        bool found = false;
        i64 z = first + begin / ny, y = begin % ny;
        for (i64 r = begin; r < end; ++r) {
            found |= classifier.classify(z, y, bits + r * words);
            if (++y == ny) ++z, y = 0;
        }
        if (found) nan = true;
    });
    return nan;
}

// Whole planes of rows lie next to each other, so that a run of rows is one run of words.
void find_cells(const Plan& plan, const Buffer<u64>& valid, Slab& slab) {
    const i64 words = slab.words, ny = slab.ny, planes = slab.last - slab.first;
    slab.cells = Buffer<u64>(static_cast<std::size_t>(planes * ny * words));
    slab.no_cells = Buffer<u64>(static_cast<std::size_t>(words));
    std::fill_n(slab.no_cells.data(), words, u64(0));
    const CountingCells counting_cells = row_functions().counting_cells;
    plan.team->for_each((planes - 1) * ny, [&](i64 begin, i64 end) {
        while (begin < end) {
            const i64 y = begin % ny,
                      rows = std::min(end - begin, ny - 1 - y);  // no row comes after the last
            if (rows > 0)
                counting_cells({valid.data() + begin * words, words, ny * words, plan.grid.nx}, rows,
                               slab.cells.data() + begin * words);
            begin += std::max<i64>(rows, 1);
        }
    });
}

}  // namespace

bool classify(const Plan& plan, Slab& slab) {
    if (plan.request.label) return false;  // whose bits are there
    const i64 rows = (slab.last - slab.first) * slab.ny, words = slab.words;
    const bool selects = plan.request.selects();
    if (!selects && !plan.request.closed) return classify_plainly(plan, slab.first, rows, slab.bits.data());
    Buffer<u64> valid(selects ? static_cast<std::size_t>(rows * words + 1) : 0);
    if (selects)
        valid[static_cast<std::size_t>(rows * words)] = 0;  // the last word is read with the next one
    const Seen seen =
        classify_grid(plan, slab.first, rows, slab.bits.data(), selects ? valid.data() : nullptr);
    if (seen.left_out && !seen.nan) find_cells(plan, valid, slab);
    return seen.nan;
}

bool any_nan(const Plan& plan) {
    if (plan.request.volume.dtype >= Dtype::kUInt8) return false;
    const RowClassifier classifier(plan);
    const Volume& volume = plan.request.volume;
    std::atomic<bool> nan{false};
    plan.team->for_each(volume.nz * volume.ny, [&](i64 begin, i64 end) {
        u64 inside[kPiece / 64], valid[kPiece / 64];  // not looked at
        bool found = false;
        for (i64 r = begin; r < end; ++r)
            for (i64 x = 0; x < volume.nx; x += kPiece)
                found |= classifier.any_nan({r / volume.ny, r % volume.ny, x}, inside, valid);
        if (found) nan = true;
    });
    return nan;
}

}  // namespace mc::cpu
