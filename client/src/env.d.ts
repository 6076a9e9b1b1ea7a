/// <reference types="vite/client" />
/** True only in `vite build --mode sotto-test` and under vitest; a literal `false` in a normal build. */
declare const __SOTTO_TEST__: boolean;
