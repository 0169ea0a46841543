/* The inode table: which inode answers a lookup, how long it lives, and what has been announced of it. */
#include <errno.h>

#include "inodes/inode.h"
#include "nodes.h"

enum { START_NS = 1000 };

static struct inodes *table;
static struct spool *spool;
static size_t idle_max = 1 << 20;
static struct inode *sessions, *session;

static struct inode *get(struct inode *dir, const char *name, const char *path, int expected)
{
    struct node node = node_at(path);
    struct inode *inode;

    ck_assert_int_eq(inodes_get(table, dir, name, &node, &inode), expected);
    return inode;
}

static void begin(bool announces)
{
    struct inodes_config config = {
        .spool = spool, .idle_max = idle_max, .default_ns = START_NS, .announces = announces};

    ck_assert_int_eq(inodes_new(&table, &config), 0);
    sessions = get(inodes_root(table), "sessions", "sessions", 1);
    session = get(sessions, "0123", "sessions/=0123", 1);
}

static bool reads(const struct inode *inode, const char *text)
{
    char *got = malloc(strlen(text) + 2);
    ssize_t n;

    ck_assert_ptr_nonnull(got);
    n = inodes_read(table, inode, 0, got, strlen(text) + 1);
    n = n == (ssize_t)strlen(text) ? memcmp(got, text, (size_t)n) : 1;
    free(got);
    return n == 0;
}

/* With one reference to be given back. */
static struct inode *publish_at(const char *path, const char *text, struct oks_document of, int64_t now,
                                int expected)
{
    struct oks_document document = of;
    struct node node = node_at(path);
    struct inode *inode;

    document.bytes = strdup(text);
    document.len = strlen(text);
    ck_assert_int_eq(inodes_publish(table, session, strrchr(path, '/') + 1, &node, &document, now, &inode),
                     expected);
    ck_assert_uint_eq(inode->content.len, strlen(text));
    ck_assert(reads(inode, text));
    return inode;
}

static struct inode *publish(const char *text, uint64_t version, int expected)
{
    return publish_at("sessions/=0123/usage.json", text, (struct oks_document){.version = version}, 0,
                      expected);
}

static void forget(struct inode *inode)
{
    inodes_forget(table, inode, 1);
}

static bool is_unannounced(struct dentry *dentry)
{
    bool unannounced;
    size_t len;

    forget(dentry_current(table, dentry, &len, &unannounced));
    return unannounced;
}

/* Nothing is left but the root. */
static void end(void)
{
    forget(session);
    forget(sessions);
    ck_assert_uint_eq(inodes_count(table), 0);
    inodes_free(table);
    inodes_free(NULL);
}

/* --- directories and links --- */

START_TEST(a_directory_is_one_inode)
{
    struct inode *again, *other;

    begin(false);
    again = get(sessions, "0123", "sessions/=0123", 0);
    ck_assert_ptr_eq(again, session);
    ck_assert_uint_eq(session->nlookup, 2);
    ck_assert_uint_eq(inodes_count(table), 2);
    ck_assert_int_eq(session->mtime_ns, START_NS);
    ck_assert_ptr_null(inodes_find(table, sessions, "4567"));
    ck_assert_ptr_null(inodes_find(table, session, "0123"));
    other = inodes_find(table, sessions, "0123");
    ck_assert_ptr_eq(other, session);
    ck_assert_uint_eq(session->nlookup, 3);
    inodes_hold(table, session);
    ck_assert_uint_eq(session->nlookup, 4);
    inodes_forget(table, session, 3);
    ck_assert_uint_eq(session->nlookup, 1);
    end();
}
END_TEST

START_TEST(the_root_is_never_forgotten)
{
    begin(false);
    inodes_forget(table, inodes_root(table), 1000);
    ck_assert_uint_eq(inodes_root(table)->ino, 1);
    ck_assert_ptr_eq(get(inodes_root(table), "sessions", "sessions", 0), sessions);
    forget(sessions);
    end();
}
END_TEST

START_TEST(a_directory_lives_while_something_in_it_does)
{
    begin(false);
    forget(sessions);
    ck_assert_uint_eq(inodes_count(table), 2);
    ck_assert_ptr_eq(get(inodes_root(table), "sessions", "sessions", 0), sessions);
    end();
}
END_TEST

