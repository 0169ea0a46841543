/*
 * `okstrafs top` of a build without ncursesw.
 */
#include <sysexits.h>

#include "cli/top.h"
#include "common/log.h"

int top_run(const struct options *options)
{
    log_error(
        "this okstrafs was built without top: install libncurses-dev and build it again; 'okstrafs report' "
        "prints the same once");
    return EX_UNAVAILABLE;
}
