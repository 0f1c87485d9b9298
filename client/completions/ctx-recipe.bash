# SPDX-License-Identifier: Apache-2.0
# bash completion for ctx-recipe. Checked against --help by tests/recipe/cases_recipe_docs.py.

# Which options a command takes.
_ctx_recipe_options() {
	local made="--file= --ignore-file= --no-ignore --bin= --package= --tests --benches --examples
		--all-targets --keep-metadata --chef-exact --ignore-scripts --go-warm --python-setup= -f -p"
	local cooked="--no-std --force --no-journal"
	case $1 in
	prepare) echo "--output= -o $made" ;;
	cook) echo "--recipe-path= -r --directory= -C $cooked" ;;
	skeleton) echo "--recipe-path= -r --output= -o --tar $cooked" ;;
	digest) echo "--recipe-path= -r --units $made" ;;
	verify) echo "--recipe-path= -r $made" ;;
	diff) echo "$made" ;;
	*) return ;;
	esac
	echo "--eco= --dir="
}

_ctx_recipe() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]-}
	local options="$(_ctx_recipe_options "${COMP_WORDS[1]-}") --verbose --quiet --help --version -v -q -h -V"
	COMPREPLY=()
	if [ "$cur" = = ]; then
		cur=
	elif [ "$prev" = = ]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]-}
	fi
	case $prev in
	--eco)
		COMPREPLY=($(compgen -W "cargo dotnet elixir go gradle maven npm php python ruby" -- "$cur"))
		return
		;;
	--python-setup)
		COMPREPLY=($(compgen -W raw -- "$cur"))
		return
		;;
	--dir | -C | --directory)
		compopt -o filenames
		COMPREPLY=($(compgen -d -- "$cur"))
		return
		;;
	esac
	if [ $COMP_CWORD = 1 ] && [[ $cur != -* ]]; then
		COMPREPLY=($(compgen -W "prepare cook skeleton digest verify diff help" -- "$cur"))
	elif [[ $cur = -* ]]; then
		COMPREPLY=($(compgen -W "$options" -- "$cur"))
		[[ ${COMPREPLY[0]-} = *= ]] && compopt -o nospace
	else
		compopt -o filenames
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
}
complete -F _ctx_recipe ctx-recipe
