# SPDX-License-Identifier: GPL-2.0-only
# bash completion for weft(1)

_weft_tenants() {
	local folder
	for folder in /sys/kernel/config/weft/tenants/*/; do
		[ -d "$folder" ] && basename "$folder"
	done
}

_weft_pools() {
	local folder
	for folder in /sys/kernel/config/weft/pools/*/; do
		[ -d "$folder" ] && basename "$folder"
	done
}

_weft_devices() {
	local folder
	for folder in /sys/bus/weft/devices/*/; do
		[ -d "$folder" ] && basename "$folder"
	done
}

_weft() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local first=1 words= command
	COMPREPLY=()

	# options before the command
	[ "${COMP_WORDS[1]}" = --pool ] && first=3
	command=${COMP_WORDS[first]}
	if [ "$prev" = --pool ]; then
		words=$(_weft_pools)
	elif [ "$COMP_CWORD" -eq "$first" ]; then
		words="list device topo gate run top explain doctor tenant pool config log seal conformance --help"
		[ "$first" -eq 1 ] && words="$words --pool"
	else
		case $prev in
		--kernel) words="nop copy fill add reduce histogram gemm_i8 argmax best factorial" ;;
		--isa) words="sim edu-v1" ;;
		--class) words="gpu dcu npu cpu dpu" ;;
		--uid | --user) COMPREPLY=($(compgen -u -- "$cur")); return ;;
		--log | --image | save | check | load) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--node)
			[ "$command" = seal ] && { COMPREPLY=($(compgen -f -- "${cur:-/dev/}")); return; }
			words="accel render" ;;
		--policy) words="eft fifo" ;;
		--owner) COMPREPLY=($(compgen -u -- "$cur")); return ;;
		--mode) words="0600 0660 0666" ;;
		--device)
			[ "$command" = pool ] || [ "$command" = gate ] || return
			words=$(_weft_devices) ;;
		--only) words="description image bytes completion copies ordering credits abort reset
			leak preemption telemetry remove stress" ;;
		--level) words="1 2 3" ;;
		--size | --count | --seconds | --interval | --weight | --cgroup) return ;;
		*)
			case $command in
			gate) words="--device --quantum --require --help"
				[ "$prev" = -- ] && { COMPREPLY=($(compgen -c -- "$cur")); return; } ;;
			run) words="--isa --kernel --size --count --device --class --json --help" ;;
			top) words="--once --interval --json --help" ;;
			explain) words="--all --log --json --help" ;;
			log) words="save --json --help" ;;
			config) words="show save check load --dry-run --device --json --help" ;;
			conformance) words="$(_weft_devices) --image --only --level --seconds --list --json
				--help" ;;
			tenant)
				case $prev in
				set | remove) words=$(_weft_tenants) ;;
				tenant) words="list add set remove" ;;
				*) words="--weight --uid --cgroup --json --help" ;;
				esac ;;
			pool)
				case $prev in
				set | enable | disable | remove) words=$(_weft_pools) ;;
				move) words=$(_weft_devices) ;;
				pool) words="list create set enable disable remove move" ;;
				*)
					words="--device --node --policy --owner --mode --enable"
					words="$words --force --json --help"
					[ "${COMP_WORDS[COMP_CWORD-2]}" = move ] &&
						words=$(_weft_pools) ;;
				esac ;;
			seal) words="$(_weft_devices) --node --user --cgroup --undo --json --help" ;;
			list) words="--all --json --help" ;;
			topo | doctor) words="--json --help" ;;
			esac ;;
		esac
	fi
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -F _weft weft
