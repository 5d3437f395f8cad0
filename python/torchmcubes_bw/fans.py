# SPDX-License-Identifier: MIT
"""The fans of faces around vertices that are merged: who is whose neighbour once the flat faces are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.int64]


class Fans:
    """Faces around merged vertices.

    A half-edge ``3 f + k`` leads from corner ``k`` of face ``f`` to the next one; a corner has the number of
    the half-edge that leaves it. A face with corners on one sample is flat: it has an edge from a sample to
    itself, or three.

    Attributes:
        stay: Which faces do.
    """

    def __init__(self, faces: Indices, first: Indices, tied: NDArray[np.bool_]) -> None:
        """Take faces, the first vertex on each vertex's sample, and which vertices share theirs."""
        self._class = first[faces].ravel()
        self._tied = tied[faces].ravel()
        self._next = _next_in_face(np.arange(self._class.size))
        short = self._class == self._class[self._next]
        self.stay = ~short.reshape(-1, 3).any(axis=1)
        self._lives = np.repeat(self.stay, 3)
        self._partner = self._across_flat_faces(_opposite(faces), short)
        self._fan = self._go_round()
        while self._cut_one_neck_a_fan():
            self._fan = self._go_round()
        self.stay[self._folded()] = False

    def vertices(self) -> tuple[Indices, Indices]:
        """Return the vertex that owns each fan, ascending; and the fan of each face's corners, or -1."""
        corners = np.flatnonzero(self._tied & np.repeat(self.stay, 3))
        key = self._class[corners] * self._class.size + self._fan[corners]
        fans, which = np.unique(key, return_inverse=True)
        fan_of = np.full(self._class.size, -1)
        fan_of[corners] = which.reshape(-1)
        return fans // self._class.size, fan_of.reshape(-1, 3)

    def _across_flat_faces(self, opposite: Indices, short: NDArray[np.bool_]) -> Indices:
        """Return each half-edge's partner, from which flat faces no longer part it; -1 at the border."""
        # A flat face between two samples has two long edges: who comes in by one goes out by the other.
        after = self._next
        through = np.where(short[after], after[after], after)
        partner: Indices = opposite.copy()
        while True:  # as often as flat faces lie side by side
            stopped = np.flatnonzero(self._lives & (partner >= 0) & ~self._lives[partner])
            if len(stopped) == 0:
                return partner
            partner[stopped] = opposite[through[partner[stopped]]]

    def _go_round(self) -> Indices:
        """Return for each corner on a merged vertex the first corner of its fan."""
        edges = np.flatnonzero(self._lives & (self._partner >= 0) & self._tied)
        return components(self._class.size, edges, self._next[self._partner[edges]])

    def _cut_one_neck_a_fan(self) -> bool:
        """Cut where two edges have come to lie between the same two vertices; tell whether there was one.

        Between them the surface is a neck without thickness. Its two edges exchange their faces, which parts
        both fans in two.
        """
        vertex = np.where(self._tied, self._class.max() + 1 + self._fan, self._class)
        edges = np.flatnonzero(self._lives & (self._tied | self._tied[self._next]))
        start, end = vertex[edges], vertex[self._next[edges]]
        key = start * (vertex.max() + 1) + end
        order = np.argsort(key)
        same = np.flatnonzero(np.diff(key[order]) == 0)
        necks = same[np.diff(same, prepend=-2) > 1]  # of several edges in one place the first two
        one, two = order[necks], order[necks + 1]
        lowest = np.full(int(vertex.max()) + 1, len(necks))  # of a vertex's necks one is cut at a time
        turn = np.arange(len(necks))
        np.minimum.at(lowest, start[one], turn)
        np.minimum.at(lowest, end[one], turn)
        now = (lowest[start[one]] == turn) & (lowest[end[one]] == turn)
        self._exchange(edges[one[now]], edges[two[now]])
        return len(necks) > 0

    def _exchange(self, one: Indices, two: Indices) -> None:
        """Let half-edges exchange their partners; one of two may be at the border."""
        for half_edge, partner in ((one, self._partner[two]), (two, self._partner[one])):
            self._partner[half_edge] = partner
            met = partner >= 0
            self._partner[partner[met]] = half_edge[met]

    def _folded(self) -> NDArray[np.bool_]:
        """Tell the faces that lie on their own other side: all three partners are of one face."""
        other = (self._partner // 3).reshape(-1, 3)
        alike = (other[:, 0] == other[:, 1]) & (other[:, 1] == other[:, 2])
        folded: NDArray[np.bool_] = self.stay & alike & (other[:, 0] >= 0)
        return folded


def _next_in_face(half_edges: Indices) -> Indices:
    return half_edges - half_edges % 3 + (half_edges + 1) % 3


def _opposite(faces: Indices) -> Indices:
    """Return for each half-edge the one that runs the other way between the same vertices, or -1."""
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    key = np.minimum(start, end) * (int(faces.max(initial=0)) + 1) + np.maximum(start, end)
    order = np.argsort(key)
    pairs = np.flatnonzero(np.diff(key[order]) == 0)  # no edge has three faces
    opposite = np.full(len(key), -1)
    opposite[order[pairs]], opposite[order[pairs + 1]] = order[pairs + 1], order[pairs]
    return opposite


def components(count: int, a: Indices, b: Indices) -> Indices:
    """Return for each of some things the first of those that it is joined with, by pairs from `a` and `b`."""
    first = np.arange(count)
    while len(a):
        low = np.minimum(first[a], first[b])
        if (first[a] == low).all() and (first[b] == low).all():
            return first
        np.minimum.at(first, first[a], low)
        np.minimum.at(first, first[b], low)
        first = first[first]
    return first
