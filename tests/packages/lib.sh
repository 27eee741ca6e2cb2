# SPDX-License-Identifier: GPL-2.0-only
# What the scripts in the guest share. A point is a line "ok - ..." or "not ok - ...".

export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
SIM=/sys/kernel/config/weft_sim
TENANTS=/sys/kernel/config/weft/tenants
POOLS=/sys/kernel/config/weft/pools
DEVICES=/sys/bus/weft/devices

# point TEXT COMMAND...: the command succeeds
point() {
	text=$1
	shift
	began=$(cut -d. -f1 /proc/uptime)
	if said=$("$@" 2>&1); then
		echo "ok - $text"
	else
		echo "not ok - $text"
		echo "$said" | tail -n 30 | sed 's/^/# /'
	fi
	took=$(($(cut -d. -f1 /proc/uptime) - began))
	[ "$took" -lt 10 ] || echo "# that took $took s"
}

# is FILE VALUE: the file's first line is that
is() {
	read -r line < "$1" || return 1
	[ "$line" = "$2" ] || { echo "$1 has '$line', not '$2'"; return 1; }
}

# says WORDS COMMAND...: what it prints contains the words
says() {
	words=$1
	shift
	printed=$("$@" 2>&1)
	case $printed in
	*"$words"*) ;;
	*) echo "it said: $printed"; return 1 ;;
	esac
}

not() {
	! "$@"
}

# until_not COMMAND...: it fails, now or soon
until_not() {
	for second in $(seq 120); do
		"$@" > /dev/null || return 0
		sleep 1
	done
	"$@"
	return 1
}

as() {
	user=$1
	shift
	runuser -u "$user" -- "$@"
}

# What a package could leave: paths, accounts, units. Not what merely running writes.
state() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /mnt \
		-o -path /root -o -path /var/log -o -path /var/cache -o -path /var/lib/apt \
		-o -path /var/lib/systemd -o -path /var/tmp -o -path /var/lib/dpkg \) -prune -o -print |
		grep -v '/modules\.[a-z.]*$' | LC_ALL=C sort
	cat /etc/passwd /etc/group
	find /etc/systemd /lib/systemd /var/lib/systemd/deb-systemd-helper* -name '*weft*' 2> /dev/null || :
	find /var/lib/dpkg -name '*weft*' ! -name 'weft*.list-new'
	systemctl list-unit-files --no-legend --no-pager 2> /dev/null | awk '{ print $1, $2 }'
	dkms status 2> /dev/null
}
