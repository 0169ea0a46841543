/*
 * Where agents keep their transcripts: environment variables that name folders, and what holds without them.
 *
 *     const struct oks_source_home *home = oks_source_homes(source);
 *
 *     for (; home->variable || home->folder; home++)
 *         ...
 *
 * Only the names are here: whoever reads the environment is outside of the core.
 */
#ifndef OKSTRAFS_SOURCE_HOMES_H
#define OKSTRAFS_SOURCE_HOMES_H

#include <stdbool.h>

#include "okstrafs/source.h"

/* One place for configuration folders. A blank variable counts as one that is not set. */
struct oks_source_home {
    const char *variable; /* names the folders, separated by commas; NULL: there is none */
    const char
        *folder;       /* where it is not set, "~" being the home folder; NULL: then there is no such place */
    const char *below; /* the configuration folder in each of these; NULL: they are the folders themselves */
    const char *unless; /* the place does not count where this variable is set; NULL: it always does */
    bool xdg;           /* the variable is one of the XDG specification: one absolute path, or not set */
    bool file;          /* the variable names a file: the folder that it is in, if its path is absolute */
    bool used;          /* of another machine, the folder counts only if it exists */
};

/* The places of a source, ended by one without a variable and a folder. */
const struct oks_source_home *oks_source_homes(enum oks_source source);

#endif
