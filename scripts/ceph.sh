#!/usr/bin/env bash
# Starts a Ceph cluster of one node in memory, with its gateway for S3 on 127.0.0.1:PORT, for the key of the environment. The process ids are in DIR/pids: whoever starts it ends them.
set -euo pipefail
dir=${1:?usage: ceph.sh DIR PORT}
port=${2:?usage: ceph.sh DIR PORT}
mkdir -p "$dir"/{mon,osd/0,run,log,gateway}
conf=$dir/ceph.conf
keys=$dir/keyring
cluster=$(cat /proc/sys/kernel/random/uuid)
monitor=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

cat >"$conf" <<END
[global]
fsid = $cluster
mon host = v2:127.0.0.1:$monitor
keyring = $keys
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
mon data = $dir/mon/\$cluster-\$id
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
osd data = $dir/osd/\$id
osd objectstore = memstore
memstore device bytes = 2147483648
osd crush update on start = true
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
run dir = $dir/run
pid file = $dir/run/\$name.pid
admin socket = $dir/run/\$name.asok
crash dir = $dir/log
log file = $dir/log/\$name.log
END

# Repeats a command until it succeeds, for half a minute.
until_done() {
    for _ in $(seq 60); do
        timeout 5 "$@" >/dev/null 2>&1 && return
        sleep 0.5
    done
    printf 'failed: %s\n' "$*" >&2
    exit 1
}

# Starts a server in the background.
start() {
    "$@" >>"$dir/log/servers.out" 2>&1 &
    echo $! >>"$dir/pids"
}

monmaptool --create --clobber --fsid "$cluster" --addv a "[v2:127.0.0.1:$monitor]" "$dir/monmap"
ceph-authtool --create-keyring "$keys" --gen-key -n mon. --cap mon 'allow *'
ceph-authtool "$keys" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
ceph-authtool "$keys" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'
ceph-authtool "$keys" --gen-key -n client.rgw.a --cap mon 'allow rw' --cap osd 'allow rwx' --cap mgr 'allow rw'
ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap" --keyring "$keys"
start ceph-mon -c "$conf" -i a -f
until_done ceph -c "$conf" -s
osd=$(cat /proc/sys/kernel/random/uuid)
ceph -c "$conf" osd new "$osd" 0
ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd"
start ceph-osd -c "$conf" -i 0 -f
until_done sh -c "ceph -c '$conf' osd stat | grep -q '1 up'"
start radosgw -c "$conf" -n client.rgw.a -f --rgw-frontends "beast endpoint=127.0.0.1:$port" --rgw-data "$dir/gateway"
until_done curl --silent --output /dev/null "http://127.0.0.1:$port/"
radosgw-admin -c "$conf" user create --uid=hlx --display-name=hlx \
    --access-key="$AWS_ACCESS_KEY_ID" --secret="$AWS_SECRET_ACCESS_KEY"
