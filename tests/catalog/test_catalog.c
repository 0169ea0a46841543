/*
 * The catalog by itself: what comes, moves and goes, who is in which team under which name, where a session
 * is placed, and who has to be read again when another transcript changes.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/tree.h"
#include "catalog/catalog.h"
#include "catalog/transcript_scan.h"
#include "scratch.h"
#include "tap.h"

static struct versions versions;
static struct catalog catalog;
static struct root root = {.path = (char *)"/r", .source = &oks_source_claude};

static void setup(void)
{
    catalog = (struct catalog){0};
    catalog_init(&catalog, &versions);
}

/* A transcript below the root, in the session of its name. */
static struct transcript *add(const char *rel)
{
    struct session *s = catalog_session_made(&catalog, root.source->id_of(rel));
    char path[512];
    struct transcript *t;

    ck_assert_ptr_nonnull(s);
    snprintf(path, sizeof(path), "/r/%s", rel);
    t = catalog_transcript_made(&catalog, s, &root, path, strdup("f"), strdup(s->name));
    ck_assert_ptr_nonnull(t);
    return t;
}

static void place(struct session *s)
{
    struct project *from;

    if (catalog_assign_project(&catalog, s, &from) == 1 && from && catalog_project_release(&catalog, from))
        free(from);
}

/* With its session, where that is its last one. */
static void drop(struct transcript *t)
{
    struct session *s = t->session;
    struct project *p = s->project;

    if (t->dirty)
        TAILQ_REMOVE(&catalog.dirty, t, queued);
    placement_changed(&catalog, t, true);
    catalog_linked(&catalog, t, false, &t->mark);
    catalog_transcript_remove(&catalog, t);
    transcript_clear(t);
    free(t);
    if (!TAILQ_EMPTY(&s->transcripts)) {
        ck_assert_int_eq(catalog_session_teams(&catalog, s), 0);
        return;
    }
    while (!LIST_EMPTY(&s->teams))
        catalog_membership_end(&catalog, LIST_FIRST(&s->teams));
    if (p) {
        LIST_REMOVE(s, of_project);
        if (catalog_project_release(&catalog, p))
            free(p);
    }
    catalog_session_remove(&catalog, s);
}

static void teardown(void)
{
    while (catalog.transcripts)
        drop(*(struct transcript **)catalog.transcripts);
    ck_assert_uint_eq(catalog.n_transcripts, 0);
    ck_assert_uint_eq(catalog.n_sessions, 0);
    ck_assert_uint_eq(catalog.n_projects, 0);
    ck_assert_uint_eq(catalog.n_teams, 0);
    ck_assert(TAILQ_EMPTY(&catalog.dirty) && !catalog.origins && LIST_EMPTY(&catalog.linked));
    catalog_clear(&catalog);
}

/* --- sessions and transcripts --- */

START_TEST(what_is_made_is_found)
{
    struct transcript *a = add("-p/s1.jsonl"), *b = add("-q/s1.jsonl"), *c = add("-p/s2.jsonl");
    uint64_t names = versions.names;

    ck_assert_ptr_eq(catalog_transcript(&catalog, "/r/-p/s1.jsonl"), a);
    ck_assert_ptr_eq(catalog_transcript(&catalog, "/r/-q/s1.jsonl"), b);
    ck_assert_ptr_null(catalog_transcript(&catalog, "/r/-p/s3.jsonl"));
    ck_assert_ptr_eq(catalog_session(&catalog, "s1"), a->session);
    ck_assert_ptr_eq(a->session, b->session);
    ck_assert_ptr_ne(a->session, c->session);
    ck_assert_ptr_null(catalog_session(&catalog, "s3"));
    ck_assert_uint_eq(catalog.n_sessions, 2);
    ck_assert_uint_eq(catalog.n_transcripts, 3);
    ck_assert_str_eq(catalog_rel(a), "-p/s1.jsonl");
    ck_assert_ptr_eq(catalog_session_made(&catalog, OKS_SLICE("s1")), a->session);
    ck_assert_uint_eq(versions.names, names); /* nothing new */
    drop(c);
    ck_assert_uint_gt(versions.names, names);
    ck_assert_ptr_null(catalog_session(&catalog, "s2"));
    ck_assert_ptr_null(catalog_transcript(&catalog, "/r/-p/s2.jsonl"));
}
END_TEST

START_TEST(transcripts_ascend_by_path)
{
    static const char *const rels[] = {"-b/s.jsonl", "-d/s.jsonl", "-a/s.jsonl", "-c/s.jsonl"};
    const struct transcript *t, *last = NULL;
    struct session *s;
    size_t n = 0;

    for (size_t i = 0; i < 4; i++)
        add(rels[i]);
    s = catalog_session(&catalog, "s");
    TAILQ_FOREACH(t, &s->transcripts, of_session) {
        ck_assert(!last || strcmp(last->path, t->path) < 0);
        last = t;
        n++;
    }
    ck_assert_uint_eq(n, 4);
}
END_TEST

START_TEST(a_name_is_the_id_as_a_file_name)
{
    struct session *s = catalog_session_made(&catalog, OKS_SLICE("a/b"));

    ck_assert_str_eq(s->name, "a%2Fb");
    ck_assert_str_eq(s->id, "a/b");
    ck_assert_ptr_eq(catalog_session(&catalog, "a%2Fb"), s);
    catalog_session_remove(&catalog, s);
}
END_TEST

START_TEST(a_transcript_moves)
{
    struct transcript *t = add("-p/s1.jsonl"), *other = add("-q/s1.jsonl");
    struct session *from = t->session, *to = catalog_session_made(&catalog, OKS_SLICE("s2"));

    catalog_move(t, to);
    ck_assert_ptr_eq(t->session, to);
    ck_assert_ptr_eq(TAILQ_FIRST(&to->transcripts), t);
    ck_assert_ptr_eq(TAILQ_FIRST(&from->transcripts), other);
    ck_assert_ptr_null(TAILQ_NEXT(other, of_session));
    catalog_move(other, to);
    ck_assert_ptr_eq(TAILQ_NEXT(t, of_session), other);
    ck_assert(TAILQ_EMPTY(&from->transcripts));
    catalog_session_remove(&catalog, from);
}
END_TEST