START_TEST(numbers_of_directories_are_stable)
{
    uint64_t ino;
    struct inode *other, *elsewhere;

    begin(false);
    ino = session->ino;
    other = get(sessions, "0124", "sessions/=0124", 1);
    elsewhere = get(inodes_root(table), "0123", "sessions/=0123", 1);
    ck_assert_uint_eq(ino >> 63, 1);
    ck_assert_uint_ne(other->ino, ino);
    ck_assert_uint_ne(elsewhere->ino, ino);
    ck_assert_uint_eq(inodes_guess(table, sessions, "0123", NODE_DIR), ino);
    forget(other);
    forget(elsewhere);
    end();
    begin(true); /* as after a restart */
    ck_assert_uint_eq(session->ino, ino);
    end();
}
END_TEST

START_TEST(a_link_of_another_target_is_another_inode)
{
    struct inode *first, *again, *second;

    begin(false);
    first = get(session, "x", "teams/=t/sessions/=one", 1);
    again = get(session, "x", "teams/=t/sessions/=one", 0);
    ck_assert_ptr_eq(first, again);
    ck_assert_str_eq(first->content.bytes, "../../../sessions/one");
    ck_assert_uint_eq(first->content.len, strlen(first->content.bytes));
    second = get(session, "x", "teams/=t/sessions/=two", 1);
    ck_assert_ptr_ne(first, second);
    ck_assert_str_eq(first->content.bytes, "../../../sessions/one"); /* as long as it is held */
    inodes_forget(table, first, 2);
    again = inodes_find(table, session, "x");
    ck_assert_ptr_eq(again, second);
    inodes_forget(table, second, 2);
    end();
}
END_TEST

START_TEST(thousands_of_names)
{
    enum { N = 5000 };
    static struct inode *inodes[N];
    char name[32], path[32];

    begin(false);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "%d", i);
        snprintf(path, sizeof(path), "sessions/=%d", i);
        inodes[i] = get(sessions, name, path, 1);
    }
    ck_assert_uint_eq(inodes_count(table), N + 2);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "%d", i);
        ck_assert_ptr_eq(inodes_find(table, sessions, name), inodes[i]);
        inodes_forget(table, inodes[i], i % 2 ? 2 : 1); /* every second one goes */
    }
    ck_assert_uint_eq(inodes_count(table), N / 2 + 2);
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof(name), "%d", i);
        ck_assert_ptr_eq(inodes_find(table, sessions, name), i % 2 ? NULL : inodes[i]);
        if (i % 2 == 0)
            inodes_forget(table, inodes[i], 2);
    }
    end();
}
END_TEST

START_TEST(paths)
{
    struct inode *file;
    char path[64];

    begin(false);
    file = publish("a", 1, 1);
    ck_assert_int_eq(dentry_path(inodes_root(table)->dentry, path, sizeof(path)), 0);
    ck_assert_str_eq(path, "");
    ck_assert_int_eq(dentry_path(file->dentry, path, sizeof(path)), 0);
    ck_assert_str_eq(path, "sessions/0123/usage.json");
    ck_assert_int_eq(dentry_path(file->dentry, path, strlen(path) + 1), 0);
    ck_assert_int_eq(dentry_path(file->dentry, path, strlen("sessions/0123/usage.json")), -ENAMETOOLONG);
    ck_assert_int_eq(dentry_path(file->dentry, path, 4), -ENAMETOOLONG);
    forget(file);
    end();
}
END_TEST

/* --- generations --- */

