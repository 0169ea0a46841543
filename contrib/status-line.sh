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
    elif ((tokens < 999950)); then
        tokens=$(((tokens + 50) / 100))
        OKSTRAFS_STATUS=$((tokens / 10)).$((tokens % 10))k
    else
        tokens=$(((tokens + 50000) / 100000))
        # shellcheck disable=SC2034 # for the caller
        OKSTRAFS_STATUS=$((tokens / 10)).$((tokens % 10))M
    fi
}

okstrafs_cost() {
    local file=${OKSTRAFS_MOUNT:-${OKSTRA_HOME:-$HOME/.okstra}/usage}/${1-}/cost_usd cost=''
    OKSTRAFS_STATUS=''
    { cost=$(<"$file"); } 2>/dev/null || return 0
    [[ $cost =~ ^([0-9]{1,15})(\.([0-9]*))?$ ]] || return 0
    cost=${BASH_REMATCH[3]}000
    cost=$(((10#${BASH_REMATCH[1]}${cost:0:3} + 5) / 10)) # cents
    # shellcheck disable=SC2034 # for the caller
    printf -v OKSTRAFS_STATUS '$%d.%02d' $((cost / 100)) $((cost % 100))
}
