// What the two parts of simdjson's side of the benchmark share.
#ifndef OKSTRAFS_BENCH_SIMDJSON_H
#define OKSTRAFS_BENCH_SIMDJSON_H

#include <simdjson.h>

extern "C" {
#include "scan/record.h"
}

// Fills the record (but for offset and length); its slices borrow from the parser. False: the line is no
// object.
bool simdjson_fields(simdjson::dom::element line, oks_record *record);

#endif
