// SPDX-License-Identifier: MIT
// A thread block without a GPU: what the kernels of csrc/cuda use of CUDA C++, for g++.
//
// Every thread is a fiber. Fibers of a warp meet at each ballot and shuffle, those of a block at each
// barrier; a thread that ends or waits elsewhere while others of its warp are in a ballot is an error, as is
// a block in which nobody can go on.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

namespace emulated {

struct Index {
    unsigned x, y, z;
};

struct Place {
    Index thread, block, block_size;
};

Place& here();

// Gives `value` to the warp, waits for all of it, and returns the 32 lanes' values.
const std::uint64_t* meet_warp(std::uint32_t mask, std::uint64_t value);
void meet_block();

template <class T>
std::uint64_t to_bits(T value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
}

template <class T>
T from_bits(std::uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
}

}  // namespace emulated

#define threadIdx (emulated::here().thread)
#define blockIdx (emulated::here().block)
#define blockDim (emulated::here().block_size)

inline unsigned __ballot_sync(unsigned mask, int predicate) {
    const std::uint64_t* lanes = emulated::meet_warp(mask, predicate != 0);
    unsigned word = 0;
    for (int k = 0; k < 32; ++k) word |= static_cast<unsigned>(lanes[k]) << k;
    return word;
}

template <class T>
T __shfl_sync(unsigned mask, T value, int lane) {
    return emulated::from_bits<T>(emulated::meet_warp(mask, emulated::to_bits(value))[lane % 32]);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned step) {
    const std::uint64_t* lanes = emulated::meet_warp(mask, emulated::to_bits(value));
    const int own = static_cast<int>(threadIdx.x % 32), from = own - static_cast<int>(step);
    return emulated::from_bits<T>(lanes[from < 0 ? own : from]);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes) {
    const int own = static_cast<int>(threadIdx.x % 32);
    return emulated::from_bits<T>(emulated::meet_warp(mask, emulated::to_bits(value))[own ^ lanes]);
}

inline void __syncwarp() { emulated::meet_warp(0xffffffffu, 0); }
inline void __syncthreads() { emulated::meet_block(); }

// Threads take turns, so nothing comes between.
inline unsigned atomicOr(unsigned* at, unsigned bits) {
    const unsigned found = *at;
    *at |= bits;
    return found;
}

inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}

inline unsigned __umulhi(unsigned a, unsigned b) {
    return static_cast<unsigned>(static_cast<unsigned long long>(a) * b >> 32);
}
