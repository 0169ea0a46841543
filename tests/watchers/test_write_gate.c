/* The write gate: who is let through, with which act, and how often. */
#include <errno.h>

#include "nodes.h"
#include "watchers/write_gate.h"

enum { TOUCHER = 4711, OTHER = 4712 };

static _Atomic pid_t toucher = TOUCHER;

static struct inodes *inodes;
static struct write_gate *gate;
static struct inode *sessions, *session, *usage;

static struct inode *directory(struct inode *dir, const char *name, struct node node)
{
    struct inode *inode;

    ck_assert_int_eq(inodes_get(inodes, dir, name, &node, &inode), 1);
    return inode;
}

static void setup(void)
{
    struct oks_document document = {.bytes = strdup("{}"), .len = 2, .version = 1};
    struct node node = node_at("sessions/=0123/usage.json");

    ck_assert_int_eq(
        inodes_new(&inodes, &(struct inodes_config){.idle_max = 1 << 20, .default_ns = 1, .announces = true}),
        0);
    ck_assert_int_eq(write_gate_new(&gate, inodes, &toucher), 0);
    sessions = directory(inodes_root(inodes), "sessions", node_at("sessions"));
    session = directory(sessions, "0123", node_at("sessions/=0123"));
    ck_assert_int_eq(inodes_publish(inodes, session, "usage.json", &node, &document, 0, &usage), 1);
}

static void teardown(void)
{
    write_gate_free(gate);
    inodes_free(inodes);
}

/* What the toucher finds; NULL: nothing. A reference that was given is given back. */
static struct inode *found(struct inode *dir, const char *name)
{
    struct inode *inode = NULL;
    uint64_t before = usage->nlookup;
    int rc = write_gate_lookup(gate, dir, name, &inode);

    ck_assert(rc == 0 || rc == -ENOENT);
    if (rc < 0)
        return NULL;
    if (inode == usage)
        ck_assert_uint_eq(usage->nlookup, before + 1);
    if (inode->dentry->dir)
        inodes_forget(inodes, inode, 1);
    return inode;
}

static bool creates(pid_t caller, struct inode *dir, const char *name, enum node_shape shape)
{
    uint64_t before = usage->nlookup;
    struct inode *made = write_gate_admits_create(gate, caller, dir, name, shape);

    ck_assert_uint_eq(usage->nlookup, before + (made == usage));
    if (made)
        inodes_forget(inodes, made, 1);
    return made;
}

static bool removes(pid_t caller, struct inode *dir, const char *name)
{
    return write_gate_admits_remove(gate, caller, dir, name);
}

START_TEST(it_is_for_the_toucher)
{
    ck_assert(write_gate_is_for(gate, TOUCHER));
    toucher = -1; /* it was killed */
    ck_assert(!write_gate_is_for(gate, TOUCHER));
    toucher = OTHER; /* and started again */
    ck_assert(write_gate_is_for(gate, OTHER));
    toucher = TOUCHER;
    ck_assert(!write_gate_is_for(gate, OTHER));
    ck_assert(!write_gate_is_for(NULL, TOUCHER));
    write_gate_free(NULL);
}
END_TEST

START_TEST(shut_it_lets_nothing_through)
{
    for (int opened = 0; opened < 2; opened++) {
        ck_assert(!write_gate_admits_open(gate, TOUCHER, usage));
        ck_assert(!creates(TOUCHER, session, "usage.json", NODE_FILE));
        ck_assert(!removes(TOUCHER, session, "usage.json"));
        ck_assert_ptr_eq(found(session, "usage.json"), usage); /* of the table */
        write_gate_open(gate, GATE_TOUCH, session, "usage.json", usage);
        write_gate_shut(gate);
    }
}
END_TEST

START_TEST(a_touch_opens_one_file_as_often_as_it_takes)
{
    write_gate_open(gate, GATE_TOUCH, session, "usage.json", usage);
    for (int i = 0; i < 2; i++) { /* open and futimens */
        ck_assert(write_gate_admits_open(gate, TOUCHER, usage));
        ck_assert_ptr_eq(found(session, "usage.json"), usage);
    }
    ck_assert(!write_gate_admits_open(gate, OTHER, usage));
    ck_assert(!write_gate_admits_open(NULL, TOUCHER, usage));
    ck_assert(!write_gate_admits_open(gate, TOUCHER, session));
    ck_assert(!creates(TOUCHER, session, "usage.json", NODE_FILE));
    ck_assert(!removes(TOUCHER, session, "usage.json"));
}
END_TEST