START_TEST(a_generation_for_each_content)
{
    struct inode *a, *b, *same;

    begin(false);
    a = publish("a", 7, 1);
    ck_assert_uint_eq(a->ino, 2);
    ck_assert_int_eq(a->mtime_ns, START_NS); /* the document has no time */
    same = publish("a", 8, 0);
    ck_assert_ptr_eq(same, a);
    ck_assert_uint_eq(a->version, 8);
    ck_assert_uint_eq(a->nlookup, 2);
    b = publish("b", 9, 0);
    ck_assert_ptr_ne(a, b);
    ck_assert_uint_eq(b->ino, 3);
    ck_assert_int_eq(b->mtime_ns, START_NS + 1); /* newer, whatever the clock says */
    ck_assert_uint_eq(a->dentry->n_gens, 2);
    ck_assert_ptr_eq(a->dentry->current, b);
    ck_assert_int_eq(a->content.bytes[0], 'a');
    ck_assert_uint_eq(inodes_guess(table, session, "usage.json", NODE_FILE), 3);
    ck_assert_uint_eq(inodes_guess(table, session, "cost_usd", NODE_FILE), 0xffffffff);
    forget(b); /* the newest is kept while an older one is held */
    ck_assert_uint_eq(inodes_count(table), 4);
    inodes_forget(table, a, 2);
    ck_assert_uint_eq(inodes_count(table), 2);
    end();
}
END_TEST

START_TEST(contents_of_one_length_or_of_one_beginning_differ)
{
    struct inode *a, *b, *c, *empty;

    begin(false);
    a = publish("ab", 1, 1);
    b = publish("ac", 1, 0);
    c = publish("acd", 1, 0);
    empty = publish("", 1, 0);
    ck_assert(a != b && b != c && c != empty);
    ck_assert_ptr_eq(publish("", 2, 0), empty);
    forget(a);
    forget(b);
    forget(c);
    inodes_forget(table, empty, 2);
    end();
}
END_TEST

START_TEST(times_of_generations_rise)
{
    struct inode *a, *b, *c;

    begin(false);
    a = publish_at("sessions/=0123/usage.json", "a", (struct oks_document){.mtime_ns = 500}, 0, 1);
    b = publish_at("sessions/=0123/usage.json", "b", (struct oks_document){.mtime_ns = 400}, 0, 0);
    c = publish_at("sessions/=0123/usage.json", "c", (struct oks_document){.mtime_ns = 900}, 0, 0);
    ck_assert_int_eq(a->mtime_ns, 500);
    ck_assert_int_eq(b->mtime_ns, 501);
    ck_assert_int_eq(c->mtime_ns, 900);
    forget(a);
    forget(b);
    forget(c);
    end();
}
END_TEST

START_TEST(the_current_generation_by_version_and_time)
{
    struct inode *a;

    begin(false);
    ck_assert_ptr_null(inodes_current(table, session, "usage.json", 7, 0));
    a = publish_at("sessions/=0123/usage.json", "a", (struct oks_document){.version = 7}, 100, 1);
    ck_assert_ptr_eq(inodes_current(table, session, "usage.json", 7, 100), a);
    ck_assert_uint_eq(a->nlookup, 2);
    ck_assert_ptr_null(inodes_current(table, session, "usage.json", 7, 101));
    ck_assert_ptr_null(inodes_current(table, session, "usage.json", 8, 0));
    ck_assert_uint_eq(a->nlookup, 2);
    publish_at("sessions/=0123/usage.json", "a", (struct oks_document){.version = 0}, 200, 0);
    ck_assert_ptr_null(inodes_current(table, session, "usage.json", 0, 0)); /* never to be relied on */
    inodes_forget(table, a, 3);
    end();
}
END_TEST

START_TEST(older_generations_are_those_that_are_held)
{
    struct inode *a, *b, *c, *older[4];

    begin(false);
    a = publish("a", 1, 1);
    b = publish("b", 2, 0);
    c = publish("c", 3, 0);
    forget(b);
    ck_assert_uint_eq(dentry_older(table, c->dentry, older, 4), 1);
    ck_assert_ptr_eq(older[0], a);
    ck_assert_uint_eq(a->nlookup, 2);
    ck_assert_uint_eq(dentry_older(table, c->dentry, older, 0), 0);
    inodes_forget(table, a, 2);
    forget(c);
    end();
}
END_TEST

/* --- the table and names --- */

START_TEST(a_retired_dentry_is_not_found)
{
    struct inode *a, *b;

    begin(false);
    a = publish("a", 1, 1);
    dentry_retire(table, a->dentry);
    ck_assert_ptr_null(inodes_find(table, session, "usage.json"));
    dentry_relist(table, a->dentry);
    ck_assert_ptr_eq(inodes_find(table, session, "usage.json"), a);
    dentry_retire(table, a->dentry);
    b = publish("a", 1, 1); /* another one, of the same content */
    ck_assert_ptr_ne(a, b);
    dentry_relist(table, a->dentry); /* too late */
    ck_assert_ptr_eq(inodes_find(table, session, "usage.json"), b);
    inodes_forget(table, a, 2);
    inodes_forget(table, b, 2);
    end();
}
END_TEST

