// SPDX-License-Identifier: MIT
// Memory that is written before it is read: not zeroed, and on huge pages where the system has them,
// since a fresh 4 KiB page costs more to fault in than to fill.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace mc::cpu {

// Asks for huge pages on the whole 2 MiB pages inside [data, data + bytes). Only ever a hint.
inline void advise_huge_pages(void* data, std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr std::uintptr_t kHuge = std::uintptr_t(2) << 20;
    const auto begin = (reinterpret_cast<std::uintptr_t>(data) + kHuge - 1) & ~(kHuge - 1);
    const auto end = (reinterpret_cast<std::uintptr_t>(data) + bytes) & ~(kHuge - 1);
    if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
    (void)data, (void)bytes;
#endif
}

template <class T>
class Buffer {
public:
    Buffer() = default;
    explicit Buffer(std::size_t count) : data_(static_cast<T*>(std::malloc(count * sizeof(T) + 1))) {
        if (!data_) throw std::bad_alloc();
        advise_huge_pages(data_, count * sizeof(T));
    }
    // Memory that another owns, and keeps for as long.
    static Buffer lent(T* data) {
        Buffer buffer;
        buffer.data_ = data;
        buffer.is_lent_ = true;
        return buffer;
    }
    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), is_lent_(std::exchange(other.is_lent_, false)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(is_lent_, other.is_lent_);
        return *this;
    }
    ~Buffer() {
        if (!is_lent_) std::free(data_);
    }

    T* data() { return data_; }
    const T* data() const { return data_; }
    T& operator[](std::size_t i) { return data_[i]; }
    const T& operator[](std::size_t i) const { return data_[i]; }

private:
    T* data_ = nullptr;
    bool is_lent_ = false;
};

}  // namespace mc::cpu
