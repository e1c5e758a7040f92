"""A chain of signed blocks: what a patient's chain has to be at the least. Nothing is sealed, and there is one chain for all,
both of which spare the peers work that ours does."""

import hashlib
import json
import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def root_of(leaves):
    """Merkle root of RFC 6962 over leaf hashes; an odd node goes up unchanged, which is the same tree."""
    sha256 = hashlib.sha256
    while len(leaves) > 1:
        above = [sha256(b"\x01" + leaves[at] + leaves[at + 1]).digest() for at in range(0, len(leaves) - 1, 2)]
        leaves = above + leaves[len(leaves) & ~1 :]
    return leaves[0]


class Chain:
    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        self.height = 0
        self.parent = bytes(32)

    def block(self, records):
        """The next block: salted commitments under one root, the header signed, the records as they came."""
        sha256 = hashlib.sha256
        seed = os.urandom(32)
        salted = (sha256(seed + at.to_bytes(8, "little")).digest() + record for at, record in enumerate(records))
        root = root_of([sha256(b"\x00" + record).digest() for record in salted])
        header = {"height": self.height, "parent": self.parent.hex(), "root": root.hex(), "records": len(records)}
        encoded = json.dumps(header).encode()
        self.parent = sha256(encoded).digest()
        self.height += 1
        return b"\n".join([encoded, self.key.sign(self.parent), seed, *records])
