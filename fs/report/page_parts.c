/*
 * The frame of a page, and its tables.
 *
 * Nearly all cells are plain text, so these are written as they are.
 */
#include "report/page_parts.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "internal/digest.h"
#include "okstrafs/engine.h"
#include "report/chart.h"
#include "report/markup.h"

enum { NAME_SHOWN = 60 /* characters of a name */, BAR_WIDTH = 80 };

/* --- the frame --- */

#define COLOURS                                                                                        \
    ":root{color-scheme:light "                                                                        \
    "dark;--ground:#fff;--ink:#1c1f24;--faint:#555b65;--line:#d5d9df;--bar:#2f6fb5;"                   \
    "--alarm:#b3261e}"                                                                                 \
    "@media "                                                                                          \
    "(prefers-color-scheme:dark){:root{--ground:#15181c;--ink:#e8eaed;--faint:#a8afb9;--line:#343a42;" \
    "--bar:#6aa7e8;--alarm:#ff8a80}}"

static const char page_rules[] = COLOURS
    "*{box-sizing:border-box}"
    "body{margin:0 auto;padding:1rem;max-width:68rem;background:var(--ground);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif}"
    "h1{font-size:1.5rem;margin:.5rem 0 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}"
    "p{margin:.25rem 0}.note{color:var(--faint);font-size:.875rem}"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;padding:0;"
    "margin:1rem 0;list-style:none}"
    ".cards li{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem}"
    ".cards strong{display:block;font-size:1.4rem;line-height:1.3}"
    ".wide{overflow-x:auto}.wide:focus-visible{outline:2px solid var(--bar)}"
    "table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;color:var(--faint);padding:.25rem 0}"
    "th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}"
    "th{font-weight:600}th[scope=row]{font-weight:400;white-space:normal;overflow-wrap:anywhere;"
    "min-width:12rem}tfoot "
    "th[scope=row]{font-weight:600}th:first-child,td.text,th.text{text-align:left}tfoot th,tfoot "
    "td{font-weight:600}"
    ".alarm{color:var(--alarm);font-weight:600}svg.chart{width:100%;height:auto;display:block}"
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(20rem,100%),1fr));gap:0 2rem}"
    "svg.chart text{font-size:14px}"
    "svg.share{vertical-align:middle}summary{cursor:pointer;color:var(--faint);font-size:."
    "875rem}" CHART_STYLE;

/* The policy allows this style by its hash, and nothing else. */
static int put_style(struct markup *m)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t hash[OKS_DIGEST_BYTES + 1] = {0}; /* base64 goes by three bytes */
    char base64[(OKS_DIGEST_BYTES + 1) / 3 * 4 + 1];
    size_t n = 0;

    if (oks_digest(page_rules, strlen(page_rules), hash) < 0)
        return -EIO;
    for (size_t i = 0; i < sizeof(hash); i += 3) {
        uint32_t bits = (uint32_t)hash[i] << 16 | (uint32_t)hash[i + 1] << 8 | hash[i + 2];

        for (int shift = 18; shift >= 0; shift -= 6)
            base64[n++] = digits[bits >> shift & 63];
    }
    base64[n - 1] = '=';
    base64[n] = '\0';
    markup_format(
        m,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
        "base-uri 'none'; form-action 'none'\">\n<style>%s</style>\n",
        base64, page_rules);
    return 0;
}

static int put_begin(struct markup *m)
{
    int rc;

    markup_raw(m, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                  "<title>Token usage</title>\n");
    rc = put_style(m);
    markup_raw(
        m, "</head>\n<body>\n<header>\n<h1>Token usage of coding agents</h1>\n"
           "<p class=\"note\">Each request counts once. Costs are in US dollars.</p>\n</header>\n<main>\n");
    return rc;
}

