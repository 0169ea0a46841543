/*
 * A client of sd_notify(3). A unit of Type=notify counts as started when the mount exists, not when the
 * process does.
 *
 * libsystemd is loaded (dlopen) only in a process that a service manager waits for. It loads seven more
 * libraries, which took each `okstrafs cat` as long as its answer.
 */
#include "cli/service.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"

#define LIBRARY "libsystemd.so.0"

static void tell(const char *state)
{
    int (*notify)(int unset_environment, const char *state) = NULL;
    void *library;

    if (!getenv("NOTIFY_SOCKET"))
        return;
    library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library)
        *(void **)&notify = dlsym(library, "sd_notify");
    if (notify)
        notify(0, state);
    else
        log_error("cannot tell the service manager how the mount is: %s (Type=exec in the unit does without)",
                  dlerror());
    if (library)
        dlclose(library);
}

void service_ready(const char *status)
{
    char *state;

    if (asprintf(&state, "READY=1\nSTATUS=%s", status) < 0)
        return;
    tell(state);
    free(state);
}

void service_stopping(void)
{
    tell("STOPPING=1\nSTATUS=Saving caches");
}
