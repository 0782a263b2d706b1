"""Run a program under what systemd units forbid by seccomp: `python confined.py UNIT [DROP-IN…] -- COMMAND…`

systemd would read the same lines and load such a filter by the same library; what else units set (mounts, users) is
left to the caller. It stands alone, so that it can run where nothing of the tests is to be seen.

Source: systemd.exec(5); src/shared/seccomp-util.c; seccomp_rule_add(3).
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EQ, MASKED_EQ = 4, 7
WRITE, EXECUTE = 2, 4  # of mmap's protections
NAMESPACES = 0x7E020080  # all of clone's CLONE_NEW… flags
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16}
HOST_NAMES = {"sethostname", "setdomainname"}
Test = tuple[int, int, int, int]
"""An argument of a call: which, how it is compared, with what, and (masked) what must come of it."""


class Compare(ctypes.Structure):
    """`struct scmp_arg_cmp`."""

    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def settings(files: Iterable[Path]) -> dict[str, list[str]]:
    """What the units set, each key's values in their order."""
    found: dict[str, list[str]] = {}
    for line in (line for path in files for line in path.read_text("utf-8").splitlines()):
        key, equals, value = line.partition("=")
        if equals and not line.startswith(("#", ";", "[")):
            found.setdefault(key, []).append(value)
    return found


def groups() -> dict[str, list[str]]:
    """systemd's own sets of calls."""
    analyze = shutil.which("systemd-analyze", path=os.defpath) or "systemd-analyze"
    said = subprocess.run([analyze, "--no-pager", "syscall-filter"], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = {}
    for line in said.stdout.splitlines():
        if line.startswith("@"):
            found[line.strip()] = members = []
        elif line.startswith("    ") and not line.lstrip().startswith("#"):
            members.append(line.strip())
    return found


def allowed(filters: Iterable[str]) -> set[str]:
    """The calls that `SystemCallFilter=` leaves, where its first line is a list of what is allowed."""
    known = groups()

    def calls(word: str) -> Iterator[str]:
        if word.startswith("@"):
            for one in known[word]:
                yield from calls(one)
        else:
            yield word

    found = set(calls("@default"))
    for line in filters:
        named = {call for word in line.removeprefix("~").split() for call in calls(word)}
        found = found - named if line.startswith("~") else found | named
    return found


def rules(unit: dict[str, list[str]]) -> Iterator[tuple[int, str, list[Test]]]:
    """What is done about which call, if its arguments are such. What no rule is about is EPERM."""
    families = [FAMILIES[word] for line in unit["RestrictAddressFamilies"] for word in line.split()]
    shut = unit["RestrictNamespaces"][-1] == "yes"
    special: dict[str, list[list[Test]]] = {"socket": [[(0, EQ, one, 0)] for one in families]}
    if unit["MemoryDenyWriteExecute"][-1] == "yes":
        both = WRITE | EXECUTE
        special["mmap"] = [[(2, MASKED_EQ, both, one)] for one in (0, WRITE, EXECUTE)]
        special["mprotect"] = special["pkey_mprotect"] = [[(2, MASKED_EQ, EXECUTE, 0)]]
    if shut:
        special["clone"] = special["unshare"] = [[(0, MASKED_EQ, NAMESPACES, 0)]]
        special["setns"] = []
    forbidden = HOST_NAMES if unit["ProtectHostname"][-1] == "yes" else set()
    for call in sorted(allowed(unit["SystemCallFilter"]) - forbidden):
        if shut and call == "clone3":  # its flags are in memory, where no filter looks: callers then use clone
            yield ERRNO | errno.ENOSYS, call, []
            continue
        for tests in special.get(call, [[]]):
            yield ALLOW, call, tests


def confine(unit: dict[str, list[str]]) -> None:
    """Load the filter, for this process and all that it will start. Raises: OSError."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(ERRNO | errno.EPERM)))
    for action, call, tests in rules(unit):
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            continue  # of another architecture
        array = (Compare * max(len(tests), 1))(*(Compare(*test) for test in tests))
        code = library.seccomp_rule_add_array(context, ctypes.c_uint32(action), number, len(tests), array)
        if code:
            raise OSError(-code, call)
    code = library.seccomp_load(context)
    if code:
        raise OSError(-code, "seccomp_load")


def main(words: list[str]) -> None:
    """See above."""
    at = words.index("--")
    confine(settings(map(Path, words[:at])))
    os.execvp(words[at + 1], words[at + 1 :])


if __name__ == "__main__":
    main(sys.argv[1:])
