# SPDX-License-Identifier: Apache-2.0
# fish completion for ctx and ctxd. Checked against --help by tests/daemon.

function __ctx_is
    set -l words (commandline -opc)
    contains -- "$words[2]" $argv
end

complete -c ctx -f
complete -c ctx -n 'not __ctx_is start stop status digest url watch' -a 'start stop status digest url watch'
complete -c ctx -s h -l help -d 'Print a summary'
complete -c ctx -s V -l version -d 'Print the version'
complete -c ctx -n '__ctx_is digest url watch' -a '(__fish_complete_directories)' -d Context
complete -c ctx -n '__ctx_is digest url watch' -s f -l file -r -F -d 'The Dockerfile'
complete -c ctx -n '__ctx_is digest url watch' -l target -x -d 'Send what this stage needs'
complete -c ctx -n '__ctx_is digest url watch' -l build-arg -x -a '(set -nx)' -d 'A variable that docker build gets too'
complete -c ctx -n '__ctx_is digest url watch' -l args-final -d 'Docker build gets exactly these --build-arg values'
complete -c ctx -n '__ctx_is digest url watch' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7' -d 'The value of TARGETPLATFORM'
complete -c ctx -n '__ctx_is digest url watch' -l ignore-file -r -F -d 'The ignore file'
complete -c ctx -n '__ctx_is digest url watch' -l builder -x -a 'any buildkit classic' -d 'The builder whose rules apply'
complete -c ctx -n '__ctx_is digest url watch' -l full -d 'Send every file that the ignore file keeps'
complete -c ctx -n '__ctx_is digest url watch' -l recipe -d 'Add the recipe of the dependencies'
complete -c ctx -n '__ctx_is digest url watch' -l trust-bases -x -d 'Base images that have no ONBUILD triggers'
complete -c ctx -n '__ctx_is digest url watch' -l base-config -r -F -a 'engine none' -d 'Where to find out about base images'
complete -c ctx -n '__ctx_is digest url watch' -s v -l verbose -d 'Print notes, too'
complete -c ctx -n '__ctx_is digest url watch' -s q -l quiet -d 'Print only the reason of a failure'
complete -c ctx -n '__ctx_is digest watch' -l daemon -x -a 'auto never require' -d 'Whether to use ctxd'
complete -c ctx -n '__ctx_is digest watch' -l no-daemon -d 'The same as --daemon=never'
complete -c ctx -n '__ctx_is digest watch' -l verify -d 'Have ctxd look at every file'
complete -c ctx -n '__ctx_is status digest' -l json -d 'Print one JSON object'
complete -c ctx -n '__ctx_is digest' -l per-instruction -d 'Print a line for each instruction'
complete -c ctx -n '__ctx_is url' -l bare -d 'Serve no Dockerfile'
complete -c ctx -n '__ctx_is url' -s z -l gzip -d 'Compress with gzip'
complete -c ctx -n '__ctx_is url' -l mtime -x -a 'keep epoch' -d 'The times of files'
complete -c ctx -n '__ctx_is url' -l dockerfile -x -a 'auto plain' -d 'Whether to rewrite the Dockerfile'
complete -c ctx -n '__ctx_is watch' -l clear -d 'Clear the terminal before each run'
complete -c ctx -n '__ctx_is watch' -l queue -d 'On a change, run the command again after its end'
complete -c ctx -n '__ctx_is watch' -l restart -d 'On a change, end the command and run it again'
complete -c ctx -n '__ctx_is watch' -l debounce -x -d 'The time to wait without a change'

complete -c ctxd -f
complete -c ctxd -l socket -r -F -d 'The socket that clients connect to'
complete -c ctxd -l cache-dir -x -a '(__fish_complete_directories)' -d 'The directory of hashes and packed chunks'
complete -c ctxd -l lanes -x -d 'Requests that are answered at once'
complete -c ctxd -l max-clients -x -d 'Connections at once'
complete -c ctxd -l max-roots -x -d 'Watched contexts'
complete -c ctxd -l max-watches -x -d 'Watched directories of one context'
complete -c ctxd -l max-cache -x -d 'The most that packed chunks may take on disk'
complete -c ctxd -l forget -x -d 'Watch a context this long after its last use'
complete -c ctxd -l idle-exit -x -d 'End after this time without a request'
complete -c ctxd -l audit -x -d 'The time between checks of every file'
complete -c ctxd -l http -x -a 'auto off' -d 'The port for ctx url'
complete -c ctxd -l log-level -x -a 'error warning info debug' -d 'The messages that are printed'
complete -c ctxd -l config -r -F -d 'The configuration file'
complete -c ctxd -s h -l help -d 'Print a summary'
complete -c ctxd -s V -l version -d 'Print the version'
