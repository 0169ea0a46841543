/*
 * The runs of a transcript: the response that each of its conversations is at.
 *
 * What ends a run: a prompt of the user, a line of another response, another requestId, another prompt. The
 * counts of a prompt do not change between the lines of a response, and do between responses. Only where a
 * relay reports none of them, or not before the end of a response, all of them are 0: then any may follow
 * that is not earlier. (Where history is appended again, time jumps back.)
 *
 * The result of a tool may stand between the lines of one response, because tools begin while it streams. It
 * ends a run only where the prompt is unknown: the next response has the result in its prompt.
 */
#include "history/request_runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "history/requests.h"

enum { OF_REQUEST_ID = 16, OF_UUID, OF_ID, OF_CHAIN, OF_PROMPT, OF_REPLAY, OF_CONTENT };

static uint64_t of_slice(uint64_t seed, struct oks_slice s)
{
    return request_hash(seed, s.ptr, s.len);
}

/* A second name of an id: a key of its own. 0: there is none. */
static uint64_t of_pair(unsigned domain, struct oks_slice id, struct oks_slice name)
{
    return name.ptr && name.len ? of_slice(of_slice(domain, id), name) | 1 : 0;
}

/* The key of a line that has neither uuid nor requestId. A copy elsewhere says the same at the same time. */
static uint64_t of_content(const struct oks_record *r, const struct request_names *names,
                           const struct oks_request *request)
{
    const struct oks_spend *s = &request->spend;
    uint64_t what[] = {request->stamp.key, s->input, s->cache_read, s->cache_5m + s->cache_1h};
    uint64_t h = of_slice(of_slice(OF_CONTENT, names->id), r->session_id);

    if (request->stamp.key >= OKS_STAMP_KEY_TEXT)
        return names->line;
    return request_hash(h, (const char *)what, sizeof(what));
}

/* Never 0. */
static uint64_t chain_of(const struct oks_record *r)
{
    return of_slice(of_slice(OF_CHAIN + (uint64_t)r->is_sidechain * 64, r->session_id), r->agent_id) | 1;
}

/*
 * An agent that repeats the conversation of its session before it says something itself. What it repeats has
 * the requestId of its own request, or one of each line, so there a requestId says nothing.
 */
static bool is_repeating(const struct oks_record *r, struct oks_slice file)
{
    static const char *const names[] = {"agent-acompact-", "agent-aside_question-"};
    const size_t skip = sizeof("agent-") - 1;

    for (size_t i = 0; r->is_sidechain && i < sizeof(names) / sizeof(*names); i++) {
        size_t n = strlen(names[i]);

        if (file.len > n && memcmp(file.ptr, names[i], n) == 0)
            return true;
        if (r->agent_id.len > n - skip && memcmp(r->agent_id.ptr, names[i] + skip, n - skip) == 0)
            return true;
    }
    return false;
}

static uint64_t prompt_of(const struct oks_spend *s)
{
    uint64_t counts[] = {s->input, s->cache_read, s->cache_5m + s->cache_1h};

    if ((counts[0] | counts[1] | counts[2]) == 0)
        return 0;
    return request_hash(OF_PROMPT, (const char *)counts, sizeof(counts)) | 1;
}

bool request_runs_none(const struct request_runs *runs)
{
    for (size_t i = 0; i < REQUEST_RUNS; i++)
        if (runs->items[i].chain)
            return false;
    return true;
}

static struct request_run *run_of(struct request_runs *runs, uint64_t chain)
{
    for (size_t i = 0; i < REQUEST_RUNS; i++)
        if (runs->items[i].chain == chain)
            return &runs->items[i];
    return NULL;
}

void request_runs_pass(struct request_runs *runs, const struct oks_record *r)
{
    struct request_run *run = request_runs_none(runs) ? NULL : run_of(runs, chain_of(r));

    if (!run)
        return;
    if (r->type == OKS_RECORD_USER && r->is_tool_result)
        run->tool_turn = 1;
    else if (r->type == OKS_RECORD_USER || of_slice(OF_ID, r->message.id) != run->id)
        run->chain = 0;
}

static uint64_t time_of(const struct oks_request *request)
{
    return request->stamp.key < OKS_STAMP_KEY_TEXT ? request->stamp.key : 0;
}

static bool goes_on(const struct request_run *run, uint64_t id, uint64_t request, uint64_t prompt,
                    uint64_t at)
{
    if (run->id != id || (run->request && request && run->request != request))
        return false;
    if (run->request && request)
        return true;
    if (run->prompt)
        return prompt == run->prompt;
    return !run->tool_turn && (!at || !run->at || at >= run->at);
}

