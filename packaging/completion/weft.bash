# SPDX-License-Identifier: GPL-2.0-only
# bash completion for weft(1)

_weft_tenants() {
	local folder
	for folder in /sys/kernel/config/weft/tenants/*/; do
		[ -d "$folder" ] && basename "$folder"
	done
}

_weft() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	local command=${COMP_WORDS[1]} words=
	COMPREPLY=()

	if [ "$COMP_CWORD" -eq 1 ]; then
		words="list topo run top explain doctor tenant config log --help"
	else
		case $prev in
		--kernel) words="nop copy fill add reduce histogram gemm_i8 argmax best" ;;
		--class) words="gpu dcu npu cpu dpu" ;;
		--uid) COMPREPLY=($(compgen -u -- "$cur")); return ;;
		--log | save | check | load) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		--size | --count | --device | --interval | --weight | --cgroup) return ;;
		*)
			case $command in
			run) words="--kernel --size --count --device --class --json --help" ;;
			top) words="--once --interval --json --help" ;;
			explain) words="--all --log --json --help" ;;
			log) words="save --json --help" ;;
			config) words="show save check load --dry-run --device --json --help" ;;
			tenant)
				case $prev in
				set | remove) words=$(_weft_tenants) ;;
				tenant) words="list add set remove" ;;
				*) words="--weight --uid --cgroup --json --help" ;;
				esac ;;
			list | topo | doctor) words="--json --help" ;;
			esac ;;
		esac
	fi
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -F _weft weft
