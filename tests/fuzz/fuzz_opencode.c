/* See fuzz_source.h. */
#include "fuzz_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_source(OKS_SOURCE_OPENCODE, data, size);
    return 0;
}
