#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# In the stand-in images this file takes the place of cargo, npm, pip, python, apt-get and all other
# tools that the RUN lines of the examples call. It installs and compiles nothing. It writes files
# whose content depends on the files that the real tool would read, and fails if they are missing. So
# if a stream lacks a source, the image differs, or the build fails.
set -eu

die() {
	echo "stand-in $tool: $*" >&2
	exit 1
}

need() {
	for file in "$@"; do [ -e "$file" ] || die "$file is missing"; done
}

digest() { # digest PATH…: of the names and contents of all files below the paths, in sorted order
	find "$@" -type f | sort | xargs sha256sum | sha256sum | cut -c1-64
}

field() { # field NAME FILE: the first value of a quoted field, in TOML or JSON
	sed -n 's/^[ "]*'"$1"'"* *[=:] *"\([^"]*\)".*/\1/p' "$2" | head -n 1
}

add_user() { # add_user OPTION… NAME
	for word in "$@"; do name=$word; done
	grep -q "^$name:" /etc/passwd || echo "$name:x:1001:1001::/home/$name:/bin/sh" >>/etc/passwd
}

cargo_build() {
	need Cargo.toml Cargo.lock src/main.rs
	profile=debug
	for word in "$@"; do [ "$word" != --release ] || profile=release; done
	mkdir -p target/$profile/deps
	digest Cargo.lock >target/$profile/deps/lock
	name=$(field name Cargo.toml)
	printf '#!/bin/sh\n# %s\n' "$(digest Cargo.toml Cargo.lock src)" >"target/$profile/$name"
	chmod 755 "target/$profile/$name"
}

pip_install() {
	while [ "$1" != -r ]; do shift; done
	need "$2"
	site=${VIRTUAL_ENV:-/usr/local}/lib/python3/site-packages
	sed 's/[ #].*//; /^-r/d; /^$/d' "$2" | while IFS='=' read -r name _ version; do
		mkdir -p "$site/$name-$version.dist-info"
		printf 'Name: %s\nVersion: %s\n' "$name" "$version" >"$site/$name-$version.dist-info/METADATA"
	done
}

tool=${0##*/}
case "$tool ${1-}" in
"apt-get "* | "apk "* | "groupadd "* | "cargo install") ;;
"useradd "* | "adduser "*) add_user "$@" ;;
"cargo build") cargo_build "$@" ;;
"cargo chef")
	case $2 in
	prepare)
		need Cargo.toml Cargo.lock src
		printf '{"skeleton":"%s"}\n' "$(digest Cargo.toml Cargo.lock)" >"$4"
		;;
	cook)
		need recipe.json
		mkdir -p target/release/deps
		cp recipe.json target/release/deps/recipe
		;;
	*) die "chef $2 is not played here" ;;
	esac
	;;
"python -m")
	case $2 in
	venv)
		mkdir -p "$3/bin"
		ln -sf /usr/local/bin/python "$3/bin/python"
		printf 'version = 3.13\n' >"$3/pyvenv.cfg"
		;;
	pytest) need tests && digest tests app >.pytest-passed ;;
	*) die "-m $2 is not played here" ;;
	esac
	;;
"pip install") pip_install "$@" ;;
"npm ci")
	need package.json package-lock.json
	sed -n 's|^ *"\(node_modules/[^"]*\)": {|\1|p' package-lock.json | while read -r package; do
		mkdir -p "$package"
		digest package-lock.json >"$package/package.json"
	done
	;;
"npm run")
	need node_modules package.json index.html src
	mkdir -p dist/assets
	cp index.html dist/
	[ ! -d public ] || cp -R public/. dist/
	digest src >"dist/assets/index.js"
	;;
*) die "${1-} is not played here" ;;
esac
