/* Copilot CLI's database in a program that was built without SQLite: there is none. */
#include "sources/copilot_store.h"

int copilot_store_rows(const char *database, const char *session, uint64_t after, struct memo_writer *w,
                       bool *any)
{
    return 0;
}
