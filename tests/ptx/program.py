# SPDX-License-Identifier: MIT
"""PTX text, read into kernels, their instructions and their variables."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

BYTES = {"8": 1, "16": 2, "32": 4, "64": 8}


class PtxError(Exception):
    """What the interpreter does not know, or what a kernel must not do."""


@dataclass(frozen=True)
class Instruction:
    """One instruction: `@guard op operands`."""

    op: tuple[str, ...]  # "ld", "global", "u32"
    operands: tuple[str, ...]
    guard: str | None  # the predicate register that switches it on
    guard_not: bool
    text: str
    line: int

    @property
    def name(self) -> str:
        return ".".join(self.op)


@dataclass
class Variable:
    """A variable in memory; of `.param`, `offset` is its place among the kernel's arguments."""

    name: str
    space: str
    size: int
    align: int
    data: bytes | None = None
    offset: int = 0


@dataclass
class Kernel:
    """A kernel; all but its name and parameters is there once `read` was called."""

    name: str
    body: tuple[str, int] | None = None  # the module's text, and where the body begins in it
    params: dict[str, Variable] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)  # .shared and .local
    registers: dict[str, str] = field(default_factory=dict)  # name or "prefix*" -> type
    code: list[Instruction] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    tables: dict[str, list[str]] = field(default_factory=dict)  # .branchtargets

    def read(self) -> Kernel:
        """Read the body, at the first call; return the kernel."""
        if self.body is not None:
            (text, at), self.body = self.body, None
            _body(text, at, self)
        return self

    def register_type(self, name: str) -> str | None:
        """Return a register's declared type, or None where `name` is none."""
        return self.registers.get(name) or self.registers.get(name.rstrip("0123456789") + "*")


@dataclass
class Program:
    kernels: dict[str, Kernel]
    variables: dict[str, Variable]  # .global, .const and .shared outside of kernels


def parse(text: str) -> Program:
    """Read a module."""
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    program = Program({}, {})
    at = 0
    while True:
        at = _skip_space(text, at)
        if at >= len(text):
            return program
        entry = re.compile(r"(?:\.(?:visible|weak)\s+)?\.entry\s+([\w$]+)\s*\(").match(text, at)
        if entry:
            at = _kernel(text, entry, program)
            continue
        directive = re.compile(r"\.(version|target|address_size)[^\n]*").match(text, at)
        if directive:
            at = directive.end()
            continue
        end = text.index(";", at)
        variable = _variable(text[at:end])
        if variable is None:
            raise PtxError(f"line {_line(text, at)}: not understood: {text[at : min(end, at + 80)]}")
        program.variables[variable.name] = variable
        at = end + 1


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


_VARIABLE = re.compile(
    r"(?:\.(?:visible|weak|extern)\s+)*\.(global|const|shared|local|param)\s+"
    r"(?:\.(?:align\s+\d+|ptr|global|shared|const)\s+)*"
    r"(?:\.v([248])\s+)?\.([a-z]+?)(\d+)\s+(?:\.ptr\s+(?:\.\w+\s+)?(?:\.align\s+\d+\s+)?)?"
    r"([\w$%]+)\s*((?:\[\d*\])*)\s*(?:=\s*(.*))?$",
    re.S,
)


def _variable(text: str) -> Variable | None:
    found = _VARIABLE.match(text.strip())
    if not found:
        return None
    space, vector, kind, bits, name, dims, value = found.groups()
    item = BYTES[bits]
    count = int(vector or 1)
    for dim in re.findall(r"\[(\d*)\]", dims):
        count *= int(dim or 0)
    align = re.search(r"\.align\s+(\d+)", text)
    variable = Variable(name, space, item * count, int(align[1]) if align else item)
    if value is not None or space in ("global", "const"):
        variable.data = _data(value or "", kind, item, variable.size)
    return variable


def _data(value: str, kind: str, item: int, size: int) -> bytes:
    data = b""
    for word in re.findall(r"[^\s,{}]+", value):
        bits = immediate(word)
        if bits is None or kind == "f":
            raise PtxError(f"an initial value that is not understood: {word}")
        data += (bits & ((1 << 8 * item) - 1)).to_bytes(item, "little")
    return data.ljust(size, b"\0")


