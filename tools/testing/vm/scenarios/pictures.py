# SPDX-License-Identifier: GPL-2.0
"""What the README's pictures are made of (scripts/pictures): two cards serve and train for two minutes.

In build/pictures come out what accel-top wrote to a terminal of 100 columns and 34 lines while both worked, and the
database of a Prometheus that asked accel-exporter each second.
"""

from vm.scenario import Scenario

PROGRAMS = ("accel-exporter", "accel-serve", "accel-top", "accel-train")

TRAINING = ("answers", "digits", "held_out", "losses", "weights")

SCENARIO = Scenario(
    kernels=("release",),
    modules=("accel-core", "accel_qda"),
    files={f"/bin/{program}": f"build/bin/{program}" for program in PROGRAMS}
    | {f"/training/{name}.npy": f"build/training/{name}.npy" for name in TRAINING},
    programs=("prometheus", "script"),
    cards=2,
    memory="2G",
    share="build",
    timeout=600,
    silence=200,
    tests=0,
    manual=True,
    # Engines are slow, so that they have as much to do as those of cards at work.
    guest="""
load
until_true 10 test -e /dev/accel/accel1 || exit 1
host model qda0 stretch 100
host model qda1 stretch 100
ip link set lo up
mkdir -p /etc /dev/pts /share/pictures
mount -t devpts devpts /dev/pts
echo 'root:x:0:0::/:/bin/sh' >/etc/passwd
cat >/etc/prometheus.yml <<END
global: {scrape_interval: 1s}
scrape_configs:
  - {job_name: accel, static_configs: [{targets: ['127.0.0.1:29836']}]}
END
# Prometheus' page ends at a whole minute: so does this.
sleep $((60 - ($(date +%s) + 123) % 60))
accel-exporter 2>/dev/null &
prometheus --config.file=/etc/prometheus.yml --storage.tsdb.path=/tmp/tsdb --web.listen-address=127.0.0.1:9090 2>/tmp/log &
until_true 60 wget -qO- http://127.0.0.1:9090/-/ready || exit 1
train() { while accel-train /training /tmp 40 2 >/dev/null; do :; done; }

sleep 10
accel-serve /training 1000000 high low >/dev/null &
sleep 20
train &
training=$!
sleep 20
killall -KILL accel-serve
sleep 10
mkfifo /tmp/keys
SHELL=/bin/sh TERM=xterm-256color LANG=C.UTF-8 script -q -f -c 'stty rows 34 cols 100; accel-top' \\
	/share/pictures/accel-top </tmp/keys >/dev/null &
exec 4>/tmp/keys
sleep 45
killall -KILL script accel-top
kill $training
killall accel-train
sleep 10
killall prometheus
until_true 30 sh -c '! pidof prometheus'
rm -rf /share/pictures/tsdb
cp -r /tmp/tsdb /share/pictures/tsdb
""",
)
