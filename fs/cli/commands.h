/*
 * The commands: their names and arguments, and what help prints about them. The completions of shells read
 * the list that `okstrafs --help` prints.
 */
#ifndef OKSTRAFS_FS_CLI_COMMANDS_H
#define OKSTRAFS_FS_CLI_COMMANDS_H

#include <stdio.h>

enum command {
    COMMAND_MOUNT,
    COMMAND_UMOUNT,
    COMMAND_CAT,
    COMMAND_LS,
    COMMAND_REPORT,
    COMMAND_TOP,
    COMMAND_STATUSLINE,
    COMMAND_EXPORT,
    COMMAND_SCAN,
    COMMAND_FORGET,
    COMMAND_DOCTOR,
    COMMAND_HELP,
    COMMAND_VERSION,
};

/* What export writes without a PATH: PATHs, separated by spaces. */
#define EXPORT_DEFAULTS                                                                                    \
    "usage.json total_tokens cost_usd cache_hit_ratio metrics.prom events.jsonl status.json pricing.json " \
    "stats budgets limits teams projects"

enum { COMMAND_BYTES = 12 };

struct command_name {
    char name[COMMAND_BYTES]; /* so that the distance of a word to any is bounded */
    enum command command;
    int max_paths;        /* -1: any number */
    const char *synopsis; /* its arguments; NULL: another name of a command, or of a switch */
    const char *what;     /* in a few words */
    const char *details;  /* options and examples, for help COMMAND */
};

/* NULL: there is none; of NULL as well. */
const struct command_name *command_find(const char *word);
const struct command_name *command_entry(enum command command);
/* Prints a message with the nearest command, if one is near. */
void command_refuse(const char *word);
/* What `help COMMAND` prints; NULL: what --help prints. */
void command_help(const struct command_name *command, FILE *f);

#endif
