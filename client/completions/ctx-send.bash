# SPDX-License-Identifier: Apache-2.0
# bash completion for ctx-send. Checked against --help by tests/cli/docs.

_ctx_send_stages() {
	local file=Dockerfile i
	for ((i = 1; i < ${#COMP_WORDS[@]}; i++)); do
		case ${COMP_WORDS[i]} in
		-f | --file) file=${COMP_WORDS[i + 1]-} ;;
		# "=" is a word of its own in COMP_WORDS.
		=) [ "${COMP_WORDS[i - 1]}" = --file ] && file=${COMP_WORDS[i + 1]-} ;;
		esac
	done
	[ -r "$file" ] && sed -nE 's/^[[:space:]]*[Ff][Rr][Oo][Mm][[:space:]].*[[:space:]][Aa][Ss][[:space:]]+([^[:space:]]+).*/\1/p' "$file"
}

_ctx_send() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]-}
	local options="--file= --target= --build-arg= --args-final --platform= --ignore-file=
		--builder= --full --recipe --trust-bases= --base-config= --output= --gzip --zstd --mtime=
		--dockerfile= --max-size= --max-files= --stats --verbose --quiet --daemon= --no-daemon
		--verify --help --version -f -o -z -v -q -h -V"
	COMPREPLY=()
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]-}
	fi
	case $prev in
	-f | --file | --ignore-file | -o | --output)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	--base-config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -W "engine none" -- "$cur"; compgen -f -- "$cur")
		;;
	--target) mapfile -t COMPREPLY < <(compgen -W "$(_ctx_send_stages)" -- "$cur") ;;
	--build-arg) mapfile -t COMPREPLY < <(compgen -v -- "$cur") ;;
	--recipe) mapfile -t COMPREPLY < <(compgen -W "cargo dotnet elixir go gradle maven npm php python ruby" -- "$cur") ;;
	--builder) mapfile -t COMPREPLY < <(compgen -W "any buildkit classic" -- "$cur") ;;
	--mtime) mapfile -t COMPREPLY < <(compgen -W "keep epoch" -- "$cur") ;;
	--dockerfile) mapfile -t COMPREPLY < <(compgen -W "auto plain" -- "$cur") ;;
	--stats) mapfile -t COMPREPLY < <(compgen -W "text json" -- "$cur") ;;
	--daemon) mapfile -t COMPREPLY < <(compgen -W "auto never require" -- "$cur") ;;
	--gzip) mapfile -t COMPREPLY < <(compgen -W "1 6 9 12" -- "$cur") ;;
	--zstd) mapfile -t COMPREPLY < <(compgen -W "1 3 9 19" -- "$cur") ;;
	--platform)
		mapfile -t COMPREPLY < <(compgen -W "linux/amd64 linux/arm64 linux/arm/v7" -- "$cur")
		;;
	--trust-bases | --max-size | --max-files) ;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
			[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
		else
			compopt -o filenames
			mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		fi
		;;
	esac
}
complete -F _ctx_send ctx-send
