/*
 * A client of the notification protocol of service managers, as sd_notify(3) describes it: each state is one
 * datagram to the socket that NOTIFY_SOCKET names. A unit of Type=notify counts as started when the mount
 * exists, not when the process does.
 *
 * The protocol is stable by systemd's promise and is spoken by others too, so libsystemd is not needed.
 */
#include "cli/service.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"
#include "internal/hidden.h"

enum { SEND_S = 5 }; /* a manager that does not read must not stop the mount */

/* Its length, or 0. A path, or with '@' at its begin a name that is in no folder. */
static socklen_t address_of(const char *name, struct sockaddr_un *out)
{
    size_t n = strlen(name);

    if ((name[0] != '/' && name[0] != '@') || n < 2 || n >= sizeof(out->sun_path))
        return 0;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out->sun_path, name, n);
    if (name[0] == '@')
        out->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (name[0] == '/'));
}

static int send_to(const struct sockaddr_un *to, socklen_t to_len, const char *state)
{
    const struct timeval deadline = {.tv_sec = SEND_S};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &deadline, sizeof(deadline));
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)to, to_len) < 0)
        rc = -errno;
    close(fd);
    return rc;
}

static void tell(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to;
    socklen_t to_len;
    int rc;

    if (!name || !*name)
        return;
    to_len = address_of(name, &to);
    rc = to_len ? send_to(&to, to_len, state) : -EAFNOSUPPORT;
    if (rc < 0)
        log_error("cannot send the state of the mount to the service manager at NOTIFY_SOCKET=%s: %s; set "
                  "Type=exec in the unit",
                  name, strerror(-rc));
}

void service_ready(const char *status)
{
    char *text = strdup(status), *state;

    if (!text)
        return;
    oks_text_show_hidden(text); /* a line break in a path would begin another assignment */
    if (asprintf(&state, "READY=1\nSTATUS=%s", text) >= 0) {
        tell(state);
        free(state);
    }
    free(text);
}

void service_stopping(void)
{
    tell("STOPPING=1\nSTATUS=Saving caches");
}
