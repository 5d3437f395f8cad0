// SPDX-License-Identifier: MIT
// NEON: every 64-bit Arm processor.
#include "row_functions.h"

#if defined(__aarch64__) || defined(_M_ARM64)
#include <arm_neon.h>

#include "../rows/row_table.h"

namespace {

struct NeonLanes : ScalarLanes {
    using ScalarLanes::inside64;  // float64 and int32

    static u64 inside64(const float* v, const Level& level, u64& nan) {
        return sixteen_by_four([v](int k) { return vld1q_f32(v + 4 * k); }, level, nan);
    }
    static u64 inside64(const f16* v, const Level& level, u64& nan) {
        const auto load = [v](int k) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&v[4 * k].bits))); };
        return sixteen_by_four(load, level, nan);
    }
    static u64 inside64(const bf16* v, const Level& level, u64& nan) {
        const auto load = [v](int k) {
            return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(&v[4 * k].bits), 16));
        };
        return sixteen_by_four(load, level, nan);
    }
    static u64 inside64(const u8* v, const Level& level, u64&) {
        if (level.last_inside < 0) return 0;
        const uint8x16_t at = vdupq_n_u8(static_cast<u8>(level.last_inside));
        return four_masks([&](int k) { return vcleq_u8(vld1q_u8(v + 16 * k), at); });
    }
    static u64 inside64(const i8* v, const Level& level, u64&) {
        if (level.last_inside < -128) return 0;
        const int8x16_t at = vdupq_n_s8(static_cast<i8>(level.last_inside));
        return four_masks([&](int k) { return vcleq_s8(vld1q_s8(v + 16 * k), at); });
    }
    static u64 inside64(const i16* v, const Level& level, u64&) {
        if (level.last_inside < -32768) return 0;
        const int16x8_t at = vdupq_n_s16(static_cast<i16>(level.last_inside));
        return four_masks([&](int k) {
            const uint16x8_t low = vcleq_s16(vld1q_s16(v + 16 * k), at);
            return vmovn_high_u16(vmovn_u16(low), vcleq_s16(vld1q_s16(v + 16 * k + 8), at));
        });
    }

private:
    // Sixteen bytes of all ones or zeros -> sixteen bits.
    static u64 mask16(uint8x16_t m) {
        const uint8x16_t weights = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
        const uint8x16_t bits = vandq_u8(m, weights);
        return static_cast<u64>(vaddv_u8(vget_low_u8(bits))) | static_cast<u64>(vaddv_u8(vget_high_u8(bits)))
                                                                   << 8;
    }

    template <class Mask>
    static u64 four_masks(Mask mask) {
        return mask16(mask(0)) | mask16(mask(1)) << 16 | mask16(mask(2)) << 32 | mask16(mask(3)) << 48;
    }

    template <class Load>
    static u64 sixteen_by_four(Load load, const Level& level, u64& nan) {
        const float32x4_t at = vdupq_n_f32(level.f32);
        uint32x4_t ordered = vdupq_n_u32(~0u);
        const auto below = [&](int k) {
            const float32x4_t sample = load(k);
            ordered = vandq_u32(ordered, vceqq_f32(sample, sample));
            return vcltq_f32(sample, at);
        };
        const u64 word = four_masks([&](int k) {
            const uint16x8_t low = vmovn_high_u32(vmovn_u32(below(4 * k)), below(4 * k + 1));
            const uint16x8_t high = vmovn_high_u32(vmovn_u32(below(4 * k + 2)), below(4 * k + 3));
            return vmovn_high_u16(vmovn_u16(low), high);
        });
        nan |= vminvq_u32(ordered) == 0;
        return word;
    }
};

}  // namespace

namespace mc::cpu {

const RowFunctions* neon_rows() {
    static const RowFunctions table = make_row_functions<NeonLanes>("neon");
    return &table;
}

}  // namespace mc::cpu
#else
namespace mc::cpu {
const RowFunctions* neon_rows() { return nullptr; }
}  // namespace mc::cpu
#endif
