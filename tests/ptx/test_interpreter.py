# SPDX-License-Identifier: MIT
"""The judge is judged: what the interpreter computes, against plain Python, and what it must refuse."""

import struct

import numpy as np
import pytest
from ptx.driver import Module
from ptx.machine import Launch, Rules
from ptx.memory import WRITTEN, Arena
from ptx.program import PtxError, parse
from ptx.threads import Shape

WORD, LONG = 2**32 - 1, 2**64 - 1
HEAD = """
.version 8.7
.target sm_120
.address_size 64
.visible .entry k(.param .u64 pa, .param .u64 pout)
{
 .reg .pred %p<9>; .reg .b16 %h<9>; .reg .b32 %r<30>; .reg .b64 %rd<30>; .reg .f32 %f<9>; .reg .f64 %fd<9>;
 .shared .align 16 .b8 s[1024];
 ld.param.u64 %rd1, [pa]; ld.param.u64 %rd2, [pout]; mov.u32 %r1, %tid.x; mov.u32 %r20, %ctaid.x;
 mov.u32 %r21, %ntid.x; mad.lo.s32 %r22, %r20, %r21, %r1;
 mul.wide.u32 %rd3, %r22, 16; add.s64 %rd4, %rd1, %rd3; mul.wide.u32 %rd5, %r22, 8; add.s64 %rd6, %rd2, %rd5;
 ld.global.v2.u64 {%rd7, %rd8}, [%rd4]; cvt.u32.u64 %r2, %rd7; cvt.u32.u64 %r3, %rd8; mov.b64 %rd9, 0;
 mov.u32 %r4, 0;
"""
TAIL32, TAIL64 = (
    " cvt.u64.u32 %rd9, %r4; st.global.u64 [%rd6], %rd9; ret; }",
    " st.global.u64 [%rd6], %rd9; ret; }",
)


