// SPDX-License-Identifier: MIT
// Threads that live for one stage: nothing persists between calls, so a fork is always safe.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "../core/host_device.h"

namespace mc::cpu {

// Calls work(begin, end) over consecutive parts of [0, count), on `threads` threads. The parts are dealt
// out as threads become free; where a part runs never shows in the result. What `work` throws first is
// thrown again here, after all threads have ended.
template <class Work>
void parallel_for(int threads, i64 count, const Work& work) {
    if (count <= 0) return;
    constexpr i64 kPartsAThread = 8;  // enough to even out rows of unlike cost
    const i64 parts = threads <= 1 ? 1 : static_cast<i64>(threads) * kPartsAThread;
    const i64 part = (count + parts - 1) / parts;
    std::atomic<i64> next{0};
    std::exception_ptr failure;
    std::mutex failure_lock;
    const auto run = [&] {
        try {
            for (i64 begin; (begin = next.fetch_add(part)) < count;)
                work(begin, begin + part < count ? begin + part : count);
        } catch (...) {
            const std::lock_guard<std::mutex> guard(failure_lock);
            if (!failure) failure = std::current_exception();
        }
    };
    std::vector<std::thread> helpers;
    try {
        for (int t = 1; t < threads && t * part < count; ++t) helpers.emplace_back(run);
    } catch (const std::system_error&) {
        // No more threads to be had: those that started, and this one, do the work.
    }
    run();
    for (std::thread& helper : helpers) helper.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace mc::cpu
