#!/bin/bash
# Runs ninewatch as OpenShift's restricted-v2 would: an arbitrary user of group 0 without capabilities or new privileges,
# a read-only root (so neither /tmp nor a HOME), one writable folder, and an installed wheel, not a checkout.
#
#   arbitrary_uid.sh WHEEL PYTHON SITE_PACKAGES CONFIG PROGRAM [ARGUMENT...]
#
# It makes a mount namespace of its own, in which /opt holds all there is to run; the machine's own folders stay as they
# are. PYTHON is one whose installer (pip) fills the environment without an index. The dependencies are those of
# SITE_PACKAGES. CONFIG is a folder that appears as /opt/etc. The process that starts last is the caller's child: signals reach it.
set -euo pipefail
if [ "${NINEWATCH_UNSHARED:-}" != 1 ]; then
    NINEWATCH_UNSHARED=1 exec unshare --mount --propagation private "$0" "$@"
fi
wheel=$1 python=$2 packages=$3 config=$4
shift 4

base=$("$python" -c 'import sys; print(sys.base_prefix)')
version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
stage=$(mktemp -d)
mount --bind "$config" "$stage" # keep hold of what lies in folders that the next mount may hide
mount -t tmpfs -o mode=0755 tmpfs /opt
mkdir /opt/python /opt/packages /opt/etc
mount --bind "$base" /opt/python
mount --bind "$packages" /opt/packages
cp -r "$stage/." /opt/etc/
umount "$stage" && rmdir "$stage"

"/opt/python/bin/$version" -m venv --without-pip /opt/ninewatch
"$python" -m pip --disable-pip-version-check --python /opt/ninewatch/bin/python install -q --no-index --no-deps "$wheel"
echo /opt/packages > "/opt/ninewatch/lib/$version/site-packages/dependencies.pth"
chmod -R a+rX /opt/etc /opt/ninewatch

mkdir /opt/data
mount -t tmpfs -o mode=0770,uid=0,gid=0 tmpfs /opt/data
while read -r _ _ _ _ place _; do
    [ "$place" = /opt/data ] || mount -o remount,bind,ro "$place" 2> /dev/null || true
done < /proc/self/mountinfo

# A Python built in somebody's home finds its shared library by a path that the arbitrary user may not read.
cd /opt/data
exec setpriv --reuid 1000680000 --regid 0 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \
    env -i PATH=/opt/ninewatch/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    SQLITE_TMPDIR=/opt/data LD_LIBRARY_PATH=/opt/python/lib "$@"
