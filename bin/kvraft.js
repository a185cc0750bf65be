#!/usr/bin/env sh
":" //; export GLIBC_TUNABLES="${GLIBC_TUNABLES-glibc.malloc.mmap_threshold=131072:glibc.malloc.arena_max=1}"; exec node --expose-gc --initial-old-space-size=256 --min-semi-space-size=16 "$0" "$@"

import { main } from '../dist/cli/main.js';

await main(process.argv);
