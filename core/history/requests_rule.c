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
#include "scan/counts.h"

#include <string.h>

enum { DOMAIN_ID = 1, DOMAIN_LINE, DOMAIN_PART };

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word(const char *p, size_t n)
{
    uint64_t value = 0;

    memcpy(&value, p, n < sizeof(value) ? n : sizeof(value));
    return value;
}

static uint64_t hash(uint64_t seed, const char *p, size_t n)
{
    uint64_t h = seed ^ fold(n + UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd6e8feb86659fd93));

    for (; n > 8; p += 8, n -= 8)
        h = fold(h ^ word(p, 8), UINT64_C(0xa0761d6478bd642f));
    h = fold(h ^ (n ? word(p, n) : 0), UINT64_C(0xe7037ed1a0b428db));
    return fold(h ^ seed, UINT64_C(0x8ebc6af09c88c6e3)) ^ h;
}

uint64_t request_key_of_id(struct oks_slice id)
{
    return hash(DOMAIN_ID, id.ptr, id.len);
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
    uint64_t h = hash(DOMAIN_LINE, name.ptr, name.len);

    return hash(h, (const char *)what, sizeof(what));
}

uint64_t request_key_of_part(uint64_t key, unsigned n)
{
    uint64_t what[] = {key, n};

    return hash(DOMAIN_PART, (const char *)what, sizeof(what));
}

int request_rank(const struct oks_request *a, const struct oks_request *b)
{
    if (a->alias != b->alias)
        return a->alias ? 1 : -1;
    if (a->second_hand != b->second_hand)
        return a->second_hand ? -1 : 1;
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

    if (wins) {
        *kept = *line;
        kept->model = (struct oks_slice){0};
        row->line = offset;
    }
    kept->tool_uses = tools < OKS_TOKENS_MAX ? tools : OKS_TOKENS_MAX;
    kept->settled = settled;
    return wins;
}

/* --- from a record --- */

static bool is(struct oks_slice s, const char *text)
{
    return oks_slice_eq(s, oks_slice_of(text));
}

static enum oks_tier tier_of(struct oks_slice s)
{
    if (!s.ptr || is(s, "standard"))
        return OKS_TIER_STANDARD;
    if (is(s, "priority"))
        return OKS_TIER_PRIORITY;
    if (is(s, "flex"))
        return OKS_TIER_FLEX;
    return is(s, "batch") ? OKS_TIER_BATCH : OKS_TIER_STANDARD;
}

/*
 * The tokens written to the cache are those of the whole; of these the hour's share is what the split says.
 * A split that does not add up is believed about the hour only, so that nothing is counted that the total
 * does not hold, and nothing lost.
 */
static struct oks_spend spend_of(const struct oks_usage *u)
{
    struct oks_spend spend = {
        .input = u->input,
        .output = u->output,
        .cache_5m = u->cache_creation_5m,
        .cache_1h = u->cache_creation_1h,
        .cache_read = u->cache_read,
        .web_searches = u->web_search_requests,
        .speed = u->speed.ptr && is(u->speed, "fast") ? OKS_SPEED_FAST : OKS_SPEED_STANDARD,
        .geo = u->inference_geo.ptr && is(u->inference_geo, "us") ? OKS_GEO_US : OKS_GEO_ANY,
        .tier = tier_of(u->service_tier),
    };

    if (u->cache_creation > oks_tokens_add(spend.cache_5m, spend.cache_1h))
        spend.cache_5m = u->cache_creation - spend.cache_1h;
    return spend;
}

static uint64_t key_of(struct oks_slice id, struct oks_slice uuid, struct oks_slice name, uint64_t offset,
                       const struct oks_request *request)
{
    if (id.ptr && id.len)
        return request_key_of_id(id);
    if (uuid.ptr && uuid.len)
        return request_key_of_id(uuid);
    return request_key_of_line(name, offset, request);
}

