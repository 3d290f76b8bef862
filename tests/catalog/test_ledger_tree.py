"""The Merkle tree (RFC 6962): the quick way and the obvious way agree, and a proof shows exactly one leaf at one place."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from catalog.ledger import tree
from catalog.ledger.record import leaf_hash, node_hash

LEAVES = st.lists(st.binary(max_size=6), min_size=1, max_size=70).map(lambda items: [leaf_hash(item) for item in items])


def grown(leaves):
    frontier = ()
    for size, leaf in enumerate(leaves):
        frontier = tree.extend(frontier, size, leaf)
    return frontier


# Certificate Transparency's published test vectors (its reference implementation's eight inputs).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_published_vectors():
    leaves = [leaf_hash(bytes.fromhex(item)) for item in INPUTS]
    assert [tree.root(grown(leaves[:n])) for n in range(1, 9)] == ROOTS
    assert [tree.root_of(leaves[:n]) for n in range(1, 9)] == ROOTS


def test_an_empty_tree_has_the_root_of_nothing():
    assert tree.root(()) == tree.root_of([]) == hashlib.sha256(b"").hexdigest()


@given(LEAVES)
def test_the_frontier_gives_the_root_of_the_definition(leaves):
    frontier = grown(leaves)
    assert tree.root(frontier) == tree.root_of(leaves)
    assert len(frontier) == len(leaves).bit_count()


@given(LEAVES, st.data())
def test_a_proof_shows_its_leaf_at_its_place(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = tree.inclusion_proof(leaves, index), tree.root_of(leaves)
    assert tree.verify_inclusion(leaves[index], index, len(leaves), proof, root)
    assert len(proof) <= (len(leaves) - 1).bit_length()


@given(LEAVES, st.data())
def test_a_proof_shows_nothing_else(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root, size = tree.inclusion_proof(leaves, index), tree.root_of(leaves), len(leaves)
    other_leaf = leaf_hash(b"another leaf, longer than any above")
    assert not tree.verify_inclusion(other_leaf, index, size, proof, root)
    assert not tree.verify_inclusion(leaves[index], index, size, [*proof, other_leaf], root)
    assert not tree.verify_inclusion(leaves[index], size, size, proof, root)
    assert not tree.verify_inclusion(leaves[index], -1, size, proof, root)
    assert not tree.verify_inclusion(leaves[index], index, size, proof, other_leaf)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        assert not tree.verify_inclusion(leaves[index], index, size, [*proof[:at], other_leaf, *proof[at + 1 :]], root)
        assert not tree.verify_inclusion(leaves[index], index, size, proof[:-1], root)


@given(st.binary(min_size=64, max_size=64))
def test_a_node_never_passes_for_a_leaf(inside):
    left, right = inside[:32].hex(), inside[32:].hex()
    assert leaf_hash(inside) != node_hash(left, right)
