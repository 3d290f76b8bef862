"""RFC 6962 Merkle tree over the records: roots kept up to date by a frontier of at most 64 hashes, and inclusion proofs.

The frontier of a tree of n leaves holds the roots of its perfect subtrees, largest first, one per set bit of n.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from catalog.ledger.record import node_hash

EMPTY_ROOT = hashlib.sha256(b"").hexdigest()


def extend(frontier: Sequence[str], size: int, leaf: str) -> tuple[str, ...]:
    """The frontier after appending ``leaf`` to a tree of ``size`` leaves."""
    stack = [*frontier, leaf]
    while size & 1:
        right = stack.pop()
        stack.append(node_hash(stack.pop(), right))
        size >>= 1
    return tuple(stack)


def root(frontier: Sequence[str]) -> str:
    """The tree's root: the frontier folded from the right (RFC 6962 section 2.1)."""
    if not frontier:
        return EMPTY_ROOT
    folded = frontier[-1]
    for left in reversed(frontier[:-1]):
        folded = node_hash(left, folded)
    return folded


def root_of(leaves: Sequence[str]) -> str:
    """The root over all ``leaves``, by the definition: the slow, obvious reference."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = _largest_power_below(len(leaves))
    return node_hash(root_of(leaves[:split]), root_of(leaves[split:]))


def inclusion_proof(leaves: Sequence[str], index: int) -> list[str]:
    """Audit path of leaf ``index`` (RFC 6962 section 2.1.1)."""
    if len(leaves) <= 1:
        return []
    split = _largest_power_below(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root_of(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root_of(leaves[:split])]


def verify_inclusion(leaf: str, index: int, size: int, proof: Sequence[str], expected_root: str) -> bool:
    """Whether ``proof`` shows ``leaf`` at ``index`` of the tree with ``size`` leaves (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            current = node_hash(sibling, current)
            while not node & 1 and node != 0:
                node >>= 1
                last >>= 1
        else:
            current = node_hash(current, sibling)
        node >>= 1
        last >>= 1
    return last == 0 and current == expected_root


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)