START_TEST(what_leaves_may_come_back)
{
    begin(true);
    ck_assert(!dentry_leaves(table, session->dentry));
    ck_assert(dentry_leave(table, session->dentry));
    ck_assert(!dentry_leave(table, session->dentry)); /* it does already */
    ck_assert(dentry_leaves(table, session->dentry));
    ck_assert_ptr_eq(inodes_find(table, sessions, "0123"), session); /* until it is retired */
    dentry_retire(table, session->dentry);
    ck_assert(dentry_leaves(table, session->dentry));
    dentry_relist(table, session->dentry);
    ck_assert(!dentry_leaves(table, session->dentry));
    forget(session);
    end();
}
END_TEST

START_TEST(children_are_the_last_ones_first)
{
    struct inode *files[3], **dirs;
    struct dentry **children;
    size_t n;

    begin(false);
    files[0] = publish_at("sessions/=0123/usage.json", "0", (struct oks_document){0}, 0, 1);
    files[1] = publish_at("sessions/=0123/cost_usd", "1", (struct oks_document){0}, 0, 1);
    files[2] = publish_at("sessions/=0123/context.json", "2", (struct oks_document){0}, 0, 1);
    dentry_retire(table, files[1]->dentry);
    ck_assert_int_eq(inodes_children(table, session, 10, &children, &n), 0);
    ck_assert_uint_eq(n, 2);
    ck_assert_ptr_eq(children[0], files[2]->dentry);
    ck_assert_ptr_eq(children[1], files[0]->dentry);
    forget(files[0]);
    forget(files[1]);
    ck_assert_uint_eq(inodes_count(table), 4); /* a pinned one stays */
    dentry_unpin(table, children[0]);
    dentry_unpin(table, children[1]);
    ck_assert_uint_eq(inodes_count(table), 3);
    free(children);
    ck_assert_int_eq(inodes_children(table, session, 0, &children, &n), 0);
    ck_assert_uint_eq(n, 0);
    free(children);

    ck_assert_int_eq(inodes_dirs(table, &dirs, &n), 0);
    ck_assert_uint_eq(n, 3);
    ck_assert_ptr_eq(dirs[0], session);
    ck_assert_ptr_eq(dirs[2], inodes_root(table));
    ck_assert_uint_eq(session->nlookup, 2);
    forget(dirs[0]);
    forget(dirs[1]);
    free(dirs);
    forget(files[2]);
    end();
}
END_TEST

/* --- what was announced --- */

START_TEST(a_generation_waits_to_be_announced)
{
    struct inode *a, *b;

    begin(true);
    a = publish("a", 1, 1);
    ck_assert(!is_unannounced(a->dentry)); /* the first one: nobody could have watched it */
    b = publish("b", 2, 0);
    ck_assert(is_unannounced(a->dentry));
    forget(a);
    forget(b);
    ck_assert_uint_eq(inodes_count(table), 3); /* the current one outlives FORGET */
    dentry_set_announced(table, b->dentry, b, b->content.len);
    ck_assert_uint_eq(inodes_count(table), 2);
    end();
}
END_TEST

START_TEST(nothing_waits_where_nothing_is_announced)
{
    struct inode *a, *b;

    begin(false);
    a = publish("a", 1, 1);
    b = publish("b", 2, 0);
    forget(a);
    forget(b);
    end();

    begin(true);
    a = publish("a", 1, 1);
    b = publish("b", 2, 0);
    inodes_stop_announcing(table);
    forget(a);
    forget(b);
    end();
}
END_TEST