START_TEST(lost_ones_are_scanned_first)
{
    struct transcript *a = add("-p/a.jsonl"), *b = add("-p/b.jsonl"), *c = add("-p/c.jsonl");

    catalog_mark_dirty(&catalog, a, false);
    catalog_mark_dirty(&catalog, b, true);
    catalog_mark_dirty(&catalog, a, false); /* stays where it is */
    ck_assert_ptr_eq(TAILQ_FIRST(&catalog.dirty), a);
    ck_assert(a->dirty && !a->touched && b->touched && !c->dirty);
    catalog_mark_dirty(&catalog, a, true);
    catalog_mark_dirty(&catalog, a, false);
    ck_assert(a->touched);
    catalog_mark_lost(&catalog, b);
    catalog_mark_lost(&catalog, c);
    ck_assert(b->lost && c->lost && c->dirty && !a->lost);
    ck_assert_ptr_eq(TAILQ_FIRST(&catalog.dirty), c);
    ck_assert_ptr_eq(TAILQ_NEXT(c, queued), b);
    ck_assert_ptr_eq(TAILQ_NEXT(b, queued), a);
    ck_assert_ptr_null(TAILQ_NEXT(a, queued));
}
END_TEST

START_TEST(links_are_listed_once)
{
    struct transcript *a = add("-p/a.jsonl"), *b = add("-p/b.jsonl");

    catalog_linked(&catalog, a, true, &a->mark);
    catalog_linked(&catalog, a, true, &a->mark);
    catalog_linked(&catalog, b, true, &b->mark);
    ck_assert_ptr_eq(LIST_FIRST(&catalog.linked), b);
    ck_assert_ptr_eq(LIST_NEXT(b, of_linked), a);
    ck_assert_ptr_null(LIST_NEXT(a, of_linked));
    catalog_linked(&catalog, b, false, &b->mark);
    catalog_linked(&catalog, b, false, &b->mark);
    ck_assert_ptr_eq(LIST_FIRST(&catalog.linked), a);
    ck_assert(!b->linked && a->linked);
}
END_TEST

static void mark(struct transcript *t, struct file_mark now)
{
    struct file_mark before = t->mark;

    t->mark = now;
    session_file_changed(t, &before);
}

static void scanned_as(struct transcript *t, uint64_t ino, int64_t ctime_ns)
{
    if (t->dirty)
        TAILQ_REMOVE(&catalog.dirty, t, queued);
    t->dirty = false;
    mark(t, (struct file_mark){.dev = 1, .ino = ino, .size = 10, .ctime_ns = ctime_ns});
}

START_TEST(a_file_is_dirty_under_all_its_names)
{
    struct transcript *a = add("-p/a.jsonl"), *b = add("-p/b.jsonl"), *c = add("-p/c.jsonl");

    scanned_as(a, 7, 1); /* when the file had one name */
    scanned_as(b, 7, 2);
    scanned_as(c, 8, 1);
    catalog_linked(&catalog, b, true, &b->mark);
    ck_assert_int_eq(catalog_check_links(&catalog), 0);
    ck_assert(!a->dirty); /* nothing was committed */
    catalog.links_due = true;
    ck_assert_int_eq(catalog_check_links(&catalog), 0);
    ck_assert(a->dirty && !b->dirty && !c->dirty && !catalog.links_due);

    scanned_as(a, 7, 2);
    catalog_linked(&catalog, a, true, &a->mark);
    catalog_linked(&catalog, c, true, &c->mark);
    scanned_as(c, 8, 3); /* another file, whose other name is none of ours */
    catalog.links_due = true;
    ck_assert_int_eq(catalog_check_links(&catalog), 0);
    ck_assert(!a->dirty && !b->dirty && !c->dirty);

    scanned_as(a, 7, 4); /* written to */
    catalog.links_due = true;
    ck_assert_int_eq(catalog_check_links(&catalog), 0);
    ck_assert(!a->dirty && b->dirty && !c->dirty);

    scanned_as(b, 7, 4);
    catalog_linked(&catalog, a, false, &a->mark); /* gone, perhaps after it was written to */
    ck_assert_int_eq(catalog_check_links(&catalog), 0);
    ck_assert(b->dirty && c->dirty && !catalog.links_gone);
}
END_TEST

START_TEST(a_name_may_become_one_of_another_file)
{
    struct transcript *a = add("-p/a.jsonl"), *b = add("-p/b.jsonl"), *c = add("-p/c.jsonl");
    struct file_mark other = {.dev = 1, .ino = 8, .size = 20, .ctime_ns = 2};

    scanned_as(a, 7, 1);
    scanned_as(b, 7, 1);
    scanned_as(c, 8, 1); /* when the file had one name */
    catalog_linked(&catalog, a, true, &a->mark);
    catalog_linked(&catalog, b, true, &b->mark);
    catalog.links_due = true;
    ck_assert_int_eq(catalog_check_links(&catalog), 0);
    catalog_linked(&catalog, b, true, &other);
    mark(b, other);
    ck_assert_int_eq(catalog_check_links(&catalog), 0);
    ck_assert(a->dirty); /* it may have been written to under the name that it had */
    ck_assert(c->dirty);
}
END_TEST

START_TEST(a_parent_is_a_file_name)
{
    struct session *s = add("-p/a.jsonl")->session;

    ck_assert_ptr_null(s->parent);
    catalog_set_parent(&catalog, s, OKS_SLICE("x/y"));
    ck_assert_str_eq(s->parent, "x%2Fy");
    ck_assert_ptr_eq(LIST_FIRST(&catalog_parent(&catalog, "x%2Fy")->children), s);
    catalog_set_parent(&catalog, s, OKS_SLICE("z"));
    ck_assert_str_eq(s->parent, "z");
    ck_assert_ptr_null(catalog_parent(&catalog, "x%2Fy"));
    catalog_set_parent(&catalog, s, (struct oks_slice){0});
    ck_assert_ptr_null(s->parent);
    ck_assert_ptr_null(catalog_parent(&catalog, "z"));
}
END_TEST

