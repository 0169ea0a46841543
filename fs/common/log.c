/*
 * Messages on stderr. Names in them come from untrusted files, so hidden characters are replaced: a terminal
 * would execute them, or show the line in another order.
 */
#include "common/log.h"
#include "internal/hidden.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 1, 0))) static void say(const char *format, va_list args)
{
    char line[4096];
    int n = snprintf(line, sizeof(line) - 1, "okstrafs: ");
    int m = vsnprintf(line + n, sizeof(line) - 1 - (size_t)n, format, args);
    size_t len;

    if (m < 0)
        return;
    oks_text_show_hidden(line);
    len = strlen(line);
    line[len] = '\n';
    if (write(STDERR_FILENO, line, len + 1) < 0)
        return; /* no stderr */
}

void log_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say(format, args);
    va_end(args);
}
