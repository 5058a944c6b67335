"""TCP ports that a test may give to servers, stop them, and start them again: nobody else takes one meanwhile."""
import itertools
import os
import socket

# Below those that the kernel gives out. A process has a block of them for itself, as long as it lives.
FIRST, BLOCK, BLOCKS = 20000, 100, 120
_owned = {}   # by process, since a child must not use its parent's


class _Block:
    def __init__(self):
        for number in range(BLOCKS):
            # The kernel keeps a name without a file as long as its socket is open, whatever ends the process.
            self.holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                self.holder.bind(f"\0bester-tests-ports-{number}")
            except OSError:
                self.holder.close()
                continue
            self.ports = itertools.cycle(range(FIRST + number * BLOCK, FIRST + (number + 1) * BLOCK))
            return
        raise AssertionError(f"{BLOCKS} other processes have all blocks of ports")


def free_port():
    """Returns a port of 127.0.0.1 at which nobody listens. This process gets it again after all others of its block."""
    block = _owned.get(os.getpid())
    if not block:
        block = _owned[os.getpid()] = _Block()
    for port in itertools.islice(block.ports, BLOCK):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("all ports of the block are in use")
