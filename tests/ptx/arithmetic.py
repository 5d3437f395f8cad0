# SPDX-License-Identifier: MIT
"""What PTX computes and NumPy has no one function for, on arrays of all threads.

Integers come as unsigned arrays, unless a name says otherwise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from ptx.program import PtxError

Array = NDArray


def popc(a: Array) -> Array:
    if hasattr(np, "bitwise_count"):
        return np.bitwise_count(a).astype(np.uint32)
    count = np.zeros(a.shape, np.uint32)
    for k in range(0, 8 * a.itemsize, 8):
        count += _BITS_OF_BYTE[(a >> a.dtype.type(k) & a.dtype.type(255)).astype(np.uint8)]
    return count


_BITS_OF_BYTE = np.array([bin(k).count("1") for k in range(256)], np.uint32)
_REVERSED = np.array([int(f"{k:08b}"[::-1], 2) for k in range(256)], np.uint8)


def brev(a: Array) -> Array:
    a = np.ascontiguousarray(a)
    return _REVERSED[a.byteswap().view(np.uint8)].view(a.dtype)


def highest(a: Array) -> Array:
    """The number of the highest bit set, -1 (all ones) where none is."""
    a = a.copy()
    found = np.zeros(a.shape, np.int32)
    step = 4 * a.itemsize
    none = a == 0
    while step:
        high = a >> a.dtype.type(step)
        some = high != 0
        found += np.where(some, np.int32(step), np.int32(0))
        a = np.where(some, high, a)
        step //= 2
    return np.where(none, np.int32(-1), found).view(np.uint32)


def clz(a: Array) -> Array:
    return np.uint32(8 * a.itemsize - 1) - highest(a)


def bfind(a: Array, signed: bool, shift_amount: bool) -> Array:
    if signed:
        a = np.where(a >> a.dtype.type(8 * a.itemsize - 1) != 0, ~a, a)
    top = highest(a)
    if not shift_amount:
        return top
    return np.where(a == 0, top, np.uint32(8 * a.itemsize - 1) - top)


def shl(a: Array, by: Array) -> Array:
    bits = 8 * a.itemsize
    return np.where(by < bits, a << np.minimum(by, bits - 1).astype(a.dtype), a.dtype.type(0))


def shr(a: Array, by: Array) -> Array:
    """Shift right; a signed array fills with its sign."""
    bits = 8 * a.itemsize
    if a.dtype.kind == "i":
        return a >> np.minimum(by, bits - 1).astype(a.dtype)
    return np.where(by < bits, a >> np.minimum(by, bits - 1).astype(a.dtype), a.dtype.type(0))


def shf(low: Array, high: Array, by: Array, left: bool, wrap: bool) -> Array:
    by = (by & np.uint32(31)) if wrap else np.minimum(by, np.uint32(32))
    both = high.astype(np.uint64) << np.uint64(32) | low.astype(np.uint64)
    by64 = by.astype(np.uint64)
    if left:
        return (both << by64 >> np.uint64(32)).astype(np.uint32)
    return (both >> by64).astype(np.uint32)


def div(a: Array, b: Array) -> Array:
    """Quotient, rounded toward zero."""
    if not b.all():
        raise PtxError("a division by zero")
    q = a // b
    if a.dtype.kind == "i":
        q = q + ((q * b != a) & ((a < 0) != (b < 0)))
    return q


def rem(a: Array, b: Array) -> Array:
    return a - div(a, b) * b


def mul_hi(a: Array, b: Array) -> Array:
    """The upper half of a product, of the arrays' own signedness."""
    if a.itemsize < 8:
        wide = {2: "4", 4: "8"}[a.itemsize]
        kind = a.dtype.kind
        product = a.astype(kind + wide) * b.astype(kind + wide)
        return (product >> product.dtype.type(8 * a.itemsize)).astype(a.dtype)
    ua, ub = a.view(np.uint64), b.view(np.uint64)
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    a1, a0, b1, b0 = ua >> half, ua & low, ub >> half, ub & low
    middle = a1 * b0 + (a0 * b0 >> half)
    cross = a0 * b1 + (middle & low)
    high = a1 * b1 + (middle >> half) + (cross >> half)
    if a.dtype.kind == "i":
        high = high - np.where(a < 0, ub, np.uint64(0)) - np.where(b < 0, ua, np.uint64(0))
        return high.view(np.int64)
    return high


def mul_wide(a: Array, b: Array) -> Array:
    wide = a.dtype.kind + str(2 * a.itemsize)
    return a.astype(wide) * b.astype(wide)


