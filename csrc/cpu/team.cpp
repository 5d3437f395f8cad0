// SPDX-License-Identifier: MIT
#include "team.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#if !defined(_WIN32)
#include <unistd.h>
#endif

#include "float_mode.h"

namespace mc::cpu {

namespace {

// One call of for_each.
struct Job {
    const Work& work;
    i64 count, part;
    std::atomic<i64> next{0};
    std::exception_ptr failure{};  // guarded by the crew's lock

    void help(std::mutex& lock) {
        try {
            for (i64 begin; (begin = next.fetch_add(part)) < count;)
                work(begin, begin + part < count ? begin + part : count);
        } catch (...) {
            const std::lock_guard<std::mutex> guard(lock);
            if (!failure) failure = std::current_exception();
        }
    }
};

i64 this_process() {
#if defined(_WIN32)
    return 0;  // no fork there
#else
    return getpid();
#endif
}

}  // namespace

// The threads beside the caller's, and what they share with it.
class Team::Crew {
public:
    explicit Crew(int size) {
        helpers_.reserve(static_cast<std::size_t>(size));
        try {
            for (int t = 0; t < size; ++t) helpers_.emplace_back([this] { serve(); });
        } catch (const std::system_error&) {
            // No more threads to be had, nor, below, memory for them: those that started do the work.
        } catch (const std::bad_alloc&) {
        }
    }

    ~Crew() {
        {
            const std::lock_guard<std::mutex> guard(lock_);
            ending_ = true;
        }
        wake_.notify_all();
        for (std::thread& helper : helpers_) helper.join();
    }

    i64 size() const { return static_cast<i64>(helpers_.size()); }
    i64 process() const { return process_; }

    void work_through(Job& job) {
        {
            const std::lock_guard<std::mutex> guard(lock_);
            job_ = &job;
            ++jobs_;
        }
        wake_.notify_all();
        job.help(lock_);
        std::unique_lock<std::mutex> guard(lock_);
        job_ = nullptr;  // who has not woken by now need not
        done_.wait(guard, [&] { return busy_ == 0; });
        if (job.failure) std::rethrow_exception(job.failure);
    }

private:
    void serve() {
        const FloatMode exact;
        std::unique_lock<std::mutex> guard(lock_);
        for (u64 seen = 0;;) {
            wake_.wait(guard, [&] { return ending_ || (job_ && jobs_ != seen); });
            if (ending_) return;
            seen = jobs_;
            ++busy_;
            Job& job = *job_;
            guard.unlock();
            job.help(lock_);
            guard.lock();
            if (--busy_ == 0) done_.notify_one();
        }
    }

    const i64 process_ = this_process();
    std::mutex lock_;
    std::condition_variable wake_, done_;
    Job* job_ = nullptr;  // what there is to do; guarded by lock_, as all below
    u64 jobs_ = 0;        // how many there have been
    int busy_ = 0;        // helpers at work on job_
    bool ending_ = false;
    std::vector<std::thread> helpers_;
};

Team::Team(int threads) {
    if (threads > 1) crew_ = new Crew(threads - 1);
}

Team::~Team() {
    forget_the_crew_of_another_process();
    delete crew_;
}

// Its threads are not here, and its lock may be held by one of them for ever: nothing of it can be touched,
// nor given back.
void Team::forget_the_crew_of_another_process() {
    if (crew_ && crew_->process() != this_process()) crew_ = nullptr;
}

void Team::for_each(i64 count, const Work& work) {
    if (count <= 0) return;
    forget_the_crew_of_another_process();
    if (!crew_) return work(0, count);
    constexpr i64 kPartsAThread = 8;  // enough to even out rows of unlike cost
    const i64 parts = (crew_->size() + 1) * kPartsAThread;
    Job job{work, count, (count + parts - 1) / parts};
    crew_->work_through(job);
}

}  // namespace mc::cpu
