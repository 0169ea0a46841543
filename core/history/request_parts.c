/*
 * From a record to the requests that it logs: the response itself, and what was billed besides it.
 *
 * What the top level of a usage object says is what the answer took. usage.iterations[] has every pass of a
 * model within the response. Passes of the type message or fallback_message are in the top level: it is their
 * sum. A compaction and an advisor are not, and are billed on top of it. After a refusal another model may
 * answer (fallback_message); then the top level may be the answer alone, and the declined attempts before it
 * are billed on top. A pass of another model than the response's is a row of its own in any case, because its
 * price is another. If the passes and the top level contradict each other, the top level is used, and what
 * the response cost is a lower bound.
 *
 * All lines of a response repeat its passes. The n-th of a kind has a key of its own, so it counts once.
 *
 * Since June 2026 the vendor bills nothing for a request that was declined without any output.
 *
 * Web searches that the client's own tool made are in no usage object. The tool's result says how many there
 * were, and the line that used the tool says which model to count them for. If the usage object there has
 * searches, it is believed instead.
 */
#include <string.h>

#include "history/requests.h"
#include "scan/counts.h"

enum { COMPACTIONS = 0x100, ATTEMPTS = 0x200 }; /* first numbers of parts, behind those of advisors */

static const char free_from[] = "2026-06-02T00:00:00.000Z";

static inline bool is(struct oks_slice s, const char *text)
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
 * does not hold, and nothing lost. (Clients up to 2.1.151 could write a total of 0 beside a split.)
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

static uint64_t written(const struct oks_spend *s)
{
    return oks_tokens_add(s->cache_5m, s->cache_1h);
}

static uint64_t prompt_of(const struct oks_spend *s)
{
    return oks_tokens_add(oks_tokens_add(s->input, s->cache_read), written(s));
}

static bool is_free(const struct oks_request *r)
{
    return r->spend.output == 0 && !oks_stamp_is_none(r->stamp) &&
           oks_stamp_cmp(r->stamp, oks_stamp_of(oks_slice_of(free_from))) >= 0;
}

/* --- the response --- */

struct lines {
    struct request_line *at;
    size_t n;
    struct {
        size_t at;
        unsigned number;
    } parts[REQUEST_LINKED_PARTS]; /* the first ones */
    size_t n_parts;
};

static struct request_line *add(struct lines *lines, const struct request_line *like)
{
    lines->at[lines->n] = *like;
    return &lines->at[lines->n++];
}

/* A second key of a line: no tokens, and no ids. */
static void add_link(struct lines *lines, const struct request_line *of, uint64_t key,
                     enum request_link_kind kind)
{
    uint64_t to = of->request.key;
    struct request_line *line = add(lines, of);

    line->message_id = line->request_id = line->agent_id = (struct oks_slice){0};
    line->request =
        (struct oks_request){.key = key, .stamp = OKS_STAMP_NONE, .settled = true, .part = OKS_PART_LINK};
    request_link_set(&line->request, to, kind);
}

/* Second keys of the response, and of its parts. */
static void add_links(struct lines *lines, const struct request_link *links, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        add_link(lines, &lines->at[0], links[i].key, links[i].kind);
        for (size_t k = 0; k < lines->n_parts; k++)
            add_link(lines, &lines->at[lines->parts[k].at],
                     request_key_of_part(links[i].key, lines->parts[k].number), links[i].kind);
    }
}

static struct request_names names_of(const struct oks_message *m, struct oks_slice uuid,
                                     struct oks_slice request_id, struct oks_slice name, uint64_t offset,
                                     const struct oks_request *request)
{
    bool has_uuid = uuid.ptr && uuid.len;

    return (struct request_names){m->id, uuid, request_id, name,
                                  has_uuid ? 0 : request_key_of_line(name, offset, request)};
}

static uint64_t plain_key(const struct request_names *names)
{
    if (names->id.ptr && names->id.len)
        return request_key_of_id(names->id);
    return names->uuid.ptr && names->uuid.len ? request_key_of_id(names->uuid) : names->line;
}

