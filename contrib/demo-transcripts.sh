#!/usr/bin/env bash
# Writes made-up transcripts, to try okstrafs on a machine where no agent has run yet: a lead and three workers of one
# team (one of them dispatched twice) with the run's state files, a subagent, and some sessions of other days and of
# another project. It needs only bash and mkdir, because a bare Debian has no more.
#
#   contrib/demo-transcripts.sh DIR [EPOCH]     DIR must not exist yet; EPOCH is taken as the present time
#
# In DIR: claude/ for CLAUDE_CONFIG_DIR, okstra/ for OKSTRA_HOME, and the projects in which the agents worked. The
# same EPOCH gives the same bytes, apart from the path of DIR.
set -euo pipefail
export LC_ALL=C TZ=UTC0

if (($# < 1 || $# > 2)) || [[ $1 == -* ]]; then
    echo "usage: ${0##*/} DIR [EPOCH]" >&2
    exit 2
fi
if [[ $1 == *[[:cntrl:]]* ]]; then
    echo "${0##*/}: no control characters in the folder's name, please" >&2
    exit 2
fi
printf -v now '%(%s)T' -1
now=${2:-$now}
if [[ ! $now =~ ^[1-9][0-9]{8,10}$ ]]; then
    echo "${0##*/}: '$now' is not a time in seconds since 1970" >&2
    exit 2
fi
mkdir -m 700 -- "$1"
dir=$(cd -- "$1" && pwd -P)

team=okstra-checkout
shop=$dir/shop
seed=20260610
clock=0     # seconds since 1970 of the next record
file=''     # the transcript being written
envelope='' # what every record of it repeats
model=''
serial=0

at() { # at SECONDS: sets $stamp
    printf -v stamp '%(%Y-%m-%dT%H:%M:%S)T.%03dZ' "$1" $((seed % 1000))
}

roll() { # roll LOW HIGH: sets $rolled, the same on every run
    seed=$(((seed * 1103515245 + 12345) & 0x7fffffff))
    rolled=$(($1 + (seed >> 8) % ($2 - $1 + 1)))
}

json() { # json STRING: sets $quoted
    local text=${1//\\/\\\\}
    quoted="\"${text//\"/\\\"}\""
}

uuid() { # sets $made
    serial=$((serial + 1))
    printf -v made '%08x-0de0-4000-8000-%012x' $((serial * 2654435761 & 0xffffffff)) "$serial"
}

transcript() { # transcript FILE SESSION CWD AGENT TEAM MODEL SIDECHAIN
    local agent='' quoted
    file=$1 model=$6
    mkdir -p -- "${file%/*}"
    json "$3"
    if [[ -n $4 ]]; then agent=",\"agentName\":\"$4\""; fi
    if [[ -n $5 ]]; then agent+=",\"teamName\":\"$5\""; fi
    if [[ $7 == true ]]; then agent+=",\"agentId\":\"${file##*/agent-}\"" agent=${agent/.jsonl/}; fi
    envelope="\"sessionId\":\"$2\",\"isSidechain\":$7,\"cwd\":$quoted,\"version\":\"2.1.150\"$agent"
    : >"$file"
}

record() { # record TYPE REST
    local made stamp
    uuid
    at "$clock"
    printf '{"type":"%s","uuid":"%s","timestamp":"%s",%s,%s}\n' "$1" "$made" "$stamp" "$envelope" "$2" >>"$file"
}

# One answer is logged as one line per content block, each of them repeating the usage: so do the real ones.
answer() { # answer TOOLS
    local rolled usage message block input output fresh5m fresh1h cached stop=null
    # Of an answer without an end only the beginning is known, and its cost would be a lower bound.
    (($1)) || stop='"end_turn"'
    roll 3 40 && input=$rolled
    roll 80 1900 && output=$rolled
    roll 0 4000 && fresh5m=$rolled
    roll 0 900 && fresh1h=$rolled
    roll 9000 90000 && cached=$rolled
    usage="\"usage\":{\"input_tokens\":$input,\"cache_creation_input_tokens\":$((fresh5m + fresh1h))"
    usage+=",\"cache_creation\":{\"ephemeral_5m_input_tokens\":$fresh5m,\"ephemeral_1h_input_tokens\":$fresh1h}"
    usage+=",\"cache_read_input_tokens\":$cached,\"output_tokens\":$output,\"service_tier\":\"standard\"}"
    message="\"requestId\":\"req_demo$serial\",\"message\":{\"id\":\"msg_demo$serial\",\"type\":\"message\""
    message+=",\"role\":\"assistant\",\"model\":\"$model\""
    record assistant "$message,\"content\":[{\"type\":\"text\",\"text\":\"…\"}],\"stop_reason\":$stop,$usage}"
    for ((block = 0; block < $1; block++)); do
        clock=$((clock + 1))
        record assistant "$message,\"content\":[{\"type\":\"tool_use\",\"id\":\"toolu_demo$serial\",\"name\":\"Bash\",\"input\":{}}],\"stop_reason\":\"tool_use\",$usage}"
    done
}

work() { # work START SECONDS ANSWERS
    local rolled n step=$(($2 / $3))
    clock=$1
    record user '"message":{"role":"user","content":"…"}'
    for ((n = 1; n <= $3; n++)); do
        clock=$(($1 + n * step - step / 2))
        roll 0 2
        answer "$rolled"
    done
    clock=$(($1 + $2))
    record user '"message":{"role":"user","content":"…"}'
}

folder_of() { # folder_of CWD: sets $folder as Claude Code names it
    folder=$dir/claude/projects/${1//[^A-Za-z0-9]/-}
}

session() { # session CWD AGENT TEAM MODEL START SECONDS ANSWERS: sets $session
    local made folder
    uuid
    session=$made
    folder_of "$1"
    transcript "$folder/$session.jsonl" "$session" "$1" "$2" "$3" "$4" false
    work "$5" "$6" "$7"
}

subagent() { # subagent SESSION CWD MODEL START SECONDS ANSWERS
    local made folder
    uuid
    folder_of "$2"
    transcript "$folder/$1/subagents/agent-${made%%-*}.jsonl" "$1" "$2" '' '' "$3" true
    work "$4" "$5" "$6"
}

state_files() { # state_files LEAD STARTED ENDED
    local run=.okstra/tasks/shop/checkout/runs/error-analysis stamp
    mkdir -p -- "$shop/$run/state" "$shop/$run/manifests"
    at "$2"
    printf '{"schemaVersion":"1.0","createdAt":"%s"}\n' "$stamp" \
        >"$shop/$run/manifests/run-manifest-error-analysis-001.json"
    at "$3"
    cat >"$shop/$run/state/team-state-error-analysis-001.json" <<EOF
{
  "schemaVersion": "1.0",
  "taskKey": "shop:checkout:error-analysis",
  "runDirectoryPath": "$run",
  "team": {"teamName": "$team"},
  "runEndedAt": "$stamp",
  "lead": {"sessionId": "$1", "model": "opus"},
  "workers": [
    {"workerId": "claude", "agent": "claude", "model": "sonnet"},
    {"workerId": "codex", "agent": "codex", "model": "sonnet"},
    {"workerId": "report-writer", "agent": "claude", "model": "haiku"}
  ]
}
EOF
}

opus=claude-opus-4-7 sonnet=claude-sonnet-4-6 haiku=claude-haiku-4-5
hour=3600 day=86400
run=$((now - 26 * hour))

mkdir -p -- "$dir/okstra" "$shop" "$dir/landing-page"
session "$shop" '' '' "$sonnet" $((now - 4 * day)) $((2 * hour)) 9
session "$dir/landing-page" '' '' "$haiku" $((now - 3 * day)) "$hour" 6
# The lead is at work before the run begins and after it ends: the team's window leaves that out.
session "$shop" lead "$team" "$opus" $((run - hour)) $((4 * hour)) 12
lead=$session
subagent "$lead" "$shop" "$haiku" $((run + 600)) 1200 5
session "$shop" claude-worker "$team" "$sonnet" $((run + 300)) 4200 11
session "$shop" codex-worker "$team" "$sonnet" $((run + 360)) 1500 5
session "$shop" codex-worker-002 "$team" "$sonnet" $((run + 2400)) 2400 7
session "$shop" report-writer "$team" "$haiku" $((run + 5400)) 1200 4
state_files "$lead" "$run" $((run + 2 * hour))
session "$shop" '' '' "$opus" $((now - 2 * hour)) $((2 * hour - 60)) 8
