# SPDX-License-Identifier: Apache-2.0
# fish completion for ctx-send. Checked against --help by tests/cli/docs.

function __ctx_send_stages
    set -l file Dockerfile
    set -l words (commandline -opc)
    for i in (seq (count $words))
        switch $words[$i]
            case -f --file
                set file $words[(math $i + 1)]
            case '--file=*'
                set file (string replace -- --file= '' $words[$i])
        end
    end
    test -r "$file"; and string replace -rfi '^\s*from\s.*\sas\s+(\S+).*' '$1' <$file
end

complete -c ctx-send -f -a '(__fish_complete_directories)' -d Context
complete -c ctx-send -s f -l file -r -F -d 'The Dockerfile'
complete -c ctx-send -l target -x -a '(__ctx_send_stages)' -d 'Send what this stage needs'
complete -c ctx-send -l build-arg -x -a '(set -nx)' -d 'A variable that docker build gets too'
complete -c ctx-send -l args-final -d 'Docker build gets exactly these --build-arg values'
complete -c ctx-send -l platform -x -a 'linux/amd64 linux/arm64 linux/arm/v7' -d 'The value of TARGETPLATFORM'
complete -c ctx-send -l ignore-file -r -F -d 'The ignore file'
complete -c ctx-send -l builder -x -a 'any buildkit classic' -d 'The builder whose rules apply'
complete -c ctx-send -l full -d 'Send all that the ignore file keeps'
complete -c ctx-send -l recipe -d 'Add the recipe of the dependencies'
complete -c ctx-send -l trust-bases -x -d 'Base images that have no ONBUILD triggers'
complete -c ctx-send -l base-config -r -F -a 'engine none' -d 'Where to find out about base images'
complete -c ctx-send -s o -l output -r -F -d 'Write to a file'
complete -c ctx-send -s z -l gzip -d 'Compress with gzip'
complete -c ctx-send -l zstd -d 'Compress with zstd'
complete -c ctx-send -l mtime -x -a 'keep epoch' -d 'The times of files'
complete -c ctx-send -l dockerfile -x -a 'auto plain' -d 'Whether to rewrite the Dockerfile'
complete -c ctx-send -l max-size -x -d 'Refuse to send more'
complete -c ctx-send -l max-files -x -d 'Refuse to send more files'
complete -c ctx-send -l stats -d 'Print what was sent'
complete -c ctx-send -n 'string match -q -- "--stats=*" (commandline -ct)' -f -a '--stats=text --stats=json'
complete -c ctx-send -s v -l verbose -d 'Print notes, too'
complete -c ctx-send -s q -l quiet -d 'Print only the reason of a failure'
complete -c ctx-send -l daemon -x -a 'auto never require' -d 'Whether to use ctxd'
complete -c ctx-send -l no-daemon -d 'The same as --daemon=never'
complete -c ctx-send -l verify -d 'Have ctxd look at every file'
complete -c ctx-send -s h -l help -d 'Print a summary'
complete -c ctx-send -s V -l version -d 'Print the version'
