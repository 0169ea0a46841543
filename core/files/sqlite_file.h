/*
 * Reading an SQLite database that another program has open and writes to.
 *
 *     struct sqlite_file *file;
 *     int rc = sqlite_file_open(path, &file);      // a transaction begins
 *     ... sqlite3_prepare_v2(sqlite_file_db(file), ...)
 *     rc = sqlite_file_check(file);                // 0: all that was read is one state
 *     sqlite_file_close(file);
 *
 * Nothing is written, made or deleted beside the database, which may be in a read-only folder, or one of
 * which this process may only read (Landlock). So SQLite does not get the shared index of the write-ahead log
 * (-shm), which every reader writes to: it gets memory of its own, and builds the index from the log, whose
 * frames have check sums. All files are opened for reading only, through a VFS that cannot write.
 *
 * What the database's user notices: while it is open here, the log is not copied into the database. That is
 * what the locks of any reader do; they are shared, never keep a transaction waiting, and are released with
 * the process. A database without a write-ahead log is not locked at all, because there a reader's lock does
 * keep a writer waiting. sqlite_file_check() finds out whether it was written to meanwhile.
 *
 * The content is a stranger's: views, triggers and extensions are off, the size of a value and the time of
 * all queries have a bound, and the pages of the file are never mapped, so that nobody who cuts it can kill
 * this process.
 */
#ifndef OKSTRAFS_FILES_SQLITE_FILE_H
#define OKSTRAFS_FILES_SQLITE_FILE_H

#include <stdint.h>

struct sqlite3;
struct sqlite_file;

enum {
    SQLITE_FILE_VALUE_MAX = 32 << 20, /* bytes of one value; a row with a larger one cannot be read */
};

/*
 * 0; -ENOENT; -EBADMSG: it is no database, or a damaged one; -EBUSY: somebody keeps it locked, or it was not
 * closed properly and must be repaired first; -EAGAIN: its files are just being exchanged; another negative
 * errno
 */
int sqlite_file_open(const char *path, struct sqlite_file **out);
struct sqlite3 *sqlite_file_db(const struct sqlite_file *file);
/* Another one after each change of the database's files. */
uint64_t sqlite_file_tag(const struct sqlite_file *file);
/* The same of the files at a path; 0: there are none, or it is not known. */
uint64_t sqlite_file_tag_at(const char *path);
/* Whether what was read so far is one state of the database: 0, else -EAGAIN. */
int sqlite_file_check(const struct sqlite_file *file);
/*
 * Between two reads: gives up the locks, and takes them again. To go on is cheaper than to open, which reads
 * the log. 0; -EAGAIN: the database has changed, or it cannot be found out; then only sqlite_file_close() is
 * left.
 */
int sqlite_file_pause(struct sqlite_file *file);
int sqlite_file_resume(struct sqlite_file *file);
/* The negative errno that stands for a result of SQLite, which is not SQLITE_OK, SQLITE_ROW or SQLITE_DONE.
 */
int sqlite_file_errno(const struct sqlite_file *file, int result);
void sqlite_file_close(struct sqlite_file *file); /* NULL is fine */

#endif
