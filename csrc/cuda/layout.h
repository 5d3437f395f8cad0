// SPDX-License-Identifier: MIT
// Pieces of one allocation.
#pragma once

#include <cstddef>

#include "../core/host_device.h"

namespace mc::cuda {

inline i64 divided_up(i64 number, i64 by) { return (number + by - 1) / by; }

// Hands them out. With a null base it only adds up.
class Layout {
public:
    explicit Layout(void* base) : base_(static_cast<char*>(base)) {}

    template <class T>
    void take(T*& pointer, i64 count) {
        constexpr std::size_t kAlign = 256;
        pointer = base_ ? reinterpret_cast<T*>(base_ + used_) : nullptr;
        used_ += (static_cast<std::size_t>(count) * sizeof(T) + kAlign - 1) / kAlign * kAlign;
    }
    std::size_t used() const { return used_; }

private:
    char* base_;
    std::size_t used_ = 0;
};

}  // namespace mc::cuda
