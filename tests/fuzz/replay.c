/*
 * Feeds the files of a corpus to a fuzz target, one test each, so that what fuzzing once found stays found
 * under any compiler. A target that finds something wrong aborts, as it does under libFuzzer; TAP then lacks
 * lines and the test fails.
 *
 *   replay_<target> FOLDER|FILE...
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned done;

static int replay_file(const char *path)
{
    struct stat st;
    unsigned char *bytes;
    size_t len;
    FILE *file = fopen(path, "rbe");

    if (!file || fstat(fileno(file), &st) < 0)
        goto failed;
    /* Not one byte more than the content: a sanitizer then sees every read behind it. */
    bytes = malloc(st.st_size ? (size_t)st.st_size : 1);
    if (!bytes)
        goto failed;
    len = fread(bytes, 1, (size_t)st.st_size, file);
    LLVMFuzzerTestOneInput(bytes, len);
    printf("ok %u - %s\n", ++done, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
    fflush(stdout);
    free(bytes);
    fclose(file);
    return 0;

failed:
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    if (file)
        fclose(file);
    return -1;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay_folder(const char *folder)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, visible, alphasort), r = 0;

    if (n < 0)
        return replay_file(folder);
    for (int i = 0; i < n; i++) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (replay_file(path) < 0)
            r = -1;
        free(entries[i]);
    }
    free(entries);
    return r;
}

int main(int argc, char **argv)
{
    int r = 0;

    puts("TAP version 13");
    for (int i = 1; i < argc; i++)
        if (replay_folder(argv[i]) < 0)
            r = -1;
    printf("1..%u\n", done);
    return r < 0 || done == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
