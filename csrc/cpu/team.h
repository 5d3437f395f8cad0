// SPDX-License-Identifier: MIT
// Threads that live for one call: nothing persists between calls, so a fork is always safe. They stay from
// stage to stage, since a thread that starts while another is still ending can land on its neighbour's core.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "../core/host_device.h"

namespace mc::cpu {

class Team {
public:
    // `threads` counts the caller too. Where the system gives fewer, fewer do the work.
    explicit Team(int threads);
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    // Calls work(begin, end) over consecutive parts of [0, count). The parts are dealt out as threads become
    // free; where a part runs never shows in the result. What `work` throws first is thrown again here,
    // after all threads are done.
    using Work = std::function<void(i64 begin, i64 end)>;
    void for_each(i64 count, const Work& work);

private:
    struct Job;
    void serve();
    void help(Job& job);

    std::mutex lock_;
    std::condition_variable wake_, done_;
    Job* job_ = nullptr;  // what there is to do; guarded by lock_, as all below
    u64 jobs_ = 0;        // how many there have been
    int busy_ = 0;        // helpers at work on job_
    bool ending_ = false;
    std::vector<std::thread> helpers_;
};

}  // namespace mc::cpu
