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
complete -c ctx -n '__ctx_is digest url watch' -l target -x -d 'What this stage needs'
complete -c ctx -n '__ctx_is digest url watch' -l build-arg -x -a '(set -nx)' -d 'A variable that docker build gets too'
complete -c ctx -n '__ctx_is digest url watch' -l args-final -d 'The --build-arg values are all there will be'
complete -c ctx -n '__ctx_is digest url watch' -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7' -d 'What TARGETPLATFORM will be'
complete -c ctx -n '__ctx_is digest url watch' -l ignore-file -r -F -d 'The ignore file'
complete -c ctx -n '__ctx_is digest url watch' -l builder -x -a 'any buildkit classic' -d 'Whose rules apply'
complete -c ctx -n '__ctx_is digest url watch' -l full -d 'All that the ignore file keeps'
complete -c ctx -n '__ctx_is digest url watch' -l recipe -d 'With the recipe of the dependencies'
complete -c ctx -n '__ctx_is digest url watch' -l trust-bases -x -d 'Base images without triggers'
complete -c ctx -n '__ctx_is digest url watch' -l base-config -r -F -a 'engine none' -d 'Who is asked about base images'
complete -c ctx -n '__ctx_is digest url watch' -s v -l verbose -d 'Say why'
complete -c ctx -n '__ctx_is digest url watch' -s q -l quiet -d 'Say only why it failed'
complete -c ctx -n '__ctx_is digest watch' -l daemon -x -a 'auto never require' -d 'Whether to use ctxd'
complete -c ctx -n '__ctx_is digest watch' -l no-daemon -d 'The same as --daemon=never'
complete -c ctx -n '__ctx_is digest watch' -l verify -d 'Look at every file'
complete -c ctx -n '__ctx_is status digest' -l json -d 'As one JSON object'
complete -c ctx -n '__ctx_is digest' -l per-instruction -d 'A line for each instruction'
complete -c ctx -n '__ctx_is url' -l bare -d 'Without any Dockerfile'
complete -c ctx -n '__ctx_is url' -s z -l gzip -d 'Compress with gzip'
complete -c ctx -n '__ctx_is url' -l mtime -x -a 'keep epoch' -d 'Times of files'
complete -c ctx -n '__ctx_is url' -l dockerfile -x -a 'auto plain' -d 'Hide the Dockerfile where needed, or never'
complete -c ctx -n '__ctx_is watch' -l clear -d 'Clear the terminal before each run'
complete -c ctx -n '__ctx_is watch' -l queue -d 'Run again when it has ended'
complete -c ctx -n '__ctx_is watch' -l restart -d 'End it and run it again'
complete -c ctx -n '__ctx_is watch' -l debounce -x -d 'How long nothing must have changed'

complete -c ctxd -f
complete -c ctxd -l socket -r -F -d 'Where clients connect'
complete -c ctxd -l cache-dir -x -a '(__fish_complete_directories)' -d 'Hashes and packed chunks'
complete -c ctxd -l lanes -x -d 'Requests that work at once'
complete -c ctxd -l max-clients -x -d 'Connections at once'
complete -c ctxd -l max-roots -x -d 'Contexts that are watched'
complete -c ctxd -l max-watches -x -d 'Watched directories of one context'
complete -c ctxd -l max-cache -x -d 'Packed chunks on disk'
complete -c ctxd -l idle-exit -x -d 'End when nothing was asked'
complete -c ctxd -l audit -x -d 'From one look at everything to the next'
complete -c ctxd -l http -x -a 'auto off' -d 'The port of ctx url'
complete -c ctxd -l log-level -x -a 'error warning info debug' -d 'What is said'
complete -c ctxd -l config -r -F -d 'The settings'
complete -c ctxd -s h -l help -d 'Print a summary'
complete -c ctxd -s V -l version -d 'Print the version'