START_TEST(what_came_after_its_folder_was_found_is_unannounced)
{
    const char *usage = "sessions/=0123/usage.json";
    struct inode *old, *newer, *later;

    begin(true);
    inodes_watch_set_since(table, session, 1000);
    ck_assert_int_eq(inodes_watch_since(table, session), 1000);
    old = publish_at("sessions/=0123/cost_usd", "a", (struct oks_document){.version = 5, .mtime_ns = 999}, 0,
                     1);
    ck_assert(!is_unannounced(old->dentry));
    newer = publish_at(usage, "a", (struct oks_document){.version = 5, .mtime_ns = 1000}, 0, 1);
    ck_assert(is_unannounced(newer->dentry));
    inodes_watch_set(table, session, 5, NULL); /* what is known now says nothing of then */
    forget(newer);
    ck_assert(is_unannounced(newer->dentry));

    /* The file was looked at, grew, and was read: the content of later under the time of before. */
    publish_at("sessions/=0123/cost_usd", "a", (struct oks_document){.version = 6, .mtime_ns = 1001}, 0, 0);
    ck_assert(is_unannounced(old->dentry));
    dentry_set_announced(table, old->dentry, old, 1);
    forget(old);
    forget(old);
    dentry_set_announced(table, newer->dentry, newer, 1);
    inodes_watch_set_since(table, session, 0);
    later = publish_at(usage, "b", (struct oks_document){.version = 5, .mtime_ns = 2000}, 0, 1);
    ck_assert(!is_unannounced(later->dentry));
    forget(later);
    end();
}
END_TEST

START_TEST(a_first_generation_newer_than_its_folder_is_unannounced)
{
    struct inode *file, *window, *unversioned;

    begin(true);
    inodes_watch_set(table, session, 5, NULL);
    ck_assert_uint_eq(inodes_watch_version(table, session), 5);
    file = publish("a", 5, 1);
    ck_assert(!is_unannounced(file->dentry));
    forget(file);
    file = publish("a", 6, 1);
    ck_assert(is_unannounced(file->dentry));
    window = publish_at("sessions/=0123/window/today.json", "a", (struct oks_document){.version = 6}, 0, 1);
    ck_assert(!is_unannounced(window->dentry)); /* not of the table: its folder's watchers hear of none */
    unversioned = publish_at("sessions/=0123/cost_usd", "a", (struct oks_document){.version = 0}, 0, 1);
    ck_assert(!is_unannounced(unversioned->dentry));
    dentry_set_announced(table, file->dentry, file, 1);
    forget(file);
    forget(window);
    forget(unversioned);
    end();
}
END_TEST

START_TEST(another_content_of_the_same_data_is_not_announced)
{
    struct inode *a, *b, *c;

    begin(true);
    a = publish("a", 1, 1);
    b = publish("b", 1, 0); /* the clock moved */
    ck_assert(!is_unannounced(b->dentry));
    c = publish("c", 2, 0);
    ck_assert(is_unannounced(c->dentry));
    forget(b);
    b = publish("d", 2, 0); /* what waits goes on waiting */
    ck_assert(is_unannounced(b->dentry));
    dentry_set_announced(table, b->dentry, b, b->content.len);
    forget(a);
    forget(b);
    forget(c);
    end();
}
END_TEST

/* A document of a window relative to now, whose bounds are the four bytes after "w=". */
static struct inode *publish_window(const char *path, const char *text, uint64_t version, int expected)
{
    struct oks_document of = {.version = version, .window_at = 2, .window_len = 4};

    return publish_at(path, text, of, 0, expected);
}

START_TEST(a_window_that_only_moved_needs_no_announcement)
{
    const char *moving = "sessions/=0123/window/last-5h.json",
               *fixed = "sessions/=0123/window/2026-06-10_2026-06-11.json";
    struct inode *held[8];
    size_t n = 0;

    begin(true);
    held[n++] = publish_window(moving, "w=0001 x", 1, 1);
    ck_assert_uint_ne(held[0]->digest, 0);
    held[n++] = publish_window(moving, "w=0002 x", 2, 0);
    ck_assert_ptr_ne(held[0], held[1]);
    ck_assert(!is_unannounced(held[1]->dentry)); /* only the bounds differ */
    held[n++] = publish_window(moving, "w=0003 y", 3, 0);
    ck_assert(is_unannounced(held[2]->dentry));
    dentry_set_announced(table, held[2]->dentry, held[2], held[2]->content.len);
    held[n++] = publish_window(moving, "v=0003 y", 4, 0);
    ck_assert(is_unannounced(held[3]->dentry));
    dentry_set_announced(table, held[3]->dentry, held[3], held[3]->content.len);

    held[n++] = publish_window(fixed, "w=0001 x", 1, 1);
    ck_assert_uint_eq(held[4]->digest, 0);
    held[n++] = publish_window(fixed, "w=0002 x", 2, 0);
    ck_assert(is_unannounced(held[5]->dentry));
    dentry_set_announced(table, held[5]->dentry, held[5], held[5]->content.len);
    for (size_t i = 0; i < n; i++)
        forget(held[i]);
    end();
}
END_TEST

