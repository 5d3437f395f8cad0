// SPDX-License-Identifier: MIT
// Runs one block of threads at a time, each thread a fiber. In turns, a step each; or, where the environment
// variable MC_EMULATED_SEED is set, in a random order: the blocks, and within a block whole warps, each of
// which runs until all of it waits at a barrier while the others have not begun. What is right only in
// the order of the threads' numbers, for want of a barrier, then goes wrong.
#include "fibers.h"

#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace emulated {

namespace {

constexpr std::size_t kStack = 256 * 1024;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "emulated GPU: %s\n", what);
    std::abort();
}

enum class State { kReady, kInWarp, kAtBarrier, kDone };

struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[kStack]};
    Place place;
    State state = State::kReady;
    void* fake_stack = nullptr;
};

struct Warp {
    int waiting = 0;
    std::uint64_t given[32], seen[32];
};

// The block that runs now.
struct Block {
    std::vector<std::unique_ptr<Fiber>> fibers;
    std::vector<Warp> warps;
    const std::function<void()>* kernel = nullptr;
    ucontext_t scheduler;
    Fiber* running = nullptr;
    int at_barrier = 0, size = 0;
    void* scheduler_stack = nullptr;
    std::size_t scheduler_stack_size = 0;
} block;

void enter_scheduler(Fiber& fiber, bool for_good) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fiber.fake_stack, block.scheduler_stack,
                                   block.scheduler_stack_size);
#else
    (void)for_good;
#endif
    swapcontext(&fiber.context, &block.scheduler);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fiber.fake_stack, const_cast<const void**>(&block.scheduler_stack),
                                    &block.scheduler_stack_size);
#endif
}

void run_fiber() {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, const_cast<const void**>(&block.scheduler_stack),
                                    &block.scheduler_stack_size);
#endif
    (*block.kernel)();
    Fiber& fiber = *block.running;
    if (block.warps[fiber.place.thread.x / 32].waiting)
        fail("a thread ended while its warp waits in a ballot or shuffle");
    fiber.state = State::kDone;
    enter_scheduler(fiber, true);
}

void resume(Fiber& fiber) {
    block.running = &fiber;
#if defined(__SANITIZE_ADDRESS__)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, fiber.stack.get(), kStack);
#endif
    swapcontext(&block.scheduler, &fiber.context);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
}

void wait_as(State state) {
    Fiber& fiber = *block.running;
    fiber.state = state;
    enter_scheduler(fiber, false);
}

void prepare_block(int threads, unsigned number) {
    while (static_cast<int>(block.fibers.size()) < threads) block.fibers.push_back(std::make_unique<Fiber>());
    block.warps.assign(static_cast<std::size_t>(threads + 31) / 32, Warp{});
    block.size = threads;
    block.at_barrier = 0;
    for (int t = 0; t < threads; ++t) {
        Fiber& fiber = *block.fibers[static_cast<std::size_t>(t)];
        fiber.place = {
            {static_cast<unsigned>(t), 0, 0}, {number, 0, 0}, {static_cast<unsigned>(threads), 1, 1}};
        fiber.state = State::kReady;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = kStack;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, run_fiber, 0);
    }
}

// The random order, where one is asked for.
std::mt19937* shuffler() {
    static const char* seed = std::getenv("MC_EMULATED_SEED");
    static std::mt19937 random(seed ? static_cast<unsigned>(std::atoi(seed)) : 0u);
    return seed ? &random : nullptr;
}

// 0 to size - 1, shuffled where that is asked for.
std::vector<unsigned> some_order(unsigned size) {
    std::vector<unsigned> order(size);
    std::iota(order.begin(), order.end(), 0u);
    if (shuffler()) std::shuffle(order.begin(), order.end(), *shuffler());
    return order;
}

// Gives each ready fiber of a warp one turn; says whether there was any.
bool turn(unsigned warp, const std::vector<unsigned>& lanes) {
    bool went_on = false;
    for (const unsigned lane : lanes) {
        if (32 * warp + lane >= static_cast<unsigned>(block.size)) continue;
        Fiber& fiber = *block.fibers[32 * warp + lane];
        if (fiber.state != State::kReady) continue;
        resume(fiber);
        went_on = true;
    }
    return went_on;
}

bool all_done() {
    const auto done = [](const std::unique_ptr<Fiber>& fiber) { return fiber->state == State::kDone; };
    return std::all_of(block.fibers.begin(), block.fibers.begin() + block.size, done);
}

void run_block() {
    const unsigned warps = static_cast<unsigned>(block.warps.size());
    while (!all_done()) {
        bool went_on = false;
        const std::vector<unsigned> lanes = some_order(32);
        for (const unsigned warp : some_order(warps)) {
            while (turn(warp, lanes)) {
                went_on = true;
                if (!shuffler()) break;
            }
        }
        if (!went_on) fail("no thread of the block can go on");
    }
}

}  // namespace

Place& here() { return block.running->place; }

const std::uint64_t* meet_warp(std::uint32_t mask, std::uint64_t value) {
    if (mask != 0xffffffffu) fail("only whole warps meet");
    const unsigned t = block.running->place.thread.x;
    Warp& warp = block.warps[t / 32];
    warp.given[t % 32] = value;
    if (++warp.waiting < 32) {
        wait_as(State::kInWarp);
        return warp.seen;
    }
    warp.waiting = 0;
    std::memcpy(warp.seen, warp.given, sizeof(warp.seen));
    for (unsigned k = t / 32 * 32; k < t / 32 * 32 + 32; ++k) {
        Fiber& fiber = *block.fibers[k];
        if (k != t && fiber.state != State::kInWarp) fail("a lane is missing in a ballot or shuffle");
        fiber.state = State::kReady;
    }
    return warp.seen;
}

void meet_block() {
    // As on a GPU, threads that have ended do not count.
    int alive = 0;
    for (int t = 0; t < block.size; ++t)
        alive += block.fibers[static_cast<std::size_t>(t)]->state != State::kDone;
    if (++block.at_barrier < alive) return wait_as(State::kAtBarrier);
    block.at_barrier = 0;
    for (int t = 0; t < block.size; ++t) {
        Fiber& fiber = *block.fibers[static_cast<std::size_t>(t)];
        if (fiber.state == State::kAtBarrier) fiber.state = State::kReady;
    }
}

void launch(unsigned blocks, int threads, const std::function<void()>& kernel) {
    block.kernel = &kernel;
    for (const unsigned number : some_order(blocks)) {
        prepare_block(threads, number);
        run_block();
    }
}

}  // namespace emulated
