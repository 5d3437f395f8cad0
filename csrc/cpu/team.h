// SPDX-License-Identifier: MIT
// Threads that live for one mesh: nothing persists between calls. They stay from stage to stage, since a
// thread that starts while another is still ending can land on its neighbour's core. A process forked in the
// meantime has none of them, knows it, and goes on alone: a fork is always safe.
#pragma once

#include "../core/host_device.h"

namespace mc::cpu {

// What there is to do for the items [begin, end): borrows the callable it is made from, so that nothing is
// allocated for it.
class Work {
public:
    template <class Callable>
    Work(const Callable& callable)
        : callable_(&callable), call_([](const void* borrowed, i64 begin, i64 end) {
              (*static_cast<const Callable*>(borrowed))(begin, end);
          }) {}
    void operator()(i64 begin, i64 end) const { call_(callable_, begin, end); }

private:
    const void* callable_;
    void (*call_)(const void*, i64, i64);
};

// How many threads are worth their start, of those that there may be: one for each `share` of the work.
inline int threads_worth(i64 work, i64 share, int wanted) {
    const i64 best = work / share;
    return best < 1 ? 1 : best < wanted ? static_cast<int>(best) : wanted;
}

class Team {
public:
    // `threads` counts the caller too. Where the system has no thread or no memory for one more, fewer do
    // the work.
    explicit Team(int threads);
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    // Calls work(begin, end) over consecutive parts of [0, count). The parts are dealt out as threads become
    // free; where a part runs never shows in the result. What `work` throws first is thrown again here,
    // after all threads are done.
    void for_each(i64 count, const Work& work);

private:
    class Crew;
    void forget_the_crew_of_another_process();

    Crew* crew_ = nullptr;  // the other threads; null where there are none
};

}  // namespace mc::cpu