/* --- what a session says of itself --- */

static void set(char **text, const char *value)
{
    free(*text);
    *text = value ? strdup(value) : NULL;
}

START_TEST(the_first_that_has_one_names_it)
{
    struct transcript *a = add("-a/s.jsonl"), *b = add("-b/s.jsonl"), *c = add("-c/s.jsonl");
    const struct session *s = a->session;

    ck_assert_ptr_null(session_agent_name(s));
    ck_assert_ptr_null(session_label(s));
    ck_assert_ptr_null(session_model(s));
    set(&c->state.agent_name, "late");
    set(&c->state.model, "m3");
    set(&a->state.label, "label");
    ck_assert_str_eq(session_agent_name(s), "late");
    ck_assert_str_eq(session_label(s), "late"); /* records count more */
    set(&b->state.agent_name, "early");
    set(&b->state.model, "m2");
    ck_assert_str_eq(session_agent_name(s), "early");
    ck_assert_str_eq(session_model(s), "m2");
    set(&b->state.agent_name, NULL);
    set(&c->state.agent_name, NULL);
    ck_assert_str_eq(session_label(s), "label");
    ck_assert_ptr_eq(session_source(s), &oks_source_claude);
}
END_TEST

START_TEST(one_file_under_two_names_counts_once)
{
    struct transcript *a = add("-a/s.jsonl"), *b = add("-b/s.jsonl"), *c = add("-c/s.jsonl");
    const struct session *s = a->session;

    ck_assert_uint_eq(session_transcripts(s), 3); /* not known yet */
    mark(c, (struct file_mark){.dev = 1, .ino = 7});
    ck_assert(!session_has_twin(s, c));
    mark(a, (struct file_mark){.dev = 1, .ino = 7});
    mark(b, (struct file_mark){.dev = 2, .ino = 7});
    ck_assert(!session_has_twin(s, a) && !session_has_twin(s, b) && session_has_twin(s, c));
    ck_assert_uint_eq(session_transcripts(s), 2);
    mark(b, (struct file_mark){.dev = 1, .ino = 7}); /* replaced */
    ck_assert(!session_has_twin(s, a) && session_has_twin(s, b) && session_has_twin(s, c));
    mark(a, (struct file_mark){.dev = 1, .ino = 9});
    ck_assert(!session_has_twin(s, a) && !session_has_twin(s, b) && session_has_twin(s, c));
    catalog_transcript_remove(&catalog, b);
    ck_assert(!session_has_twin(s, a) && !session_has_twin(s, c));
    transcript_clear(b);
    free(b);
}
END_TEST

START_TEST(a_session_lives_while_a_file_is_there)
{
    struct transcript *a = add("-a/s.jsonl"), *b = add("-b/s.jsonl");

    ck_assert(session_is_live(a->session));
    a->retained = true;
    ck_assert(session_is_live(a->session));
    b->retained = true;
    ck_assert(!session_is_live(a->session));
}
END_TEST

static void add_event(struct transcript *t, const char *stamp)
{
    struct oks_event event = {.stamp = oks_stamp_of(oks_slice_of(stamp)), .count = {1}};

    ck_assert_int_eq(oks_events_append(t->state.events, &event), 0);
    oks_events_window(t->state.events, OKS_STAMP_NONE, OKS_STAMP_NONE, &t->totals);
}

START_TEST(a_session_begins_with_its_first_event)
{
    struct transcript *a = add("-a/s.jsonl"), *b = add("-b/s.jsonl");
    char buf[OKS_STAMP_TEXT];

    ck_assert(oks_stamp_is_none(session_first(a->session)));
    add_event(a, "2026-06-10T02:00:00Z");
    add_event(b, "2026-06-10T01:00:00Z");
    add_event(b, "2026-06-10T03:00:00Z");
    ck_assert_str_eq(oks_stamp_text(session_first(a->session), buf).ptr, "2026-06-10T01:00:00Z");
    mark(a, (struct file_mark){.dev = 1, .ino = 1}); /* the same file: the first name counts */
    mark(b, a->mark);
    ck_assert_str_eq(oks_stamp_text(session_first(a->session), buf).ptr, "2026-06-10T02:00:00Z");
}
END_TEST

/* --- projects --- */

START_TEST(a_session_is_in_the_project_of_its_first_transcript)
{
    struct transcript *a = add("-q/s1.jsonl"), *b;
    struct session *s = a->session;
    struct project *from, *q;
    uint64_t version;

    ck_assert_int_eq(catalog_assign_project(&catalog, s, &from), 1);
    ck_assert_ptr_null(from);
    q = s->project;
    ck_assert_str_eq(q->name, "-q");
    ck_assert_ptr_eq(catalog_project(&catalog, "-q"), q);
    ck_assert_ptr_eq(LIST_FIRST(&q->sessions), s);
    version = q->version;
    ck_assert_int_eq(catalog_assign_project(&catalog, s, &from), 0);
    ck_assert_uint_gt(q->version, version);
    b = add("-p/s1.jsonl");
    ck_assert_int_eq(catalog_assign_project(&catalog, s, &from), 1);
    ck_assert_ptr_eq(from, q);
    ck_assert_str_eq(s->project->name, "-p");
    ck_assert_uint_eq(catalog.n_projects, 2);
    ck_assert(catalog_project_release(&catalog, q));
    free(q);
    ck_assert_uint_eq(catalog.n_projects, 1);
    ck_assert_ptr_null(catalog_project(&catalog, "-q"));
    ck_assert(!catalog_project_release(&catalog, s->project)); /* somebody is in it */
    drop(b);
    place(s);
    ck_assert_str_eq(s->project->name, "-q");
    ck_assert_ptr_null(catalog_project(&catalog, "-p"));
}
END_TEST

