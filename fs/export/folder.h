/*
 * A folder of an export: files and links that are replaced at once, and a manifest of what the export has
 * written there.
 *
 *     rc = export_folder_open_top(&top, "/srv/usage", &rights);
 *     rc = export_folder_open(&folder, &top, "stats");
 *     rc = export_folder_claim(&folder, names, report, ctx);      before any of them is made
 *     rc = export_folder_file(&folder, "by-day.json", bytes, len);
 *     rc = export_folder_settle(&folder, names);                  removes what is in the manifest and not
 * here export_folder_close(&folder);
 *
 * The manifest is a file in the folder, `.okstrafs-export`. It lists a name before the entry is made, and
 * until it is removed. So nothing is replaced or removed that is not an entry of the export, whenever the
 * process ends. A file is written under another name and renamed.
 *
 * Not thread safe. Functions return 0 or a negative errno, or as they say.
 */
#ifndef OKSTRAFS_FS_EXPORT_FOLDER_H
#define OKSTRAFS_FS_EXPORT_FOLDER_H

#include <sys/stat.h>
#include <sys/types.h>

#include "common/name_list.h"

#define EXPORT_MANIFEST  ".okstrafs-export"
#define EXPORT_TEMPORARY ".okstrafs-export.tmp"

struct export_rights {
    mode_t mode; /* of files; folders can be entered by whom files can be read */
    bool has_group;
    gid_t group;
};

struct export_folder {
    int fd;
    bool is_top;
    bool swept; /* no file of a process that was killed is left in it, nor below it */
    const struct export_rights *rights;
    struct name_list *written; /* the manifest, sorted; NULL: not read yet */
};

/*
 * The export's top folder, which is made if it does not exist. -ENOTEMPTY: it has other files, and no
 * manifest; -EWOULDBLOCK: another process exports into it.
 */
int export_folder_open_top(struct export_folder *out, const char *path, const struct export_rights *rights);
/* A folder in it, made if it does not exist. */
int export_folder_open(struct export_folder *out, const struct export_folder *parent, const char *name);
void export_folder_close(struct export_folder *f);

/* Reads the manifest, if that was not done. Of the top folder -ENOENT: there is none. */
int export_folder_load(struct export_folder *f);
/* Whether an export has written a folder of that name in it. Does not read the manifest. */
bool export_folder_has_folder(const struct export_folder *f, const char *name);

/*
 * Adds the names, a sorted list, to the manifest. Those under which there is something else are taken off the
 * list, and passed to `foreign`.
 */
int export_folder_claim(struct export_folder *f, struct name_list *names,
                        void (*foreign)(void *ctx, const char *name), void *ctx);
/* Removes what the manifest lists and `names` does not, also below it; then the manifest lists `names`. */
int export_folder_settle(struct export_folder *f, const struct name_list *names);

/* These return 1 if the entry had to be written, and 0 if it was there as it is. */
int export_folder_file(struct export_folder *f, const char *name, const void *bytes, size_t len);
int export_folder_link(struct export_folder *f, const char *name, const char *target);

/* A new file, to be written and then kept or dropped: its descriptor. */
int export_folder_begin(const struct export_folder *f);
/* Closes it, and gives it the name. */
int export_folder_keep(const struct export_folder *f, int fd, const char *name);
void export_folder_drop(const struct export_folder *f, int fd);
/* Whether a file has them. */
bool export_has_rights(const struct stat *st, const struct export_rights *rights);
/* All bytes. */
int export_write(int fd, const void *bytes, size_t len);

#endif
