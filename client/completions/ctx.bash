# SPDX-License-Identifier: Apache-2.0
# bash completion for ctx and ctxd. Checked against --help by tests/daemon.

_ctx_which="--file= --target= --build-arg= --args-final --platform= --ignore-file= --builder=
	--full --recipe --trust-bases= --base-config= -f"
_ctx_daemon="--daemon= --no-daemon --verify"
_ctx_talk="--verbose --quiet --help -v -q -h"
# Declared global, because bash-completion may source this file inside a function.
declare -gA _ctx_options=(
	[start]="--help -h"
	[stop]="--help -h"
	[status]="--json --help -h"
	[digest]="$_ctx_which $_ctx_daemon --per-instruction --json $_ctx_talk"
	[url]="$_ctx_which --bare --gzip --mtime= --dockerfile= -z $_ctx_talk"
	[watch]="$_ctx_which $_ctx_daemon --clear --queue --restart --debounce= $_ctx_talk"
)

# Completes the value of an option. Returns false for an option that is not known here.
_ctx_value() {
	case $1 in
	-f | --file | --ignore-file | --config | --socket)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$2")
		;;
	--base-config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -W "engine none" -- "$2"; compgen -f -- "$2")
		;;
	--cache-dir)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$2")
		;;
	--build-arg) mapfile -t COMPREPLY < <(compgen -v -- "$2") ;;
	--recipe) mapfile -t COMPREPLY < <(compgen -W "cargo dotnet elixir go gradle maven npm php python ruby" -- "$2") ;;
	--builder) mapfile -t COMPREPLY < <(compgen -W "any buildkit classic" -- "$2") ;;
	--mtime) mapfile -t COMPREPLY < <(compgen -W "keep epoch" -- "$2") ;;
	--dockerfile) mapfile -t COMPREPLY < <(compgen -W "auto plain" -- "$2") ;;
	--daemon) mapfile -t COMPREPLY < <(compgen -W "auto never require" -- "$2") ;;
	--platform) mapfile -t COMPREPLY < <(compgen -W "linux/amd64 linux/arm64 linux/arm/v7" -- "$2") ;;
	--http) mapfile -t COMPREPLY < <(compgen -W "auto off" -- "$2") ;;
	--log-level) mapfile -t COMPREPLY < <(compgen -W "error warning info debug" -- "$2") ;;
	--target | --trust-bases | --debounce | --lanes | --max-* | --forget | --idle-exit | --audit) ;;
	*) return 1 ;;
	esac
}

_ctx() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]-}
	local i
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "${!_ctx_options[*]} --help --version" -- "$cur")
		return
	fi
	for ((i = 2; i < COMP_CWORD; i++)); do
		[ "${COMP_WORDS[i]}" = -- ] || continue
		case ${COMP_WORDS[1]} in
		start) _ctxd ;;
		watch)
			compopt -o filenames
			mapfile -t COMPREPLY < <(((i + 1 == COMP_CWORD)) && compgen -c -- "$cur"; compgen -f -- "$cur")
			;;
		esac
		return
	done
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]-}
	fi
	_ctx_value "$prev" "$cur" && return
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${_ctx_options[${COMP_WORDS[1]:--}]-}" -- "$cur")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
	fi
}
complete -F _ctx ctx

_ctxd() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]-}
	local options="--socket= --cache-dir= --lanes= --max-clients= --max-roots= --max-watches=
		--max-cache= --forget= --idle-exit= --audit= --http= --log-level= --config= --help --version -h -V"
	COMPREPLY=()
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]-}
	fi
	_ctx_value "$prev" "$cur" && return
	mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
}
complete -F _ctxd ctxd