def run(body, inputs, blocks=1, seed=None, most_steps=20_000):
    """Run a kernel over pairs of 64-bit numbers: in %rd7 and %rd8, their low halves in %r2 and %r3."""
    arena = Arena(1 << 20)
    module = Module(parse(HEAD + body), arena)
    given = np.array(inputs, np.uint64)
    at = arena.allocate(given.nbytes)
    arena.bytes[at : at + given.nbytes] = given.view(np.uint8).reshape(-1)
    arena.state[at : at + given.nbytes] = WRITTEN
    out = arena.allocate(8 * len(given))
    arguments = struct.pack("<QQ", arena.base + at, arena.base + out)
    shape = Shape((blocks, 1, 1), (len(given) // blocks, 1, 1))
    kernel = module.kernel("k", seed is not None)
    Launch(kernel, shape, arguments, arena, Rules(seed, most_steps=most_steps)).execute()
    return arena.bytes[out : out + 8 * len(given)].view(np.uint64).tolist()


def pairs(n=64):
    rng = np.random.default_rng(3)
    wild = rng.integers(0, LONG, (n, 2), dtype=np.uint64, endpoint=True)
    wild[:8] = [(0, 0), (0, 1), (LONG, 1), (1 << 31, 31), (1 << 63, 40), (WORD, WORD), (5, LONG), (7, 33)]
    return wild


def signed(value, bits=32):
    return (value & (1 << bits) - 1) - ((value >> bits - 1 & 1) << bits)


def f32(bits):
    return np.uint32(bits & WORD).view(np.float32)


def quotient(x, y):
    return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)


def field(x, at, count):
    return x >> at & (1 << count) - 1


def prmt(x, y, pick):
    both, out = y << 32 | x, 0
    for k in range(4):
        which = pick >> 4 * k & 15
        byte = both >> 8 * (which & 7) & 255
        out |= (255 * (byte >> 7) if which & 8 else byte) << 8 * k
    return out


WORDS = {  # of x = %r2 and y = %r3
    "add.s32 %r4, %r2, %r3;": lambda x, y: x + y,
    "sub.s32 %r4, %r2, %r3;": lambda x, y: x - y,
    "mul.lo.s32 %r4, %r2, %r3;": lambda x, y: x * y,
    "mul.hi.u32 %r4, %r2, %r3;": lambda x, y: x * y >> 32,
    "mul.hi.s32 %r4, %r2, %r3;": lambda x, y: signed(x) * signed(y) >> 32,
    "mad.lo.s32 %r4, %r2, %r3, %r2;": lambda x, y: x * y + x,
    "or.b32 %r3, %r3, 1; div.u32 %r4, %r2, %r3;": lambda x, y: x // (y | 1),
    "or.b32 %r3, %r3, 1; div.s32 %r4, %r2, %r3;": lambda x, y: quotient(signed(x), signed(y | 1)),
    "or.b32 %r3, %r3, 1; rem.u32 %r4, %r2, %r3;": lambda x, y: x % (y | 1),
    "shl.b32 %r4, %r2, %r3;": lambda x, y: x << y if y < 32 else 0,
    "shr.u32 %r4, %r2, %r3;": lambda x, y: x >> min(y, 32),
    "shr.s32 %r4, %r2, %r3;": lambda x, y: signed(x) >> min(y, 31),
    "shf.l.wrap.b32 %r4, %r2, %r3, 7;": lambda x, y: (y << 7 | x >> 25),
    "shf.r.clamp.b32 %r4, %r2, %r3, 9;": lambda x, y: (y << 32 | x) >> 9,
    "and.b32 %r4, %r2, %r3;": lambda x, y: x & y,
    "xor.b32 %r4, %r2, -2;": lambda x, _: x ^ -2,
    "not.b32 %r4, %r2;": lambda x, _: ~x,
    "popc.b32 %r4, %r2;": lambda x, _: bin(x).count("1"),
    "popc.b64 %r4, %rd7;": None,
    "clz.b32 %r4, %r2;": lambda x, _: 32 - x.bit_length(),
    "brev.b32 %r4, %r2;": lambda x, _: int(f"{x:032b}"[::-1], 2),
    "bfind.u32 %r4, %r2;": lambda x, _: x.bit_length() - 1,
    "bfind.shiftamt.u32 %r4, %r2;": lambda x, _: 32 - x.bit_length() if x else -1,
    "bfe.u32 %r4, %r2, 5, 9;": lambda x, _: field(x, 5, 9),
    "bfe.s32 %r4, %r2, 5, 9;": lambda x, _: signed(field(x, 5, 9), 9),
    "bfi.b32 %r4, %r2, %r3, 5, 9;": lambda x, y: y & ~(511 << 5) | (x & 511) << 5,
    "lop3.b32 %r4, %r2, %r3, 255, 0x6A;": lambda x, y: (x & y) ^ 255,
    "prmt.b32 %r4, %r2, %r3, 0x9653;": lambda x, y: prmt(x, y, 0x9653),
    "dp4a.u32.u32 %r4, %r2, %r3, 9;": lambda x, y: 9
    + sum((x >> k & 255) * (y >> k & 255) for k in (0, 8, 16, 24)),
    "vset4.u32.u32.lt %r4, %r2, %r3, 0;": lambda x, y: sum(
        (field(x, k, 8) < field(y, k, 8)) << k for k in (0, 8, 16, 24)
    ),
    "min.s32 %r4, %r2, %r3;": lambda x, y: min(signed(x), signed(y)),
    "max.u32 %r4, %r2, %r3;": max,
    "abs.s32 %r4, %r2;": lambda x, _: abs(signed(x)),
    "setp.lt.s32 %p1, %r2, %r3; selp.b32 %r4, 3, 4, %p1;": lambda x, y: 3 if signed(x) < signed(y) else 4,
    "setp.ne.u32 %p2, %r2, 0; setp.lo.and.u32 %p1|%p3, %r2, %r3, %p2; selp.u32 %r4, 1, 0, %p1;"
    "@%p3 add.u32 %r4, %r4, 2;": lambda x, y: (x < y and x != 0) + 2 * (x >= y and x != 0),
    "set.lt.u32.u32 %r4, %r2, %r3;": lambda x, y: -(x < y),
    "cvt.u16.u32 %h1, %r2; cvt.s32.s8 %r4, %h1;": lambda x, _: signed(x & 255, 8),
    "mov.b32 {%h1, %h2}, %r2; mov.b32 %r4, {%h2, %h1};": lambda x, _: x >> 16 | x << 16,
    "mov.b32 %f1, %r2; mov.b32 %f2, %r3; add.rn.f32 %f3, %f1, %f2; mov.b32 %r4, %f3;": lambda x, y: int(
        (f32(x) + f32(y)).view(np.uint32)
    ),
    "mov.b32 %f1, %r2; mov.b32 %f2, %r3; setp.leu.f32 %p1, %f1, %f2; selp.u32 %r4, 1, 0, %p1;": lambda x,
    y: int(not f32(x) > f32(y)),
    "cvt.rn.f32.s32 %f1, %r2; mov.b32 %r4, %f1;": lambda x, _: int(np.float32(signed(x)).view(np.uint32)),
    "cvt.rn.f32.s32 %f1, %r2; cvt.rzi.s32.f32 %r4, %f1;": lambda x, _: min(
        int(np.float32(signed(x))), 2**31 - 1
    ),
}
LONGS = {  # of x = %rd7 and y = %rd8
    "mul.lo.s64 %rd9, %rd7, %rd8;": lambda x, y: x * y,
    "mul.hi.u64 %rd9, %rd7, %rd8;": lambda x, y: x * y >> 64,
    "mul.hi.s64 %rd9, %rd7, %rd8;": lambda x, y: signed(x, 64) * signed(y, 64) >> 64,
    "mul.wide.s32 %rd9, %r2, %r3;": lambda x, y: signed(x) * signed(y),
    "mad.wide.u32 %rd9, %r2, %r3, %rd7;": lambda x, y: (x & WORD) * (y & WORD) + x,
    "or.b64 %rd8, %rd8, 1; div.s64 %rd9, %rd7, %rd8;": lambda x, y: quotient(
        signed(x, 64), signed(y | 1, 64)
    ),
    "shl.b64 %rd9, %rd7, %r3;": lambda x, y: x << (y & WORD) if (y & WORD) < 64 else 0,
    "shr.s64 %rd9, %rd7, 13;": lambda x, _: signed(x, 64) >> 13,
    "brev.b64 %rd9, %rd7;": lambda x, _: int(f"{x:064b}"[::-1], 2),
    "mov.b64 {%r5, %r6}, %rd7; mov.b64 {%r7, %r8}, %rd8; add.cc.u32 %r5, %r5, %r7; addc.u32 %r6, %r6, %r8;"
    "mov.b64 %rd9, {%r5, %r6};": lambda x, y: x + y,
    "mov.b64 {%r5, %r6}, %rd7; mov.b64 {%r7, %r8}, %rd8; sub.cc.u32 %r5, %r5, %r7; subc.u32 %r6, %r6, %r8;"
    "mov.b64 %rd9, {%r5, %r6};": lambda x, y: x - y,
    "cvt.s64.s32 %rd9, %r2;": lambda x, _: signed(x),
    "clz.b64 %r4, %rd7; cvt.u64.u32 %rd9, %r4;": lambda x, _: 64 - x.bit_length(),
}


@pytest.mark.parametrize("body", [body for body, want in WORDS.items() if want])
def test_words(body):
    given = pairs()
    got = run(body + TAIL32, given)
    assert got == [WORDS[body](int(x) & WORD, int(y) & WORD) & WORD for x, y in given]


@pytest.mark.parametrize("body", LONGS)
def test_longs(body):
    given = pairs()
    assert run(body + TAIL64, given) == [LONGS[body](int(x), int(y)) & LONG for x, y in given]


def test_a_sum_of_products_is_rounded_once():
    """fma against exact fractions."""
    from fractions import Fraction

    rng = np.random.default_rng(5)
    a, b, c = (rng.standard_normal(4096).astype(np.float32) for _ in range(3))
    from ptx.arithmetic import fma32

    got = fma32(a, b, -a * b + c * np.float32(1e-7))
    for x, y, z, r in zip(a, b, -a * b + c * np.float32(1e-7), got, strict=True):
        exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
        around = (np.nextafter(r, np.float32(-np.inf)), np.nextafter(r, np.float32(np.inf)))
        assert all(abs(Fraction(float(r)) - exact) <= abs(Fraction(float(n)) - exact) for n in around)


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_what_a_warp_does_together(seed):
    body = """
    setp.lt.s32 %p1, %r2, %r3; vote.sync.ballot.b32 %r5, %p1, -1; popc.b32 %r4, %r5;
    shfl.sync.up.b32 %r6|%p2, %r2, 3, 0, -1; @%p2 add.u32 %r4, %r4, %r6;
    shfl.sync.bfly.b32 %r7, %r3, 5, 31, -1; xor.b32 %r4, %r4, %r7; and.b32 %r8, %r2, 3;
    match.any.sync.b32 %r9, %r8, -1; add.u32 %r4, %r4, %r9;
    @!%p1 bra $L_other; redux.sync.add.s32 %r10, %r2, %r5; add.u32 %r4, %r4, %r10; bra $L_end;
    $L_other: activemask.b32 %r11; not.b32 %r12, %r5; shfl.sync.idx.b32 %r13, %r4, 1, 31, %r12;
    $L_end:
    """
    given = pairs()
    given[1::32] = [(9, 3), (8, 1)]  # lane 1 is among the others
    x, y = (given & np.uint64(WORD)).astype(np.int64).T
    less = [signed(int(a)) < signed(int(b)) for a, b in given]
    want = []
    for t in range(64):
        warp = range(t & ~31, (t & ~31) + 32)
        value = sum(less[k] for k in warp) + (int(x[t - 3]) if t & 31 >= 3 else 0)
        value = (value & WORD) ^ int(y[t ^ 5])
        value += sum((x[k] & 3 == x[t] & 3) << (k & 31) for k in warp)
        value += sum(int(x[k]) for k in warp if less[k]) if less[t] else 0
        want.append(int(value) & WORD)
    assert run(body + TAIL32, given, blocks=2, seed=seed) == want


SUM_BEFORE = """
 setp.ne.u32 %p1, %r1, 0; @%p1 bra $L_end; mul.wide.u32 %rd10, %r20, 8; mul.wide.u32 %rd12, %r21, %r20;
 setp.eq.u32 %p2, %r20, 0; mov.b64 %rd11, 0; @%p2 bra $L_have; add.s64 %rd13, %rd6, -256;
 $L_wait: ld.volatile.global.u64 %rd11, [%rd13]; setp.eq.s64 %p3, %rd11, 0; @%p3 bra $L_wait;
 $L_have: add.s64 %rd11, %rd11, 1; membar.gl; st.volatile.global.u64 [%rd6], %rd11; $L_end: ret; }
"""


@pytest.mark.parametrize("seed", [None, 4, 5])
def test_blocks_that_wait_for_one_another_get_their_turn(seed):
    clear = "bar.sync 0;"
    body = clear + SUM_BEFORE
    arena = Arena(1 << 20)
    module = Module(
        parse(
            HEAD.replace("ld.global.v2.u64 {%rd7, %rd8}, [%rd4];", "mov.b64 %rd7, 0; mov.b64 %rd8, 0;") + body
        ),
        arena,
    )
    out = arena.allocate(8 * 32 * 20)
    arena.bytes[out : out + 8 * 32 * 20] = 0
    arena.state[out : out + 8 * 32 * 20] = WRITTEN
    kernel = module.kernel("k", seed is not None)
    arguments = struct.pack("<QQ", arena.base, arena.base + out)
    Launch(kernel, Shape((20, 1, 1), (32, 1, 1)), arguments, arena, Rules(seed)).execute()
    assert arena.view("u8")[out // 8 : out // 8 + 640 : 32].tolist() == list(range(1, 21))


@pytest.mark.parametrize("seed", [None, 6])
def test_atomics_come_one_after_the_other(seed):
    body = """
    mov.u64 %rd10, s; setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.u32 [%rd10], 0; bar.sync 0;
    atom.shared.add.u32 %r4, [%rd10], 1; bar.sync 0; ld.shared.u32 %r5, [%rd10]; mul.lo.u32 %r5, %r5, 1000;
    add.u32 %r4, %r4, %r5;
    """
    got = run(body + TAIL32, pairs(96), seed=seed)
    assert sorted(got) == [96000 + k for k in range(96)]


TAKE_TURNS = (
    "mov.u64 %rd10, s; mul.wide.u32 %rd11, %r1, 4; add.s64 %rd12, %rd10, %rd11; st.shared.u32 [%rd12], %r1;"
)
READ_NEXT = (
    "xor.b32 %r5, %r1, {by}; mul.wide.u32 %rd13, %r5, 4; add.s64 %rd14, %rd10, %rd13;"
    "ld.shared.u32 %r4, [%rd14];"
)
REFUSED = {
    "wmma.load.a.sync %r4, %r2;": "this instruction is not known to the interpreter",
    "add.rz.f32 %f1, %f1, %f1;": "modifiers are not known to the interpreter: rz",
    "add.ftz.f32 %f1, %f1, %f1;": "modifiers are not known to the interpreter: ftz",
    "div.approx.f32 %f1, %f1, %f1;": "a division that is not rounded to nearest",
    "ld.global.u32 %r4, [%rd6];": "that nothing was written to",
    "ld.global.u32 %r4, [%rd4+1024];": "that are not allocated",
    "ld.global.u32 %r4, [%rd4+2];": "an address is not a multiple of 4",
    "st.global.u32 [%rd4+4000000], %r4;": "is outside of the 1048576 bytes of global memory",
    "st.global.u32 [%rd6+512], %r4;": "that are not allocated",
    "mov.u64 %rd10, s; ld.shared.u32 %r4, [%rd10+1024];": "outside of the 1024 bytes of shared memory",
    "mov.u64 %rd10, s; ld.shared.u32 %r4, [%rd10+8];": "that nothing was written to",
    "st.global.u32 [%rd2], %r1;": "a race: two threads write the same bytes at once",
    TAKE_TURNS + READ_NEXT.format(by=1): "a race: it reads what another thread writes",
    TAKE_TURNS + "bar.warp.sync -1;" + READ_NEXT.format(by=33): "a race: it reads what another thread writes",
    TAKE_TURNS + "bar.sync 0;" + READ_NEXT.format(by=1) + "st.shared.u32 [%rd12], %r4;":
        "a race: it writes what another thread reads",
    "setp.lt.u32 %p1, %r1, 7; @%p1 bra $L_on; bar.sync 0; $L_on: bar.sync 0;":
        "threads wait for others that never come",
    "setp.lt.u32 %p1, %r1, 7; @%p1 bra $L_on; vote.sync.ballot.b32 %r4, %p1, -1; $L_on: bar.sync 0;":
        "threads wait for others that never come",
    "mov.u32 %r6, %laneid; mov.u32 %r5, 1; shl.b32 %r5, %r5, %r6; or.b32 %r5, %r5, 1;"
    "vote.sync.ballot.b32 %r4, %p1, %r5;":
        "threads of one mask give different ones",
    "setp.lt.u32 %p1, %r1, 7; @%p1 ret; bar.sync 0;":
        "a barrier after some of the block's threads have returned",
    "mov.u32 %r5, 1; vote.sync.ballot.b32 %r4, %p1, %r5;": "a thread is not in the mask that it gives",
    "$L_on: ld.volatile.global.u64 %rd9, [%rd4]; setp.ne.s64 %p1, %rd9, -5; @%p1 bra $L_on;":
        "make no progress",
    "div.u32 %r4, %r2, 0;": "a division by zero",
}  # fmt: skip


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_refused(body):
    with pytest.raises(PtxError, match=REFUSED[body]):
        run(body + TAIL32, pairs())


@pytest.mark.parametrize("seed", [None, 7])
def test_a_warp_that_reads_together_may_write_after_its_barrier(seed):
    body = """mov.u64 %rd10, s; shr.u32 %r5, %r1, 5; mul.wide.u32 %rd11, %r5, 4; add.s64 %rd12, %rd10, %rd11;
    and.b32 %r6, %r1, 31; setp.eq.s32 %p1, %r6, 0; @%p1 st.shared.u32 [%rd12], %r1; bar.warp.sync -1;
    ld.shared.u32 %r4, [%rd12]; BETWEEN @%p1 st.shared.u32 [%rd12], %r6;"""
    got = run(body.replace("BETWEEN", "bar.warp.sync -1;") + TAIL32, pairs(), seed=seed)
    assert got == [t & ~31 for t in range(64)]
    with pytest.raises(PtxError, match="a race: it writes what another thread reads"):
        run(body.replace("BETWEEN", "") + TAIL32, pairs(), seed=seed)


@pytest.mark.parametrize("seed", [None, 7])
def test_what_is_not_a_race(seed):
    for between, by in (("bar.sync 0;", 33), ("bar.warp.sync -1;", 1)):
        got = run(TAKE_TURNS + between + READ_NEXT.format(by=by) + TAIL32, pairs(), seed=seed)
        assert got == [t ^ by for t in range(64)]


def test_sectors_and_banks():
    """A warp's 32 words in a row are 4 sectors; one word in 32 of a bank takes 32 steps."""
    from ptx.access import bank_steps, sectors_of
    from ptx.threads import Group

    lanes = np.arange(64)
    group = Group(lanes)
    assert sectors_of(group, lanes * 4) == 8
    assert sectors_of(group, lanes * 32) == 64
    assert sectors_of(group, lanes[::-1] * 4) == 8
    assert sectors_of(group, lanes * 0) == 2
    assert bank_steps(group, lanes * 4, 4) == 2
    assert bank_steps(group, lanes * 128, 4) == 64
    assert bank_steps(group, lanes * 0, 4) == 2
    assert bank_steps(group, lanes * 8, 8) == 4
    assert bank_steps(group, lanes * 16, 16) == 8
    assert bank_steps(group, lanes * 12, 4) == 2
