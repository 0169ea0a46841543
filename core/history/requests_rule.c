/*
 * Which lines are one request, and which of them tells what it cost.
 *
 * While a response streams in, the client logs a line for each block of it, and each repeats the usage so
 * far: counted line by line, the cache reads of real transcripts double. So lines with the same message.id
 * (else uuid, else place) are one request, and the whole line with the greatest output is kept, never the
 * greatest of each field: a fallback in mid-stream changes the model and the cache counts together. Of equals
 * the one outside a side chain is kept, then the later one.
 *
 * Codex logs a response in two kinds of line, and copies either of them alone into other rollouts. Where both
 * are there, the key of the second is an alias of the first: a row with that key that counts nothing, and
 * ranks above all others. Copies of its lines have the time of the copy, so there the earliest is kept.
 *
 * What a parent's progress lines tell of a sub-agent's response is a first snapshot of it. It ranks below
 * every line of the sub-agent itself.
 *
 * Keys are 64 bits of a hash of the id. A million ids collide with a chance of 3e-8; who makes them collide
 * on purpose cheats himself of a count.
 */
#include "history/requests.h"
#include "history/tags.h"
#include "scan/counts.h"

#include <endian.h>
#include <string.h>

enum { DOMAIN_ID = 1, DOMAIN_LINE, DOMAIN_PART, DOMAIN_SEARCH };

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word(const char *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof(value));
    return le64toh(value);
}

/* The last n bytes before `end`, 1 to 8, as a word; what is before them may be read where there are 8. */
static uint64_t last_word(const char *end, size_t n, bool eight)
{
    uint64_t value = 0;

    if (eight)
        return word(end - 8) >> (64 - 8 * n);
    memcpy(&value, end - n, n);
    return le64toh(value);
}

uint64_t request_hash(uint64_t seed, const char *p, size_t n)
{
    uint64_t h = seed ^ fold(n + UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd6e8feb86659fd93));

    bool eight = n >= 8;

    for (; n > 8; p += 8, n -= 8)
        h = fold(h ^ word(p), UINT64_C(0xa0761d6478bd642f));
    h = fold(h ^ (n ? last_word(p + n, n, eight) : 0), UINT64_C(0xe7037ed1a0b428db));
    return fold(h ^ seed, UINT64_C(0x8ebc6af09c88c6e3)) ^ h;
}

uint64_t request_key_of_id(struct oks_slice id)
{
    return request_hash(DOMAIN_ID, id.ptr, id.len);
}

/*
 * Equal only for copies of one line: same file name, same place, same time and counts. (The path would tell a
 * copy from its original.)
 */
uint64_t request_key_of_line(struct oks_slice name, uint64_t offset, const struct oks_request *request)
{
    const struct oks_spend *s = &request->spend;
    uint64_t what[] = {offset,      request->stamp.key, s->input,      s->output,
                       s->cache_5m, s->cache_1h,        s->cache_read, request->second_hand};
    uint64_t h = request_hash(DOMAIN_LINE, name.ptr, name.len);

    return request_hash(h, (const char *)what, sizeof(what));
}

uint64_t request_key_of_part(uint64_t key, unsigned n)
{
    uint64_t what[] = {key, n};

    return request_hash(DOMAIN_PART, (const char *)what, sizeof(what));
}

uint64_t request_key_of_search(struct oks_slice id)
{
    return request_hash(DOMAIN_SEARCH, id.ptr, id.len);
}

/* --- links: the key that they lead to, and their kind, in the fields for counts --- */

void request_link_set(struct oks_request *link, uint64_t key, enum request_link_kind kind)
{
    link->spend.input = key >> 32;
    link->spend.output = key & UINT32_MAX;
    link->spend.cache_5m = kind;
}

uint64_t request_link_key(const struct oks_request *link)
{
    return link->spend.input << 32 | (link->spend.output & UINT32_MAX);
}

enum request_link_kind request_link_kind(const struct oks_request *link)
{
    /* A row may have been read from a file of nonsense. */
    return link->spend.cache_5m <= REQUEST_LINK_REPLAY ? (enum request_link_kind)link->spend.cache_5m
                                                       : REQUEST_LINK_SAME;
}

/* --- merging --- */

/* Of web searches the result's number is used, at the time and for the model of the response. */
static int search_rank(const struct oks_request *a, const struct oks_request *b)
{
    if (a->free != b->free)
        return a->free ? 1 : -1;
    if (a->spend.web_searches != b->spend.web_searches)
        return a->spend.web_searches < b->spend.web_searches ? -1 : 1;
    return a->settled - b->settled;
}

static bool merge_search(struct request_row *row, const struct oks_request *line, uint64_t offset)
{
    struct oks_request *kept = &row->request, before = *kept;
    bool wins = line->settled && !kept->settled;

    if (wins) {
        *kept = *line;
        kept->model = (struct oks_slice){0};
        row->line = offset;
    }
    kept->free = before.free || line->free;
    kept->spend.web_searches = before.spend.web_searches > line->spend.web_searches
                                   ? before.spend.web_searches
                                   : line->spend.web_searches;
    return wins;
}

/*
 * A key that has been a response's own may turn out to be a second key of another one, which then has the
 * same lines. The other way round nothing changes.
 */
