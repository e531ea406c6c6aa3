#!/bin/sh
# Runs a command where there is no network but the machine's own loopback.
# If the machine does not allow that, one sentence says so.
set -eu
cd "$(dirname "$0")/.."

loopback_up='import fcntl, socket, struct
request = struct.pack("16sh14x", b"lo", 1)  # the flags of an interface: IFF_UP
fcntl.ioctl(socket.socket(), 0x8914, request)  # SIOCSIFFLAGS'

namespace=-n
[ "$(id -u)" = 0 ] || namespace=-rn # only as root of a user namespace of one's own
unshare "$namespace" true 2>/dev/null || {
    echo "This machine allows no network namespace, so nothing can be run offline:" \
        "use Linux, as root or with unprivileged user namespaces." >&2
    exit 1
}
# shellcheck disable=SC2016
exec unshare "$namespace" sh -c '.venv/bin/python -c "$0" && exec "$@"' \
    "$loopback_up" "$@"