def bfe(a: Array, start: Array, length: Array) -> Array:
    """A field of bits, of a signed array with its sign."""
    bits = 8 * a.itemsize
    at = np.minimum(start & np.uint32(255), bits).astype(np.int64)
    count = np.minimum(length & np.uint32(255), bits).astype(np.int64)
    u = a.view(f"u{a.itemsize}")
    field = shl(shr(u, at.astype(np.uint32)), (bits - count).astype(np.uint32))
    field = shr(field, (bits - count).astype(np.uint32))
    if a.dtype.kind == "u":
        return field
    top = np.minimum(at + count - 1, bits - 1)
    one = u.dtype.type(1)
    negative = (shr(u, np.maximum(top, 0).astype(np.uint32)) & one).astype(bool) & (count > 0)
    ones = ~shr(np.full(1, ~u.dtype.type(0)), (bits - count).astype(np.uint32))
    return np.where(negative, field | ones, field).view(a.dtype)


def bfi(a: Array, b: Array, start: Array, length: Array) -> Array:
    """`b` with a field replaced by the low bits of `a`."""
    bits = 8 * a.itemsize
    at, count = start & np.uint32(255), np.minimum(length & np.uint32(255), np.uint32(bits))
    mask = shl(shr(np.full(1, ~a.dtype.type(0)), np.uint32(bits) - count), at)
    return (b & ~mask) | (shl(a, at) & mask)


def lop3(a: Array, b: Array, c: Array, table: int) -> Array:
    out = a & a.dtype.type(0)
    for k in range(8):
        if table >> k & 1:
            out = out | ((a if k & 4 else ~a) & (b if k & 2 else ~b) & (c if k & 1 else ~c))
    return out


def prmt(a: Array, b: Array, selector: Array) -> Array:
    """Four bytes picked from the eight of `a` and `b`; bit 3 of a selector spreads the byte's sign."""
    both = b.astype(np.uint64) << np.uint64(32) | a.astype(np.uint64)
    out = np.zeros(1, np.uint32)
    for k in range(4):
        pick = selector >> np.uint32(4 * k)
        byte = (both >> (np.uint32(8) * (pick & np.uint32(7))).astype(np.uint64)).astype(np.uint32)
        byte = byte & np.uint32(255)
        sign = np.where(byte & np.uint32(128), np.uint32(255), np.uint32(0))
        out = out | np.where(pick & np.uint32(8), sign, byte) << np.uint32(8 * k)
    return out


def fmin(a: Array, b: Array) -> Array:
    low = np.fmin(a, b)
    return np.where((a == 0) & (b == 0) & (np.signbit(a) | np.signbit(b)), a.dtype.type(-0.0), low)


def fmax(a: Array, b: Array) -> Array:
    return -fmin(-a, -b)


def fma32(a: Array, b: Array, c: Array) -> Array:
    """a * b + c rounded once: the sum in float64 is rounded to odd before it is narrowed."""
    product, addend = a.astype(np.float64) * b.astype(np.float64), c.astype(np.float64)
    total = product + addend
    back = total - product
    error = (product - (total - back)) + (addend - back)
    bits = np.atleast_1d(total).view(np.int64)
    inexact = np.isfinite(total) & (error != 0) & (bits & 1 == 0)
    toward = np.where((error > 0) == (total > 0), 1, -1)
    return (bits + np.where(inexact, toward, 0)).view(np.float64).astype(np.float32)


def to_integer(value: Array, kind: str, rounding: str) -> Array:
    """A float as an integer: clamped to what fits, NaN as PTX has it."""
    rounded = {"rzi": np.trunc, "rni": np.rint, "rmi": np.floor, "rpi": np.ceil}[rounding](value)
    info = np.iinfo(kind)
    top = 2.0 ** (info.bits - (kind[0] == "i"))
    low, high = rounded <= float(info.min), rounded >= top
    nan = np.isnan(value)
    fits = np.where(low | high | nan, value.dtype.type(0), rounded).astype(kind)
    fits = np.where(low, info.dtype.type(info.min), np.where(high, info.dtype.type(info.max), fits))
    wide = value.dtype == np.float64 or info.bits == 64
    of_nan = (1 << info.bits - 1) if wide else 0
    return np.where(nan, np.array(of_nan, f"u{info.bits // 8}").view(kind), fits).astype(kind)


def bf16_to_f32(a: Array) -> Array:
    return np.ascontiguousarray(a.astype(np.uint32) << np.uint32(16)).view(np.float32)


def dot(a: Array, b: Array, c: Array, kinds: tuple[str, str]) -> Array:
    """dp4a: the sum of four products of bytes, and c."""
    a, b = np.broadcast_arrays(a, b)
    xs = np.ascontiguousarray(a).view(kinds[0]).astype(np.int64).reshape(-1, 4)
    ys = np.ascontiguousarray(b).view(kinds[1]).astype(np.int64).reshape(-1, 4)
    return ((xs * ys).sum(1) + c.astype(np.int64)).astype(np.uint32)


def compare_bytes(a: Array, b: Array, compare, kind: str) -> Array:
    """vset4 of bytes: 1 in each byte that compares true."""
    a, b = np.broadcast_arrays(a, b)
    xs, ys = np.ascontiguousarray(a).view(kind), np.ascontiguousarray(b).view(kind)
    return np.ascontiguousarray(compare(xs, ys).astype(np.uint8)).view(np.uint32)