static bool merge_link(struct request_row *row, const struct oks_request *line, uint64_t offset)
{
    if (row->request.part == OKS_PART_LINK)
        return false;
    row->request = *line;
    row->request.model = (struct oks_slice){0};
    row->line = offset;
    return true;
}

/* Of a rest: that it came, then how much it is. */
static int rest_rank(const struct oks_request *a, const struct oks_request *b)
{
    const struct oks_spend *x = &a->spend, *y = &b->spend;
    uint64_t of_a =
        oks_tokens_add(oks_tokens_add(x->input, x->output), oks_tokens_add(x->cache_5m, x->cache_read));
    uint64_t of_b =
        oks_tokens_add(oks_tokens_add(y->input, y->output), oks_tokens_add(y->cache_5m, y->cache_read));

    if (a->settled != b->settled)
        return a->settled - b->settled;
    return (of_a > of_b) - (of_a < of_b);
}

int request_rank(const struct oks_request *a, const struct oks_request *b)
{
    if (a->alias != b->alias)
        return a->alias ? 1 : -1;
    if (a->second_hand != b->second_hand)
        return a->second_hand ? -1 : 1;
    if (a->part == OKS_PART_SEARCH && b->part == OKS_PART_SEARCH)
        return search_rank(a, b);
    if (a->part == OKS_PART_REST && b->part == OKS_PART_REST)
        return rest_rank(a, b);
    if (a->spend.output != b->spend.output)
        return a->spend.output < b->spend.output ? -1 : 1;
    if (a->sidechain != b->sidechain && !a->restamped)
        return a->sidechain ? -1 : 1;
    return 0;
}

bool request_merge(struct request_row *row, const struct oks_request *line, uint64_t offset)
{
    struct oks_request *kept = &row->request;
    bool wins = request_rank(line, kept) >= line->restamped;
    uint64_t tools = kept->tool_uses + line->tool_uses;
    bool settled = kept->settled || line->settled;

    if (kept->part == OKS_PART_LINK || line->part == OKS_PART_LINK)
        return merge_link(row, line, offset);
    if (kept->part == OKS_PART_SEARCH)
        return merge_search(row, line, offset);
    if (wins) {
        *kept = *line;
        kept->model = (struct oks_slice){0};
        row->line = offset;
    }
    kept->tool_uses = tools < OKS_TOKENS_MAX ? tools : OKS_TOKENS_MAX;
    kept->settled = settled;
    return wins;
}

bool request_same_values(const struct oks_request *a, const struct oks_request *b)
{
    const struct oks_spend *x = &a->spend, *y = &b->spend;

    return a->alias == b->alias && a->stamp.key == b->stamp.key && a->tool_uses == b->tool_uses &&
           x->input == y->input && x->output == y->output && x->cache_5m == y->cache_5m &&
           x->cache_1h == y->cache_1h && x->cache_read == y->cache_read;
}

bool requests_merge(const struct oks_requests *requests, size_t i, bool shown, struct request_row *row,
                    const struct request_row *later)
{
    const struct oks_request before = row->request;
    bool wins = request_merge(row, &later->request, later->line);

    row->revision += later->revision;
    if (!request_same_values(&before, &row->request))
        row->revision += i < (shown ? requests_closed(requests) : requests_last(requests));
    if (row->revision > REVISION_MAX)
        row->revision = REVISION_MAX;
    return wins;
}

int requests_add(struct oks_requests *requests, const struct request_line *line, uint64_t history)
{
    size_t i = requests_find(requests, line->request.key);
    const struct request_row later = {.request = line->request, .line = line->offset};
    struct request_row row;
    struct oks_slice model;

    if (i == SIZE_MAX) {
        row = (struct request_row){
            .request = line->request,
            .history = history,
            .first = line->offset,
            .line = line->offset,
            .message_id = line->message_id,
            .request_id = line->request_id,
        };
        return requests_append(requests, &row, line->request.model, line->agent_id);
    }
    requests_get(requests, i, &row);
    row.request.tag = requests_tag(requests, row.tag);
    model = requests_model(requests, row.model);
    if (requests_merge(requests, i, false, &row, &later))
        model = line->request.model;
    return requests_set(requests, i, &row, model);
}

int requests_add_record(struct oks_requests *requests, const struct oks_record *r, struct oks_slice name)
{
    bool speaks = r->type == OKS_RECORD_USER || r->type == OKS_RECORD_ASSISTANT,
         conversation = speaks && !r->again;
    struct request_line lines[REQUESTS_OF_RECORD];
    uint64_t history = requests_history(requests), after = requests_after(requests) + conversation;
    const struct tag tag = {r->branch, r->effort};
    struct oks_slice text = {0};
    char room[TAG_TEXT_MAX];
    size_t n = 0;
    int rc = 0;

    if (speaks || r->nested_present || r->alias)
        n = request_lines(requests_edit_runs(requests), r, name, lines);
    if (n)
        text = tag_text(&tag, room);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        lines[i].request.tag = text;
        rc = requests_add(requests, &lines[i], history);
        if (r->type != OKS_RECORD_USER) /* what a tool returned comes behind its response */
            after = 0;
    }
    requests_set_history(requests, history + conversation, after);
    return rc;
}
