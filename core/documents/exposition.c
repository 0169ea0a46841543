/*
 * A writer of metrics in Prometheus' text format, version 0.0.4.
 *
 * A label's value may be any UTF-8. Backslash, double quote and line feed are escaped; nothing else is.
 */
#include "documents/exposition.h"

#include <string.h>

#include "base/money.h"
#include "base/utf8.h"

static const char *escape_of(char c)
{
    return c == '\\' ? "\\\\" : c == '"' ? "\\\"" : c == '\n' ? "\\n" : NULL;
}

/* Writes one character, or U+FFFD for bytes that are none. Returns the bytes used. */
static size_t put_character(struct oks_bytes *out, const char *text, size_t n)
{
    const char *escape = escape_of(*text);
    char room[UTF8_MAX];
    uint32_t code;
    size_t len = 1;

    if (escape) {
        oks_bytes_text(out, escape);
        return len;
    }
    utf8_next(text, n, &code, &len);
    oks_bytes_put(out, room, utf8_put(code, room));
    return len;
}

static size_t plain_length(const char *text)
{
    size_t n = 0;

    while (text[n] && (signed char)text[n] >= 0 && !escape_of(text[n]))
        n++;
    return n;
}

static void put_value(struct oks_bytes *out, const char *text)
{
    while (*text) {
        size_t n = plain_length(text);

        oks_bytes_put(out, text, n);
        text += n;
        if (*text)
            text += put_character(out, text, strlen(text));
    }
}

void metric_labels(struct oks_bytes *out, const struct metric_label *labels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        oks_bytes_text(out, i ? "," : "");
        oks_bytes_text(out, labels[i].name);
        oks_bytes_text(out, "=\"");
        put_value(out, labels[i].value);
        oks_bytes_text(out, "\"");
    }
}

void metric_begin(struct oks_bytes *out, const char *name, enum metric_type type, const char *help)
{
    oks_bytes_text(out, "# HELP ");
    oks_bytes_text(out, name);
    oks_bytes_text(out, " ");
    oks_bytes_text(out, help);
    oks_bytes_text(out, "\n# TYPE ");
    oks_bytes_text(out, name);
    oks_bytes_text(out, type == METRIC_COUNTER ? " counter\n" : " gauge\n");
}

static void put_name(struct oks_bytes *out, const char *name, struct oks_slice labels)
{
    oks_bytes_text(out, name);
    if (labels.len) {
        oks_bytes_text(out, "{");
        oks_bytes_put(out, labels.ptr, labels.len);
        oks_bytes_text(out, "}");
    }
    oks_bytes_text(out, " ");
}

void metric_put(struct oks_bytes *out, const char *name, struct oks_slice labels, uint64_t value)
{
    put_name(out, name, labels);
    oks_bytes_number(out, value);
    oks_bytes_text(out, "\n");
}

void metric_put_money(struct oks_bytes *out, const char *name, struct oks_slice labels,
                      unsigned __int128 amount)
{
    char text[OKS_MONEY_TEXT];

    put_name(out, name, labels);
    oks_bytes_put(out, text,
                  oks_money_text(amount > OKS_MONEY_MAX ? OKS_MONEY_MAX : (oks_money)amount, text));
    oks_bytes_text(out, "\n");
}

void metric_single(struct oks_bytes *out, const char *name, enum metric_type type, const char *help,
                   uint64_t value)
{
    metric_begin(out, name, type, help);
    metric_put(out, name, (struct oks_slice){0}, value);
}