static void add_own(struct lines *lines, struct request_runs *runs, const struct oks_record *r,
                    struct oks_slice name, struct request_link links[REQUEST_LINKS], size_t *n)
{
    const struct oks_message *m = &r->message;
    const struct oks_stamp stamp = oks_record_stamp(r);
    const struct oks_spend spend = spend_of(&m->usage);
    struct request_line *own = &lines->at[lines->n++];
    struct request_names names;

    *own = (struct request_line){
        .request =
            {
                .stamp = stamp,
                .model = m->model,
                .spend = spend,
                .tool_uses = r->tool_uses,
                .sidechain = r->is_sidechain,
                .settled = m->stop_reason.ptr != NULL,
                .restamped = r->key != 0,
                .part = r->is_rest ? OKS_PART_REST : OKS_PART_RESPONSE,
            },
        .offset = r->offset,
        .message_id = m->id,
        .request_id = r->request_id,
        .agent_id = r->agent_id,
        .foreign = m->foreign_id,
    };
    names = names_of(m, r->uuid, r->request_id, name, r->offset, &own->request);
    *n = 0;
    own->request.spend.context = r->context;
    if (r->is_rest)
        own->request.key = r->rest;
    else if (r->key)
        own->request.key = r->key;
    else if (m->foreign_id)
        own->request.key = request_runs_line(runs, r, &names, &own->request, links, n);
    else
        own->request.key = plain_key(&names);
    if (r->link && !r->key && !m->foreign_id)
        links[(*n)++] = (struct request_link){r->link, REQUEST_LINK_SAME};
}

static void add_alias(struct lines *lines, const struct oks_record *r)
{
    struct request_line line = {
        .request =
            {
                .key = r->alias,
                .stamp = oks_record_stamp(r),
                .model = r->message.model,
                .sidechain = r->is_sidechain,
                .settled = true,
                .alias = true,
                .restamped = true,
            },
        .offset = r->offset,
        .agent_id = r->agent_id,
    };

    add(lines, &line);
}

/* What comes later. Until then the sums that it belongs to are a lower bound. */
static void add_rest(struct lines *lines, const struct oks_record *r)
{
    struct request_line line = {
        .request =
            {
                .key = r->rest,
                .stamp = oks_record_stamp(r),
                .model = r->message.model,
                .spend = {.context = OKS_PROMPT_UNKNOWN},
                .sidechain = r->is_sidechain,
                .part = OKS_PART_REST,
            },
        .offset = r->offset,
        .agent_id = r->agent_id,
    };

    add(lines, &line);
}

/* --- its passes --- */

static bool same_counts(const struct oks_spend *a, const struct oks_spend *b)
{
    return a->input == b->input && a->output == b->output && written(a) == written(b) &&
           a->cache_read == b->cache_read;
}

static void add_counts(struct oks_spend *to, const struct oks_spend *part)
{
    to->input = oks_tokens_add(to->input, part->input);
    to->output = oks_tokens_add(to->output, part->output);
    to->cache_5m = oks_tokens_add(to->cache_5m, part->cache_5m);
    to->cache_1h = oks_tokens_add(to->cache_1h, part->cache_1h);
    to->cache_read = oks_tokens_add(to->cache_read, part->cache_read);
}

static uint64_t take(uint64_t *from, uint64_t n)
{
    uint64_t taken = *from < n ? *from : n;

    *from -= taken;
    return n - taken;
}

/* What the pass has no split for may be written for an hour. */
static void take_counts(struct oks_spend *from, const struct oks_spend *part)
{
    take(&from->input, part->input);
    take(&from->output, part->output);
    take(&from->cache_read, part->cache_read);
    take(&from->cache_1h, part->cache_1h + take(&from->cache_5m, part->cache_5m));
}

