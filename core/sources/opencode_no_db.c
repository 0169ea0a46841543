/* OpenCode's database in a program that was built without SQLite: it is listed as passed over. */
#include <errno.h>

#include "sources/opencode.h"

int opencode_db_list(const char *path, bool touched, void **known, const struct member_sink *sink)
{
    return -ENOTSUP;
}

void opencode_db_forget(void *known)
{
}

int opencode_db_open(const char *path, const char *session, struct opencode_member **out)
{
    return -ENOTSUP;
}