/* --- directories that are watched --- */

static struct name_list *names_of(const char *name)
{
    struct name_list *names = name_list_new();

    ck_assert_int_eq(name_list_add(names, name), 0);
    return names;
}

START_TEST(the_names_that_were_announced)
{
    begin(true);
    ck_assert(inodes_is_announced(table, sessions, "x")); /* nothing is known: nothing waits */
    inodes_watch_listed(table, sessions, names_of("early"));
    ck_assert_ptr_null(inodes_watch_names(table, sessions)); /* not begun */
    ck_assert(!inodes_watch_begin(table, sessions, 3, NULL, false, false));
    ck_assert_uint_eq(inodes_watch_version(table, sessions), 3);
    inodes_watch_listed(table, sessions, names_of("x"));
    ck_assert(inodes_is_announced(table, sessions, "x"));
    ck_assert(!inodes_is_announced(table, sessions, "y"));
    inodes_watch_listed(table, sessions, names_of("y")); /* they are known already */
    ck_assert(!inodes_is_announced(table, sessions, "y"));
    ck_assert(!inodes_watch_begin(table, sessions, 4, names_of("y"), false, false));
    ck_assert(!inodes_is_announced(table, sessions, "y"));
    inodes_watch_set(table, sessions, 5, names_of("y"));
    ck_assert(inodes_is_announced(table, sessions, "y"));
    inodes_watch_set(table, sessions, 6, NULL);
    ck_assert(inodes_is_announced(table, sessions, "y"));
    ck_assert_uint_eq(inodes_watch_version(table, sessions), 6);
    end();
}
END_TEST

START_TEST(directories_wait_in_turn)
{
    begin(true);
    ck_assert_ptr_null(inodes_next_waiting(table));
    ck_assert(inodes_watch_begin(table, session, 0, NULL, true, false));
    ck_assert(inodes_watch_begin(table, sessions, 0, NULL, true, false));
    ck_assert(inodes_watch_begin(table, session, 0, NULL, true, false)); /* once in the list */
    ck_assert_ptr_eq(inodes_next_waiting(table), session);
    ck_assert_uint_eq(session->nlookup, 2);
    ck_assert_ptr_eq(inodes_next_waiting(table), sessions);
    ck_assert_ptr_null(inodes_next_waiting(table));
    ck_assert(inodes_watch_begin(table, session, 0, NULL, false, true)); /* for the sake of its files */
    inodes_forget(table, session, 2); /* a directory that goes waits no more */
    ck_assert_ptr_null(inodes_next_waiting(table));
    session = get(sessions, "0123", "sessions/=0123", 1);
    forget(sessions);
    end();
}
END_TEST

START_TEST(files_are_kept_as_long_as_their_directory)
{
    struct inode *file;

    begin(true);
    file = publish("a", 1, 1);
    dentry_keep(table, file->dentry); /* not of a directory that keeps its files */
    ck_assert(!file->dentry->kept);
    ck_assert(inodes_watch_keep(table, session));
    ck_assert(!inodes_watch_keep(table, session));
    dentry_keep(table, file->dentry);
    dentry_keep(table, file->dentry);
    ck_assert_uint_eq(file->dentry->pins, 1);
    forget(file);
    ck_assert_uint_eq(inodes_count(table), 3);
    file = publish("a", 1, 0); /* held, while the directory is forgotten: then it is kept no longer */
    forget(session);
    ck_assert(!file->dentry->kept && !session->watch.keeps_files);
    forget(file);
    ck_assert_uint_eq(inodes_count(table), 1);
    session = get(sessions, "0123", "sessions/=0123", 1);
    end();
}
END_TEST