/* It is the same in each page, so it is made once. */
int page_begin(const struct page *p)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct markup begin;
    int rc = 0;

    pthread_mutex_lock(&lock);
    if (!begin.ptr)
        rc = put_begin(&begin);
    if (rc == 0 && begin.failed)
        rc = -ENOMEM;
    if (rc == 0) {
        markup_bytes(p->m, begin.ptr, begin.len);
    } else {
        free(begin.ptr);
        begin = (struct markup){0};
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

void page_end(const struct page *p)
{
    if (p->marks.at_least)
        markup_raw(p->m, "<p class=\"note\">&gt; at least: the real cost may be higher.</p>\n");
    if (p->marks.unknown)
        markup_raw(p->m, "<p class=\"note\">? unknown: no model that was used has a price.</p>\n");
    markup_raw(p->m, "</main>\n</body>\n</html>\n");
}

void page_begin_section(const struct page *p, const char *id, const char *title)
{
    const char *const parts[] = {
        "<section aria-labelledby=\"", id, "\">\n<h2 id=\"", id, "\">", title, "</h2>\n"};

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        markup_raw(p->m, parts[i]);
}

void page_end_section(const struct page *p)
{
    markup_raw(p->m, "</section>\n");
}

/* A table may be wider than a phone: then it can be scrolled, with the keyboard too. */
void page_begin_table(const struct page *p, const char *caption)
{
    markup_format(p->m,
                  "<div class=\"wide\" tabindex=\"0\" role=\"region\" "
                  "aria-label=\"%s\">\n<table>\n<caption>%s</caption>\n"
                  "<thead><tr>",
                  caption, caption);
}

void page_end_table(const struct page *p)
{
    markup_raw(p->m, "</table>\n</div>\n");
}

void page_cell(const struct page *p, const char *text, bool is_text)
{
    markup_raw(p->m, is_text ? "<td class=\"text\">" : "<td>");
    markup_text_cut(p->m, text, NAME_SHOWN);
    markup_raw(p->m, "</td>");
}

/* As one piece: most cells of a page are numbers. */
void page_count(const struct page *p, bool is_known, uint64_t count)
{
    char cell[CELL_BYTES * 2], *end = cell + sizeof(cell), *to = end;

    to -= strlen("</td>");
    memcpy(to, "</td>", strlen("</td>"));
    if (is_known)
        to = cell_count_before(count, to);
    to -= strlen("<td>");
    memcpy(to, "<td>", strlen("<td>"));
    markup_bytes(p->m, to, (size_t)(end - to));
}

void page_row_name(const struct page *p, const char *name)
{
    markup_raw(p->m, "<tr><th scope=\"row\">");
    markup_text_cut(p->m, name, NAME_SHOWN);
    markup_raw(p->m, "</th>");
}

static void put_bar(struct markup *m, unsigned thousandths)
{
    markup_raw(
        m,
        " <svg class=\"share\" width=\"80\" height=\"8\" aria-hidden=\"true\"><rect class=\"bar\" width=\"");
    markup_number(m, thousandths * BAR_WIDTH / 1000);
    markup_raw(m, "\" height=\"8\"/></svg></td>");
}

void page_share(const struct page *p, unsigned thousandths)
{
    markup_raw(p->m, "<td class=\"text\">");
    markup_number(p->m, (thousandths + 5) / 10);
    markup_raw(p->m, "%");
    put_bar(p->m, thousandths);
}

void page_ratio(const struct page *p, const char *ratio)
{
    char text[CELL_BYTES];

    markup_raw(p->m, "<td class=\"text\">");
    markup_text(p->m, cell_percent_of(ratio, text));
    put_bar(p->m, cell_ratio_of(ratio));
}

/* --- tables --- */

void page_head(const struct page *p, const struct page_column *columns)
{
    for (; columns->title; columns++) {
        markup_raw(p->m, columns->is_text ? "<th scope=\"col\" class=\"text\">" : "<th scope=\"col\">");
        markup_raw(p->m, columns->title);
        markup_raw(p->m, "</th>");
    }
    markup_raw(p->m, "</tr></thead>\n<tbody>\n");
}
