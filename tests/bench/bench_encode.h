/* `shmotel-bench encode [--json]`. */
#ifndef BENCH_ENCODE_H
#define BENCH_ENCODE_H

/* argv[0] is the subcommand's name. Returns the exit status. */
int bench_encode_main(int argc, char **argv);

#endif
