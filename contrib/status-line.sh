# shellcheck shell=bash
# A total in your prompt, without starting a process: bash reads the file itself. Source this from ~/.bashrc:
#
#     . /path/to/status-line.sh
#     PROMPT_COMMAND='okstrafs_status stats/window/today'
#     PS1='${OKSTRAFS_STATUS:+[$OKSTRAFS_STATUS] }\w\$ '

# okstrafs_status [FOLDER]: sets $OKSTRAFS_STATUS to the folder's total of tokens, such as 237.1k, or to the empty string if
# there is none. FOLDER is teams/NAME, sessions/ID, projects/NAME, stats/window/today or another window; none: everything.
# okstrafs_cost [FOLDER]: the same with its cost in dollars, such as $1.41

okstrafs_status() {
    local file=${OKSTRAFS_MOUNT:-${OKSTRA_HOME:-$HOME/.okstra}/usage}/${1-}/total_tokens tokens=''
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

okstrafs_cost() {
    local file=${OKSTRAFS_MOUNT:-${OKSTRA_HOME:-$HOME/.okstra}/usage}/${1-}/cost_usd cost=''
    OKSTRAFS_STATUS=''
    { cost=$(<"$file"); } 2>/dev/null || return 0
    [[ $cost =~ ^([0-9]{1,15})(\.([0-9]{1,2}))?[0-9]*$ ]] || return 0
    cost=${BASH_REMATCH[3]}00
    # shellcheck disable=SC2034 # for the caller
    OKSTRAFS_STATUS=\$${BASH_REMATCH[1]}.${cost:0:2}
}
