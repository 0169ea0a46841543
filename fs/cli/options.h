/*
 * The options of a run. Only this reads the command line and the environment.
 */
#ifndef OKSTRAFS_FS_CLI_OPTIONS_H
#define OKSTRAFS_FS_CLI_OPTIONS_H

#include <stdio.h>
#include <sys/types.h>

#include "cli/commands.h"
#include "okstrafs/engine.h"
#include "okstrafs/names.h"

struct options {
    enum command command;
    char **paths; /* the other arguments: borrowed from argv, NULL-terminated */
    int n_paths;
    bool foreground;
    bool long_listing;
    bool all;                  /* of forget */
    bool json, csv;            /* of doctor, and of report: the format */
    const char *since, *until; /* of report: bounds as given; NULL: open. Borrowed from argv */
    bool watch;                /* of export */
    bool has_group;            /* of export: the next one is given */
    gid_t group;               /* to which the exported files belong */
    mode_t mode;               /* of these files */
    unsigned columns;          /* of COLUMNS; 0: not given */
    bool no_colour;            /* NO_COLOR is set, or the terminal is a dumb one */
    bool nonempty;
    bool fake;   /* of mount(8): the options are checked, and nothing is mounted */
    bool sloppy; /* of mount(8): options of other filesystems are ignored */

    char *okstra_home;        /* absolute */
    char *mountpoint;         /* absolute */
    char **dirs[OKS_SOURCES]; /* absolute, NULL-terminated */
    char **task_roots;
    char host[OKS_NAME_MAX + 1]; /* the machine's name; empty: not known */
    char *zone_name;             /* of -o tz=; NULL: TZ or the machine's */
    struct oks_zone *zone;       /* of local days; NULL: UTC */
    char *fuse_options;          /* passed to the mount: "allow_other,..." or "" */
    size_t memory;               /* bytes that the daemon is to use */
    uid_t uid;                   /* to whom everything in the tree belongs */
    gid_t gid;
    bool no_cache;
    bool verify_tail;
    bool no_notify; /* file watchers are not notified */
    bool no_harden; /* keep all privileges */
    enum oks_revalidate revalidate;
    enum oks_isa isa;
};

/* 0, or an exit code after a message on stderr. With -o setuid= the process is one of that user afterwards.
 */
int options_parse(int argc, char **argv, struct options *out);
void options_clear(struct options *options);

struct oks_config options_config(const struct options *options);

#endif