START_TEST(only_so_many_directories_keep_files)
{
    enum { MAX = 64 };
    static struct inode *dirs[MAX + 1];
    char name[32], path[32];

    begin(true);
    for (int i = 0; i <= MAX; i++) {
        snprintf(name, sizeof(name), "%d", i);
        snprintf(path, sizeof(path), "sessions/=%d", i);
        dirs[i] = get(sessions, name, path, 1);
        ck_assert(inodes_watch_begin(table, dirs[i], 1, NULL, false, true) == (i < MAX));
        ck_assert(inodes_watch_keep(table, dirs[i]) == (i < MAX));
    }
    forget(dirs[0]);
    ck_assert(inodes_watch_keep(table, dirs[MAX])); /* there is room again */
    for (int i = 1; i <= MAX; i++)
        forget(dirs[i]);
    end();
}
END_TEST

/* --- content that is given up --- */

static struct inode *publish_cost(const char *text, uint64_t version, int64_t now, int expected)
{
    return publish_at("sessions/=0123/cost_usd", text, (struct oks_document){.version = version}, now,
                      expected);
}

static int reopen(struct inode *inode, const char *text)
{
    struct oks_document document = {.bytes = strdup(text), .len = strlen(text)};
    int rc = inodes_reopen(table, inode, &document);

    ck_assert_ptr_null(document.bytes);
    return rc;
}

START_TEST(content_that_nobody_has_open_is_given_up)
{
    struct inode *a, *b, *again;

    idle_max = 10;
    begin(false);
    a = publish("0123456", 5, 1);
    b = publish_cost("abcdef", 5, 0, 1);
    ck_assert(a->content.given_up && !b->content.given_up);
    ck_assert_uint_eq(a->content.len, 7);
    again = inodes_current(table, session, "usage.json", 5, 0); /* to stat it, it is not rendered */
    ck_assert_ptr_eq(again, a);
    forget(again);
    ck_assert_int_eq(inodes_open(table, a), -ESTALE);
    ck_assert_int_eq(reopen(a, "0123456"), 0);
    ck_assert(reads(a, "0123456"));
    ck_assert(!b->content.given_up); /* what is open does not count */
    again = publish_cost("a long content of the other", 6, 0, 0);
    ck_assert(b->content.given_up && !a->content.given_up && !again->content.given_up);
    inodes_close(table, a); /* now it is the one used last */
    ck_assert(!a->content.given_up && again->content.given_up);
    ck_assert_int_eq(inodes_open(table, a), 0);
    inodes_close(table, a);
    forget(again);
    forget(b);
    forget(a);
    end();
    idle_max = 1 << 20;
}
END_TEST

START_TEST(what_was_given_up_comes_back_only_as_it_was)
{
    struct inode *a, *b, *same;

    idle_max = 0;
    begin(false);
    a = publish("0123456", 5, 1);
    b = publish_cost("x", 5, 0, 1);
    ck_assert(a->content.given_up);
    same = publish("0123456", 6, 0); /* rendered again for newer data */
    ck_assert_ptr_eq(same, a);
    ck_assert(!a->content.given_up && b->content.given_up);
    forget(same);
    ck_assert_int_eq(reopen(b, "y"), -ESTALE);
    ck_assert_ptr_null(inodes_current(table, session, "cost_usd", 5, 0)); /* it must be rendered */
    same = publish_cost("y", 5, 0, 0);
    ck_assert_ptr_ne(same, b);
    ck_assert(a->content.given_up);
    forget(same);
    same = publish("0123457", 6, 0);
    ck_assert_ptr_ne(same, a);
    forget(same);
    forget(b);
    forget(a);
    end();
    idle_max = 1 << 20;
}
END_TEST

START_TEST(a_window_that_was_given_up_is_rendered_anew)
{
    struct inode *a, *b;

    idle_max = 0;
    begin(false);
    a = publish_cost("0123456", 5, 1000, 1);
    b = inodes_current(table, session, "cost_usd", 5, 900);
    ck_assert_ptr_eq(a, b);
    forget(b);
    b = publish("x", 5, 1);
    ck_assert(a->content.given_up);
    ck_assert_ptr_null(inodes_current(table, session, "cost_usd", 5, 900)); /* its bounds would be others */
    forget(b);
    forget(a);
    end();
    idle_max = 1 << 20;
}
END_TEST

