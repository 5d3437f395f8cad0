// SPDX-License-Identifier: MIT
#include "team.h"

#include <atomic>
#include <system_error>

namespace mc::cpu {

struct Team::Job {
    const Work& work;
    i64 count, part;
    std::atomic<i64> next{0};
    std::exception_ptr failure{};  // guarded by lock_
};

Team::Team(int threads) {
    try {
        for (int t = 1; t < threads; ++t) helpers_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
        // No more threads to be had: those that started, and the caller, do the work.
    }
}

Team::~Team() {
    {
        const std::lock_guard<std::mutex> guard(lock_);
        ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& helper : helpers_) helper.join();
}

void Team::help(Job& job) {
    try {
        for (i64 begin; (begin = job.next.fetch_add(job.part)) < job.count;)
            job.work(begin, begin + job.part < job.count ? begin + job.part : job.count);
    } catch (...) {
        const std::lock_guard<std::mutex> guard(lock_);
        if (!job.failure) job.failure = std::current_exception();
    }
}

void Team::serve() {
    std::unique_lock<std::mutex> guard(lock_);
    for (u64 seen = 0;;) {
        wake_.wait(guard, [&] { return ending_ || (job_ && jobs_ != seen); });
        if (ending_) return;
        seen = jobs_;
        ++busy_;
        Job& job = *job_;
        guard.unlock();
        help(job);
        guard.lock();
        if (--busy_ == 0) done_.notify_one();
    }
}

void Team::for_each(i64 count, const Work& work) {
    if (count <= 0) return;
    constexpr i64 kPartsAThread = 8;  // enough to even out rows of unlike cost
    const i64 parts = helpers_.empty() ? 1 : static_cast<i64>(helpers_.size() + 1) * kPartsAThread;
    Job job{work, count, (count + parts - 1) / parts};
    {
        const std::lock_guard<std::mutex> guard(lock_);
        job_ = &job;
        ++jobs_;
    }
    wake_.notify_all();
    help(job);
    std::unique_lock<std::mutex> guard(lock_);
    job_ = nullptr;  // who has not woken by now need not
    done_.wait(guard, [&] { return busy_ == 0; });
    if (job.failure) std::rethrow_exception(job.failure);
}

}  // namespace mc::cpu
