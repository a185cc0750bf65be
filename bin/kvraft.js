#!/usr/bin/env sh
":" //; exec env GLIBC_TUNABLES="${GLIBC_TUNABLES-glibc.malloc.mmap_threshold=131072}" node --expose-gc --initial-old-space-size=256 --min-semi-space-size=16 "$0" "$@"

import { main } from '../dist/cli/main.js';

await main(process.argv);