/*
 * A replay in a side chain may have another uuid, requestId and time than its original. It tells the same of
 * the prompt and the output, in the same session; of the output only where it was not still streaming, which
 * matters for agents that are known to repeat. Where the prompt is unknown its time has to be the same.
 */
static size_t replay_links(const struct oks_record *r, const struct request_names *names, uint64_t prompt,
                           const struct oks_request *request, struct request_link *links)
{
    enum request_link_kind kind = r->is_sidechain ? REQUEST_LINK_REPLAY : REQUEST_LINK_ORIGINAL;
    uint64_t counts[] = {prompt, request->spend.output, request->stamp.key};
    uint64_t h = of_slice(of_slice(of_slice(OF_REPLAY, names->id), r->session_id), request->model);
    size_t n = 0;

    if (!prompt && request->stamp.key >= OKS_STAMP_KEY_TEXT)
        return 0;
    if (prompt && (!r->is_sidechain || is_repeating(r, names->file)))
        links[n++] = (struct request_link){request_hash(h, (const char *)counts, sizeof(counts[0])), kind};
    links[n++] = (struct request_link){
        request_hash(h, (const char *)counts, (prompt ? 2 : 3) * sizeof(counts[0])), kind};
    return n;
}

uint64_t request_runs_line(struct request_runs *runs, const struct oks_record *r,
                           const struct request_names *names, const struct oks_request *request,
                           struct request_link links[REQUEST_LINKS], size_t *n)
{
    uint64_t chain = chain_of(r), id = of_slice(OF_ID, names->id), prompt = prompt_of(&request->spend);
    uint64_t by_request =
        is_repeating(r, names->file) ? 0 : of_pair(OF_REQUEST_ID, names->id, names->request_id);
    uint64_t by_uuid = of_pair(OF_UUID, names->id, names->uuid);
    struct request_run *run = run_of(runs, chain);

    *n = 0;
    if (!run || !goes_on(run, id, by_request, prompt, time_of(request))) {
        if (!run)
            run = &runs->items[runs->next++ % REQUEST_RUNS];
        *run = (struct request_run){.chain = chain, .id = id};
        run->key = by_request ? by_request : by_uuid ? by_uuid : of_content(r, names, request);
        *n = replay_links(r, names, prompt, request, links);
    }
    run->tool_turn = 0;
    run->at = time_of(request);
    run->request = by_request ? by_request : run->request;
    run->prompt = prompt ? prompt : run->prompt;
    if (run->lines >= REQUEST_RUN_MAX)
        return run->key;
    run->lines++;
    if (by_request && by_request != run->key)
        links[(*n)++] = (struct request_link){by_request, REQUEST_LINK_SAME};
    if (by_uuid && by_uuid != run->key)
        links[(*n)++] = (struct request_link){by_uuid, REQUEST_LINK_SAME};
    return run->key;
}

uint64_t request_nested_line(const struct oks_record *r, const struct request_names *names,
                             const struct oks_request *request, struct request_link links[REQUEST_LINKS],
                             size_t *n)
{
    uint64_t by_request = of_pair(OF_REQUEST_ID, names->id, names->request_id);
    uint64_t by_uuid = of_pair(OF_UUID, names->id, names->uuid);

    *n = 0;
    if (by_request && by_uuid)
        links[(*n)++] = (struct request_link){by_uuid, REQUEST_LINK_SAME};
    return by_request ? by_request : by_uuid ? by_uuid : of_content(r, names, request);
}

char *request_runs_text(const struct request_runs *runs)
{
    struct memo_writer w = {0};

    memo_put(&w, runs->next % REQUEST_RUNS);
    for (size_t i = 0; i < REQUEST_RUNS; i++) {
        const struct request_run *run = &runs->items[i];

        memo_put(&w, run->chain);
        memo_put(&w, run->id);
        memo_put(&w, run->request);
        memo_put(&w, run->prompt);
        memo_put(&w, run->key);
        memo_put(&w, run->at);
        memo_put(&w, run->lines);
        memo_put(&w, run->tool_turn);
    }
    return memo_take(&w);
}

void request_runs_read(struct request_runs *runs, const char *text)
{
    struct memo_reader r = {text};

    runs->next = memo_get(&r);
    for (size_t i = 0; i < REQUEST_RUNS; i++) {
        struct request_run *run = &runs->items[i];

        run->chain = memo_get(&r);
        run->id = memo_get(&r);
        run->request = memo_get(&r);
        run->prompt = memo_get(&r);
        run->key = memo_get(&r);
        run->at = memo_get(&r);
        run->lines = memo_get(&r);
        run->tool_turn = memo_get(&r);
    }
}
