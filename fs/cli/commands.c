/*
 * The table of commands, and what help prints of it.
 *
 * Each text of details begins with a sentence, then has the options, then examples that can be typed as they
 * are.
 */
#include "cli/commands.h"

#include <stdint.h>
#include <string.h>

#include "common/log.h"

static const char help_mount[] =
    "Mounts the tree and continues in the background. The folder is made if it does not exist. Read it with\n"
    "any program: 'cat README.txt' there explains what is where.\n"
    "\n"
    "  -f, --foreground   stay in the foreground\n"
    "  -o OPTIONS         separated by commas:\n"
    "     memory=SIZE          memory to use, such as 256M (default 64M)\n"
    "     tz=ZONE              time zone of days and hours (default TZ, else the machine's)\n"
    "     home=DIR             instead of OKSTRA_HOME\n"
    "     root=DIR             another project that may contain .okstra/tasks; may be repeated\n"
    "     nonempty             mount over a folder that is not empty\n"
    "     allow_other          other users may read it; allow_root: root may (see mount.fuse3(8))\n"
    "     setuid=USER          as root: run as that user, and show the transcripts of that user\n"
    "     uid=USER, gid=GROUP  to whom the files belong\n"
    "     notify=on|off        whether file watchers get events (default on)\n"
    "     harden=on|off        give up privileges after the mount (default on)\n"
    "     verify=tail          notice every rewrite of a transcript in place\n"
    "     revalidate=HOW       how new data is found: auto, inotify or stat (default auto)\n"
    "     isa=SET              of the scanner: auto, scalar, sse2, avx2 or avx512 (default auto)\n"
    "     no_cache             as --no-cache\n"
    "     max_read=N           of FUSE\n"
    "\n"
    "OKSTRA_HOME (default ~/.okstra) has the cache. Transcripts are looked for in CLAUDE_CONFIG_DIR,\n"
    "CODEX_HOME and GEMINI_CLI_HOME (lists, separated by commas), else in ~/.claude,\n"
    "$XDG_CONFIG_HOME/claude, ~/.codex and ~/.gemini; and in the folders of other agents that exist.\n"
    "man okstrafs has the variables of each.\n"
    "\n"
    "  $ okstrafs mount\n"
    "  $ okstrafs mount -o tz=Asia/Seoul,memory=256M ~/usage\n"
    "  $ systemctl --user enable --now okstrafs      # mount whenever you log in\n";

static const char help_umount[] =
    "Unmounts, and ends the daemon. If a program still uses the mount, it is detached at once, and ends "
    "when\n"
    "that program closes it. What was counted is kept, and the next mount continues from there.\n"
    "\n"
    "  $ okstrafs umount\n"
    "  $ okstrafs umount ~/usage\n";

static const char help_cat[] =
    "Prints files of the tree, without a mount. A path begins at the top of the tree, or with the "
    "mountpoint.\n"
    "Patterns such as sessions/* are not expanded: 'okstrafs ls sessions' lists the names.\n"
    "\n"
    "  $ okstrafs cat cost_usd usage.json\n"
    "  $ okstrafs cat stats/window/today/cost_usd\n"
    "  $ okstrafs cat report.html >report.html\n";

static const char help_ls[] = "Lists folders of the tree, without a mount.\n"
                              "\n"
                              "  -l, --long   with sizes, times and the targets of links\n"
                              "\n"
                              "  $ okstrafs ls\n"
                              "  $ okstrafs ls -l sessions\n";

static const char help_report[] =
    "Prints a table. It fits the terminal; what does not fit is in --csv. Each request counts once.\n"
    "\n"
    "  WHAT               days, weeks, months, sessions, projects, branches, hosts, sources,\n"
    "                     models, agents, teams, blocks or tools; without it an overview\n"
    "  --since T, --until T\n"
    "                     a date (2026-06-10), a time (2026-06-10T09:00Z), -90m, -5h, -7d, or the name\n"
    "                     of a window (today, 2026-06): its beginning, or its end\n"
    "  --json             the document that the table is made from, as it is\n"
    "  --csv              all columns, numbers as they are\n"
    "\n"
    "  $ okstrafs report\n"
    "  $ okstrafs report days --since this-month\n"
    "  $ okstrafs report models --since -7d --csv >models.csv\n";