def immediate(word: str) -> int | None:
    """Return the bits of a constant, or None where it is none."""
    if re.fullmatch(r"-?\d+U?", word):
        return int(word.rstrip("U"), 8 if re.fullmatch(r"-?0[0-7]+U?", word) else 10)
    if re.fullmatch(r"-?0[xX][0-9a-fA-F]+U?", word):
        return int(word.rstrip("U"), 16)
    if re.fullmatch(r"0[fF][0-9a-fA-F]{8}|0[dD][0-9a-fA-F]{16}", word):
        return int(word[2:], 16)
    return 32 if word == "WARP_SZ" else None


def _kernel(text: str, entry: re.Match[str], program: Program) -> int:
    kernel = Kernel(entry[1])
    close = text.index(")", entry.end())
    offset = 0
    for declaration in text[entry.end() : close].split(","):
        if not declaration.strip():
            continue
        variable = _variable(declaration)
        if variable is None:
            raise PtxError(f"{kernel.name}: a parameter that is not understood: {declaration.strip()}")
        offset = -(-offset // variable.align) * variable.align
        variable.offset, offset = offset, offset + variable.size
        kernel.params[variable.name] = variable
    program.kernels[kernel.name] = kernel
    begin = text.index("{", close) + 1
    kernel.body = text, begin
    return _end_of_body(text, begin)


def _end_of_body(text: str, at: int) -> int:
    depth = 1
    for brace in re.compile("[{}]").finditer(text, at):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.end()
    raise PtxError("a body without an end")


_LABEL = re.compile(r"([\w$%]+)\s*:\s*(?:\.branchtargets\s+([^;]*);)?")
_GUARDED = re.compile(r"@(!?)(%?[\w$]+)\s+")


def _body(text: str, at: int, kernel: Kernel) -> None:
    line, seen = _line(text, at), at
    scopes: list[dict[str, str]] = [
        {}
    ]  # of each brace that is open: its own registers, and what they are called
    opened = 0
    while True:
        at = _skip_space(text, at)
        line, seen = line + text.count("\n", seen, at), at
        if text[at] in "{}":
            if text[at] == "{":
                scopes.append(dict(scopes[-1]))
                opened += 1
            else:
                scopes.pop()
            at += 1
            if not scopes:
                return
            continue
        label = _LABEL.match(text, at)
        if label:
            if label[2]:
                kernel.tables[label[1]] = re.findall(r"[\w$]+", label[2])
            else:
                kernel.labels[label[1]] = len(kernel.code)
            at = label.end()
            continue
        if re.compile(r"\.loc\s").match(text, at):
            at = text.index("\n", at)
            continue
        end = text.index(";", at)
        statement = text[at:end].strip()
        if len(scopes) > 1:
            statement = _renamed(statement, scopes[-1], opened)
        _statement(statement, line, kernel)
        at = end + 1


def _renamed(statement: str, scope: dict[str, str], number: int) -> str:
    """Give the registers that are declared within a brace names of their own."""
    if statement.startswith(".reg"):
        for name in re.findall(r"%?[A-Za-z_][\w$]*(?=\s*(?:,|$))", statement):
            scope[name] = f"%{name.lstrip('%')}_of_{number}"
    return re.sub(r"%?[A-Za-z_][\w$]*", lambda word: scope.get(word[0], word[0]), statement)


def _statement(text: str, line: int, kernel: Kernel) -> None:
    if text.startswith(".pragma"):
        return
    if text.startswith(".reg"):
        kind, names = re.match(r"\.reg\s+\.(\w+)\s+(.*)", text, re.S).groups()
        for name in re.split(r"\s*,\s*", names):
            kernel.registers[re.sub(r"<\d+>$", "*", name.strip())] = kind
        return
    if text.startswith("."):
        variable = _variable(text)
        if variable is None:
            raise PtxError(f"line {line}: not understood: {text}")
        kernel.variables[variable.name] = variable
        return
    guard = _GUARDED.match(text)
    rest = text[guard.end() :] if guard else text
    op, _, operands = rest.partition(" ") if " " in rest else rest.partition("\t")
    op = op.strip()
    if "\t" in op:
        op, _, more = rest.partition("\t")
        operands = more
    kernel.code.append(
        Instruction(
            tuple(op.replace("::", "_").split(".")),
            _split(operands),
            guard[2] if guard else None,
            bool(guard and guard[1]),
            " ".join(text.split()),
            line,
        )
    )


def _split(operands: str) -> tuple[str, ...]:
    """Split at the commas that are outside of braces and brackets."""
    found, depth, word = [], 0, ""
    for c in operands:
        depth += (c in "{[") - (c in "}]")
        if c == "," and depth == 0:
            found.append(word.strip())
            word = ""
        else:
            word += c
    return tuple(part for part in (*found, word.strip()) if part)