START_TEST(long_content_is_spooled)
{
    char *text = malloc(CONTENT_MEMORY_MAX + 2);
    struct inode *a, *b, *c;

    spool = spool_new(NULL);
    begin(false);
    memset(text, 'a', CONTENT_MEMORY_MAX + 1);
    text[CONTENT_MEMORY_MAX + 1] = '\0';
    a = publish(text, 1, 1);
    ck_assert_ptr_null(a->content.bytes);
    b = publish(text, 2, 0);
    ck_assert_ptr_eq(a, b);
    text[77] = 'b';
    c = publish(text, 3, 0);
    ck_assert_ptr_ne(a, c);
    ck_assert(!reads(a, text));
    forget(b);
    forget(c);
    text[77] = 'a';
    ck_assert(reads(a, text));
    forget(a);
    end();
    spool_free(spool);
    spool = NULL;
    free(text);
}
END_TEST

/* --- streams --- */

START_TEST(a_stream_replaces_the_one_that_ended)
{
    struct inode *first, *same, *second;

    spool = spool_new(NULL);
    begin(true);
    for (int i = 0; i < 3; i++) {
        struct node node = node_at("sessions/=0123/requests.jsonl");
        struct inode **out = i == 0 ? &first : i == 1 ? &same : &second;
        const struct inode *before = i == 2 ? first : NULL;

        ck_assert_int_eq(inodes_publish_stream(table, session, "requests.jsonl", &node,
                                               stream_file_new(spool), 1, before, out),
                         i == 0);
    }
    ck_assert_ptr_eq(first, same); /* it came in between */
    ck_assert_uint_eq(first->nlookup, 2);
    ck_assert_ptr_ne(first, second);
    ck_assert_uint_eq(second->ino, first->ino + 1);
    ck_assert_ptr_eq(second->dentry->current, second);
    ck_assert(is_unannounced(second->dentry));
    dentry_set_announced(table, second->dentry, second, 1);
    ck_assert(is_unannounced(second->dentry)); /* of another length */
    dentry_set_announced(table, second->dentry, second, 0);
    ck_assert(!is_unannounced(second->dentry));
    inodes_forget(table, first, 2);
    forget(second);
    end();
    spool_free(spool);
    spool = NULL;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("inode");

    TEST(suite, a_directory_is_one_inode);
    TEST(suite, the_root_is_never_forgotten);
    TEST(suite, a_directory_lives_while_something_in_it_does);
    TEST(suite, numbers_of_directories_are_stable);
    TEST(suite, a_link_of_another_target_is_another_inode);
    TEST(suite, thousands_of_names);
    TEST(suite, paths);
    TEST(suite, a_generation_for_each_content);
    TEST(suite, contents_of_one_length_or_of_one_beginning_differ);
    TEST(suite, times_of_generations_rise);
    TEST(suite, the_current_generation_by_version_and_time);
    TEST(suite, older_generations_are_those_that_are_held);
    TEST(suite, a_retired_dentry_is_not_found);
    TEST(suite, what_leaves_may_come_back);
    TEST(suite, children_are_the_last_ones_first);
    TEST(suite, a_generation_waits_to_be_announced);
    TEST(suite, nothing_waits_where_nothing_is_announced);
    TEST(suite, what_came_after_its_folder_was_found_is_unannounced);
    TEST(suite, a_first_generation_newer_than_its_folder_is_unannounced);
    TEST(suite, another_content_of_the_same_data_is_not_announced);
    TEST(suite, a_window_that_only_moved_needs_no_announcement);
    TEST(suite, the_names_that_were_announced);
    TEST(suite, directories_wait_in_turn);
    TEST(suite, files_are_kept_as_long_as_their_directory);
    TEST(suite, only_so_many_directories_keep_files);
    TEST(suite, content_that_nobody_has_open_is_given_up);
    TEST(suite, what_was_given_up_comes_back_only_as_it_was);
    TEST(suite, a_window_that_was_given_up_is_rendered_anew);
    TEST(suite, long_content_is_spooled);
    TEST(suite, a_stream_replaces_the_one_that_ended);
    return tap_run(suite);
}