static void own_line(const struct oks_record *r, struct oks_slice name, struct request_line *out)
{
    const struct oks_message *m = &r->message;

    *out = (struct request_line){
        .request =
            {
                .stamp = oks_stamp_of(r->timestamp),
                .model = m->model,
                .spend = spend_of(&m->usage),
                .tool_uses = r->tool_uses,
                .sidechain = r->is_sidechain,
                .settled = m->stop_reason.ptr != NULL,
                .restamped = r->key != 0,
            },
        .offset = r->offset,
        .message_id = m->id,
        .request_id = r->request_id,
        .agent_id = r->agent_id,
    };
    out->request.key = r->key ? r->key : key_of(m->id, r->uuid, name, r->offset, &out->request);
}

static void alias_line(const struct oks_record *r, struct request_line *out)
{
    *out = (struct request_line){
        .request =
            {
                .key = r->alias,
                .stamp = oks_stamp_of(r->timestamp),
                .model = r->message.model,
                .sidechain = r->is_sidechain,
                .settled = true,
                .alias = true,
                .restamped = true,
            },
        .offset = r->offset,
        .agent_id = r->agent_id,
    };
}

/* An advisor's answer is complete when it is logged. */
static void advisor_line(const struct request_line *own, const struct oks_step *advisor, unsigned n,
                         struct request_line *out)
{
    *out = *own;
    out->request.key = request_key_of_part(own->request.key, n);
    out->request.model = advisor->model;
    out->request.spend = spend_of(&advisor->usage);
    out->request.tool_uses = 0;
    out->request.settled = true;
    out->request.advisor = true;
}

static void nested_line(const struct oks_record *r, struct oks_slice name, struct request_line *out)
{
    const struct oks_message *m = &r->nested;

    *out = (struct request_line){
        .request =
            {
                .stamp = oks_stamp_of(r->nested_timestamp.ptr && r->nested_timestamp.len ? r->nested_timestamp
                                                                                         : r->timestamp),
                .model = m->model,
                .spend = spend_of(&m->usage),
                .sidechain = true,
                .settled = m->stop_reason.ptr != NULL,
                .second_hand = true,
            },
        .offset = r->offset,
        .message_id = m->id,
        .request_id = r->nested_request_id,
        .agent_id = r->agent_id,
    };
    out->request.key = key_of(m->id, r->nested_uuid, name, r->offset, &out->request);
}

/* What the client makes up itself, such as the text of an error, was never asked of a model. */
static bool counts(const struct oks_message *m)
{
    return m->usage.present && !is(m->model, "<synthetic>");
}

size_t request_lines(const struct oks_record *r, struct oks_slice name,
                     struct request_line lines[REQUESTS_OF_RECORD])
{
    size_t n = 0;

    if (r->alias)
        alias_line(r, &lines[n++]);
    if (r->type == OKS_RECORD_ASSISTANT && counts(&r->message)) {
        const struct request_line *own = &lines[n];

        own_line(r, name, &lines[n++]);
        for (unsigned i = 0; i < r->n_steps; i++)
            if (r->steps[i].type == OKS_STEP_ADVISOR) {
                advisor_line(own, &r->steps[i], (unsigned)(&lines[n] - own) - 1, &lines[n]);
                n++;
            }
    }
    if (r->nested_present && counts(&r->nested))
        nested_line(r, name, &lines[n++]);
    return n;
}

int requests_add(struct oks_requests *requests, const struct request_line *line, uint64_t history)
{
    size_t i = requests_find(requests, line->request.key);
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
    model = requests_model(requests, row.model);
    if (request_merge(&row, &line->request, line->offset))
        model = line->request.model;
    return requests_set(requests, i, &row, model);
}

int requests_add_record(struct oks_requests *requests, const struct oks_record *r, struct oks_slice name)
{
    bool conversation = r->type == OKS_RECORD_USER || r->type == OKS_RECORD_ASSISTANT;
    struct request_line lines[REQUESTS_OF_RECORD];
    uint64_t history = requests_history(requests), after = requests_after(requests) + conversation;
    size_t n = 0;
    int rc = 0;

    if (r->type == OKS_RECORD_ASSISTANT || r->nested_present || r->alias)
        n = request_lines(r, name, lines);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = requests_add(requests, &lines[i], history);
        after = 0;
    }
    requests_set_history(requests, history + conversation, after);
    return rc;
}
