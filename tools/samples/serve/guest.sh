# SPDX-License-Identifier: GPL-2.0-only
#
# The guest's half of the demonstration of served devices (demo, beside this). Lines that begin
# with "@@" name the part that the following ones belong to; the other half judges them.
set -u
config=/sys/kernel/config/weft
weft=/u/weft

die() { echo "guest.sh: $*" >&2; exit 1; }

# in_cgroup NAME COMMAND...: that command in place of this shell; a tenant is a cgroup
in_cgroup() {
	name=$1
	shift
	exec sh -c 'echo $$ > /sys/fs/cgroup/'"$name"'/cgroup.procs && exec "$@"' sh "$@"
}

ggml() { echo chroot /u env GGML_BACKEND_PATH=/weft/libggml-weft.so WEFT_GGML_STATS=1 /weft/"$1"; }

serve() { # NAME PRICE SLOWDOWN
	in_cgroup devices chroot /u /weft/weft-serve-ggml --name "$1" --memory 96 --threads 1 --price "$2" \
		--slowdown "$3" &
	server=$!
	until [ -e "/sys/bus/weft/devices/$1" ]; do
		kill -0 "$server" || die "no server for $1"
		usleep 10000
	done
}

# texts WRITERS COUNT [HOLD]: each writer its text COUNT times, the first waits in the middle
texts() {
	i=0
	pids=
	hold=${3:-}
	while [ "$i" -lt "$1" ]; do
		in_cgroup a $(ggml textgen) run /weft/model.gguf WEFT 1 "$TOKENS" $((i % TEXTS)) "$2" $hold \
			> /tmp/a.$i 2> /tmp/ae.$i &
		pids="$pids $!"
		hold=
		i=$((i + 1))
	done
}

others() {
	for i in 0 1 2 3 4 5; do
		in_cgroup b $(ggml weft-ggml-digits) /weft/digits.bin WEFT 0 > /tmp/b.$i 2> /tmp/be.$i &
	done
	in_cgroup b /t/weft-digits --data $weft/digits.bin --test 40 --train 200 --tile-test 20 --tile-train 100 \
		--tenant-load 1000 > /dev/null 2>&1 &
	in_cgroup c chroot /u /weft/weft-hostile ggml &
	in_cgroup c chroot /u /weft/weft-hostile npu &
}

stop() {
	for t in a b c; do
		echo 1 > /sys/fs/cgroup/$t/cgroup.kill
	done
	until [ "$(cat $config/tenants/*/clients | sort -u)" = 0 ]; do
		usleep 10000
	done
}

# begun NAME COUNT: each of that tenant's programs has written something
begun() {
	i=0
	while [ "$i" -lt "$2" ]; do
		until [ -s "/tmp/$1.$i" ]; do
			usleep 10000
		done
		i=$((i + 1))
	done
}

readings() {
	for t in a b c; do
		echo "$t $(cat $config/tenants/$t/priced)"
	done
	for d in fast slow npu; do
		echo "$d $(cat /sys/bus/weft/devices/$d/busy_ns)"
	done
	echo "characters $(cat /tmp/a.* | wc -c)"
	echo "time $(awk '{ printf "%.0f", $1 * 1000000000 }' /proc/uptime)"
}

# All tenants at work under one policy, seen for some time once each of their programs is
compete() {
	echo "== Tenants with weights 3 : 1 : 1 under $1, the third of them hostile"
	echo "$1" > "$policy"
	rm -f /tmp/a.* /tmp/b.*
	texts $((TEXTS * 4)) 1000000
	others
	begun a $((TEXTS * 4))
	begun b 6
	readings > /tmp/before
	sleep "$SECONDS_EACH"
	readings > /tmp/after
	echo "@@ $1"
	paste -d ' ' /tmp/before /tmp/after | awk '{ print $1, $2, $4 }'
	stop
	echo "@@ $1-texts"
	for f in /tmp/a.*; do
		cat $f
		echo
	done | grep .
	echo "@@ $1-digits"
	cat /tmp/b.*
	echo "@@ more"
}