/* How the top level follows from the passes. */
enum relation {
    SUM_OF_ALL,
    SUM_OF_FALLBACKS, /* the attempt before them is on top */
    LAST_FALLBACK,    /* all attempts before it are */
    CONTRADICTION,
};

struct passes {
    struct oks_spend all, fallbacks, last, last_fallback;
    size_t n, n_fallbacks;
};

static struct passes passes_of(const struct oks_record *r)
{
    struct passes p = {0};

    for (unsigned i = 0; i < r->n_steps; i++) {
        const struct oks_step *step = &r->steps[i];
        struct oks_spend spend = spend_of(&step->usage);

        if (step->type != OKS_STEP_MESSAGE && step->type != OKS_STEP_FALLBACK)
            continue;
        add_counts(&p.all, &spend);
        p.last = spend;
        p.n++;
        if (step->type == OKS_STEP_MESSAGE)
            continue;
        add_counts(&p.fallbacks, &spend);
        p.last_fallback = spend;
        p.n_fallbacks++;
    }
    return p;
}

static enum relation relation_of(const struct oks_spend *top, const struct passes *p)
{
    if (p->n == 0 || same_counts(top, &p->all))
        return SUM_OF_ALL;
    if (p->n_fallbacks && same_counts(top, &p->fallbacks))
        return SUM_OF_FALLBACKS;
    return p->n_fallbacks && same_counts(top, &p->last_fallback) ? LAST_FALLBACK : CONTRADICTION;
}

/* A pass as a part of the response. A step may leave out what holds for the whole. */
static struct request_line *add_part(struct lines *lines, const struct oks_step *step, enum oks_part part,
                                     unsigned n)
{
    const struct request_line *own = &lines->at[0];
    struct request_line *line = add(lines, own);
    struct oks_spend whole = own->request.spend;

    if (lines->n_parts < REQUEST_LINKED_PARTS) {
        lines->parts[lines->n_parts].at = lines->n - 1;
        lines->parts[lines->n_parts++].number = n;
    }
    line->request.key = request_key_of_part(own->request.key, n);
    line->request.part = part;
    line->request.spend = spend_of(&step->usage);
    line->request.tool_uses = 0;
    line->request.settled = true; /* it is complete when it is logged */
    line->request.free = line->request.doubtful = false;
    if (part == OKS_PART_ADVISOR) {
        line->request.model = step->model;
        return line;
    }
    if (step->model.ptr && step->model.len)
        line->request.model = step->model;
    if (!step->usage.speed.ptr)
        line->request.spend.speed = whole.speed;
    if (!step->usage.inference_geo.ptr)
        line->request.spend.geo = whole.geo;
    if (!step->usage.service_tier.ptr)
        line->request.spend.tier = whole.tier;
    line->request.spend.web_searches = 0;
    return line;
}

static void add_pass(struct lines *lines, const struct oks_step *step, unsigned n, enum relation relation,
                     bool last_fallback)
{
    static const struct oks_spend nothing;
    struct oks_request *own = &lines->at[0].request;
    bool other_model = step->model.ptr && step->model.len && !oks_slice_eq(step->model, own->model);
    bool on_top = relation == SUM_OF_FALLBACKS ? step->type == OKS_STEP_MESSAGE
                                               : relation == LAST_FALLBACK && !last_fallback;
    struct oks_spend spend = spend_of(&step->usage);
    struct request_line *line;

    if (relation == CONTRADICTION || (!on_top && !other_model) || same_counts(&spend, &nothing))
        return;
    if (!on_top)
        take_counts(&own->spend, &spend);
    line = add_part(lines, step, OKS_PART_ATTEMPT, ATTEMPTS + n);
    line->request.free = is_free(&line->request);
}