START_TEST(a_name_is_created_once)
{
    write_gate_open(gate, GATE_CREATE, session, "usage.json", usage);
    ck_assert_ptr_null(found(session, "usage.json")); /* or the kernel would answer EEXIST */
    ck_assert(!creates(OTHER, session, "usage.json", NODE_FILE));
    ck_assert_ptr_null(write_gate_admits_create(NULL, TOUCHER, session, "usage.json", NODE_FILE));
    ck_assert(!creates(TOUCHER, session, "usage", NODE_FILE));
    ck_assert(!creates(TOUCHER, sessions, "usage.json", NODE_FILE));
    ck_assert(!creates(TOUCHER, session, "usage.json", NODE_DIR));
    ck_assert(!write_gate_admits_open(gate, TOUCHER, usage));
    ck_assert(!removes(TOUCHER, session, "usage.json"));
    ck_assert(creates(TOUCHER, session, "usage.json", NODE_FILE));
    ck_assert(!creates(TOUCHER, session, "usage.json", NODE_FILE));
    write_gate_open(gate, GATE_CREATE, session, "usage.json", usage); /* the next act */
    ck_assert(creates(TOUCHER, session, "usage.json", NODE_FILE));
}
END_TEST

START_TEST(a_name_is_removed_once)
{
    write_gate_open(gate, GATE_REMOVE, session, "usage.json", usage);
    ck_assert_ptr_eq(found(session, "usage.json"), usage);
    ck_assert(!removes(OTHER, session, "usage.json"));
    ck_assert_ptr_null(write_gate_admits_remove(NULL, TOUCHER, session, "usage.json"));
    ck_assert(!removes(TOUCHER, session, "usage"));
    ck_assert(!removes(TOUCHER, sessions, "usage.json"));
    ck_assert(!creates(TOUCHER, session, "usage.json", NODE_FILE));
    ck_assert(!write_gate_admits_open(gate, TOUCHER, usage));
    ck_assert_ptr_eq(write_gate_admits_remove(gate, TOUCHER, session, "usage.json"), usage);
    ck_assert_ptr_null(found(session, "usage.json")); /* gone */
    ck_assert(!removes(TOUCHER, session, "usage.json"));
}
END_TEST

static struct inode *hidden_folder(void)
{
    struct inode *folder = found(inodes_root(inodes), GATE_FOLDER);

    ck_assert_ptr_nonnull(folder);
    ck_assert_int_eq(node_shape(&folder->dentry->node), NODE_DIR);
    return folder;
}

START_TEST(an_older_generation_is_reached_through_the_hidden_folder)
{
    struct inode *hidden = hidden_folder();

    ck_assert_ptr_null(found(sessions, GATE_FOLDER)); /* it is in the root */
    ck_assert_ptr_null(found(hidden, GATE_NAME));     /* while the gate is shut */
    write_gate_open(gate, GATE_TOUCH, session, "usage.json", usage);
    ck_assert_ptr_null(found(hidden, GATE_NAME));
    write_gate_open(gate, GATE_TOUCH_OLD, session, NULL, usage);
    ck_assert_ptr_eq(found(hidden, GATE_NAME), usage);
    ck_assert_ptr_eq(found(hidden, GATE_NAME), usage);
    ck_assert_ptr_null(found(hidden, "other"));
    ck_assert(write_gate_admits_open(gate, TOUCHER, usage));
    ck_assert(!removes(TOUCHER, hidden, GATE_NAME));
    write_gate_open(gate, GATE_REMOVE_OLD, session, NULL, usage);
    ck_assert(!removes(TOUCHER, session, GATE_NAME));
    ck_assert(!removes(TOUCHER, hidden, "other"));
    ck_assert(!write_gate_admits_open(gate, TOUCHER, usage));
    ck_assert_ptr_eq(found(hidden, GATE_NAME), usage);
    ck_assert(removes(TOUCHER, hidden, GATE_NAME));
    ck_assert_ptr_null(found(hidden, GATE_NAME));
}
END_TEST

#define GATE_TEST(suite, function)                          \
    do {                                                    \
        TCase *tcase_ = tcase_create(#function);            \
        tcase_add_checked_fixture(tcase_, setup, teardown); \
        tcase_add_test(tcase_, function);                   \
        suite_add_tcase(suite, tcase_);                     \
    } while (0)

int main(void)
{
    Suite *suite = suite_create("write_gate");

    GATE_TEST(suite, it_is_for_the_toucher);
    GATE_TEST(suite, shut_it_lets_nothing_through);
    GATE_TEST(suite, a_touch_opens_one_file_as_often_as_it_takes);
    GATE_TEST(suite, a_name_is_created_once);
    GATE_TEST(suite, a_name_is_removed_once);
    GATE_TEST(suite, an_older_generation_is_reached_through_the_hidden_folder);
    return tap_run(suite);
}
