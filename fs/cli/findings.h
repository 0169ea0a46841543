/*
 * What `doctor` found: one line for a person, or one member of a JSON document, for each check.
 *
 *     findings_begin(false);
 *     found_good("scanner", "scanner: %s", name);
 *     found_fault("home", fix_with_path("chmod u+w ", path, ""), "%s is not writable", path);
 *     return findings_end();
 */
#ifndef OKSTRAFS_FS_CLI_FINDINGS_H
#define OKSTRAFS_FS_CLI_FINDINGS_H

#include <stdbool.h>

void findings_begin(bool json);
/* The mount that the next findings are about; NULL: none. Borrowed. */
void findings_of_mount(const char *path);

/* `check` is the name of a check. A note needs no fix (NULL). Hidden characters of the text are shown as '?'.
 */
void found_good(const char *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
void found_note(const char *check, const char *fix, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void found_fault(const char *check, const char *fix, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* With the path, quoted for a shell, in between; valid until the next call. */
const char *fix_with_path(const char *before, const char *path, const char *after);

/* An exit code: 1 after a fault, or if not everything could be written; else 0. */
int findings_end(void);

#endif