START_TEST(a_path_may_name_the_parent)
{
    struct session *s = add("-p/s1/subagents/agent-x.jsonl")->session;

    place(s);
    ck_assert_str_eq(s->parent, "s1");
    ck_assert_str_eq(s->project->name, "-p");
}
END_TEST

START_TEST(a_name_that_is_too_long_is_no_project)
{
    char name[OKS_NAME_MAX + 2];

    memset(name, 'a', sizeof(name));
    name[OKS_NAME_MAX + 1] = '\0';
    ck_assert_ptr_null(catalog_project(&catalog, name));
    name[OKS_NAME_MAX] = '\0';
    ck_assert_ptr_null(catalog_project(&catalog, name));
}
END_TEST

static void project_is(const char *cwd, const char *want)
{
    char name[OKS_NAME_MAX + 1];

    placement_project_of_cwd(cwd, name);
    ck_assert_str_eq(name, want);
}

START_TEST(a_folder_is_named_as_claude_code_names_it)
{
    char cwd[300] = "/", want[OKS_NAME_MAX + 1] = "-";

    project_is("/home/me/a_b.c", "-home-me-a-b-c");
    project_is("/AZ/az/09", "-AZ-az-09");
    project_is("/h\xc3\xa4", "-h-");
    project_is("/\xf0\x9f\x98\x80", "---"); /* two units of UTF-16 */
    memset(cwd + 1, 'a', 199);
    memset(want + 1, 'a', 199);
    project_is(cwd, want); /* 200 units: as they are */
    strcpy(cwd + 200, "a");
    placement_project_of_cwd(cwd, want);
    ck_assert_uint_gt(strlen(want), 201);
    ck_assert_int_eq(want[200], '-');
    ck_assert_int_eq(want[199], 'a');
}
END_TEST

/* The hash of a name that is cut, made here in the plain way. */
START_TEST(a_long_folder_ends_in_a_hash)
{
    char cwd[402] = "", want[300], digits[16], *p = digits + sizeof(digits);
    int32_t h = 0;
    uint32_t value;

    for (int i = 0; i < 400; i++)
        cwd[i] = i % 7 ? (char)('a' + i % 26) : '/';
    for (int i = 0; i < 400; i++)
        h = (int32_t)((uint32_t)h * 31 + (uint8_t)cwd[i]);
    value = h < 0 ? -(uint32_t)h : (uint32_t)h;
    *--p = '\0';
    for (; value; value /= 36)
        *--p = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
    for (int i = 0; i < 200; i++)
        want[i] = cwd[i] == '/' ? '-' : cwd[i];
    sprintf(want + 200, "-%s", p);
    project_is(cwd, want);
    ck_assert_int_ne(h, 0);
}
END_TEST

/* Transcripts that come, go, change their inode and are deleted, at random. */
START_TEST(transcripts_by_inode)
{
    enum { FILES = 600, INODES = 150, ROUNDS = 6000 };
    static struct transcript *all[FILES];
    static uint64_t ino[FILES];
    char path[32];

    srandom(9);
    for (int round = 0; round < ROUNDS; round++) {
        int i = (int)(random() % FILES);

        snprintf(path, sizeof(path), "-a/s%d.jsonl", i);
        if (!all[i]) {
            all[i] = add(path);
            ino[i] = 0;
            ck_assert_int_eq(all[i]->inode, INODE_UNSEEN);
            ck_assert_ptr_eq(LIST_FIRST(&catalog.by_inode.unseen), all[i]);
        } else if (random() % 8 == 0) {
            drop(all[i]);
            all[i] = NULL;
        } else {
            ino[i] = (uint64_t)(random() % INODES);
            all[i]->retained = random() % 2;
            catalog_inode_is(&catalog, all[i], ino[i]);
        }
    }
    for (uint64_t n = 1; n < INODES; n++)
        for (int retained = 0; retained < 2; retained++) {
            size_t want = 0, got = 0;

            for (int i = 0; i < FILES; i++)
                want += all[i] && ino[i] == n && all[i]->retained == retained;
            for (struct transcript *t = catalog_of_inode(&catalog, n, retained); t;
                 t = catalog_of_inode_next(t))
                got += ino[atoi(t->session->name + 1)] == n && t->retained == retained;
            ck_assert_uint_eq(got, want);
        }
    for (int i = 0; i < FILES; i++)
        if (all[i])
            drop(all[i]);
    ck_assert(LIST_EMPTY(&catalog.by_inode.unseen));
    ck_assert_uint_eq(catalog.by_inode.n, 0);
}
END_TEST

/* --- teams --- */