static const char help_top[] =
    "A live view of a mount: today, the running five-hour block, the sessions that changed last, budgets, "
    "and\n"
    "the limits of your plans. The arrow keys scroll, r draws the screen anew, q ends it.\n"
    "\n"
    "  $ okstrafs mount\n"
    "  $ okstrafs top\n";

static const char help_statusline[] =
    "Reads the JSON that Claude Code gives to a status line, and prints one line: the model, the context, "
    "the\n"
    "plan's limits, the cost of the session, of today and of the running block. In ~/.claude/settings.json:\n"
    "\n"
    "  {\"statusLine\": {\"type\": \"command\", \"command\": \"okstrafs statusline\"}}\n"
    "\n"
    "To try it:\n"
    "\n"
    "  $ echo '{\"model\": {\"display_name\": \"Opus\"}}' | okstrafs statusline\n";

static const char help_export[] =
    "Writes the tree, or parts of it, as regular files into DIR: a new folder, an empty one, or one of an\n"
    "export before. Each file is replaced at once, and only if it differs. What is gone is removed; what\n"
    "okstrafs did not write stays. It needs no mount.\n"
    "\n"
    "  PATH            a file, a folder with all that is in it, or a pattern such as 'projects/*/cost_usd';\n"
    "                  / is everything. Only by name: window/, ledger.jsonl, tools.jsonl, and sessions/ of\n"
    "                  teams, members and projects. Without a PATH:\n"
    "                  usage.json total_tokens cost_usd cache_hit_ratio metrics.prom events.jsonl "
    "status.json\n"
    "                  pricing.json stats budgets limits teams projects\n"
    "  --watch         go on, and write what changes as soon as it does\n"
    "  --mode=MODE     rights of the files, octal (default 600); who can read them can enter the folders\n"
    "  --group=GROUP   to which files and folders belong\n"
    "\n"
    "  $ okstrafs export ~/usage-copy\n"
    "  $ okstrafs export --watch --mode=644 ~/metrics metrics.prom\n"
    "  $ okstrafs export ~/usage-copy / 'sessions/*/ledger.jsonl'\n";

static const char help_scan[] =
    "Reads everything that is new, and fills the caches, with a progress bar. No other command needs this\n"
    "first. If it is interrupted, what it has read is kept.\n"
    "\n"
    "  $ okstrafs scan\n";

static const char help_forget[] =
    "Deleted sessions stay counted, with \"retained\": true in their usage.json. This stops counting them, "
    "and\n"
    "requests that a rewritten transcript no longer has. Nothing that a transcript still has is forgotten.\n"
    "\n"
    "  SESSION   the id of a session: a folder's name in sessions/\n"
    "  --all     every deleted session\n"
    "\n"
    "  $ okstrafs forget 3f0c1d2e-6b5a-4c1f-9d0e-0123456789ab\n";

static const char help_doctor[] =
    "Checks the machine, your folders, your okstrafs.json and all your mounts. FAULT: something does not "
    "work.\n"
    "note: something works in another way than one might expect. Each has its fix. The exit status is 1 if\n"
    "there is a fault.\n"
    "\n"
    "  --json   one object, for programs\n"
    "\n"
    "  $ okstrafs doctor\n";

static const struct command_name commands[] = {
    {"mount", COMMAND_MOUNT, 1, "[-f] [-o OPTIONS] [MOUNTPOINT]", "mount (default $OKSTRA_HOME/usage)",
     help_mount},
    {"umount", COMMAND_UMOUNT, 1, "[MOUNTPOINT]", "stop", help_umount},
    {"unmount", COMMAND_UMOUNT, 1, NULL, NULL, NULL},
    {"cat", COMMAND_CAT, -1, "PATH...", "the same files without a mount", help_cat},
    {"ls", COMMAND_LS, -1, "[-l] [PATH...]", "the same folders without a mount", help_ls},
    {"report", COMMAND_REPORT, 1, "[WHAT] [--since T] [--until T]", "tables of usage and cost", help_report},
    {"top", COMMAND_TOP, 1, "[MOUNTPOINT]", "a live view of a mount", help_top},
    {"statusline", COMMAND_STATUSLINE, 1, "[MOUNTPOINT]", "a status line for Claude Code", help_statusline},
    {"export", COMMAND_EXPORT, -1, "[--watch] DIR [PATH...]", "the same files as regular ones in DIR",
     help_export},
    {"scan", COMMAND_SCAN, 0, "", "read everything now, and fill the caches", help_scan},
    {"forget", COMMAND_FORGET, -1, "SESSION... | --all", "stop counting sessions that were deleted",
     help_forget},
    {"doctor", COMMAND_DOCTOR, 0, "[--json]", "check set-up and mounts, with a fix for each fault",
     help_doctor},
    {"help", COMMAND_HELP, 1, NULL, NULL, NULL},
    {"version", COMMAND_VERSION, 0, NULL, NULL, NULL},
};

