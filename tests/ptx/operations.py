# SPDX-License-Identifier: MIT
"""What each instruction computes, as Python text: arithmetic, bits, comparisons, moves, conversions."""

from __future__ import annotations

import re

import numpy as np
from ptx.operands import DTYPES, Operands
from ptx.program import Instruction, PtxError, immediate

SHARED_WINDOW, LOCAL_WINDOW = 1 << 60, 1 << 61  # where generic addresses of these spaces begin
SPACES = {"global", "shared", "local", "const", "param"}
_COMPARE = {
    "eq": "==",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "ne": "!=",
    "lo": "<",
    "ls": "<=",
    "hi": ">",
    "hs": ">=",
}
_INFIX = {"and": "&", "or": "|", "xor": "^"}
_ROUNDED = {"rzi": "trunc", "rni": "rint", "rmi": "floor", "rpi": "ceil"}


class Operations(Operands):
    """A method for each operation, named after it."""

    def _binary(self, i: Instruction, kind: str, form: str) -> None:
        d = DTYPES[kind]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        self.put(i.operands[0], form.format(x, y), d, i)

    def _float(self, i: Instruction) -> bool:
        """Tell a float's arithmetic; it rounds to nearest, keeps subnormals, and nothing else is known."""
        return any(part in ("f32", "f64") for part in i.op)

    def op_add(self, i: Instruction, sign: str = "+") -> None:
        if self._float(i):
            self._binary(i, self.kind(i, ("rn",)), f"{{}} {sign} {{}}")
        elif "cc" in i.op:
            self._carry(i, self.kind(i, ("cc",)).replace("s", "u"), sign, False)
        else:
            self._binary(i, self.kind(i).replace("s", "u"), f"{{}} {sign} {{}}")

    def op_sub(self, i: Instruction) -> None:
        self.op_add(i, "-")

    def op_addc(self, i: Instruction, sign: str = "+") -> None:
        self._carry(i, self.kind(i, ("cc",)).replace("s", "u"), sign, True)

    def op_subc(self, i: Instruction) -> None:
        self.op_addc(i, "-")

    def _carry(self, i: Instruction, kind: str, sign: str, carried: bool) -> None:
        d = DTYPES[kind]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        carry = f"{self.register('%CC')}.astype('{d}')" if carried else self.constant_of(0, d)
        self.lines.append(f"c_x, c_y, c_c = {x}, {y}, {carry}")
        self.lines.append(f"c_s = c_x {sign} c_y {sign} c_c")
        if "cc" in i.op:
            test = (
                "(c_s < c_x) | ((c_s == c_x) & (c_c != 0) & (c_y != 0))"
                if sign == "+"
                else "(c_x < c_y) | ((c_x == c_y) & (c_c != 0))"
            )
            self.put("%CC", f"({test}).astype('u1')", "u1", i)
        self.put(i.operands[0], "c_s", d, i)

    def op_mul(self, i: Instruction) -> None:
        if self._float(i):
            self._binary(i, self.kind(i, ("rn",)), "{} * {}")
        else:
            self.put(i.operands[0], *self._product(i), i)

    def _product(self, i: Instruction) -> tuple[str, str]:
        kind = self.kind(i, ("lo", "hi", "wide"))
        x, y = (self.value(o, DTYPES[kind]) for o in i.operands[1:3])
        if "wide" in i.op:
            wide = f"{DTYPES[kind][0]}{2 * int(DTYPES[kind][1])}"
            return f"a.mul_wide({x}, {y})", wide
        if "hi" in i.op:
            return f"a.mul_hi({x}, {y})", DTYPES[kind]
        return f"{x} * {y}", DTYPES[kind]

    def op_mad(self, i: Instruction) -> None:
        product, d = self._product(i)
        self.put(i.operands[0], f"{product} + {self.value(i.operands[3], d)}", d, i)

    def op_fma(self, i: Instruction) -> None:
        if self.kind(i, ("rn",)) != "f32":
            raise PtxError("fma is known of f32 only")
        self.put(
            i.operands[0],
            "a.fma32({}, {}, {})".format(*(self.value(o, "f4") for o in i.operands[1:])),
            "f4",
            i,
        )

    def op_div(self, i: Instruction) -> None:
        if self._float(i):
            if "rn" not in i.op:
                raise PtxError("a division that is not rounded to nearest")
            self._binary(i, self.kind(i, ("rn",)), "{} / {}")
            return
        kind = self.kind(i)
        on = self.guard(i)
        d = DTYPES[kind]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        if i.guard:
            y = f"np.where({on}, {y}, {self.constant_of(1, d)})"
        self.put(i.operands[0], f"a.{i.op[0]}({x}, {y})", d, i)

    op_rem = op_div

    def op_rcp(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i, ("rn",))]
        self.put(
            i.operands[0],
            f"{self.constant_of(int(np.array(1, d).view(f'u{d[1]}')), d)} / {self.value(i.operands[1], d)}",
            d,
            i,
        )

    def op_sqrt(self, i: Instruction) -> None:
        self._unary(i, self.kind(i, ("rn",)), "np.sqrt({})")

    def _unary(self, i: Instruction, kind: str, form: str) -> None:
        d = DTYPES[kind]
        self.put(i.operands[0], form.format(self.value(i.operands[1], d)), d, i)

    def op_neg(self, i: Instruction) -> None:
        self._unary(i, self.kind(i), "-{}")

    def op_abs(self, i: Instruction) -> None:
        self._unary(i, self.kind(i), "np.abs({})")

    def op_not(self, i: Instruction) -> None:
        self._unary(i, self.kind(i), "~{}")

    def op_cnot(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i)]
        self.put(i.operands[0], f"({self.value(i.operands[1], d)} == 0).astype('{d}')", d, i)

    def op_min(self, i: Instruction) -> None:
        kind = self.kind(i)
        call = f"a.f{i.op[0]}" if self._float(i) else {"min": "np.minimum", "max": "np.maximum"}[i.op[0]]
        self._binary(i, kind, call + "({}, {})")

    op_max = op_min

    def op_and(self, i: Instruction) -> None:
        self._binary(i, self.kind(i), f"{{}} {_INFIX[i.op[0]]} {{}}")

    op_or = op_xor = op_and

    def op_shl(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i)]
        x, by = self.value(i.operands[1], d), i.operands[2]
        bits = immediate(by)
        if bits is not None and 0 <= bits < 8 * int(d[1]):
            sign = {"shl": "<<", "shr": ">>"}[i.op[0]]
            self.put(i.operands[0], f"{x} {sign} {self.constant_of(bits, d)}", d, i)
            return
        self.put(i.operands[0], f"a.{i.op[0]}({x}, {self.value(by, 'u4')})", d, i)

    op_shr = op_shl

    def op_shf(self, i: Instruction) -> None:
        left, wrap = i.op[1] == "l", "wrap" in i.op
        x, y, by = (self.value(o, "u4") for o in i.operands[1:])
        self.put(i.operands[0], f"a.shf({x}, {y}, {by}, {left}, {wrap})", "u4", i)

    def op_bfe(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i)]
        x, at, length = (
            self.value(i.operands[1], d),
            self.value(i.operands[2], "u4"),
            self.value(i.operands[3], "u4"),
        )
        self.put(i.operands[0], f"a.bfe({x}, {at}, {length})", d, i)

    def op_bfi(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i)]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        at, length = (self.value(o, "u4") for o in i.operands[3:5])
        self.put(i.operands[0], f"a.bfi({x}, {y}, {at}, {length})", d, i)

    def op_bfind(self, i: Instruction) -> None:
        kind = self.kind(i, ("shiftamt",))
        x = self.value(i.operands[1], DTYPES[kind].replace("i", "u"))
        self.put(i.operands[0], f"a.bfind({x}, {kind[0] == 's'}, {'shiftamt' in i.op})", "u4", i)

    def op_popc(self, i: Instruction) -> None:
        self.put(i.operands[0], f"a.{i.op[0]}({self.value(i.operands[1], DTYPES[self.kind(i)])})", "u4", i)

    op_clz = op_popc

    def op_brev(self, i: Instruction) -> None:
        self._unary(i, self.kind(i), "a.brev({})")

    def op_lop3(self, i: Instruction) -> None:
        if self.kind(i) != "b32":
            raise PtxError("lop3 is known of b32 only")
        x, y, z = (self.value(o, "u4") for o in i.operands[1:4])
        self.put(i.operands[0], f"a.lop3({x}, {y}, {z}, {immediate(i.operands[4])})", "u4", i)

    def op_prmt(self, i: Instruction) -> None:
        if i.op != ("prmt", "b32"):
            raise PtxError("prmt is known without a mode only")
        x, y, pick = (self.value(o, "u4") for o in i.operands[1:])
        self.put(i.operands[0], f"a.prmt({x}, {y}, {pick})", "u4", i)

    def op_dp4a(self, i: Instruction) -> None:
        kinds = tuple({"u32": "u1", "s32": "i1"}[part] for part in i.op[1:3])
        x, y, z = (
            self.value(i.operands[1], "u4"),
            self.value(i.operands[2], "u4"),
            self.value(i.operands[3], "i4" if "s32" in i.op else "u4"),
        )
        self.put(i.operands[0], f"a.dot({x}, {y}, {z}, {kinds})", "u4", i)

    def op_vset4(self, i: Instruction) -> None:
        if i.op[1] != i.op[2] or len(i.op) != 4 or immediate(i.operands[3]) != 0:
            raise PtxError("vset4 is known of two like types, without a sum")
        x, y = (self.value(o, "u4") for o in i.operands[1:3])
        kind = {"u32": "u1", "s32": "i1"}[i.op[1]]
        call = {
            "eq": "equal",
            "ne": "not_equal",
            "lt": "less",
            "le": "less_equal",
            "gt": "greater",
            "ge": "greater_equal",
        }
        self.put(i.operands[0], f"a.compare_bytes({x}, {y}, np.{call[i.op[3]]}, '{kind}')", "u4", i)

    # Comparisons.

    def _compared(self, test: str, kind: str, x: str, y: str) -> str:
        d = DTYPES[kind]
        x, y = self.value(x, d), self.value(y, d)
        if kind[0] == "f":
            if test in ("nan", "num"):
                return f"{'~' if test == 'num' else ''}(np.isnan({x}) | np.isnan({y}))"
            if test == "ne":
                return f"({x} < {y}) | ({x} > {y})"
            if test.endswith("u") and test != "neu":
                opposite = {"equ": None, "ltu": ">=", "leu": ">", "gtu": "<=", "geu": "<"}[test]
                return f"~({x} {opposite} {y})" if opposite else f"~(({x} < {y}) | ({x} > {y}))"
            test = "ne" if test == "neu" else test
        return f"{x} {_COMPARE[test]} {y}"

    def op_setp(self, i: Instruction) -> None:
        kind = self.kind(i, (*i.op[1:-1],))
        result = self._compared(i.op[1], kind, *i.operands[1:3])
        combine = i.op[2] if i.op[2] in _INFIX else None
        if len(i.op) != (4 if combine else 3):
            raise PtxError("its modifiers are not known to the interpreter")
        first, _, second = i.operands[0].partition("|")
        self.lines.append(f"c_t = {result}")
        third = self.value(i.operands[3], "?") if combine else ""
        if second:
            self.lines.append(f"c_u = ~c_t{f' {_INFIX[combine]} {third}' if combine else ''}")
        self.put(first, f"c_t {_INFIX[combine]} {third}" if combine else "c_t", "?", i)
        if second:
            self.put(second, "c_u", "?", i)

    def op_set(self, i: Instruction) -> None:
        if len(i.op) != 4:
            raise PtxError("its modifiers are not known to the interpreter")
        result = self._compared(i.op[1], i.op[3], *i.operands[1:3])
        d = DTYPES[i.op[2]]
        true = "1.0" if d == "f4" else "-1"
        self.put(
            i.operands[0], f"np.where({result}, np.array({true}).astype('{d}'), np.array(0, '{d}'))", d, i
        )

    def op_selp(self, i: Instruction) -> None:
        d = DTYPES[self.kind(i)]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        self.put(i.operands[0], f"np.where({self.value(i.operands[3], '?')}, {x}, {y})", d, i)

    def op_slct(self, i: Instruction) -> None:
        d, test = DTYPES[i.op[1]], DTYPES[i.op[2]]
        x, y = (self.value(o, d) for o in i.operands[1:3])
        self.put(i.operands[0], f"np.where({self.value(i.operands[3], test)} >= 0, {x}, {y})", d, i)

    def op_testp(self, i: Instruction) -> None:
        call = {
            "finite": "np.isfinite({})",
            "infinite": "np.isinf({})",
            "notanumber": "np.isnan({})",
            "number": "~np.isnan({})",
        }
        self.put(i.operands[0], call[i.op[1]].format(self.value(i.operands[1], DTYPES[i.op[2]])), "?", i)

    # Moves and conversions.

    def op_mov(self, i: Instruction) -> None:
        target, source = i.operands
        d = DTYPES[self.kind(i)]
        if target.startswith("{"):
            self._unpack(i, d)
            return
        if source.startswith("{"):
            self._pack(i, d)
            return
        if d != "?" and self.kernel.register_type(source):
            d = DTYPES[self.kernel.register_type(source)]
        self.put(target, self.value(source, d), d, i, alias=True)

    def _unpack(self, i: Instruction, d: str) -> None:
        parts = re.findall(r"[%\w]+", i.operands[0])
        size = int(d[1]) // len(parts)
        self.lines.append(f"c_m = {self.value(i.operands[1], f'u{d[1]}')}")
        for k, part in enumerate(parts):
            if part != "_":
                self.put(
                    part,
                    f"(c_m >> {self.constant_of(8 * size * k, f'u{d[1]}')}).astype('u{size}')",
                    f"u{size}",
                    i,
                )

    def _pack(self, i: Instruction, d: str) -> None:
        parts = re.findall(r"[%\w-]+", i.operands[1])
        size, wide = int(d[1]) // len(parts), f"u{d[1]}"
        terms = [
            f"({self.value(p, f'u{size}')}.astype('{wide}') << {self.constant_of(8 * size * k, wide)})"
            for k, p in enumerate(parts)
        ]
        self.put(i.operands[0], " | ".join(terms), wide, i)

    def op_cvt(self, i: Instruction) -> None:
        target, source = [part for part in i.op[1:] if part in DTYPES]
        rounding = set(i.op[1:]) - {target, source}
        d, s = DTYPES[target], DTYPES[source]
        x = self.value(i.operands[1], s)
        if source == "bf16":
            x, s = f"a.bf16_to_f32({x})", "f4"
        if target == "bf16" or rounding - {"rn", "rzi", "rni", "rmi", "rpi"} or len(rounding) > 1:
            raise PtxError("this conversion is not known to the interpreter")
        if s[0] == "f" and d[0] in "iu":
            expression = f"a.to_integer({x}, '{d}', '{rounding.pop()}')"
        elif s[0] == d[0] == "f" and rounding - {"rn"}:
            call = {"rzi": "trunc", "rni": "rint", "rmi": "floor", "rpi": "ceil"}[rounding.pop()]
            expression = f"np.{call}({x}).astype('{d}')"
        else:
            expression = x if s == d else f"({x}).astype('{d}')"
        self._put_converted(i, expression, d)

    def _put_converted(self, i: Instruction, expression: str, d: str) -> None:
        kind = self.kernel.register_type(i.operands[0])
        self.put(i.operands[0], expression, d if kind else "u4", i, alias=True)

    def op_cvta(self, i: Instruction) -> None:
        space = next(part for part in i.op if part in SPACES)
        window = {"shared": SHARED_WINDOW, "local": LOCAL_WINDOW}.get(space, 0)
        if space == "param":
            raise PtxError("generic addresses of parameters are not known to the interpreter")
        shift = -window if "to" in i.op else window
        x = self.value(i.operands[1], "u8")
        self.put(i.operands[0], f"{x} + {self.constant_of(shift, 'u8')}" if shift else x, "u8", i, alias=True)

    def op_activemask(self, i: Instruction) -> None:
        self.put(i.operands[0], "m.active_mask(g)", "u4", i)