static void names_teams(struct transcript *t, const char *const *names)
{
    oks_strings_clear(&t->state.teams);
    for (; *names; names++)
        oks_strings_add_folded(&t->state.teams, oks_slice_of(*names), OKS_TEAMS_MAX);
    ck_assert_int_eq(catalog_session_teams(&catalog, t->session), 0);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static size_t members(const char *name)
{
    const struct team *team = catalog_team(&catalog, name);
    const struct membership *m;
    size_t n = 0;

    if (team)
        LIST_FOREACH(m, &team->members, of_team)
            n++;
    return n;
}

/* A teammate inside the process of `lead`; NULL: the file beside it is gone. */
static void labels_team(struct transcript *t, const char *team)
{
    free(t->state.label_team);
    t->state.label_team = team ? strdup(team) : NULL;
    ck_assert_int_eq(catalog_session_teams(&catalog, t->session), 0);
}

static bool only_team_is(const struct session *s, const char *name)
{
    const struct membership *m = LIST_FIRST(&s->teams);

    return m && !LIST_NEXT(m, of_session) && strcmp(m->team->name, name) == 0;
}

START_TEST(teammates_have_a_lead)
{
    struct transcript *mate, *lead;
    uint64_t before;

    setup();
    mate = add("p/leader-of-all/subagents/agent-1.jsonl");
    place(mate->session);
    labels_team(mate, "crew");
    ck_assert(only_team_is(mate->session, "crew"));
    ck_assert_ptr_nonnull(catalog_lead(&catalog, "leader-of-all"));
    lead = add("p/leader-of-all.jsonl"); /* it comes later, and changes */
    place(lead->session);
    before = catalog_team(&catalog, "crew")->version;
    catalog_lead_bump(&catalog, lead->session, before + 7);
    ck_assert_uint_eq(catalog_team(&catalog, "crew")->version, before + 7);
    catalog_lead_bump(&catalog, mate->session, before + 9);
    ck_assert_uint_eq(catalog_team(&catalog, "crew")->version, before + 7);

    labels_team(mate, ""); /* the team is not named */
    ck_assert(only_team_is(mate->session, "session-leader-o"));
    names_teams(lead, NAMES("night"));
    ck_assert(only_team_is(mate->session, "night"));
    names_teams(lead, NAMES("night", "day"));
    ck_assert_ptr_null(LIST_FIRST(&mate->session->teams));
    names_teams(lead, NAMES("DAY"));
    ck_assert(only_team_is(mate->session, "DAY"));
    names_teams(lead, NAMES(NULL));
    ck_assert(only_team_is(mate->session, "session-leader-o"));
    labels_team(mate, NULL);
    ck_assert_ptr_null(LIST_FIRST(&mate->session->teams));
    ck_assert_ptr_null(catalog_lead(&catalog, "leader-of-all"));
    ck_assert_uint_eq(catalog.n_teams, 0);
    drop(lead);
    drop(mate);
}
END_TEST

START_TEST(teams_come_and_go_with_their_names)
{
    struct transcript *a = add("-a/s1.jsonl"), *b = add("-a/s2.jsonl");
    uint64_t version;

    names_teams(a, NAMES("Crew", "night"));
    names_teams(b, NAMES("crew"));
    ck_assert_uint_eq(catalog.n_teams, 2);
    ck_assert_uint_eq(members("CREW"), 2);
    ck_assert_uint_eq(members("night"), 1);
    ck_assert_uint_eq(members("nobody"), 0);
    version = catalog_team(&catalog, "crew")->version;
    names_teams(a, NAMES("night"));
    ck_assert_uint_eq(members("crew"), 1);
    ck_assert_uint_gt(catalog_team(&catalog, "crew")->version, version);
    names_teams(b, NAMES("day"));
    ck_assert_ptr_null(catalog_team(&catalog, "crew"));
    ck_assert_uint_eq(catalog.n_teams, 2);
    names_teams(a, NAMES(""));
    ck_assert_uint_eq(catalog.n_teams, 1); /* a team without a name is none */
}
END_TEST

/* Two sessions, each naming many teams in two spellings, at random. */
START_TEST(thousands_of_teams)
{
    enum { TEAMS = 400, ROUNDS = 12 };
    struct transcript *of[2] = {add("-a/s1.jsonl"), add("-a/s2.jsonl")};
    static bool named[2][TEAMS];
    char name[32];

    srandom(3);
    for (int round = 0; round < ROUNDS; round++) {
        struct transcript *t = of[round % 2];
        bool *is = named[round % 2];
        size_t n = 0;

        oks_strings_clear(&t->state.teams);
        for (int i = 0; i < TEAMS; i++) {
            is[i] = random() % 3 > 0;
            snprintf(name, sizeof(name), random() % 2 ? "team %d" : "Team %d", i);
            if (is[i])
                oks_strings_add_folded(&t->state.teams, oks_slice_of(name), OKS_TEAMS_MAX);
        }
        ck_assert_int_eq(catalog_session_teams(&catalog, t->session), 0);
        for (int i = 0; i < TEAMS; i++) {
            snprintf(name, sizeof(name), "TEAM %d", i);
            ck_assert_uint_eq(members(name), (size_t)named[0][i] + named[1][i]);
            n += named[0][i] || named[1][i];
        }
        ck_assert_uint_eq(catalog.n_teams, n);
    }
}
END_TEST

START_TEST(a_team_is_listed_as_the_first_path_writes_it)
{
    struct transcript *b = add("-b/s1.jsonl"), *c = add("-c/s2.jsonl"), *a;
    struct team *team;
    uint64_t names;

    names_teams(c, NAMES("CREW"));
    team = catalog_team(&catalog, "crew");
    ck_assert_str_eq(team->name, "CREW");
    names_teams(b, NAMES("Crew"));
    ck_assert_str_eq(team->name, "Crew");
    /* Another transcript of the later session is the first now. */
    a = add("-a/s2.jsonl");
    names = versions.names;
    ck_assert_int_eq(catalog_session_teams(&catalog, a->session), 0);
    ck_assert_str_eq(team->name, "CREW");
    ck_assert_uint_gt(versions.names, names);
    /* And writes it in another way. */
    names_teams(a, NAMES("cREW"));
    ck_assert_str_eq(team->name, "cREW");
    names = versions.names;
    names_teams(a, NAMES("cREW"));
    ck_assert_uint_eq(versions.names, names);
    names_teams(a, NAMES("crew"));
    ck_assert_str_eq(team->name, "crew");
    drop(a);
    ck_assert_str_eq(team->name, "Crew");
    drop(b);
    ck_assert_str_eq(team->name, "CREW");
}
END_TEST

START_TEST(names_fold_as_file_names_do)
{
    struct transcript *a = add("-a/s1.jsonl"), *b = add("-a/s2.jsonl");

    names_teams(a, NAMES("x/\xc3\x84"));
    names_teams(b, NAMES("X/\xc3\xa4"));
    ck_assert_uint_eq(catalog.n_teams, 1);
    ck_assert_str_eq(catalog_team(&catalog, "x%2F\xc3\xa4")->name, "x%2F\xc3\x84");
}
END_TEST

/* A team-state file keeps a team that nobody is in. */
START_TEST(a_team_lasts_while_something_names_it)
{
    struct team *team = catalog_team_made(&catalog, OKS_SLICE("crew"));
    struct transcript *a = add("-a/s1.jsonl");

    ck_assert_ptr_eq(catalog_team_made(&catalog, OKS_SLICE("CREW")), team);
    ck_assert_str_eq(team->name, "crew");
    names_teams(a, NAMES("Crew"));
    ck_assert_str_eq(team->name, "Crew");
    catalog_team_release(&catalog, team);
    ck_assert_uint_eq(catalog.n_teams, 1);
    drop(a);
    ck_assert_uint_eq(catalog.n_teams, 0);
}
END_TEST

/* --- who repeats whom --- */

/*
 * A source whose memo is "<own>" or "<own> <origin>": `agrees` where all peers are listed in `expected`.
 */
static char expected[256];
static unsigned asked;

static bool origin(const char *memo, char *out, size_t size)
{
    const char *blank = strchr(memo, ' ');

    if (!blank)
        return false;
    snprintf(out, size, "%s", blank + 1);
    return true;
}

static bool agrees(const char *memo, const char *peers)
{
    asked++;
    return strcmp(peers, expected) == 0;
}

static int rank(const char *path)
{
    return strstr(path, "/z/") ? 0 : 1; /* what lies in z counts first */
}

static struct oks_slice id_of(const char *rel)
{
    const char *base = strrchr(rel, '/') + 1;

    return (struct oks_slice){base, strcspn(base, "-.")};
}

static bool parent_of(const char *memo, char *out, size_t size)
{
    return origin(memo, out, size);
}

static const struct source repeating = {.id = OKS_SOURCE_CODEX,
                                        .name = "codex",
                                        .id_of = id_of,
                                        .late = true,
                                        .rank = rank,
                                        .origin = origin,
                                        .parent_of = parent_of,
                                        .agrees = agrees};

static struct transcript *add_repeating(const char *rel, const char *memo)
{
    struct transcript *t;

    root.source = &repeating;
    t = add(rel);
    t->loaded = true;
    set(&t->state.reader_state, memo);
    mark(t, (struct file_mark){.dev = 1, .ino = catalog.n_transcripts});
    return t;
}

static void peers_are(const struct transcript *t, const char *want)
{
    char *peers = placement_peer_states(&catalog, t);

    ck_assert_str_eq(peers, want);
    free(peers);
}

/* Whether it has to be read again; asks once. */
static bool is_anew(struct transcript *t)
{
    bool anew = t->anew;

    ck_assert(!anew || t->dirty);
    t->anew = false;
    if (t->dirty)
        TAILQ_REMOVE(&catalog.dirty, t, queued);
    t->dirty = t->touched = false;
    return anew;
}

START_TEST(peers_are_those_before_it)
{
    struct transcript *b = add_repeating("b/s-2.jsonl", "B"), *a = add_repeating("a/s-1.jsonl", "A");
    struct transcript *z = add_repeating("z/s-3.jsonl", "Z");

    peers_are(z, "");
    peers_are(a, "Z\n");
    peers_are(b, "A\nZ\n");
    set(&a->state.reader_state, NULL); /* not known yet */
    peers_are(b, "Z\n");
    mark(z, b->mark); /* the same file counts once anyway */
    peers_are(b, "");
    root.source = &oks_source_claude;
    peers_are(add("c/s.jsonl"), ""); /* of a source that repeats nothing */
}
END_TEST

/* A thread of thousands of pages must not cost their square. */
START_TEST(only_those_near_it_are_peers)
{
    struct transcript *all[300];
    char rel[32], *peers;
    size_t n = 0;

    for (int i = 0; i < 300; i++) {
        snprintf(rel, sizeof(rel), "a/s-%03d.jsonl", i);
        all[i] = add_repeating(rel, "P");
    }
    peers = placement_peer_states(&catalog, all[299]);
    for (const char *p = peers; *p; p++)
        n += *p == '\n';
    ck_assert_uint_eq(n, 64);
    free(peers);
    strcpy(expected, "");
    asked = 0;
    placement_changed(&catalog, all[0], false);
    ck_assert_uint_eq(asked, 1 + 64);
    ck_assert(all[64]->anew && !all[65]->anew);
}
END_TEST

START_TEST(who_would_say_something_else_is_read_again)
{
    struct transcript *a = add_repeating("a/s-1.jsonl", "A"), *b = add_repeating("b/s-2.jsonl", "B");
    struct transcript *c = add_repeating("c/s-3.jsonl", "C");

    strcpy(expected, "");
    placement_changed(&catalog, a, false);
    ck_assert(!is_anew(a) && is_anew(b) && is_anew(c));
    strcpy(expected, "A\n");
    placement_changed(&catalog, b, false);
    ck_assert(!is_anew(a) && !is_anew(b) && is_anew(c));
    /* What has not been read is waited for. */
    strcpy(expected, "?");
    a->unplaced = true;
    placement_changed(&catalog, b, false);
    ck_assert(!is_anew(b) && !is_anew(c));
    a->unplaced = false;
    c->loaded = false;
    placement_changed(&catalog, b, false);
    ck_assert(is_anew(b) && !is_anew(c));
    c->loaded = true;
    /* One that leaves is gone for the others. */
    strcpy(expected, "B\n");
    placement_changed(&catalog, a, true);
    ck_assert(is_anew(b) && !is_anew(c));
    ck_assert_str_eq(a->state.reader_state, "A");
    strcpy(expected, "A\nB\n");
    placement_changed(&catalog, c, false);
    ck_assert(!is_anew(c));
}
END_TEST

START_TEST(a_fork_follows_its_origin)
{
    struct transcript *fork = add_repeating("a/f-1.jsonl", "F s"), *s, *other;

    strcpy(expected, "");
    placement_changed(&catalog, fork, false);
    ck_assert_str_eq(fork->origin, "s");
    ck_assert(!is_anew(fork));
    peers_are(fork, ""); /* it is not there */
    s = add_repeating("b/s-1.jsonl", "S");
    peers_are(fork, "S\n");
    placement_changed(&catalog, s, false);
    ck_assert(is_anew(fork) && !is_anew(s));
    s->unplaced = true;
    placement_changed(&catalog, fork, false);
    ck_assert(!is_anew(fork)); /* it waits */
    s->unplaced = false;
    other = add_repeating("c/x-1.jsonl", "X");
    placement_changed(&catalog, other, false);
    ck_assert(!is_anew(fork)); /* of another session */
    strcpy(expected, "S\n");
    placement_changed(&catalog, s, true);
    ck_assert(is_anew(fork));              /* it would repeat nothing now */
    set(&fork->state.reader_state, "F f"); /* of itself: it has none */
    placement_changed(&catalog, fork, false);
    peers_are(fork, "");
    set(&fork->state.reader_state, "F");
    placement_changed(&catalog, fork, false);
    ck_assert_ptr_null(fork->origin);
    ck_assert_ptr_null(catalog.origins);
}
END_TEST

static uint64_t assumed(const char *memo)
{
    return strtoull(memo, NULL, 10);
}

/* "<sum of keys> <oldest session> <family, or - >" */
static bool oldest(const char *memo, char *out, size_t size)
{
    return sscanf(memo, "%*s %31s", out) == 1;
}

static bool family(const char *memo, char *out, size_t size)
{
    return sscanf(memo, "%*s %*s %31s", out) == 1 && strcmp(out, "-") != 0;
}

static bool alone(const char *memo)
{
    return true;
}

static const struct source copying = {.id = OKS_SOURCE_CODEX,
                                      .name = "codex",
                                      .id_of = id_of,
                                      .late = true,
                                      .agrees = agrees,
                                      .assumed = assumed,
                                      .oldest = oldest,
                                      .family = family,
                                      .alone = alone};

static struct transcript *add_copying(const char *rel, const char *memo)
{
    struct transcript *t;

    root.source = &copying;
    t = add(rel);
    t->loaded = true;
    set(&t->state.reader_state, memo);
    return t;
}

START_TEST(a_family_is_followed_to_its_oldest)
{
    struct transcript *c = add_copying("c/c-1.jsonl", "0 b b"), *b, *a;

    placement_changed(&catalog, c, false);
    placement_check(&catalog);
    ck_assert(!is_anew(c)); /* as far as it is known */
    b = add_copying("b/b-1.jsonl", "0 a -");
    placement_changed(&catalog, b, false);
    placement_check(&catalog);
    ck_assert(is_anew(c) && !is_anew(b)); /* b comes from a */
    set(&c->state.reader_state, "0 b a");
    placement_changed(&catalog, c, false);
    placement_check(&catalog);
    ck_assert(!is_anew(c));
    a = add_copying("a/a-1.jsonl", "0 b -"); /* a ring */
    placement_changed(&catalog, a, false);
    placement_check(&catalog);
    ck_assert(!is_anew(c)); /* a is the least */
    placement_changed(&catalog, b, true);
    set(&b->state.reader_state, NULL);
    placement_check(&catalog);
    ck_assert(is_anew(c)); /* b names nobody any more */
    drop(c);
    ck_assert(LIST_EMPTY(&catalog.related));
}
END_TEST

START_TEST(who_counts_what_others_own_is_read_again)
{
    struct transcript *a, *b;

    root.source = &copying;
    a = add("a/s-1.jsonl");
    a->loaded = true;
    set(&a->state.reader_state, "0");
    peers_are(a, "self s s\n"); /* it names no session, but its file does */
    placement_suspect(&catalog, a);
    placement_suspect(&catalog, a);
    placement_check(&catalog);
    ck_assert(!is_anew(a)); /* it owns all that it logs */
    set(&a->state.reader_state, "77");
    placement_check(&catalog);
    ck_assert(!is_anew(a)); /* nothing has changed */
    placement_suspect(&catalog, a);
    catalog.n_unplaced = 1;
    placement_check(&catalog);
    ck_assert(!is_anew(a)); /* owners are not final */
    catalog.n_unplaced = 0;
    placement_check(&catalog);
    ck_assert(is_anew(a));
    placement_suspect(&catalog, a);
    a->retained = true;
    placement_check(&catalog);
    ck_assert(!is_anew(a)); /* there is no file */
    a->retained = false;
    b = add_repeating("b/x-1.jsonl", "77"); /* of a source whose events have all that it logs */
    placement_suspect(&catalog, b);
    ck_assert(LIST_EMPTY(&catalog.suspects));
    placement_suspect(&catalog, a); /* and goes */
    drop(a);
    ck_assert(LIST_EMPTY(&catalog.suspects));
}
END_TEST

START_TEST(records_name_project_and_parent)
{
    struct transcript *t = add_repeating("b/s-1.jsonl", "S other"), *first;
    struct session *s = t->session;
    char name[OKS_NAME_MAX + 1];

    ck_assert(!placement_project(s, name));
    place(s);
    ck_assert_ptr_null(s->project);
    oks_strings_add(&t->state.cwds, OKS_SLICE("/w/x"), OKS_CWDS_MAX);
    oks_strings_add(&t->state.cwds, OKS_SLICE("/w/y"), OKS_CWDS_MAX);
    ck_assert(placement_project(s, name));
    ck_assert_str_eq(name, "-w-x");
    place(s);
    ck_assert_str_eq(s->project->name, "-w-x");
    placement_parent(&catalog, s);
    ck_assert_str_eq(s->parent, "other");
    first = add_repeating("a/s-2.jsonl", "S");
    placement_parent(&catalog, s);
    ck_assert_ptr_null(s->parent);
    ck_assert(placement_project(s, name)); /* the first that says it */
    set(&first->state.reader_state, NULL);
    placement_parent(&catalog, s);
    ck_assert_ptr_null(s->parent);
    root.source = &oks_source_claude;
    s = add("-p/s1/subagents/agent-x.jsonl")->session;
    place(s);
    placement_parent(&catalog, s); /* the path says it */
    ck_assert_str_eq(s->parent, "s1");
}
END_TEST

/* --- which transcripts a window cuts --- */

struct cutting {
    struct oks_stamp since, until;
    size_t n;
};

static void count_cut(void *ctx, void *item)
{
    struct cutting *c = ctx;

    c->n += transcript_overlap(item, c->since, c->until) == TRANSCRIPT_CUT;
}

static size_t cut(const char *since, const char *until)
{
    struct cutting c = {since ? oks_stamp_of(oks_slice_of(since)) : OKS_STAMP_NONE,
                        until ? oks_stamp_of(oks_slice_of(until)) : OKS_STAMP_NONE, 0};

    oks_tree_each(catalog.transcripts, count_cut, &c);
    return c.n;
}

#define T(minute) "2026-06-10T01:" minute ":00Z"

START_TEST(a_window_cuts_what_it_takes_in_part)
{
    struct transcript *a = add("-a/s.jsonl");

    ck_assert_uint_eq(cut(T("10"), NULL), 0);
    add_event(a, T("10"));
    add_event(a, T("30"));
    ck_assert_uint_eq(cut(NULL, NULL), 0);
    ck_assert_uint_eq(cut(T("10"), T("30")), 0);
    ck_assert_uint_eq(cut(T("11"), NULL), 1);
    ck_assert_uint_eq(cut(NULL, T("29")), 1);
    ck_assert_uint_eq(cut(T("11"), T("29")), 1);
    ck_assert_uint_eq(cut(T("31"), NULL), 0);
    ck_assert_uint_eq(cut(NULL, T("09")), 0);
    ck_assert_uint_eq(cut(T("31"), T("40")), 0);
    add_event(a, "");
    ck_assert_uint_eq(cut(T("31"), T("40")), 1); /* what has no time is in it */
    ck_assert_uint_eq(cut(T("10"), T("30")), 0);
    for (int i = 0; i < 40; i++) {
        char rel[32];

        snprintf(rel, sizeof(rel), "-a/t%02d.jsonl", i);
        a = add(rel);
        add_event(a, T("10"));
        add_event(a, T("30"));
    }
    ck_assert_uint_eq(cut(T("20"), NULL), 41);
}
END_TEST

/* Its filesystem may not answer, so a scan that began without a file looks at none. */
START_TEST(a_file_that_comes_back_is_not_opened_meanwhile)
{
    static const char line[] = "{\"type\":\"user\",\"timestamp\":\"2026-06-10T01:00:00Z\"}\n";
    struct transcript t = {.source = &oks_source_claude};
    struct scan_options options = {.peer_states = "", .retained = true};
    struct scan_outcome out;
    struct oks_scanner *scanner;

    scratch_setup();
    make_file("s.jsonl", line, strlen(line));
    t.path = strdup(at("s.jsonl"));
    ck_assert_int_eq(oks_state_init(&t.state), 0);
    ck_assert_int_eq(oks_scanner_new(&scanner, OKS_ISA_AUTO), 0);

    ck_assert_int_eq(transcript_scan(&t, scanner, &options, &out), 0); /* `t.retained` is false again */
    ck_assert(out.gone && out.bytes_read == 0);
    scan_outcome_clear(&out);
    options.retained = false;
    ck_assert_int_eq(transcript_scan(&t, scanner, &options, &out), 0);
    ck_assert(!out.gone && out.bytes_read == strlen(line));
    scan_outcome_clear(&out);

    oks_scanner_free(scanner);
    transcript_clear(&t);
    scratch_teardown();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("catalog");
    TCase *tcase;

#define CATALOG_TEST(function)                         \
    tcase = tcase_create(#function);                   \
    tcase_add_checked_fixture(tcase, setup, teardown); \
    tcase_add_test(tcase, function);                   \
    suite_add_tcase(suite, tcase)

    CATALOG_TEST(what_is_made_is_found);
    CATALOG_TEST(transcripts_ascend_by_path);
    CATALOG_TEST(a_name_is_the_id_as_a_file_name);
    CATALOG_TEST(a_transcript_moves);
    CATALOG_TEST(lost_ones_are_scanned_first);
    CATALOG_TEST(links_are_listed_once);
    CATALOG_TEST(a_file_is_dirty_under_all_its_names);
    CATALOG_TEST(a_name_may_become_one_of_another_file);
    CATALOG_TEST(a_parent_is_a_file_name);
    CATALOG_TEST(the_first_that_has_one_names_it);
    CATALOG_TEST(one_file_under_two_names_counts_once);
    CATALOG_TEST(a_session_lives_while_a_file_is_there);
    CATALOG_TEST(a_session_begins_with_its_first_event);
    CATALOG_TEST(a_session_is_in_the_project_of_its_first_transcript);
    CATALOG_TEST(a_path_may_name_the_parent);
    CATALOG_TEST(a_name_that_is_too_long_is_no_project);
    CATALOG_TEST(a_folder_is_named_as_claude_code_names_it);
    CATALOG_TEST(a_long_folder_ends_in_a_hash);
    CATALOG_TEST(teammates_have_a_lead);
    CATALOG_TEST(transcripts_by_inode);
    CATALOG_TEST(teams_come_and_go_with_their_names);
    CATALOG_TEST(thousands_of_teams);
    CATALOG_TEST(a_team_is_listed_as_the_first_path_writes_it);
    CATALOG_TEST(names_fold_as_file_names_do);
    CATALOG_TEST(a_team_lasts_while_something_names_it);
    CATALOG_TEST(peers_are_those_before_it);
    CATALOG_TEST(only_those_near_it_are_peers);
    CATALOG_TEST(who_would_say_something_else_is_read_again);
    CATALOG_TEST(a_fork_follows_its_origin);
    CATALOG_TEST(a_family_is_followed_to_its_oldest);
    CATALOG_TEST(who_counts_what_others_own_is_read_again);
    CATALOG_TEST(records_name_project_and_parent);
    CATALOG_TEST(a_window_cuts_what_it_takes_in_part);
    CATALOG_TEST(a_file_that_comes_back_is_not_opened_meanwhile);
    return tap_run(suite);
}
