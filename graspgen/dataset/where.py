"""Conditions on the rows of a table, as text: `outcome == 'success' and drift_mm < 2`.

What can be written is a small part of Python, parsed with `ast` and never run as Python:

- columns by their names; one number of a column that has several, `com[2]`, `T_object_grasp[0, 3]`;
- columns of other tables by the key that leads there, `object.mass`, `object.class_name` (`graspgen.dataset.joins`);
- other units by a suffix: `width_mm`, `_cm`, `_um`, `_deg`, `_g`, `_ms`; stored are m, rad, kg and s;
- numbers, texts, True, False, [lists]; `==  !=  <  <=  >  >=`, chained as well, `in`, `not in`;
- `and`, `or`, `not`, parentheses; `+ - * /`, `abs(x)`, `isnan(x)`;
- codes by their names in any case: `outcome == 'slipped'`, `outcome in ['dropped', 'slipped']`, and bits with
  `'support_at_grasp' in collision`.

NaN means "not applicable" and is as in NumPy: no comparison with it is true but `!=`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graspgen.errors import DatasetError, nearest

#: Longest condition, characters.
LONGEST = 10_000

Values = NDArray[Any]


class WhereError(DatasetError, ValueError):
    """A condition that cannot be used."""


@dataclass(frozen=True)
class Field:
    """A column that a condition names.

    Attributes:
        read: returns its (n, …) values.
        kind: "number", "bool", "text" or "code".
        shape: of one row.
        enum: codes, if it holds any.
        flags: they are bits.
    """

    read: Callable[[], Values]
    kind: str
    shape: tuple[int, ...] = ()
    enum: type[IntEnum] | None = None
    flags: bool = False


@dataclass(frozen=True)
class _Term:
    """A part of a condition: what it is, and how its values are made. `value` is that of a constant."""

    kind: str
    make: Callable[[], Any]
    field: Field | None = None
    value: Any = None
    constant: bool = False


_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_CALLS: dict[str, tuple[Callable[[Any], Any], str]] = {"abs": (np.abs, "number"), "isnan": (np.isnan, "bool")}


class Where:
    """A condition, read and checked.

    Args:
        text: the condition.
        resolve: returns the column of a dotted name; KeyError, with a message, if there is none.

    Raises:
        WhereError: it is not valid.
    """

    def __init__(self, text: str, resolve: Callable[[str], Field]) -> None:
        self.text = text
        self._resolve = resolve
        try:
            if len(text) > LONGEST:
                raise WhereError(f"the condition has {len(text)} characters, more than {LONGEST}")
            tree = ast.parse(text.strip(), mode="eval")
            self._term = self._boolean(tree.body)
        except SyntaxError as error:
            at = f" at character {error.offset}" if error.offset else ""
            one = error.offset and text.strip()[error.offset - 1 : error.offset + 1].strip() == "="
            hint = "; compare with ==" if one else ""
            raise WhereError(f"where {_short(text)}: {error.msg.split('. ')[0]}{at}{hint}") from None
        except (RecursionError, MemoryError, ValueError) as error:
            if isinstance(error, WhereError):
                raise
            raise WhereError(f"where {_short(text)}: it cannot be read ({error or 'too deep'})") from None

    def evaluate(self, rows: int) -> NDArray[np.bool_]:
        """Return (rows,) whether the condition holds.

        Raises:
            DatasetError: a column cannot be read.
        """
        with np.errstate(all="ignore"):
            return np.broadcast_to(np.asarray(self._term.make(), bool), (rows,))

    def _fail(self, node: ast.AST, what: str) -> WhereError:
        line = self.text.strip().splitlines()[getattr(node, "lineno", 1) - 1]
        at = len(line.encode()[: getattr(node, "col_offset", 0)].decode(errors="ignore")) + 1
        return WhereError(f"where {_short(self.text)}: {what} (character {at})")

    def _boolean(self, node: ast.expr) -> _Term:
        term = self._term_of(node)
        if term.kind != "bool":
            raise self._fail(node, f"{ast.unparse(node)[:60]} is a {term.kind}, not true or false; compare it")
        return term

    def _number(self, node: ast.expr) -> _Term:
        term = self._term_of(node)
        if term.kind not in ("number", "code"):
            raise self._fail(node, f"{ast.unparse(node)[:60]} is a {term.kind}, not a number")
        if term.field is not None and term.field.shape:
            raise self._fail(node, self._several(node, term.field))
        return term

    def _term_of(self, node: ast.expr) -> _Term:
        if isinstance(node, ast.BoolOp):
            terms = [self._boolean(v) for v in node.values]
            combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return _Term("bool", lambda: combine.reduce(np.broadcast_arrays(*(t.make() for t in terms))))
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._column(node)
        if isinstance(node, ast.Subscript):
            return self._element(node)
        if isinstance(node, ast.Constant):
            return self._constant(node, node.value)
        raise self._fail(node, f"{type(node).__name__} cannot be used here")

    def _unary(self, node: ast.UnaryOp) -> _Term:
        if isinstance(node.op, ast.Not):
            term = self._boolean(node.operand)
            return _Term("bool", lambda: np.logical_not(term.make()))
        if not isinstance(node.op, ast.USub | ast.UAdd):
            raise self._fail(node, "~ cannot be used; write not")
        term, sign = self._number(node.operand), -1 if isinstance(node.op, ast.USub) else 1
        if term.constant:
            return self._constant(node, sign * term.value)
        return _Term("number", lambda: sign * _wide(term.make()))

    def _constant(self, node: ast.AST, value: Any) -> _Term:
        kind = {bool: "bool", int: "number", float: "number", str: "text"}.get(type(value))
        if kind is None:
            raise self._fail(node, f"{value!r} is no number, text, True or False")
        if type(value) is int and abs(value) >= 2**62:
            value = float(value) if abs(value) < 2**1000 else float("inf") * (1 if value > 0 else -1)
        return _Term(kind, lambda: value, value=value, constant=True)

    def _column(self, node: ast.Name | ast.Attribute) -> _Term:
        parts, inner = [], node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            raise self._fail(node, "a dot may follow a name only")
        try:
            field = self._resolve(".".join([inner.id, *reversed(parts)]))
        except KeyError as error:
            raise self._fail(node, str(error.args[0])) from None
        return _Term(field.kind, field.read, field)

    def _several(self, node: ast.AST, field: Field) -> str:
        text = ast.unparse(node)
        example = ", ".join("0" for _ in field.shape)
        return f"{text} has {'×'.join(map(str, field.shape))} numbers; name one of them, such as {text}[{example}]"

    def _element(self, node: ast.Subscript) -> _Term:
        if not isinstance(node.value, ast.Name | ast.Attribute):
            raise self._fail(node, "[…] may follow a column only")
        field = self._column(node.value).field
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        index = []
        for part in parts:
            try:
                index.append(ast.literal_eval(part))
            except ValueError:
                raise self._fail(part, "a position must be a whole number") from None
        if any(type(i) is not int for i in index):
            raise self._fail(node, "a position must be a whole number")
        fits = len(index) == len(field.shape) and all(-n <= i < n for i, n in zip(index, field.shape, strict=False))
        if not field.shape or not fits:
            has = self._several(node.value, field) if field.shape else f"{ast.unparse(node.value)} is one value a row"
            raise self._fail(node, has)
        at = (slice(None), *index)
        return _Term(field.kind, lambda: field.read()[at])

    def _arithmetic(self, node: ast.BinOp) -> _Term:
        act = _ARITHMETIC.get(type(node.op))
        if act is None:
            instead = {ast.BitAnd: "; write and", ast.BitOr: "; write or"}.get(type(node.op), "")
            raise self._fail(node, f"of the operators only + - * / can be used{instead}")
        left, right = self._number(node.left), self._number(node.right)
        if left.constant and right.constant:
            try:
                return self._constant(node, act(left.value, right.value))
            except (ZeroDivisionError, OverflowError) as error:
                raise self._fail(node, str(error)) from None
        return _Term("number", lambda: act(_wide(left.make()), _wide(right.make())))

    def _call(self, node: ast.Call) -> _Term:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if name not in _CALLS:
            raise self._fail(node, f"there is no function {name[:40]}{nearest(name, _CALLS)}")
        if len(node.args) != 1 or node.keywords:
            raise self._fail(node, f"{name} takes one number")
        term, (act, kind) = self._number(node.args[0]), _CALLS[name]
        return _Term(kind, lambda: act(_wide(term.make())))

    def _comparison(self, node: ast.Compare) -> _Term:
        sides = [node.left, *node.comparators]
        links = [
            self._link(node, a, op, b) for a, op, b in zip(sides, node.ops, node.comparators, strict=False)
        ]  # fmt: skip
        return _Term("bool", lambda: np.logical_and.reduce(np.broadcast_arrays(*(link() for link in links))))

    def _link(self, node: ast.Compare, a: ast.expr, op: ast.cmpop, b: ast.expr) -> Callable[[], Any]:
        if isinstance(op, ast.In | ast.NotIn):
            found = self._membership(a, b)
            return found if isinstance(op, ast.In) else lambda: np.logical_not(found())
        if type(op) not in _COMPARE:
            raise self._fail(node, "is cannot be used; write ==")
        left, right = self._term_of(a), self._term_of(b)
        self._comparable(node, op, left, right)
        left, right = self._coded(a, left, right), self._coded(b, right, left)
        for side, term in ((a, left), (b, right)):
            if term.field is not None and term.field.shape:
                raise self._fail(side, self._several(side, term.field))
        act = _COMPARE[type(op)]
        return lambda: act(left.make(), right.make())

    def _comparable(self, node: ast.AST, op: ast.cmpop, left: _Term, right: _Term) -> None:
        named = {left.kind, right.kind} == {"code", "text"} and (left.constant or right.constant)
        kinds = {"text"} if named else {("number" if k == "code" else k) for k in (left.kind, right.kind)}
        if len(kinds) > 1:
            raise self._fail(node, f"a {left.kind} cannot be compared with a {right.kind}")
        if kinds != {"number"} and not isinstance(op, ast.Eq | ast.NotEq):
            raise self._fail(node, f"a {'name' if named else left.kind} can be compared with == and != only")

    def _coded(self, node: ast.AST, term: _Term, other: _Term) -> _Term:
        """Return the number of a code that is named and compared with a column of codes; else the term itself."""
        if other.kind != "code" or term.kind != "text" or not term.constant:
            return term
        return self._constant(node, self._code(node, term.value, other.field))

    def _code(self, node: ast.AST, name: str, field: Field) -> int:
        codes = {member.name.lower(): int(member) for member in field.enum}
        if name.lower() not in codes:
            raise self._fail(node, f"there is no code '{name[:40]}'{nearest(name.lower(), codes)}")
        return codes[name.lower()]

    def _membership(self, a: ast.expr, b: ast.expr) -> Callable[[], Any]:
        left = self._term_of(a)
        if not isinstance(b, ast.List | ast.Tuple | ast.Set):
            right = self._term_of(b)
            if right.field is None or not right.field.flags or left.kind != "text" or not left.constant:
                raise self._fail(b, "in takes a [list], or the name of a bit and a column of bits")
            bit = self._code(a, left.value, right.field)
            return lambda: (right.make().astype(np.int64) & bit) != 0
        if left.field is not None and left.field.shape:
            raise self._fail(a, self._several(a, left.field))
        members = []
        for element in b.elts:
            member = self._term_of(element)
            if not member.constant:
                raise self._fail(element, "a list may hold numbers, texts, True and False only")
            self._comparable(element, ast.Eq(), left, member)
            members.append(self._coded(element, member, left))

        def found() -> Any:
            values = left.make()
            return np.logical_or.reduce([values == m.value for m in members] or [np.zeros(np.shape(values), bool)])

        return found


def _wide(values: Any) -> Any:
    """Return whole numbers as int64, so that differences of bytes do not wrap around."""
    kind = getattr(values, "dtype", None)
    return values.astype(np.int64) if kind is not None and kind.kind in "iu" and kind != np.uint64 else values


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f'"{line if len(line) <= 80 else line[:77] + "…"}"'
