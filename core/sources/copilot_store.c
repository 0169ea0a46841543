/* Rows of Copilot CLI's database: see copilot_store.h. */
#include "sources/copilot_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "base/passing.h"
#include "files/sqlite_file.h"

enum { TRIES = 4 /* while the database's files are exchanged */ };

/* Older versions have no agents. */
static const char *const queries[] = {
    "SELECT rowid, id, created_at, model, input_tokens, output_tokens, cache_read_tokens, "
    "cache_write_tokens, agent_id "
    "FROM assistant_usage_events WHERE session_id = ?1 ORDER BY rowid LIMIT ?2",
    "SELECT rowid, id, created_at, model, input_tokens, output_tokens, cache_read_tokens, "
    "cache_write_tokens, NULL "
    "FROM assistant_usage_events WHERE session_id = ?1 ORDER BY rowid LIMIT ?2",
};

static void get_name(sqlite3_stmt *stmt, int column, struct source_name *name)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);

    source_name_set(name, text ? oks_slice_of(text) : (struct oks_slice){0});
}

static uint64_t get_count(sqlite3_stmt *stmt, int column)
{
    sqlite3_int64 n = sqlite3_column_int64(stmt, column);

    return n > 0 ? (uint64_t)n : 0;
}

static void get_row(sqlite3_stmt *stmt, struct copilot_row *row)
{
    *row = (struct copilot_row){.number = get_count(stmt, 0)};
    get_name(stmt, 1, &row->id);
    get_name(stmt, 2, &row->time);
    get_name(stmt, 3, &row->model);
    row->input = get_count(stmt, 4);
    row->output = get_count(stmt, 5);
    row->read = get_count(stmt, 6);
    row->written = get_count(stmt, 7);
    get_name(stmt, 8, &row->agent);
}

static int prepare(struct sqlite_file *file, const char *session, sqlite3_stmt **stmt)
{
    int result = SQLITE_ERROR;

    for (size_t i = 0; result == SQLITE_ERROR && i < sizeof(queries) / sizeof(*queries); i++)
        result = sqlite3_prepare_v2(sqlite_file_db(file), queries[i], -1, stmt, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_bind_text(*stmt, 1, session, -1, SQLITE_TRANSIENT);
    if (result == SQLITE_OK)
        result = sqlite3_bind_int(*stmt, 2, COPILOT_ROWS_MAX);
    return result == SQLITE_OK ? 0 : sqlite_file_errno(file, result);
}

static int read_rows(struct sqlite_file *file, const char *session, uint64_t after, struct memo_writer *w,
                     bool *any)
{
    sqlite3_stmt *stmt = NULL;
    int rc = prepare(file, session, &stmt), result = SQLITE_DONE;

    while (rc == 0 && (result = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct copilot_row row;

        get_row(stmt, &row);
        *any = true;
        if (row.number > after)
            copilot_row_put(w, &row);
    }
    if (rc == 0 && result != SQLITE_DONE)
        rc = sqlite_file_errno(file, result);
    sqlite3_finalize(stmt);
    return rc == 0 ? sqlite_file_check(file) : rc;
}

int copilot_store_rows(const char *database, const char *session, uint64_t after, struct memo_writer *w,
                       bool *any)
{
    int rc = -EAGAIN;

    for (int i = 0; rc == -EAGAIN && i < TRIES; i++) {
        struct memo_writer rows = {0};
        struct sqlite_file *file = NULL;
        bool found = false;

        memo_put(&rows, COPILOT_ROWS_HEAD);
        rc = sqlite_file_open(database, &file);
        if (rc == 0)
            rc = read_rows(file, session, after, &rows, &found);
        sqlite_file_close(file);
        if (rc == 0) {
            *w = rows;
            *any = found;
            return 0;
        }
        free(memo_take(&rows));
    }
    if (rc == -EAGAIN) /* written at each try */
        rc = -EBUSY;
    return rc == -EBUSY ? rc : passing(rc);
}
