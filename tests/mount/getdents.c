/*
 * Lists a folder through getdents64 with a buffer of a given size; libc always asks for 32 KiB, and what goes
 * wrong between two calls shows only when there are many of them.
 *
 * getdents FOLDER BYTES [MS]: one "d_type name" line per entry; MS is a pause after each call. EINVAL from
 * the kernel (an entry that does not fit) is exit code 2.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct entry {
    uint64_t ino;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

static void print_entries(const char *buffer, long used)
{
    for (long at = 0; at < used;) {
        const struct entry *e = (const void *)(buffer + at);

        printf("%d %s\n", e->type, e->name);
        at += e->length;
    }
}

int main(int argc, char **argv)
{
    size_t room = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    struct timespec pause = {.tv_nsec = (argc > 3 ? atol(argv[3]) : 0) * 1000000L};
    char *buffer = malloc(room + 8);
    int fd = argc > 2 ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    long n;

    if (!buffer || fd < 0) {
        perror(argv[0]);
        return 1;
    }
    while ((n = syscall(SYS_getdents64, fd, buffer, room)) > 0) {
        print_entries(buffer, n);
        nanosleep(&pause, NULL);
    }
    free(buffer);
    close(fd);
    return n < 0 ? 2 : 0;
}
