# Completion of okstrafs in fish. `ninja install` puts it in place; or copy it to ~/.config/fish/completions.

function __okstrafs_commands
    okstrafs --help 2>/dev/null | string replace -rf '^(?:usage:)? +okstrafs ([a-z]+) (?:.*  +)?(.*)$' '$1\t$2'
end

function __okstrafs_tree
    set -l word (commandline -ct)
    set -l folder ''
    string match -q '*/*' -- $word; and set folder (string replace -r '[^/]*$' '' -- $word)
    for name in (okstrafs ls (test -n "$folder"; and echo $folder; or echo /) 2>/dev/null)
        echo $folder$name
    end
end

complete -c okstrafs -f
complete -c okstrafs -n __fish_use_subcommand -a '(__okstrafs_commands)'
complete -c okstrafs -n __fish_use_subcommand -l help -d 'explain the commands and options'
complete -c okstrafs -n __fish_use_subcommand -l version -d 'show the version'
complete -c okstrafs -l no-cache -d 'neither read nor write caches'
complete -c okstrafs -n '__fish_seen_subcommand_from help' -a '(__okstrafs_commands)'
complete -c okstrafs -n '__fish_seen_subcommand_from mount umount top statusline' -a '(__fish_complete_directories)'
complete -c okstrafs -n '__fish_seen_subcommand_from mount' -s f -l foreground -d 'stay in the foreground'
complete -c okstrafs -n '__fish_seen_subcommand_from mount' -s o -x -d options \
    -a 'memory= tz= home= root= nonempty allow_other allow_root setuid= uid= gid= notify=off harden=off verify=tail revalidate= isa=
        no_cache max_read='
complete -c okstrafs -n '__fish_seen_subcommand_from report' \
    -a 'days weeks months sessions projects branches hosts sources models agents teams blocks tools'
complete -c okstrafs -n '__fish_seen_subcommand_from report' -l since -x -d 'from this time on' \
    -a 'today yesterday this-week this-month last-5h last-24h last-7d last-30d'
complete -c okstrafs -n '__fish_seen_subcommand_from report' -l until -x -d 'up to this time' \
    -a 'today yesterday this-week this-month last-5h last-24h last-7d last-30d'
complete -c okstrafs -n '__fish_seen_subcommand_from report' -l csv -d 'all columns'
complete -c okstrafs -n '__fish_seen_subcommand_from report doctor' -l json -d 'for programs'
complete -c okstrafs -n '__fish_seen_subcommand_from cat ls export' -a '(__okstrafs_tree)'
complete -c okstrafs -n '__fish_seen_subcommand_from export' -a '(__fish_complete_directories)'
complete -c okstrafs -n '__fish_seen_subcommand_from export' -l watch -d 'go on, and write what changes'
complete -c okstrafs -n '__fish_seen_subcommand_from export' -l mode -x -d 'rights of the files' -a '600 640 644'
complete -c okstrafs -n '__fish_seen_subcommand_from export' -l group -x -d 'to which files belong' -a '(__fish_complete_groups)'
complete -c okstrafs -n '__fish_seen_subcommand_from ls' -s l -l long -d 'sizes, times and targets of links'
complete -c okstrafs -n '__fish_seen_subcommand_from forget' -l all -d 'every deleted session'
complete -c okstrafs -n '__fish_seen_subcommand_from forget' -a '(okstrafs ls sessions 2>/dev/null)'
