#!/bin/sh
# Becomes a throw-away copy of this machine: its own systemd, network, processes and a file system
# whose changes are kept in memory. Ends without a trace when it, or whoever started it, is ended.
# Usage: unshare --mount --pid --net --ipc --uts --cgroup --fork --kill-child machine.sh FOLDER GIFTS
#   FOLDER is where it is put together, what lies in GIFTS is found in its /srv/gifts.
set -eu
folder=$1
gifts=$2

mount --make-rprivate /
mount -t tmpfs -o size=1g machine "$folder"
cd "$folder"
mkdir upper work root
mkdir -p upper/srv/gifts
cp -r "$gifts/." upper/srv/gifts/
touch upper/srv/console
mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" machine root
cd root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 dev dev
for device in null zero full random urandom; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
touch dev/console
mount --bind srv/console dev/console
ip link set lo up
mkdir tmp/host
pivot_root . tmp/host
cd /
umount -l /tmp/host
rmdir /tmp/host
# systemd hands credentials to services by mounts, which have to be seen by all.
mount --make-rshared /
echo 'the machine starts' >/srv/gifts/started
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=machine /lib/systemd/systemd --unit=basic.target \
    --log-target=journal --show-status=no