mkdir /u && tar x -C /u -f "$USERLAND" && tar x -C /u -f /t/weft.tar || die "no userland"
for d in proc sys dev; do
	mount --bind /$d /u/$d || die "no /$d"
done
# the variants for other processors would be loaded by each program, and be refused
for f in /u/usr/lib/x86_64-linux-gnu/ggml/backends0/libggml-cpu-*.so; do
	case $f in
	*-x64.so | *-sse42.so) ;;
	*) rm "$f" ;;
	esac
done
insmod /t/weft_fence.ko && insmod /t/weft.ko log_records=4194304 && insmod /t/weft_sim.ko &&
	insmod /t/weft_serve.ko || die "no modules"
policy=/sys/class/accel/accel0/device/weft/policy
for t in a b c; do
	mkdir $config/tenants/$t /sys/fs/cgroup/$t && echo /$t > $config/tenants/$t/cgroup || die "no tenant $t"
	echo 100 > $config/tenants/$t/weight
done
echo 300 > $config/tenants/a/weight
# the devices' processors are those of the programs, too: who wants a device must not wait for a processor
mkdir /sys/fs/cgroup/devices && echo +cpu > /sys/fs/cgroup/cgroup.subtree_control || die "no cgroup"
for t in a b c; do
	echo 1000 > /sys/fs/cgroup/$t/cpu.weight
done
export OMP_THREAD_LIMIT=1

echo "== The texts on ggml's own processor backend"
chroot /u /weft/textgen make /weft/large.gguf && chroot /u /weft/textgen make /weft/model.gguf 256 2 ||
	die "no model"
echo "@@ reference"
for i in 0 1 2; do
	chroot /u /weft/textgen run /weft/model.gguf CPU 1 "$TOKENS" $i 1 2> /tmp/cpu.$i || die "no text"
done
echo "@@ more"
echo "== Two servers, fast and slow, and a simulated NPU"
serve fast 1024 1
fast=$server
echo "@@ speed"
chroot /u /weft/textgen run /weft/large.gguf CPU 1 "$TOKENS" 0 1 2>&1 > /dev/null | sed 's/^/CPU /' | grep tokens/s
$(ggml textgen) run /weft/large.gguf WEFT0 1 "$TOKENS" 0 1 2>&1 > /dev/null | sed 's/^\([0-9.]* tokens\)/WEFT0 \1/' |
	grep -E 'tokens/s|total_ns'
echo "@@ more"
serve slow 512 3
slow=$server
npu=/sys/kernel/config/weft_sim/npu
mkdir $npu && echo npu > $npu/profile && echo 800 > $npu/dilation && echo 256 > $npu/price && echo 1 > $npu/enabled ||
	die "no NPU"

compete eft
compete fifo

echo "== kill -9 of the server of the fast device in the middle of texts"
echo eft > "$policy"
rm -f /tmp/a.* /tmp/b.*
others
texts "$TEXTS" 1 /tmp/hold
until [ -e /u/tmp/hold ]; do
	usleep 10000
done
echo "  it dies when this has been written: $(cat /tmp/a.0)"
kill -9 "$fast"
rm /u/tmp/hold
for p in $pids; do
	wait "$p"
done
echo "@@ killed"
cat /tmp/a.*
echo "@@ killed-says"
cat /tmp/ae.*
echo "@@ more"
stop
echo "== The log of inputs is replayed in user space"
echo "@@ replay"
/t/weft-replay --inputs /sys/kernel/debug/weft/default/log
echo "replay $?"
echo "@@ end"
kill "$slow" && wait "$slow"
echo 0 > $npu/enabled
rmdir $npu $config/tenants/[abc]
rmmod weft_serve && rmmod weft_sim && rmmod weft
echo "done $?"
