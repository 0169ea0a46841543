/*
 * A unit of Type=notify counts as started when the mount answers, not when the process exists. Built without
 * libsystemd, such a unit would never count as started: contrib/okstrafs.service says so.
 */
#include "service.h"

#ifdef HAVE_SYSTEMD

#include <systemd/sd-daemon.h>

void service_ready(const char *status)
{
    sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void service_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=Saving caches");
}

#else

void service_ready(const char *status)
{
    (void)status;
}

void service_stopping(void)
{
}

#endif