static void add_steps(struct lines *lines, const struct oks_record *r)
{
    struct oks_request *own = &lines->at[0].request;
    struct oks_spend *top = &own->spend;
    struct passes passes = passes_of(r);
    enum relation relation = relation_of(top, &passes);
    unsigned advisors = 0, compactions = 0, n = 0, fallbacks = 0;

    own->doubtful = relation == CONTRADICTION || r->steps_dropped;
    if (passes.n > 1)
        top->context = prompt_of(&passes.last);
    for (unsigned i = 0; i < r->n_steps; i++) {
        const struct oks_step *step = &r->steps[i];

        if (step->type == OKS_STEP_ADVISOR) {
            add_part(lines, step, OKS_PART_ADVISOR, advisors++);
        } else if (step->type == OKS_STEP_COMPACTION) {
            add_part(lines, step, OKS_PART_COMPACTION, COMPACTIONS + compactions++);
        } else {
            fallbacks += step->type == OKS_STEP_FALLBACK;
            add_pass(lines, step, n++, relation,
                     step->type == OKS_STEP_FALLBACK && fallbacks == passes.n_fallbacks);
        }
    }
    own->free = is(r->message.stop_reason, "refusal") && is_free(own); /* without the attempts in it */
}

/* --- web searches --- */

static struct request_line *add_search(struct lines *lines, const struct oks_record *r, struct oks_slice id)
{
    struct request_line line = {
        .request = {.key = request_key_of_search(id),
                    .stamp = oks_record_stamp(r),
                    .sidechain = r->is_sidechain,
                    .part = OKS_PART_SEARCH},
        .offset = r->offset,
        .agent_id = r->agent_id,
    };

    return add(lines, &line);
}

/* Settled: it has the model. Free: the response's own count is used. */
static void add_searches(struct lines *lines, const struct oks_record *r)
{
    for (unsigned i = 0; i < r->n_searches; i++) {
        struct oks_request *request = &add_search(lines, r, r->searches[i])->request;

        request->model = r->message.model;
        request->settled = true;
        request->free = r->message.usage.web_search_requests > 0;
    }
}

/* --- a record --- */

static void add_nested(struct lines *lines, const struct oks_record *r, struct oks_slice name)
{
    const struct oks_message *m = &r->nested;
    struct request_line own = {
        .request =
            {
                .stamp = r->nested_timestamp.ptr && r->nested_timestamp.len
                             ? oks_stamp_of(r->nested_timestamp)
                             : oks_record_stamp(r),
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
        .foreign = m->foreign_id,
    };
    struct request_names names =
        names_of(m, r->nested_uuid, r->nested_request_id, name, r->offset, &own.request);
    struct request_link links[REQUEST_LINKS];
    size_t n = 0;

    own.request.key =
        m->foreign_id ? request_nested_line(r, &names, &own.request, links, &n) : plain_key(&names);
    add(lines, &own);
    add_links(lines, links, n);
}

/* What the client makes up itself, such as the text of an error, was never asked of a model. */
static bool counts(const struct oks_message *m)
{
    return m->usage.present && !is(m->model, "<synthetic>");
}

size_t request_lines(struct request_runs *runs, const struct oks_record *r, struct oks_slice name,
                     struct request_line at[REQUESTS_OF_RECORD])
{
    struct lines lines = {.at = at};
    struct request_link links[REQUEST_LINKS];
    size_t n;
    bool response = r->type == OKS_RECORD_ASSISTANT && counts(&r->message);

    if ((r->type == OKS_RECORD_ASSISTANT || r->type == OKS_RECORD_USER) &&
        !(response && r->message.foreign_id))
        request_runs_pass(runs, r);
    if (response) {
        add_own(&lines, runs, r, name, links, &n);
        add_steps(&lines, r);
        add_links(&lines, links, n);
        add_searches(&lines, r);
    }
    if (response && r->rest && !r->is_rest)
        add_rest(&lines, r);
    if (r->alias)
        add_alias(&lines, r);
    if (r->nested_present && counts(&r->nested))
        add_nested(&lines, r, name);
    if (r->type == OKS_RECORD_USER && r->search_count && r->result_of.ptr)
        add_search(&lines, r, r->result_of)->request.spend.web_searches = r->search_count;
    return lines.n;
}