#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

const struct command_name *command_find(const char *word)
{
    for (size_t i = 0; word && i < N_COMMANDS; i++)
        if (strcmp(word, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

const struct command_name *command_entry(enum command command)
{
    size_t i = 0;

    while (commands[i].command != command)
        i++;
    return &commands[i];
}

/* --- a misspelt command --- */

enum { NEAR = 2 };

static size_t least(size_t a, size_t b, size_t c)
{
    a = a < b ? a : b;
    return a < c ? a : c;
}

/* How many characters differ, are missing or are too many (Levenshtein). `name` is that of a command. */
static size_t distance(const char *word, const char *name)
{
    size_t row[COMMAND_BYTES + 1], n = strlen(name);

    for (size_t k = 0; k <= n; k++)
        row[k] = k;
    for (size_t i = 0; word[i]; i++) {
        size_t before = row[0];

        row[0] = i + 1;
        for (size_t k = 0; k < n; k++) {
            size_t left = row[k], above = row[k + 1];

            row[k + 1] = least(left + 1, above + 1, before + (word[i] != name[k]));
            before = above;
        }
    }
    return row[n];
}

void command_refuse(const char *word)
{
    size_t nearest = 0, least_far = SIZE_MAX;

    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t far = distance(word, commands[i].name);

        if (far < least_far) {
            least_far = far;
            nearest = i;
        }
    }
    if (least_far <= NEAR && least_far < strlen(word))
        log_error("%s: no such command; the nearest is '%s' (okstrafs --help has all)", word,
                  commands[nearest].name);
    else
        log_error("%s: no such command; there are mount, umount, cat, ls, report, top, statusline, export, "
                  "scan, forget and doctor (see okstrafs --help)",
                  word);
}

/* --- help --- */

static const char about[] =
    "okstrafs shows the token usage and cost of coding agents (Claude Code, Codex and others) as files.\n"
    "Mount it, then read ~/.okstra/usage/cost_usd, or ~/.okstra/usage/teams/NAME/usage.json.\n"
    "\n";

static const char examples[] =
    "       okstrafs --version | --help | help COMMAND\n"
    "\n"
    "  $ okstrafs report days --since -7d      what each of the last days cost\n"
    "  $ okstrafs cat report.html >page.html   a page for the browser\n"
    "  $ okstrafs doctor                       when something does not work\n"
    "\n"
    "--no-cache before a command neither reads nor writes caches; the answers are the same.\n"
    "\n"
    "'okstrafs help COMMAND' has the options and examples of each, man okstrafs has all details.\n";

/* Wide enough for the arguments of each. */
enum { SYNOPSIS_COLUMNS = 37 };

void command_help(const struct command_name *command, FILE *f)
{
    const char *lead = "usage:";

    if (command && command->command != COMMAND_HELP && command->command != COMMAND_VERSION) {
        command = command_entry(command->command);
        fprintf(f, "usage: okstrafs %s%s%s\n\n%s\nman okstrafs has all details.\n", command->name,
                *command->synopsis ? " " : "", command->synopsis, command->details);
        return;
    }
    fputs(about, f);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const struct command_name *c = &commands[i];

        if (!c->synopsis)
            continue;
        fprintf(f, "%-6s okstrafs %s %*s %s\n", lead, c->name, (int)strlen(c->name) - SYNOPSIS_COLUMNS,
                c->synopsis, c->what);
        lead = "";
    }
    fputs(examples, f);
}
