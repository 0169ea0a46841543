# shellcheck shell=bash
# The tokens of a team, session or project in your prompt, without starting a process: bash reads the file itself.
# Source this from ~/.bashrc:
#
#     . /path/to/status-line.sh
#     PROMPT_COMMAND='okstrafs_status teams/okstra-checkout'
#     PS1='${OKSTRAFS_STATUS:+[$OKSTRAFS_STATUS] }\w\$ '

# okstrafs_status FOLDER: sets $OKSTRAFS_STATUS to its total, such as 237.1k, or to the empty string if there is none
okstrafs_status() {
    local file=${OKSTRAFS_MOUNT:-${OKSTRA_HOME:-$HOME/.okstra}/usage}/$1/total_tokens tokens=''
    OKSTRAFS_STATUS=''
    { tokens=$(<"$file"); } 2>/dev/null || return 0
    [[ $tokens =~ ^[0-9]{1,18}$ ]] || return 0
    if ((tokens < 1000)); then
        OKSTRAFS_STATUS=$tokens
    elif ((tokens < 1000000)); then
        OKSTRAFS_STATUS=$((tokens / 1000)).$((tokens / 100 % 10))k
    else
        # shellcheck disable=SC2034 # for the caller
        OKSTRAFS_STATUS=$((tokens / 1000000)).$((tokens / 100000 % 10))M
    fi
}
